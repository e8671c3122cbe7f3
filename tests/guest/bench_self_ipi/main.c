/* SPDX-License-Identifier: GPL-2.0-only */
/* The cost of an IPI to oneself through the xAPIC page: ICR write, STI, handler, EOI. */
#include "guests/lib/guest.h"

#define ROUNDS 16384
#define VECTOR 0x60

const char test_title[] = "benchmark: self-IPI";

static volatile uint32_t *apic_page;
static volatile uint64_t handled;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	handled = handled + 1;
	apic_page[APIC_EOI / 4] = 0;
}

void test_main(void)
{
	uint64_t start;

	apic_page = (volatile uint32_t *)(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS);
	trap_set_handler(VECTOR, handle);
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		apic_page[APIC_ICR / 4] = ICR_SELF | ICR_FIXED | ICR_ASSERT | VECTOR;
		asm volatile("sti; nop; cli" : : : "memory");
	}
	start = rdtsc() - start;
	check(handled == ROUNDS, "%lu of %u IPIs were handled", handled, ROUNDS);
	report_bench("self_ipi", start, ROUNDS);
}
