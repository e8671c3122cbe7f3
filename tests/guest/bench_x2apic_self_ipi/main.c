/* SPDX-License-Identifier: GPL-2.0-only */
/* The cost of an IPI to oneself by x2APIC's MSRs: SELF IPI, STI, handler, EOI. */
#include "guests/lib/guest.h"

#define ROUNDS      16384
#define VECTOR      0x60
#define EOI_MSR     (MSR_X2APIC + APIC_EOI / 16)
#define SELF_IPI_AT (MSR_X2APIC + 0x3f)

const char test_title[] = "benchmark: x2APIC self-IPI";

static volatile uint64_t handled;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	handled = handled + 1;
	wrmsr(EOI_MSR, 0);
}

void test_main(void)
{
	uint64_t start;

	apic_use_x2apic();
	trap_set_handler(VECTOR, handle);
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		wrmsr(SELF_IPI_AT, VECTOR);
		asm volatile("sti; nop; cli" : : : "memory");
	}
	start = rdtsc() - start;
	check(handled == ROUNDS, "%lu of %u IPIs were handled", handled, ROUNDS);
	report_bench("x2apic_self_ipi", start, ROUNDS);
}
