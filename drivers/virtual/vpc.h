/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who owns the rest of the PC: the ports of the control guest that the hypervisor answers or
 * watches. All others are the guest's own. One control guest.
 */
#pragma once

#include "core/types.h"

struct vm;

must_check int vpc_init(struct vm *vm);
