/* SPDX-License-Identifier: GPL-2.0-only */
/* A CPU's own descriptor table, task state and interrupt stacks. */
#include "arch/gdt.h"

#include "arch/layout.h"
#include "arch/msr.h"
#include "core/cpu.h"
#include "mm/hyp_map.h"

/* Long-mode segment and system descriptors: APM2 4.8 "Long-Mode Segment Descriptors". */
#define DESCRIPTOR_LIMIT_15_0 BITS(15, 0)
#define DESCRIPTOR_BASE_23_0  BITS(39, 16)
#define DESCRIPTOR_TYPE       BITS(43, 40)
#define DESCRIPTOR_CODE_DATA  BIT(44)
#define DESCRIPTOR_PRESENT    BIT(47)
#define DESCRIPTOR_LONG       BIT(53)
#define DESCRIPTOR_BASE_31_24 BITS(63, 56)
#define TYPE_CODE             11 /* readable, accessed */
#define TYPE_DATA             3  /* writable, accessed */
#define TYPE_TSS_AVAILABLE    9
#define DESCRIPTOR_BASE(value) \
	(field_set(DESCRIPTOR_BASE_23_0, value) | field_set(DESCRIPTOR_BASE_31_24, (value) >> 24))

/* Pages of each interrupt stack: an NMI is only recorded, the others end in panic(). */
static const unsigned ist_pages[IST_COUNT] = { [IST_NMI - 1] = 1,
					       [IST_DF - 1] = 2,
					       [IST_MC - 1] = 2 };

static void entries_fill(struct gdt *gdt)
{
	uint64_t tss = (uintptr_t)&gdt->tss;

	gdt->entries[0] = 0;
	gdt->entries[GDT_CODE / 8] = field_set(DESCRIPTOR_TYPE, TYPE_CODE) | DESCRIPTOR_CODE_DATA |
				     DESCRIPTOR_PRESENT | DESCRIPTOR_LONG;
	gdt->entries[GDT_DATA / 8] =
		field_set(DESCRIPTOR_TYPE, TYPE_DATA) | DESCRIPTOR_CODE_DATA | DESCRIPTOR_PRESENT;
	gdt->entries[GDT_TSS / 8] =
		field_set(DESCRIPTOR_LIMIT_15_0, sizeof(gdt->tss) - 1) | DESCRIPTOR_BASE(tss) |
		field_set(DESCRIPTOR_TYPE, TYPE_TSS_AVAILABLE) | DESCRIPTOR_PRESENT;
	gdt->entries[GDT_TSS / 8 + 1] = tss >> 32;
}

static void segments_load(void)
{
	asm volatile("pushq %0\n\t"
		     "leaq 1f(%%rip), %%rax\n\t"
		     "pushq %%rax\n\t"
		     "lretq\n"
		     "1:\tmovl %1, %%ss\n\t"
		     "movl %1, %%ds\n\t"
		     "movl %1, %%es\n\t"
		     "movl %2, %%fs\n\t"
		     "movl %2, %%gs"
		     :
		     : "i"(GDT_CODE), "r"(GDT_DATA), "r"(0)
		     : "rax", "memory");
}

int gdt_init(struct cpu *cpu)
{
	struct gdt *gdt = &cpu->arch.gdt;
	struct table_register table = { .limit = sizeof(gdt->entries) - 1,
					.base = (uintptr_t)gdt->entries };

	entries_fill(gdt);
	gdt->tss.io_map = sizeof(gdt->tss); /* none: beyond the limit */
	for (unsigned i = 0; i < IST_COUNT; i++) {
		void *top;
		int err = hyp_map_stack(ist_pages[i], &top);

		if (err != 0) {
			return err;
		}
		gdt->tss.ist[i] = (uintptr_t)top;
	}
	lgdt(&table);
	segments_load();
	lldt(0);
	ltr(GDT_TSS);
	return 0;
}
