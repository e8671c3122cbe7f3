/* SPDX-License-Identifier: GPL-2.0-only */
/* The control registers that the hypervisor itself runs with, the same on every CPU. */
#pragma once

#include "core/types.h"

/*
 * Sets CR0, CR4, EFER and XCR0 of this CPU: write protection, no-execute, SMEP, SMAP, UMIP where
 * there, FPU and XSAVE instructions usable, caches on. Each CPU, first thing on its own page table.
 */
void host_cpu_init(void);
