/* SPDX-License-Identifier: GPL-2.0-only */
/* What no answer is known for stops this guest, and nothing else: each kind here is its last. */
#include "tests/guest/hostile/hostile.h"

#define LAPIC     UINT64_C(0xfee00000)
#define TASK      (SELECTOR_TSS + 62 * 16) /* as task.asm has it */
#define TASK_SIZE 0x68

void hostile_task_switch(void);

/* The tables' third level lies in the local APIC's page. */
void hostile_page_tables(uint64_t operations)
{
	uint64_t *tables = (uint64_t *)(cr3_read() & ~BITS(11, 0));

	(void)operations;
	tables[1] = LAPIC | PAGE_PRESENT | PAGE_WRITE;
	(void)*(volatile uint64_t *)BIT(39);
}

/* The table of exceptions lies there. */
void hostile_delivery(uint64_t operations)
{
	struct table_register table = { PAGE_SIZE - 1, LAPIC };

	(void)operations;
	lidt(&table);
	asm volatile("ud2");
}

/* A 32-bit task switch by JMP. */
void hostile_task(uint64_t operations)
{
	uint64_t base = HOSTILE_DATA;

	(void)operations;
	*gdt_entry(TASK) = (TASK_SIZE - 1) | (base & BITS(23, 0)) << 16 | UINT64_C(0x89) << 40 |
			   (base & BITS(31, 24)) << 32;
	hostile_task_switch();
}

/* QEMU refuses the whole state for a bit that a processor answers with #GP. */
void hostile_wide_cr3(uint64_t operations)
{
	(void)operations;
	cr3_write(cr3_read() | BIT(51));
	asm volatile("ud2");
}
