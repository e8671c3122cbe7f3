/* SPDX-License-Identifier: GPL-2.0-only */
/* MTRRs: read once on the boot CPU, made the same on all CPUs, shown to guests from the copy. */
#include "arch/mtrr.h"

#include "arch/msr.h"
#include "core/bits.h"
#include "core/log.h"

#define FEATURES_EDX_MTRR BIT(12) /* CPUID 1 */
#define MTRR_CAP_COUNT    BITS(7, 0)
#define MTRR_CAP_FIXED    BIT(8)
#define MTRR_DEF_TYPE     BITS(7, 0)
#define MTRR_DEF_FIXED    BIT(10)
#define MTRR_DEF_ENABLE   BIT(11)
#define MTRR_BASE_TYPE    BITS(7, 0)
#define MTRR_ADDRESS      BITS(51, 12)
#define MTRR_MASK_VALID   BIT(11)
#define FIXED_END         UINT64_C(0x100000)
#define MTRR_VARIABLE_MAX 16 /* pairs that have MSR numbers: 200h to 21Fh */

static const uint32_t fixed[] = { MSR_MTRR_FIX_64K,       MSR_MTRR_FIX_16K_80,
				  MSR_MTRR_FIX_16K_A0,    MSR_MTRR_FIX_4K_C0,
				  MSR_MTRR_FIX_4K_C0 + 1, MSR_MTRR_FIX_4K_C0 + 2,
				  MSR_MTRR_FIX_4K_C0 + 3, MSR_MTRR_FIX_4K_C0 + 4,
				  MSR_MTRR_FIX_4K_C0 + 5, MSR_MTRR_FIX_4K_C0 + 6,
				  MSR_MTRR_FIX_4K_F8 };

#define REGISTERS_MAX (1 + ARRAY_SIZE(fixed) + 2 * MTRR_VARIABLE_MAX)

struct mtrr {
	uint32_t msr;
	uint64_t value;
};

/* const after the boot CPU's init; the first is MTRRdefType. */
static struct mtrr registers[REGISTERS_MAX];
static uint32_t register_count;

static void add(uint32_t msr)
{
	registers[register_count++] = (struct mtrr){ msr, rdmsr(msr) };
}

static void read_all(void)
{
	uint64_t cap = rdmsr(MSR_MTRR_CAP);
	uint64_t pairs = min_u64(field_get(MTRR_CAP_COUNT, cap), MTRR_VARIABLE_MAX);

	add(MSR_MTRR_DEF_TYPE);
	for (uint32_t i = 0; i < ARRAY_SIZE(fixed) && (cap & MTRR_CAP_FIXED) != 0; i++) {
		add(fixed[i]);
	}
	for (uint32_t i = 0; i < 2 * pairs; i++) {
		add(MSR_MTRR_PHYS_BASE0 + i);
	}
}

static bool are_same(void)
{
	for (uint32_t i = 0; i < register_count; i++) {
		if (rdmsr(registers[i].msr) != registers[i].value) {
			return false;
		}
	}
	return true;
}

/*
 * APM2 7.7.5 "MTRRs in Multi-Processing Environments": no line may be cached by an old type, so
 * caches are off and empty, and no translation kept, while the types change. This CPU alone: it
 * runs no guest yet.
 */
static void write_all(void)
{
	uint64_t cr0 = cr0_read();

	cr0_write(cr0 | CR0_CD);
	wbinvd();
	cr3_write(cr3_read());
	wrmsr(MSR_MTRR_DEF_TYPE, registers[0].value & ~MTRR_DEF_ENABLE);
	for (uint32_t i = 1; i < register_count; i++) {
		wrmsr(registers[i].msr, registers[i].value);
	}
	wrmsr(MSR_MTRR_DEF_TYPE, registers[0].value);
	wbinvd();
	cr3_write(cr3_read());
	cr0_write(cr0);
}

void mtrr_cpu_init(bool is_boot_cpu)
{
	if ((cpuid(1, 0).edx & FEATURES_EDX_MTRR) == 0) {
		return;
	}
	if (is_boot_cpu) {
		read_all();
	} else if (!are_same()) {
		log(LOG_DEBUG,
		    "mtrr: the firmware left this CPU's memory types unlike the boot CPU's; "
		    "they are the same now");
		write_all();
	}
}

bool mtrr_get(uint32_t msr, uint64_t *value)
{
	for (uint32_t i = 0; i < register_count; i++) {
		if (registers[i].msr == msr) {
			*value = registers[i].value;
			return true;
		}
	}
	return false;
}

/* ---- types: APM2 7.7.2 "MTRRs", SDM3 12.11.4.1 "MTRR Precedences" ---- */

static bool is_on(void)
{
	return register_count != 0 && (registers[0].value & MTRR_DEF_ENABLE) != 0;
}

static bool has_fixed(void)
{
	uint64_t value;

	return (registers[0].value & MTRR_DEF_FIXED) != 0 && mtrr_get(MSR_MTRR_FIX_64K, &value);
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
	for (uint32_t i = *index; i + 1 < register_count; i++) {
		uint64_t mask = registers[i + 1].value;

		if (registers[i].msr < MSR_MTRR_PHYS_BASE0 ||
		    registers[i].msr >= MSR_MTRR_FIX_64K || registers[i].msr % 2 != 0 ||
		    (mask & MTRR_MASK_VALID) == 0) {
			continue;
		}
		*index = i + 1;
		range->base = registers[i].value & MTRR_ADDRESS;
		range->mask = mask & MTRR_ADDRESS;
		range->type = (int)field_get(MTRR_BASE_TYPE, registers[i].value);
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
	return type >= 0 ? type : (int)field_get(MTRR_DEF_TYPE, registers[0].value);
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
