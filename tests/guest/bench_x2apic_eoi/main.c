/* SPDX-License-Identifier: GPL-2.0-only */
/* The cost of an EOI through x2APIC's MSR with nothing in service; VT-x may do it without an exit.
 */
#include "guests/lib/guest.h"

#define ROUNDS  65536
#define EOI_MSR (MSR_X2APIC + APIC_EOI / 16)

const char test_title[] = "benchmark: x2APIC EOI";

void test_main(void)
{
	uint64_t start, empty;

	apic_use_x2apic();
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		asm volatile("" : : : "memory");
	}
	empty = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		wrmsr(EOI_MSR, 0);
	}
	report_bench("x2apic_eoi", rdtsc() - start - empty, ROUNDS);
}
