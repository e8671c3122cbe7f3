/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting the other CPUs. */
#pragma once

#include "core/types.h"

struct cpu;

/* Gives each struct cpu its APIC ID and node, from the MADT, sends INIT to the others and withholds
 * the page below. Boot CPU, after cpu_init() and lapic_cpu_init(), before guests' memory is
 * counted.
 */
must_check int smp_init(void);

/*
 * The page below 1 MiB where started CPUs execute their first instructions; 0 where there is none.
 * It stays the hypervisor's. Chosen at the first call, from usable memory apart from modules and
 * image; after boot_info_normalise().
 */
hpa_t smp_trampoline_page(void);

/* From ap_start.asm: on its own stack and page table, interrupts off. */
noreturn void smp_arrive(struct cpu *cpu);
