/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory type range registers: the boot CPU's, as the firmware set them, are the machine's. The
 * other CPUs get the same values, and guests read them. APM2 7.7 "Memory-Type Range Registers".
 */
#pragma once

#include "core/bits.h"

/* Boot CPU: takes the firmware's values. Other CPUs: takes them over. In arch_cpu_init(). */
void mtrr_cpu_init(bool is_boot_cpu);

/* Memory types, as MTRRs and EPT entries have them. */
#define MTRR_UC 0
#define MTRR_WC 1
#define MTRR_WT 4
#define MTRR_WP 5
#define MTRR_WB 6

#define MTRR_FIXED_COUNT  11
#define MTRR_VARIABLE_MAX 16 /* pairs that have MSR numbers: 200h to 21Fh */

#define MTRR_DEF_ENABLE BIT(11)

struct mtrr {
	uint32_t msr;
	uint64_t value;
};

/* const after the boot CPU's init; the first is MTRRdefType. */
struct mtrrs {
	uint32_t count;
	struct mtrr all[1 + MTRR_FIXED_COUNT + 2 * MTRR_VARIABLE_MAX];
};
extern struct mtrrs mtrrs;

/* The type of an address, or -1 where the machine has no MTRRs or the firmware left them off. */
int mtrr_type(uint64_t address);

/* All of a range has one type. size is a power of two, to which start is aligned. May say no where
 * it is close. */
bool mtrr_is_uniform(uint64_t start, uint64_t size);

/* The machine's value of an MTRR; false: there is no such register. */
bool mtrr_get(uint32_t msr, uint64_t *value);
