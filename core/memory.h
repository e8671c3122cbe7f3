/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's memory at boot: withholds the hypervisor's own, puts it into service, and records
 * every frame's owner. Budget: 8 MiB with the image, 64 KiB a CPU, 0.4 % of RAM. Boot CPU only.
 */
#pragma once

#include "core/types.h"

struct cpu;

/*
 * Takes the first pool and switches to the hypervisor's own page tables, where cpu is
 * arch_cpu_self(). Refuses machines that are too small.
 */
void memory_init(struct cpu *cpu);

/* Adds the memory of that many CPUs. */
void memory_add_cpus(uint32_t count);

/* Adds records for all frames of RAM, the withheld ones owned by the hypervisor. */
void memory_init_frames(void);

/* Logs the memory withheld from the guests, by owner. */
void memory_print(void);
