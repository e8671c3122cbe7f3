/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls: number in the architecture's first register, arguments in the next, answer in the
 * first. From outside the guest's kernel mode they are an undefined instruction (the architecture
 * answers).
 */
#pragma once

#include "core/types.h"

struct vcpu;

#define HYPERCALL_VERSION 0 /* -> HYPERCALL_ABI */
#define HYPERCALL_ABI     1

/* The answer; UINT64_MAX for a number that does not exist. */
uint64_t hypercall_handle(struct vcpu *vcpu, uint64_t number, const uint64_t args[4]);
