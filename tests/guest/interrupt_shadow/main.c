/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instruction after STI and after a load of SS is not interrupted, even if it is intercepted;
 * the one after it is. APM2 8.5 "Priorities", APM3 "STI", "MOV".
 */
#include "guests/lib/guest.h"

#define VECTOR 0x52

const char test_title[] = "interrupt shadow";

static volatile uint64_t where, taken;

extern char shadow_sti[], shadow_cpuid[], shadow_ss[], shadow_pop[], shadow_port[], shadow_dr[];

static void handle(struct trap_frame *frame)
{
	where = frame->rip;
	taken = taken + 1;
	apic_eoi();
}

static void pend(void)
{
	where = 0;
	apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR);
}

static void expect(const char *name, const char *at)
{
	cli();
	check(where == (uint64_t)at, "%s: taken at %lx, expected %lx", name, where, (uint64_t)at);
}

void test_main(void)
{
	trap_set_handler(VECTOR, handle);
	for (unsigned round = 0; round < 20; round++) {
		pend();
		asm volatile("sti; nop; .global shadow_sti\nshadow_sti: nop; nop" : : : "memory");
		expect("STI, NOP", shadow_sti);
		pend();
		asm volatile("sti; cpuid; .global shadow_cpuid\nshadow_cpuid: nop; nop"
			     :
			     : "a"(0), "c"(0)
			     : "rbx", "rdx", "memory");
		expect("STI, CPUID", shadow_cpuid);
		pend();
		asm volatile("sti; inb %%dx, %%al; .global shadow_port\nshadow_port: nop; nop"
			     :
			     : "d"(0x3ff)
			     : "rax", "memory");
		expect("STI, IN", shadow_port);
		/* Where a second one exits, to run again, the shadow is there again. */
		asm volatile("mov %%dr0, %%rax" : : : "rax");
		pend();
		asm volatile("sti; mov %%dr0, %%rax; .global shadow_dr\nshadow_dr: nop; nop"
			     :
			     :
			     : "rax", "memory");
		expect("STI, MOV from DR0", shadow_dr);
		pend();
		asm volatile("mov %%ss, %%eax; sti; mov %%eax, %%ss; nop; .global "
			     "shadow_ss\nshadow_ss: nop; nop"
			     :
			     :
			     : "rax", "memory");
		cli();
		check(where != 0, "STI, MOV SS: no interrupt");
		pend();
		asm volatile("sti; cli; nop; .global shadow_pop\nshadow_pop: nop" : : : "memory");
		check(where == 0, "STI, CLI lets an interrupt in at %lx", where);
		asm volatile("sti; nop; nop; cli" : : : "memory");
	}
	check(taken == 120, "%lu interrupts, expected 120", taken);
}
