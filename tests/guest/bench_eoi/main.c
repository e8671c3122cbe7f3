/* SPDX-License-Identifier: GPL-2.0-only */
/* The cost of an EOI through the xAPIC page with nothing in service. */
#include "guests/lib/guest.h"

#define ROUNDS 65536

const char test_title[] = "benchmark: EOI";

void test_main(void)
{
	volatile uint32_t *apic_page =
		(volatile uint32_t *)(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS);
	uint64_t start = rdtsc();
	uint64_t empty;

	for (unsigned i = 0; i < ROUNDS; i++) {
		asm volatile("" : : : "memory");
	}
	empty = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		apic_page[APIC_EOI / 4] = 0;
	}
	report_bench("eoi", rdtsc() - start - empty, ROUNDS);
}
