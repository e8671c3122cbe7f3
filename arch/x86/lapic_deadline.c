/* SPDX-License-Identifier: GPL-2.0-only */
/* Asks whether the TSC-deadline timer goes by the TSC that RDTSC reads. */
#include "arch/lapic.h"
#include "arch/tsc.h"

#define AHEAD_NS UINT64_C(200000)
#define EARLY_NS UINT64_C(50000)    /* KVM's comes some microseconds early while we can't take it */
#define LATE_NS  UINT64_C(20000000) /* later than an SMI or a hypervisor below explains */

/*
 * SDM3 11.5.4.1 "TSC-Deadline Mode" has the interrupt when the TSC is at the deadline or past it.
 * Processors with old microcode are known to go wrong once TSC_ADJUST was written, which firmware
 * may do, and Bochs leaves out what its reset took away. A timer that fires early is set again in
 * its handler, fires again, and lets no guest run until its time.
 */
bool lapic_deadline_is_kept(void)
{
	uint64_t deadline = tsc_read() + tsc_ns_to_ticks(AHEAD_NS);
	uint64_t end = deadline + tsc_ns_to_ticks(LATE_NS);
	bool fired;
	uint64_t now;

	lapic_timer_set(deadline);
	do {
		fired = lapic_timer_is_pending();
		now = tsc_read();
	} while (!fired && now < end);
	lapic_timer_stop();
	return fired && now + tsc_ns_to_ticks(EARLY_NS) >= deadline;
}
