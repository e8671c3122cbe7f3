/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers are the guest's own and survive exits; breakpoints, watchpoints, general detect
 * and single steps raise #DB, after an intercepted instruction too. APM2 13.1 "Software-Debug
 * Resources".
 */
#include "guests/lib/guest.h"

#define DR6_RESET  0xffff0ff0
#define DR6_B0     BIT(0)
#define DR6_B1     BIT(1)
#define DR6_BD     BIT(13)
#define DR6_BS     BIT(14)
#define DR7_RESET  0x400
#define DR7_L0     BIT(0)
#define DR7_L1     BIT(2)
#define DR7_GD     BIT(13)
#define DR7_WRITE1 (field_set(BITS(21, 20), 1) | field_set(BITS(23, 22), 3)) /* 4 bytes */
#define DR7_TOUCH1 (field_set(BITS(21, 20), 3) | field_set(BITS(23, 22), 1)) /* 2 bytes */
#define RFLAGS_TF  BIT(8)
#define INTEL      0x756e6547 /* "Genu" */

const char test_title[] = "debug registers";

static uint32_t watched;
static uint16_t watched_selector;

extern char after_step_cpuid[], after_step_nop[], after_step_call[];
extern char after_held_cpuid[], after_held_nop[];

static void breakpoint_target(uint64_t unused)
{
	(void)unused;
	asm volatile("nop");
}

static void touch_watched(uint64_t value)
{
	asm volatile("movl %1, %0" : "=m"(watched) : "r"((uint32_t)value));
	asm volatile("nop; nop");
}

static void write_dr0(uint64_t value)
{
	dr0_write(value);
}

/* TF takes effect after the instruction that follows POPF. */
static void step_cpuid(uint64_t unused)
{
	(void)unused;
	asm volatile("pushfq; orl %0, (%%rsp); popfq; cpuid; .global "
		     "after_step_cpuid\nafter_step_cpuid: nop"
		     :
		     : "i"(RFLAGS_TF), "a"(0)
		     : "rbx", "rcx", "rdx", "memory", "cc");
}

static void step_nop(uint64_t unused)
{
	(void)unused;
	asm volatile(
		"pushfq; orl %0, (%%rsp); popfq; nop; .global after_step_nop\nafter_step_nop: nop"
		:
		: "i"(RFLAGS_TF)
		: "memory", "cc");
}

static void step_msr(uint64_t unused)
{
	(void)unused;
	asm volatile("pushfq; orl %0, (%%rsp); popfq; rdmsr; .global "
		     "after_step_call\nafter_step_call: nop"
		     :
		     : "i"(RFLAGS_TF), "c"(MSR_APIC_BASE)
		     : "rax", "rdx", "memory", "cc");
}

static void hold_cpuid(uint64_t unused)
{
	(void)unused;
	asm volatile("mov %1, %%ss; cpuid; .global after_held_cpuid\nafter_held_cpuid: nop; nop"
		     :
		     : "a"(0), "m"(watched_selector)
		     : "rbx", "rcx", "rdx", "memory");
}

static void hold_nop(uint64_t unused)
{
	(void)unused;
	asm volatile("mov %0, %%ss; nop; .global after_held_nop\nafter_held_nop: nop; nop"
		     :
		     : "m"(watched_selector)
		     : "memory");
}

static void check_step(const char *name, void (*call)(uint64_t), const char *after)
{
	struct trap trap;

	dr6_write(DR6_RESET);
	trap = expect_exception(call, 0);
	check(trap.vector == VECTOR_DB && trap.rip == (uint64_t)after && (trap.dr6 & DR6_BS) != 0,
	      "step over %s: vector %lu at %lx (expected %lx), dr6 %lx", name, trap.vector,
	      trap.rip, (uint64_t)after, trap.dr6);
	trap = expect_exception(breakpoint_target, 0);
	check(trap.vector == TRAP_NONE, "the step over %s goes on: vector %lu", name, trap.vector);
}

