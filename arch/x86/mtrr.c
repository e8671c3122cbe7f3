/* SPDX-License-Identifier: GPL-2.0-only */
/* MTRRs: read once on the boot CPU, made the same on all CPUs. What they say: mtrr_type.c. */
#include "arch/mtrr.h"

#include "arch/msr.h"
#include "core/log.h"

#define FEATURES_EDX_MTRR BIT(12) /* CPUID 1 */
#define MTRR_CAP_COUNT    BITS(7, 0)
#define MTRR_CAP_FIXED    BIT(8)

static const uint32_t fixed[MTRR_FIXED_COUNT] = { MSR_MTRR_FIX_64K,       MSR_MTRR_FIX_16K_80,
						  MSR_MTRR_FIX_16K_A0,    MSR_MTRR_FIX_4K_C0,
						  MSR_MTRR_FIX_4K_C0 + 1, MSR_MTRR_FIX_4K_C0 + 2,
						  MSR_MTRR_FIX_4K_C0 + 3, MSR_MTRR_FIX_4K_C0 + 4,
						  MSR_MTRR_FIX_4K_C0 + 5, MSR_MTRR_FIX_4K_C0 + 6,
						  MSR_MTRR_FIX_4K_F8 };

static void add(uint32_t msr)
{
	mtrrs.all[mtrrs.count++] = (struct mtrr){ msr, rdmsr(msr) };
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
	for (uint32_t i = 0; i < mtrrs.count; i++) {
		if (rdmsr(mtrrs.all[i].msr) != mtrrs.all[i].value) {
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
	wrmsr(MSR_MTRR_DEF_TYPE, mtrrs.all[0].value & ~MTRR_DEF_ENABLE);
	for (uint32_t i = 1; i < mtrrs.count; i++) {
		wrmsr(mtrrs.all[i].msr, mtrrs.all[i].value);
	}
	wrmsr(MSR_MTRR_DEF_TYPE, mtrrs.all[0].value);
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
