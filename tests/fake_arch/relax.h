/* SPDX-License-Identifier: GPL-2.0-only */
/* The spin-wait hint, apart from the seam's other functions because lock.h stands below them. */
#pragma once

static inline void arch_relax(void)
{
	__builtin_ia32_pause();
}
