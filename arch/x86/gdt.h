/* SPDX-License-Identifier: GPL-2.0-only */
/* Each CPU's GDT and TSS, with interrupt-stack-table stacks for NMI, #DF and #MC. APM2 4.7, 12.2.
 */
#pragma once

#include "core/types.h"

#define GDT_CODE    0x08
#define GDT_DATA    0x10
#define GDT_TSS     0x18
#define GDT_ENTRIES 5 /* null, code, data, TSS (two entries) */

#define IST_NMI   1
#define IST_DF    2
#define IST_MC    3
#define IST_COUNT 3

struct tss { /* APM2 figure 12-8 "Long-Mode TSS Format" */
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __attribute__((packed));
static_assert(sizeof(struct tss) == 104, "64-bit TSS");

struct gdt {
	uint64_t entries[GDT_ENTRIES];
	struct tss tss __attribute__((aligned(16)));
};

struct cpu;

/* Builds and loads GDT, segment registers and TR on this CPU; stacks come from hyp_map_stack(). */
must_check int gdt_init(struct cpu *cpu);
