/* SPDX-License-Identifier: GPL-2.0-only */
/* The interrupt descriptor table. Its entries lead to traps.asm. */
#include "arch/idt.h"

#include "arch/gdt.h"
#include "arch/msr.h"

struct gate { /* APM2 figure 4-24 "Interrupt-Gate and Trap-Gate Descriptors: Long Mode" */
	uint64_t low;
#define GATE_OFFSET_15_0  BITS(15, 0)
#define GATE_SELECTOR     BITS(31, 16)
#define GATE_IST          BITS(34, 32)
#define GATE_TYPE         BITS(43, 40)
#define GATE_PRESENT      BIT(47)
#define GATE_OFFSET_31_16 BITS(63, 48)
	uint64_t high;
#define GATE_OFFSET_63_32 BITS(31, 0)
};
static_assert(sizeof(struct gate) == 16, "long-mode gate");

#define GATE_TYPE_INTERRUPT 14 /* clears RFLAGS.IF */

extern const uint64_t trap_stubs[IDT_VECTORS];

static struct gate idt[IDT_VECTORS];

static struct gate gate_make(uint64_t offset, unsigned ist)
{
	return (struct gate){
		.low = field_set(GATE_OFFSET_15_0, offset) | field_set(GATE_SELECTOR, GDT_CODE) |
		       field_set(GATE_IST, ist) | field_set(GATE_TYPE, GATE_TYPE_INTERRUPT) |
		       GATE_PRESENT | field_set(GATE_OFFSET_31_16, offset >> 16),
		.high = field_set(GATE_OFFSET_63_32, offset >> 32),
	};
}

void idt_init(void)
{
	for (unsigned i = 0; i < IDT_VECTORS; i++) {
		idt[i] = gate_make(trap_stubs[i], 0);
	}
	idt_load();
}

void idt_use_stacks(void)
{
	idt[EXCEPTION_NMI] = gate_make(trap_stubs[EXCEPTION_NMI], IST_NMI);
	idt[EXCEPTION_DF] = gate_make(trap_stubs[EXCEPTION_DF], IST_DF);
	idt[EXCEPTION_MC] = gate_make(trap_stubs[EXCEPTION_MC], IST_MC);
}

void idt_load(void)
{
	struct table_register table = { .limit = sizeof(idt) - 1, .base = (uintptr_t)idt };

	lidt(&table);
}

uint64_t idt_base(void)
{
	return (uintptr_t)idt;
}
