/* SPDX-License-Identifier: GPL-2.0-only */
/* The TSC's rate from clocks that may lie, and conversion to and from time. */
/* arch: x86 */
/* sources: arch/x86/tsc.c core/scale.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot_info.h"
#include "tests/unit/log_capture.h"

#include "arch/calibrate.h"
#include "arch/lapic.h"
#include "arch/tsc.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"

struct boot_info boot_info;

static struct cpu cpu;
static uint64_t says[CALIBRATE_REFERENCES]; /* Hz measured by it; 0: not there, 1: stands still */
static bool is_open[CALIBRATE_REFERENCES];
static unsigned opened;
static uint64_t timer_deadline;

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

void lapic_timer_stop(void)
{
	timer_deadline = 0;
}

void lapic_timer_set(uint64_t tsc_deadline)
{
	timer_deadline = tsc_deadline;
}

int calibrate_reference_open(unsigned n, struct clock *clock)
{
	static const char *const names[] = { "HPET", "PM timer", "PIT" };

	if (says[n] == 0) {
		return -E_NODEV;
	}
	*clock = (struct clock){ .name = names[n], .hz = n };
	is_open[n] = true;
	opened++;
	return 0;
}

void calibrate_reference_close(unsigned n)
{
	assert_true(is_open[n]);
	is_open[n] = false;
}

int calibrate(const struct clock *reference, const struct clock *counter, uint64_t *hz)
{
	assert_string_equal(counter->name, "TSC");
	*hz = says[reference->hz];
	return *hz == 1 ? -E_TIMEDOUT : 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&cpu, 0, sizeof(cpu));
	memset(says, 0, sizeof(says));
	opened = 0;
	log_clear();
	return 0;
}

static int init(uint64_t hpet, uint64_t pm_timer, uint64_t pit)
{
	int err;

	says[0] = hpet;
	says[1] = pm_timer;
	says[2] = pit;
	err = tsc_init();
	for (unsigned i = 0; i < CALIBRATE_REFERENCES; i++) {
		assert_false(is_open[i]);
	}
	return err;
}

static void tsc_init_believes_two_that_agree(void **state)
{
	(void)state;
	assert_int_equal(init(2400000000, 2400100000, 7000000), 0);
	assert_int_equal(tsc_frequency(), 2400000000);
	assert_int_equal(opened, 2);
	assert_false(log_has("confirms"));
}

static void tsc_init_lets_a_third_decide_with_figures(void **state)
{
	(void)state;
	assert_int_equal(init(1200000000, 2400000000, 2401000000), 0);
	assert_int_equal(tsc_frequency(), 2400000000);
	assert_true(log_has("1200000 kHz by the HPET, but 2400000 kHz by the PM timer"));
}

static void tsc_init_goes_on_with_one(void **state)
{
	(void)state;
	assert_int_equal(init(0, 2400000000, 0), 0);
	assert_int_equal(tsc_frequency(), 2400000000);
	assert_true(log_has("which no other clock confirms"));
}

static void tsc_init_names_one_that_stands_still(void **state)
{
	(void)state;
	assert_int_equal(init(1, 2400000000, 2400000000), 0);
	assert_true(log_has("the HPET does not count as it should"));
	assert_int_equal(tsc_frequency(), 2400000000);
}

static void tsc_init_disbelieves_what_no_tsc_does(void **state)
{
	(void)state;
	assert_int_equal(init(UINT64_C(5000000000000), 2400000000, 2400000000), 0);
	assert_int_equal(tsc_frequency(), 2400000000);
}

static void tsc_init_fails_without_any_clock(void **state)
{
	(void)state;
	assert_int_equal(init(0, 0, 1), -E_NODEV);
}

static void tsc_deadline_is_never_before_its_time(void **state)
{
	static const uint64_t rates[] = { 1000000, 999999937, 1000000000, 2445408123, 5000000001 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
		assert_int_equal(init(rates[i], rates[i], 0), 0);
		for (uint64_t ns = 1; ns < UINT64_C(1) << 58; ns = ns * 3 + 1) {
			uint64_t tick = UINT64_C(1000000000) / rates[i] + 1;
			uint64_t back = tsc_to_ns(tsc_from_ns(ns));

			assert_true(back >= ns);
			assert_true(back - ns <= 3 * tick);
		}
	}
}

static void tsc_time_starts_at_the_hypervisors_entry_and_advances(void **state)
{
	uint64_t first, second;

	(void)state;
	boot_info.entry_tsc = tsc_read();
	assert_int_equal(init(2400000000, 2400000000, 0), 0);
	assert_int_equal(tsc_to_ns(boot_info.entry_tsc), 0);
	first = arch_time_now();
	second = arch_time_now();
	assert_true(second >= first);
	assert_true(first < UINT64_C(10000000000));
	/* This CPU's counter is an hour behind: that is made up for. */
	cpu.arch.tsc_offset = -tsc_ns_to_ticks(UINT64_C(3600000000000));
	assert_true(arch_time_now() >= UINT64_C(3599999999000));
}

static void timer_set_uses_this_cpus_counter(void **state)
{
	(void)state;
	assert_int_equal(init(1000000000, 1000000000, 0), 0);
	arch_timer_set(5000);
	cpu.arch.tsc_offset = 77;
	assert_int_equal(timer_deadline, tsc_from_ns(5000));
	arch_timer_set(5000);
	assert_int_equal(timer_deadline, tsc_from_ns(5000) + 77);
}

static void timer_set_to_never_stops_it(void **state)
{
	(void)state;
	assert_int_equal(init(3000000000, 3000000000, 0), 0);
	arch_timer_set(5000);
	arch_timer_set(UINT64_MAX);
	assert_int_equal(timer_deadline, 0);
	arch_timer_set(5000);
	arch_timer_set(UINT64_MAX - 1);
	assert_int_equal(timer_deadline, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tsc_init_believes_two_that_agree),
		TEST(tsc_init_lets_a_third_decide_with_figures),
		TEST(tsc_init_goes_on_with_one),
		TEST(tsc_init_names_one_that_stands_still),
		TEST(tsc_init_disbelieves_what_no_tsc_does),
		TEST(tsc_init_fails_without_any_clock),
		TEST(tsc_deadline_is_never_before_its_time),
		TEST(tsc_time_starts_at_the_hypervisors_entry_and_advances),
		TEST(timer_set_uses_this_cpus_counter),
		TEST(timer_set_to_never_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
