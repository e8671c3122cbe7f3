/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC is the vCPU's own, in its reset state, never the host's: ID and version, LVT
 * masks, priorities, self-IPIs, ISR and EOI, CR8. APM2 16.3 "Local APIC Registers", 16.6 "Interrupt
 * Delivery".
 */
#include "guests/lib/guest.h"

#define VECTOR_LOW  0x45
#define VECTOR_HIGH 0x85

const char test_title[] = "local APIC (xAPIC)";

static volatile uint64_t order[4], taken;

static void handle_low(struct trap_frame *frame)
{
	order[taken & 3] = frame->vector;
	taken = taken + 1;
	apic_eoi();
}

/* Interrupts are on inside: the lower vector must wait for the EOI. */
static void handle_high(struct trap_frame *frame)
{
	order[taken & 3] = frame->vector;
	taken = taken + 1;
	check(apic_bit(APIC_ISR, VECTOR_HIGH), "ISR does not show the vector in service");
	check(apic_read(APIC_PPR) == (VECTOR_HIGH & 0xf0), "PPR in service is %x",
	      apic_read(APIC_PPR));
	apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR_LOW);
	asm volatile("sti; nop; nop; cli" : : : "memory");
	check(taken == 1, "a lower vector interrupts a higher one");
	check(apic_bit(APIC_IRR, VECTOR_LOW), "the lower vector is not in IRR");
	apic_eoi();
	check(!apic_bit(APIC_ISR, VECTOR_HIGH), "EOI leaves ISR");
}

static void test_identity(void)
{
	uint32_t version = apic_read(APIC_VERSION);

	check(apic_id() == cpuid(1, 0).ebx >> 24, "the ID is %x, CPUID's %x", apic_id(),
	      cpuid(1, 0).ebx >> 24);
	check((version & 0xff) >= 0x10 && (version & 0xff) <= 0x1f, "the version is %x", version);
	check((version >> 16 & 0xff) >= 3, "there are %u LVT entries", (version >> 16 & 0xff) + 1);
	check((rdmsr(MSR_APIC_BASE) & (APIC_BASE_BSP | APIC_BASE_ENABLE)) ==
		      (APIC_BASE_BSP | APIC_BASE_ENABLE),
	      "APIC_BASE is %lx", rdmsr(MSR_APIC_BASE));
}

/* The host's timer runs and has a vector: a guest that sees it sees the host's APIC. */
static void test_reset_state(void)
{
	check(apic_read(APIC_LVT_TIMER) == LVT_MASKED, "LVT timer is %x",
	      apic_read(APIC_LVT_TIMER));
	check(apic_read(APIC_LVT_ERROR) == LVT_MASKED, "LVT error is %x",
	      apic_read(APIC_LVT_ERROR));
	check(apic_read(APIC_TIMER_INITIAL) == 0, "the timer's initial count is %x",
	      apic_read(APIC_TIMER_INITIAL));
	check(apic_read(APIC_TIMER_COUNT) == 0, "the timer counts");
	for (unsigned i = 0; i < 8; i++) {
		check((apic_read(APIC_ISR + i * 16) | apic_read(APIC_IRR + i * 16)) == 0,
		      "IRR or ISR word %u is not empty", i);
	}
}

static void test_registers_keep_values(void)
{
	apic_write(APIC_LVT_LINT0, LVT_MASKED | 0x77);
	check(apic_read(APIC_LVT_LINT0) == (LVT_MASKED | 0x77), "LINT0 is %x",
	      apic_read(APIC_LVT_LINT0));
	apic_write(APIC_TIMER_DIVIDE, 0xffffffff);
	check(apic_read(APIC_TIMER_DIVIDE) == 0xb, "divide is %x", apic_read(APIC_TIMER_DIVIDE));
	apic_write(APIC_LDR, 0x12345678);
	check(apic_read(APIC_LDR) == 0x12000000, "LDR is %x", apic_read(APIC_LDR));
	apic_write(APIC_VERSION, 0xffffffff);
	check(apic_read(APIC_VERSION) != 0xffffffff, "the version can be written");
}

static void test_task_priority(void)
{
	uint64_t cr8;

	taken = 0;
	apic_write(APIC_TPR, 0x50);
	asm volatile("mov %%cr8, %0" : "=r"(cr8));
	check(cr8 == 5, "CR8 is %lx with TPR 50", cr8);
	check(apic_read(APIC_PPR) == 0x50, "PPR is %x", apic_read(APIC_PPR));
	apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR_LOW);
	asm volatile("sti; nop; nop; cli" : : : "memory");
	check(taken == 0, "TPR does not hold the interrupt back");
	check(apic_bit(APIC_IRR, VECTOR_LOW), "it is not pending");
	asm volatile("mov %0, %%cr8" : : "r"(UINT64_C(3)));
	check(apic_read(APIC_TPR) == 0x30, "TPR is %x with CR8 3", apic_read(APIC_TPR));
	asm volatile("sti; nop; nop; cli" : : : "memory");
	check(taken == 1, "lowering CR8 does not let the interrupt in");
	apic_write(APIC_TPR, 0);
}

static void test_priorities(void)
{
	taken = 0;
	apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR_LOW);
	apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR_LOW); /* merges with the first */
	apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR_HIGH);
	wait_for_interrupt(&taken, 2, 100000);
	check(taken == 2 && order[0] == VECTOR_HIGH && order[1] == VECTOR_LOW,
	      "%lu interrupts, %lx before %lx", taken, order[0], order[1]);
	check(apic_read(APIC_PPR) == 0, "PPR stays %x", apic_read(APIC_PPR));
}

/* QEMU's APIC leaves the masks alone: only as a guest. */
static void test_software_disable(void)
{
	apic_write(APIC_LVT_TIMER, VECTOR_LOW);
	apic_write(APIC_SVR, 0xff);
	check((apic_read(APIC_LVT_TIMER) & LVT_MASKED) != 0, "a disabled APIC has an unmasked LVT");
	apic_write(APIC_LVT_TIMER, VECTOR_LOW);
	check((apic_read(APIC_LVT_TIMER) & LVT_MASKED) != 0, "a disabled APIC unmasks an LVT");
	apic_write(APIC_SVR, 0x1ff);
}

void test_main(void)
{
	trap_set_handler(VECTOR_LOW, handle_low);
	trap_set_handler(VECTOR_HIGH, handle_high);
	test_identity();
	test_reset_state();
	test_registers_keep_values();
	test_task_priority();
	test_priorities();
	if (hypervisor_present()) {
		test_software_disable();
	}
}
