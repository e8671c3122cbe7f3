/* SPDX-License-Identifier: GPL-2.0-only */
/* Time by the TSC, measured once against the ACPI PM timer. ACPI 6.5, 4.8.2.1 "Power Management
 * Timer". */
#include "guests/lib/acpi.h"
#include "guests/lib/guest.h"

#define PM_TIMER_Q35   0x608
#define PM_TIMER_HZ    3579545
#define PM_TIMER_BITS  BITS(23, 0)
#define MEASURED_TICKS 35795 /* 10 ms */

static uint64_t ticks_per_us;

uint64_t tsc_measure(void)
{
	uint32_t port = acpi_pm_timer();
	uint16_t timer = (uint16_t)(port != 0 ? port : PM_TIMER_Q35);
	uint64_t start, tsc = rdtsc();

	start = in32(timer) & PM_TIMER_BITS;
	while (((in32(timer) - start) & PM_TIMER_BITS) < MEASURED_TICKS) {
		if (rdtsc() - tsc > UINT64_C(1) << 36) {
			report_error("the PM timer at %x does not count", timer);
			break;
		}
	}
	tsc = rdtsc() - tsc;
	return tsc * PM_TIMER_HZ / MEASURED_TICKS / 1000000 + 1;
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