static void test_values_survive_exits(void)
{
	dr0_write(0x1111);
	dr1_write(0x2222);
	dr2_write(0x3333);
	dr3_write(0xfffffffffffff444);
	for (unsigned i = 0; i < 1000; i++) {
		(void)cpuid(0, 0);
		(void)in8(0x80);
	}
	check(dr0_read() == 0x1111 && dr1_read() == 0x2222 && dr2_read() == 0x3333 &&
		      dr3_read() == 0xfffffffffffff444,
	      "dr0..3 changed: %lx %lx %lx %lx", dr0_read(), dr1_read(), dr2_read(), dr3_read());
}

static void test_breakpoint(void)
{
	struct trap trap;

	dr6_write(DR6_RESET);
	dr0_write((uint64_t)breakpoint_target);
	dr7_write(DR7_RESET | DR7_L0);
	(void)cpuid(0, 0); /* an exit with breakpoints armed */
	trap = expect_exception(breakpoint_target, 0);
	dr7_write(DR7_RESET);
	check(trap.vector == VECTOR_DB && trap.rip == (uint64_t)breakpoint_target &&
		      (trap.dr6 & DR6_B0) != 0,
	      "breakpoint: vector %lu at %lx, dr6 %lx", trap.vector, trap.rip, trap.dr6);
}

static void test_watchpoint(void)
{
	struct trap trap;

	dr6_write(DR6_RESET);
	dr1_write((uint64_t)&watched);
	dr7_write(DR7_RESET | DR7_L1 | DR7_WRITE1);
	trap = expect_exception(touch_watched, 77);
	dr7_write(DR7_RESET);
	check(trap.vector == VECTOR_DB && (trap.dr6 & DR6_B1) != 0,
	      "watchpoint: vector %lu, dr6 %lx", trap.vector, trap.dr6);
	check(*(volatile uint32_t *)&watched == 77, "the watched write is missing");
}

/*
 * MOV SS holds the trap of its own operand back behind the next instruction: SDM3 6.8.3 "Masking
 * Exceptions and Interrupts When Switching Stacks". AMD's VMCB has no place for it, QEMU holds
 * nothing.
 */
static void check_held(const char *name, void (*call)(uint64_t), const char *after)
{
	struct trap trap;

	if (cpuid(0, 0).ebx != INTEL) {
		return;
	}
	asm volatile("mov %%ss, %0" : "=m"(watched_selector));
	dr6_write(DR6_RESET);
	dr1_write((uint64_t)&watched_selector);
	dr7_write(DR7_RESET | DR7_L1 | DR7_TOUCH1);
	trap = expect_exception(call, 0);
	dr7_write(DR7_RESET);
	check(trap.vector == VECTOR_DB && trap.rip == (uint64_t)after && (trap.dr6 & DR6_B1) != 0,
	      "watched MOV SS before %s: vector %lu at %lx (expected %lx), dr6 %lx", name,
	      trap.vector, trap.rip, (uint64_t)after, trap.dr6);
}

/* GD is cleared as its #DB is delivered, so that the handler may look. */
static void test_general_detect(void)
{
	struct trap trap;

	dr6_write(DR6_RESET);
	dr7_write(DR7_RESET | DR7_GD);
	trap = expect_exception(write_dr0, 1);
	check(trap.vector == VECTOR_DB && (trap.dr6 & DR6_BD) != 0,
	      "general detect: vector %lu, dr6 %lx", trap.vector, trap.dr6);
	check((dr7_read() & DR7_GD) == 0, "dr7.gd stays set");
}

void test_main(void)
{
	check(dr7_read() == DR7_RESET, "dr7 is %lx at the start", dr7_read());
	test_values_survive_exits();
	test_breakpoint();
	test_watchpoint();
	check_step("nop", step_nop, after_step_nop);
	check_step("cpuid", step_cpuid, after_step_cpuid);
	check_step("rdmsr", step_msr, after_step_call);
	for (unsigned i = 0; i < 10; i++) {
		check_held("nop", hold_nop, after_held_nop);
		check_held("cpuid", hold_cpuid, after_held_cpuid);
	}
	test_general_detect();
}
