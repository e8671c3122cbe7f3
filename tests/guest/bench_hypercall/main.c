/* SPDX-License-Identifier: GPL-2.0-only */
/* The cost of a hypercall that does nothing: the version. */
#include "guests/lib/guest.h"

#define ROUNDS 65536

const char test_title[] = "benchmark: hypercall";

void test_main(void)
{
	uint64_t start, empty;

	if (!hypervisor_present()) {
		report_skip("no hypervisor");
		return;
	}
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		asm volatile("" : : : "memory");
	}
	empty = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)hypercall(0, 0);
	}
	report_bench("hypercall", rdtsc() - start - empty, ROUNDS);
}
