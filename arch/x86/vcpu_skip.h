/* SPDX-License-Identifier: GPL-2.0-only */
/* Moving past an instruction that was emulated. */
#pragma once

#include "core/types.h"

struct vcpu;

/* What follows an instruction that took its effect: RIP moves by size, the interrupt shadow ends,
 * single steps trap. */
void vcpu_skip_bytes(struct vcpu *vcpu, uint8_t size);
