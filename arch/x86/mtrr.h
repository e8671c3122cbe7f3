/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory type range registers: the boot CPU's, as the firmware set them, are the machine's. The
 * other CPUs get the same values, and guests read them. APM2 7.7 "Memory-Type Range Registers".
 */
#pragma once

#include "core/types.h"

/* Boot CPU: takes the firmware's values. Other CPUs: takes them over. In arch_cpu_init(). */
void mtrr_cpu_init(bool is_boot_cpu);

/* The machine's value of an MTRR; false: there is no such register. */
bool mtrr_get(uint32_t msr, uint64_t *value);
