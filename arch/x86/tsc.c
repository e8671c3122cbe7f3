/* SPDX-License-Identifier: GPL-2.0-only */
/* The time-stamp counter as the clock: its rate and its conversion. Skew is tsc_sync.c's. */
#include "arch/tsc.h"

#include "arch/calibrate.h"
#include "arch/lapic.h"
#include "arch/msr.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/scale.h"

#define NS_HZ         UINT64_C(1000000000)
#define PLAUSIBLE_MIN UINT64_C(1000000) /* Hz: slower is no TSC */
#define PLAUSIBLE_MAX UINT64_C(100000000000)
#define AGREE_PART    100 /* two measurements agree when they differ by less than 1/100 */

static uint64_t frequency; /* 0 until tsc_init() */
static uint64_t base;      /* time 0: when the hypervisor was entered */
static struct scale to_ns, from_ns;

uint64_t tsc_read(void)
{
	lfence();
	return rdtsc();
}

static bool agree(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) < a / AGREE_PART;
}

/* Hz by one of the machine's clocks, or 0. */
static uint64_t measure_by(unsigned n, const char **name)
{
	const struct clock tsc = { .name = "TSC", .mask = UINT64_MAX, .read = tsc_read };
	struct clock reference;
	uint64_t hz = 0;
	int err;

	if (calibrate_reference_open(n, &reference) != 0) {
		return 0;
	}
	err = calibrate(&reference, &tsc, &hz);
	calibrate_reference_close(n);
	*name = reference.name;
	if (err != 0 || hz < PLAUSIBLE_MIN || hz > PLAUSIBLE_MAX) {
		log(LOG_WARN, "tsc: the %s does not count as it should (error %d, %llu Hz)",
		    reference.name, -err, (unsigned long long)hz);
		return 0;
	}
	return hz;
}

/* The first two clocks that work are believed when they agree; else a third one decides. */
static uint64_t measure(void)
{
	uint64_t found[CALIBRATE_REFERENCES];
	const char *names[CALIBRATE_REFERENCES];
	unsigned count = 0;

	for (unsigned n = 0; n < CALIBRATE_REFERENCES; n++) {
		uint64_t hz = measure_by(n, &names[count]);

		if (hz == 0) {
			continue;
		}
		found[count] = hz;
		for (unsigned i = 0; i < count; i++) {
			if (agree(found[i], hz)) {
				log(LOG_INFO, "tsc: %llu kHz by the %s, %llu kHz by the %s",
				    (unsigned long long)found[i] / 1000, names[i],
				    (unsigned long long)hz / 1000, names[count]);
				return found[i];
			}
			log(LOG_WARN, "tsc: %llu kHz by the %s, but %llu kHz by the %s",
			    (unsigned long long)found[i] / 1000, names[i],
			    (unsigned long long)hz / 1000, names[count]);
		}
		count++;
	}
	if (count == 0) {
		return 0;
	}
	log(LOG_WARN, "tsc: %llu kHz by the %s, which no other clock confirms",
	    (unsigned long long)found[0] / 1000, names[0]);
	return found[0];
}

int tsc_init(void)
{
	uint64_t hz = measure();

	if (hz == 0) {
		return -E_NODEV;
	}
	to_ns = scale_make(hz, NS_HZ);
	from_ns = scale_make(NS_HZ, hz);
	base = boot_info.entry_tsc;
	frequency = hz;
	log(LOG_DEBUG, "tsc: the hypervisor was entered at tick %llu", (unsigned long long)base);
	return 0;
}

uint64_t tsc_frequency(void)
{
	return frequency;
}

uint64_t tsc_ticks_to_ns(uint64_t ticks)
{
	return scale_apply(&to_ns, ticks);
}

uint64_t tsc_ns_to_ticks(uint64_t ns)
{
	return scale_apply(&from_ns, ns);
}

/* A CPU whose TSC is a little behind may be asked for a time before time 0. */
uint64_t tsc_to_ns(uint64_t ticks)
{
	return ticks > base ? tsc_ticks_to_ns(ticks - base) : 0;
}

/* Rounded up: at that tick tsc_to_ns() is not before ns, or a timer would fire too early. */
uint64_t tsc_from_ns(uint64_t ns)
{
	uint64_t ticks = tsc_ns_to_ticks(ns);
	uint64_t sum = ticks + base + 2;

	return sum < ticks ? UINT64_MAX : sum;
}

uint64_t arch_time_now(void)
{
	return frequency == 0 ? 0 : tsc_to_ns(tsc_read() - arch_cpu_self()->arch.tsc_offset);
}

void arch_timer_set(uint64_t deadline)
{
	uint64_t ticks = tsc_from_ns(deadline);

	if (deadline == UINT64_MAX || ticks == UINT64_MAX) {
		lapic_timer_stop();
	} else {
		lapic_timer_set(ticks + arch_cpu_self()->arch.tsc_offset);
	}
}
