/* SPDX-License-Identifier: GPL-2.0-only */
/* The cost of a port that the hypervisor has a device at: the virtual UART's scratch register. */
#include "guests/lib/guest.h"

#define ROUNDS       65536
#define PORT_SCRATCH 0x3ff

const char test_title[] = "benchmark: port read";

void test_main(void)
{
	uint64_t start = rdtsc();
	uint64_t empty;

	for (unsigned i = 0; i < ROUNDS; i++) {
		asm volatile("" : : : "memory");
	}
	empty = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)in8(PORT_SCRATCH);
	}
	report_bench("port", rdtsc() - start - empty, ROUNDS);
}
