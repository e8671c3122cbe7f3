/* SPDX-License-Identifier: GPL-2.0-only */
/* The time from a TSC deadline to the handler's first instruction, while the CPU computes. */
#include "guests/lib/guest.h"

#define ROUNDS 1000
#define VECTOR 0x61
#define AHEAD  50000 /* ticks */

const char test_title[] = "benchmark: timer expiry";

static uint64_t deadline, late;
static volatile uint64_t handled;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	late += rdtsc() - deadline;
	handled = handled + 1;
	apic_eoi();
}

void test_main(void)
{
	if ((cpuid(1, 0).ecx & BIT(24)) == 0) {
		report_skip("no TSC-deadline timer");
		return;
	}
	trap_set_handler(VECTOR, handle);
	apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR);
	sti();
	for (uint64_t i = 0; i < ROUNDS; i++) {
		deadline = rdtsc() + AHEAD;
		wrmsr(MSR_TSC_DEADLINE, deadline);
		if (!wait_for(&handled, i + 1, 1000000)) {
			report_failure("round %lu: the timer does not fire", i);
			return;
		}
	}
	cli();
	report_bench("timer", late, ROUNDS);
}
