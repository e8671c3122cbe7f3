/* SPDX-License-Identifier: GPL-2.0-only */
/* Time by the TSC, measured once against the ACPI PM timer. ACPI 6.5, 4.8.2.1 "Power Management
 * Timer". */
#include "guests/lib/acpi.h"
#include "guests/lib/guest.h"

#define PM_TIMER_Q35   0x608
#define PM_TIMER_HZ    3579545
#define PM_TIMER_BITS  BITS(23, 0)
#define MEASURED_TICKS 7159 /* 2 ms */
#define MEASUREMENTS   5

static uint64_t ticks_per_us;

/* One window of time. A CPU that is taken away between the two clocks' readings makes it too long.
 */
static uint64_t measure_once(uint16_t timer)
{
	uint64_t start_tsc = rdtsc(), tsc = start_tsc;
	uint64_t start = in32(timer), ticks = 0;

	while (ticks < MEASURED_TICKS) {
		ticks = (in32(timer) - start) & PM_TIMER_BITS;
		tsc = rdtsc();
		if (tsc - start_tsc > UINT64_C(1) << 36) {
			report_error("the PM timer at %x does not count", timer);
			break;
		}
	}
	return (tsc - start_tsc) * PM_TIMER_HZ / (ticks + 1) / 1000000 + 1;
}

uint64_t tsc_measure(void)
{
	uint32_t port = acpi_pm_timer();
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < MEASUREMENTS; i++) {
		uint64_t rate = measure_once((uint16_t)(port != 0 ? port : PM_TIMER_Q35));

		best = rate < best ? rate : best;
	}
	return best;
}

uint64_t tsc_per_us(void)
{
	if (ticks_per_us == 0) {
		ticks_per_us = tsc_measure();
	}
	return ticks_per_us;
}

void delay_us(uint64_t us)
{
	uint64_t ticks = us * tsc_per_us();
	uint64_t start = rdtsc();

	while (rdtsc() - start < ticks) {
		cpu_relax();
	}
}

bool wait_for(const volatile uint64_t *value, uint64_t wanted, uint64_t us)
{
	uint64_t ticks = us * tsc_per_us();
	uint64_t start = rdtsc();

	while (__atomic_load_n(value, __ATOMIC_ACQUIRE) < wanted) {
		if (rdtsc() - start > ticks) {
			return false;
		}
		cpu_relax();
	}
	return true;
}

bool wait_for_interrupt(const volatile uint64_t *value, uint64_t wanted, uint64_t us)
{
	bool result;

	sti();
	result = wait_for(value, wanted, us);
	cli();
	return result;
}
