/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fault while another one is delivered: contributory after contributory and page fault after page
 * fault are a double fault, on its own stack; benign ones are followed by the second fault.
 * APM2 8.2.9 "#DF: Double-Fault Exception (Vector 8)", table 8-3.
 */
#include "guests/lib/guest.h"

#define GATE_PRESENT BIT(47)
#define ERROR_IDT    BIT(1)
#define ERROR_EXT    BIT(0)

const char test_title[] = "nested faults";

static void divide_by_zero(uint64_t unused)
{
	(void)unused;
	asm volatile("xorl %%ecx, %%ecx; divl %%ecx" : : : "rax", "rcx", "rdx", "cc");
}

static void read_memory(uint64_t address)
{
	asm volatile("movq (%0), %%rax" : : "r"(address) : "rax");
}

static void undefined(uint64_t unused)
{
	(void)unused;
	asm volatile("ud2");
}

static void breakpoint(uint64_t unused)
{
	(void)unused;
	asm volatile("int3");
}

/* Without a stack, a fault's frame can not be pushed: only an IST helps. */
static void push_nowhere(uint64_t stack)
{
	asm volatile("mov %0, %%rsp; push %%rax" : : "r"(stack) : "memory");
}

static struct trap with_gate_absent(unsigned vector, void (*call)(uint64_t), uint64_t argument)
{
	struct trap trap;

	*trap_gate(vector) &= ~GATE_PRESENT;
	trap = expect_exception(call, argument);
	*trap_gate(vector) |= GATE_PRESENT;
	return trap;
}

static void expect(const char *name, struct trap trap, unsigned vector, uint64_t error)
{
	check(trap.vector == vector && (trap.error & ~ERROR_EXT) == error,
	      "%s: vector %lu error %lx, expected %u %lx", name, trap.vector, trap.error, vector,
	      error);
}

/* The page fault's address stays in CR2 though #DF is what is seen. */
static void test_page_fault_on_page_fault(void)
{
	uint64_t stack = GUEST_UNMAPPED + 0x1000;
	struct trap trap = expect_exception(push_nowhere, stack);

	expect("#PF while #PF is delivered", trap, VECTOR_DF, 0);
	check(trap.cr2 < stack && trap.cr2 >= stack - 64, "cr2 is %lx", trap.cr2);
}

void test_main(void)
{
	for (unsigned round = 0; round < 3; round++) { /* nothing may stick */
		expect("#NP after #DE", with_gate_absent(VECTOR_DE, divide_by_zero, 0), VECTOR_DF,
		       0);
		expect("#NP after #GP", with_gate_absent(VECTOR_GP, read_memory, BIT(63)),
		       VECTOR_DF, 0);
		expect("#NP after #PF", with_gate_absent(VECTOR_PF, read_memory, GUEST_UNMAPPED),
		       VECTOR_DF, 0);
		expect("#NP after #UD", with_gate_absent(VECTOR_UD, undefined, 0), VECTOR_NP,
		       VECTOR_UD * 8 | ERROR_IDT);
		expect("#NP after INT3", with_gate_absent(VECTOR_BP, breakpoint, 0), VECTOR_NP,
		       VECTOR_BP * 8 | ERROR_IDT);
		test_page_fault_on_page_fault();
		expect("#UD alone", expect_exception(undefined, 0), VECTOR_UD, 0);
	}
}
