/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual PC of the control guest: its devices joined, its trapped ports closed. */
#pragma once

#include "core/types.h"

struct vm;

/* Boot CPU, after vm_create() and before the guest runs. A failure has been logged. */
must_check int pc_init(struct vm *vm);
