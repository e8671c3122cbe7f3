/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HLT waits for an interrupt and goes on behind itself: a timer's, one that is pending already, one
 * from another CPU; STI's shadow leaves no gap in between. APM3 "HLT", "STI".
 */
#include "guests/lib/guest.h"

#define VECTOR_TIMER 0x50
#define VECTOR_IPI   0x51
#define ROUNDS       100

const char test_title[] = "HLT";

static volatile uint64_t ticks, ipis;

static void on_timer(struct trap_frame *frame)
{
	(void)frame;
	ticks = ticks + 1;
	apic_eoi();
}

static void on_ipi(struct trap_frame *frame)
{
	(void)frame;
	ipis = ipis + 1;
	apic_eoi();
}

static void test_timer_wakes(void)
{
	apic_write(APIC_TIMER_DIVIDE, 0xb);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		/* The first is long: nothing else may end it meanwhile. */
		apic_write(APIC_TIMER_INITIAL, i == 0 ? 20000000 : 100000);
		sti_hlt_cli();
		if (!check(ticks == i + 1, "%lu timer interrupts after %lu HLTs", ticks, i + 1)) {
			return;
		}
	}
}

/* The interrupt may only be taken in HLT: STI delays it by one instruction. */
static void test_pending_interrupt_wakes(void)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		apic_send(apic_id(), ICR_SELF | ICR_ASSERT | VECTOR_IPI);
		check(ipis == i, "an interrupt is taken with IF = 0");
		sti_hlt_cli();
		if (!check(ipis == i + 1, "%lu IPIs after %lu HLTs", ipis, i + 1)) {
			return;
		}
	}
}

static void send_to_boot_cpu(uint64_t unused)
{
	(void)unused;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t before = ipis;

		delay_us(i * 10);
		apic_send(cpu_apic_id(0), ICR_ASSERT | VECTOR_IPI);
		if (!wait_for(&ipis, before + 1, 1000000)) {
			return;
		}
	}
}

static void test_other_cpu_wakes(void)
{
	if (cpu_count() < 2 || !cpu_start_all()) {
		return;
	}
	ipis = 0;
	cpu_run(1, send_to_boot_cpu, 0);
	while (ipis < ROUNDS) {
		sti_hlt_cli();
	}
	check(ipis == ROUNDS, "%lu IPIs of %u", ipis, ROUNDS);
	cpu_wait(1);
}

static void halt(uint64_t unused)
{
	(void)unused;
	hlt();
}

void test_main(void)
{
	trap_set_handler(VECTOR_TIMER, on_timer);
	trap_set_handler(VECTOR_IPI, on_ipi);
	test_timer_wakes();
	test_pending_interrupt_wakes();
	test_other_cpu_wakes();
	check(expect_exception_user(halt, 0).vector == VECTOR_GP, "HLT works at CPL 3");
}
