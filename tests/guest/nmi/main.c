/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NMI: taken with interrupts off, blocked from its delivery to the next IRET, one more is kept
 * meanwhile, and it wakes a halted CPU. APM2 8.2.3 "NMI: Non-Maskable-Interrupt Exception (Vector
 * 2)".
 */
#include "guests/lib/guest.h"

#define ROUNDS  200
#define WAIT_US 1000000

const char test_title[] = "non-maskable interrupts";

static volatile uint64_t nmis, inside, nested_seen;
static volatile uint64_t more; /* how many NMIs the handler sends to itself */

static void send_self(void)
{
	apic_send(apic_id(), ICR_NMI | ICR_ASSERT);
}

static void handle(struct trap_frame *frame)
{
	(void)frame;
	if (inside != 0) {
		nested_seen = nested_seen + 1;
	}
	inside = inside + 1;
	nmis = nmis + 1;
	if (more != 0) {
		uint64_t count = more;

		more = 0;
		for (uint64_t i = 0; i < count; i++) {
			send_self();
			(void)cpuid(0, 0); /* an exit in between must not unblock */
		}
		check(nmis == 1, "an NMI is taken inside of the handler");
	}
	inside = inside - 1;
}

static void test_self(void)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		nmis = 0;
		send_self();
		if (!check(wait_for(&nmis, 1, WAIT_US), "round %lu: no NMI", i)) {
			return;
		}
		check(nmis == 1, "%lu NMIs came of one", nmis);
	}
}

static void test_blocking(void)
{
	for (uint64_t count = 1; count <= 3; count++) {
		nmis = 0;
		more = count;
		send_self();
		check(wait_for(&nmis, 2, WAIT_US), "the NMI sent by the handler is lost");
		delay_us(1000);
		check(nmis == 2, "%lu NMIs, expected 2: one is kept while blocked", nmis);
	}
	check(nested_seen == 0, "the handler was nested");
}

/* An exception inside of the handler ends with an IRET as well, and that unblocks. */
static void handle_with_exception(struct trap_frame *frame)
{
	(void)frame;
	nmis = nmis + 1;
	if (nmis == 1) {
		send_self();
		asm volatile("int3");
		check(wait_for(&nmis, 2, WAIT_US), "IRET of an exception does not unblock NMI");
	}
}

static void ignore(struct trap_frame *frame)
{
	(void)frame;
}

static void test_iret_unblocks(void)
{
	trap_set_handler(VECTOR_BP, ignore);
	trap_set_handler(VECTOR_NMI, handle_with_exception);
	nmis = 0;
	send_self();
	check(wait_for(&nmis, 2, WAIT_US), "the second NMI is lost");
	trap_set_handler(VECTOR_BP, NULL);
	trap_set_handler(VECTOR_NMI, handle);
}

static void wake_boot_cpu(uint64_t unused)
{
	(void)unused;
	delay_us(20000);
	apic_send(cpu_apic_id(0), ICR_NMI | ICR_ASSERT);
}

static void test_halted_with_interrupts_off(void)
{
	if (cpu_count() < 2 || !cpu_start_all()) {
		return;
	}
	nmis = 0;
	cpu_run(1, wake_boot_cpu, 0);
	cli();
	hlt();
	check(nmis == 1, "HLT ended without an NMI");
	cpu_wait(1);
}

void test_main(void)
{
	trap_set_handler(VECTOR_NMI, handle);
	test_self();
	test_blocking();
	test_iret_unblocks();
	test_halted_with_interrupts_off();
}
