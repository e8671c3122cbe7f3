/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine's MTRRs, as mtrr_cpu_init() reads them. */
#pragma once

#include <string.h>

#include "arch/msr.h"
#include "arch/mtrr.h"

#define MTRR_FAKE_MASK BITS(39, 12) /* of 40 address bits */

static inline void mtrr_fake_add(uint32_t msr, uint64_t value)
{
	mtrrs.all[mtrrs.count++] = (struct mtrr){ msr, value };
}

/* Types elsewhere, on and with fixed ranges. */
static inline void mtrr_fake_make(uint64_t type, bool has_fixed)
{
	memset(&mtrrs, 0, sizeof(mtrrs));
	mtrr_fake_add(MSR_MTRR_DEF_TYPE, BIT(11) | (has_fixed ? BIT(10) : 0) | type);
	if (has_fixed) {
		mtrr_fake_add(MSR_MTRR_FIX_64K, UINT64_C(0x0606060606060606));
		mtrr_fake_add(MSR_MTRR_FIX_16K_80, UINT64_C(0x0606060606060606));
		mtrr_fake_add(MSR_MTRR_FIX_16K_A0, 0);
		for (uint32_t i = 0; i < 8; i++) {
			mtrr_fake_add(MSR_MTRR_FIX_4K_C0 + i, UINT64_C(0x0505050505050505));
		}
	}
}

/* The next variable range; size is a power of two. */
static inline void mtrr_fake_range(uint64_t base, uint64_t size, uint64_t type)
{
	uint32_t pair = 0;

	for (uint32_t i = 0; i < mtrrs.count; i++) {
		pair += mtrrs.all[i].msr - MSR_MTRR_PHYS_BASE0 < 2 * MTRR_VARIABLE_MAX;
	}
	mtrr_fake_add(MSR_MTRR_PHYS_BASE0 + pair, base | type);
	mtrr_fake_add(MSR_MTRR_PHYS_BASE0 + pair + 1, (MTRR_FAKE_MASK & ~(size - 1)) | BIT(11));
}

/* The registers of the last one. */
static inline struct mtrr *mtrr_fake_last(void)
{
	return &mtrrs.all[mtrrs.count - 2];
}
