/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions reach the guest as on a bare CPU: vector, error code, RIP of a fault or trap.
 * APM2 8.2 "Vectors". What an emulator does not raise at all (#AC, #XF on QEMU) is only noted.
 */
#include "guests/lib/guest.h"

#define NON_CANONICAL UINT64_C(0x8000000000000000)
#define RFLAGS_AC     BIT(18)

const char test_title[] = "exceptions";

extern char at_ud2[], at_int3[], after_int3[];

static void divide(uint64_t by)
{
	asm volatile("divl %0" : : "r"((uint32_t)by), "a"(1), "d"(0) : "cc");
}

static void undefined(uint64_t unused)
{
	(void)unused;
	asm volatile(".global at_ud2\nat_ud2: ud2");
}

static void breakpoint(uint64_t unused)
{
	(void)unused;
	asm volatile(".global after_int3\nint3\nafter_int3:");
}

static void overflow(uint64_t unused)
{
	(void)unused;
	asm volatile("int $4");
}

static void icebp(uint64_t unused)
{
	(void)unused;
	asm volatile(".byte 0xf1");
}

static void soft_interrupt(uint64_t unused)
{
	(void)unused;
	asm volatile("int $0x0d");
}

static void read_memory(uint64_t address)
{
	asm volatile("movq (%0), %%rax" : : "r"(address) : "rax");
}

static void read_stack(uint64_t address)
{
	asm volatile("push %%rbp; mov %0, %%rbp; movq (%%rbp), %%rax; pop %%rbp"
		     :
		     : "r"(address)
		     : "rax");
}

static void load_segment(uint64_t selector)
{
	asm volatile("mov %0, %%fs" : : "r"((uint32_t)selector));
}

static void use_fpu(uint64_t unused)
{
	(void)unused;
	asm volatile("fninit");
}

static void divide_float(uint64_t unused)
{
	uint16_t control = 0x037b; /* zero divide unmasked */

	(void)unused;
	asm volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void misaligned(uint64_t address)
{
	asm volatile(
		"pushfq; orl %1, (%%rsp); popfq; movl 1(%0), %%eax; pushfq; andl %2, (%%rsp); popfq"
		:
		: "r"(address), "i"(RFLAGS_AC), "i"((uint32_t)~RFLAGS_AC)
		: "rax", "memory", "cc");
}

static void expect(const char *name, struct trap trap, unsigned vector, uint64_t error)
{
	check(trap.vector == vector && trap.error == error,
	      "%s: vector %lu error %lx, expected %u %lx", name, trap.vector, trap.error, vector,
	      error);
}

static void test_positions(void)
{
	struct trap trap = expect_exception(undefined, 0);

	check(trap.vector == VECTOR_UD && trap.rip == (uint64_t)at_ud2, "#UD at %lx", trap.rip);
	trap = expect_exception(breakpoint, 0);
	check(trap.vector == VECTOR_BP && trap.rip == (uint64_t)after_int3, "#BP at %lx", trap.rip);
}

static void test_fpu(void)
{
	cr0_write(cr0_read() | CR0_TS);
	expect("#NM", expect_exception(use_fpu, 0), VECTOR_NM, 0);
	cr0_write(cr0_read() & ~CR0_TS);
	expect("#MF", expect_exception(divide_float, 0), VECTOR_MF, 0);
	asm volatile("fninit");
}

static void test_alignment(void)
{
	struct trap trap;

	cr0_write(cr0_read() | CR0_AM);
	trap = expect_exception_user(misaligned, GUEST_SCRATCH);
	cr0_write(cr0_read() & ~CR0_AM);
	if (trap.vector == TRAP_USER_RETURN) {
		print("note: no #AC here\n");
	} else {
		expect("#AC", trap, VECTOR_AC, 0);
	}
}

/* APM2 8.2.13: QEMU raises #GP here. */
static void test_stack_fault(void)
{
	struct trap trap = expect_exception(read_stack, NON_CANONICAL);

	check((trap.vector == VECTOR_SS || trap.vector == VECTOR_GP) && trap.error == 0,
	      "an address of the stack: vector %lu error %lx", trap.vector, trap.error);
}

void test_main(void)
{
	expect("#DE", expect_exception(divide, 0), VECTOR_DE, 0);
	expect("#DB by INT1", expect_exception(icebp, 0), VECTOR_DB, 0);
	expect("#OF", expect_exception(overflow, 0), VECTOR_OF, 0);
	expect("#BP at CPL 3", expect_exception_user(breakpoint, 0), VECTOR_BP, 0);
	expect("#GP of INT at CPL 3", expect_exception_user(soft_interrupt, 0), VECTOR_GP,
	       13 * 8 + 2);
	expect("#GP of an address", expect_exception(read_memory, NON_CANONICAL), VECTOR_GP, 0);
	test_stack_fault();
	expect("#GP of a selector", expect_exception(load_segment, 0xfff8), VECTOR_GP, 0xfff8);
	*gdt_entry(SELECTOR_DATA16) &= ~BIT(47);
	expect("#NP", expect_exception(load_segment, SELECTOR_DATA16), VECTOR_NP, SELECTOR_DATA16);
	test_positions();
	test_fpu();
	test_alignment();
}
