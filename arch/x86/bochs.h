/* SPDX-License-Identifier: GPL-2.0-only */
/* Bochs 2.7 as a host: what its machine does unlike any real one, and ways around it. */
#pragma once

#include "core/types.h"

struct vm;

/* True on Bochs: const after cpu_enable of the boot CPU. */
extern bool bochs_is_host;

/* Of the control guest: takes the ports that must not be its own on Bochs; 0 elsewhere. */
must_check int bochs_vm_init(struct vm *vm);
