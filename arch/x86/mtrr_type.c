/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory types that the machine's MTRRs give to addresses. */
#include "arch/mtrr.h"

#include "arch/msr.h"

#define MTRR_DEF_TYPE   BITS(7, 0)
#define MTRR_DEF_FIXED  BIT(10)
#define MTRR_BASE_TYPE  BITS(7, 0)
#define MTRR_ADDRESS    BITS(51, 12)
#define MTRR_MASK_VALID BIT(11)
#define FIXED_END       UINT64_C(0x100000)

struct mtrrs mtrrs;

bool mtrr_get(uint32_t msr, uint64_t *value)
{
	for (uint32_t i = 0; i < mtrrs.count; i++) {
		if (mtrrs.all[i].msr == msr) {
			*value = mtrrs.all[i].value;
			return true;
		}
	}
	return false;
}

/* ---- types: APM2 7.7.2 "MTRRs", SDM3 12.11.4.1 "MTRR Precedences" ---- */

static bool is_on(void)
{
	return mtrrs.count != 0 && (mtrrs.all[0].value & MTRR_DEF_ENABLE) != 0;
}

static bool has_fixed(void)
{
	uint64_t value;

	return (mtrrs.all[0].value & MTRR_DEF_FIXED) != 0 && mtrr_get(MSR_MTRR_FIX_64K, &value);
}

/* Eight types a register: of 64 KiB each up to 512 KiB, of 16 KiB up to 768 KiB, of 4 KiB then. */
static int fixed_type(uint64_t address)
{
	uint64_t value = 0, at;
	uint32_t msr;

	if (address < 0x80000) {
		msr = MSR_MTRR_FIX_64K;
		at = address / 0x10000;
	} else if (address < 0xc0000) {
		msr = MSR_MTRR_FIX_16K_80 + (uint32_t)((address - 0x80000) / 0x20000);
		at = address / 0x4000 % 8;
	} else {
		msr = MSR_MTRR_FIX_4K_C0 + (uint32_t)((address - 0xc0000) / 0x8000);
		at = address / 0x1000 % 8;
	}
	(void)mtrr_get(msr, &value);
	return (int)(value >> at * 8 & 0xff);
}

struct variable {
	uint64_t base, mask;
	int type;
};

/* The n-th variable range in use, from *index on; false: no more. */
static bool next_variable(uint32_t *index, struct variable *range)
{
	for (uint32_t i = *index; i + 1 < mtrrs.count; i++) {
		uint64_t mask = mtrrs.all[i + 1].value;

		if (mtrrs.all[i].msr < MSR_MTRR_PHYS_BASE0 ||
		    mtrrs.all[i].msr >= MSR_MTRR_FIX_64K || mtrrs.all[i].msr % 2 != 0 ||
		    (mask & MTRR_MASK_VALID) == 0) {
			continue;
		}
		*index = i + 1;
		range->base = mtrrs.all[i].value & MTRR_ADDRESS;
		range->mask = mask & MTRR_ADDRESS;
		range->type = (int)field_get(MTRR_BASE_TYPE, mtrrs.all[i].value);
		return true;
	}
	return false;
}

/* Where ranges overlap: UC before all, WT before WB; other pairs are undefined, and UC here. */
static int combine(int a, int b)
{
	if (a < 0 || a == b) {
		return b;
	}
	return (a == MTRR_WT && b == MTRR_WB) || (a == MTRR_WB && b == MTRR_WT) ? MTRR_WT : MTRR_UC;
}

int mtrr_type(uint64_t address)
{
	struct variable range;
	uint32_t index = 0;
	int type = -1;

	if (!is_on()) {
		return -1;
	}
	if (address < FIXED_END && has_fixed()) {
		return fixed_type(address);
	}
	while (next_variable(&index, &range)) {
		if (((address ^ range.base) & range.mask) == 0) {
			type = combine(type, range.type);
		}
	}
	return type >= 0 ? type : (int)field_get(MTRR_DEF_TYPE, mtrrs.all[0].value);
}

bool mtrr_is_uniform(uint64_t start, uint64_t size)
{
	struct variable range;
	uint32_t index = 0;

	if (!is_on() || size <= PAGE_SIZE) {
		return true;
	}
	if (start < FIXED_END && has_fixed()) {
		return false;
	}
	while (next_variable(&index, &range)) {
		/* Bits of the mask below the size tell parts of the range apart. */
		bool is_part = (range.mask & (size - 1)) != 0;

		if (is_part && ((start ^ range.base) & range.mask & ~(size - 1)) == 0) {
			return false;
		}
	}
	return true;
}
