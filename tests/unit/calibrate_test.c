/* SPDX-License-Identifier: GPL-2.0-only */
/* Measuring one clock by another: both are played by the test on one virtual time. */
/* arch: x86 */
/* sources: arch/x86/calibrate.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/calibrate.h"
#include "core/bits.h"
#include "core/err.h"

#define NS_HZ UINT64_C(1000000000)

static uint64_t now_ns;       /* virtual time */
static uint64_t read_cost_ns; /* of the reference */
static uint64_t counter_hz;
static uint64_t reference_start;
static unsigned reads;
static unsigned stall_each; /* every so many reads of the reference take a long time; 0: never */
static bool reference_stands, counter_stands;

static struct clock reference, counter;

static uint64_t ticks(uint64_t hz)
{
	return (uint64_t)((unsigned __int128)now_ns * hz / NS_HZ);
}

static uint64_t counter_read(void)
{
	now_ns += 10;
	return counter_stands ? 7 : ticks(counter_hz);
}

static uint64_t reference_read(void)
{
	uint64_t value;

	reads++;
	now_ns += read_cost_ns / 2;
	value = reference_stands ? 5 : (ticks(reference.hz) + reference_start) & reference.mask;
	now_ns += read_cost_ns / 2;
	if (stall_each != 0 && reads % stall_each == 0) {
		now_ns += 50000;
	}
	return value;
}

static int setup(void **state)
{
	(void)state;
	now_ns = 1000000007;
	read_cost_ns = 700;
	counter_hz = 2445408000;
	reads = 0;
	stall_each = 0;
	reference_start = 0;
	reference_stands = false;
	counter_stands = false;
	reference = (struct clock){ .name = "PM timer",
				    .hz = 3579545,
				    .mask = BITS(23, 0),
				    .spin_max = 100000,
				    .read = reference_read };
	counter = (struct clock){ .name = "TSC", .mask = UINT64_MAX, .read = counter_read };
	return 0;
}

static void assert_measured_within(uint64_t parts)
{
	uint64_t hz = 0;
	uint64_t difference;

	assert_int_equal(calibrate(&reference, &counter, &hz), 0);
	difference = hz > counter_hz ? hz - counter_hz : counter_hz - hz;
	assert_true(difference <= counter_hz / parts);
}

static void calibrate_measures_to_two_ticks_of_the_reference(void **state)
{
	(void)state;
	assert_measured_within(3579545 / 250 / 2);
}

static void calibrate_measures_by_a_fast_reference_more_closely(void **state)
{
	(void)state;
	reference.hz = 100000000;
	reference.mask = UINT32_MAX;
	assert_measured_within(5000);
}

static void calibrate_measures_across_the_wrap_of_the_reference(void **state)
{
	(void)state;
	reference_start = (BITS(23, 0) - ticks(reference.hz) - 5000) & BITS(23, 0);
	assert_measured_within(3579545 / 250 / 2);
}

static void calibrate_measures_a_counter_that_wraps(void **state)
{
	(void)state;
	counter.mask = UINT32_MAX;
	now_ns = UINT64_C(0xfffff000) * NS_HZ / counter_hz;
	assert_measured_within(3579545 / 250 / 2);
}

static void calibrate_is_not_misled_by_interruptions(void **state)
{
	(void)state;
	stall_each = 3;
	assert_measured_within(3579545 / 250 / 2);
}

static void calibrate_gives_up_on_a_reference_that_stands_still(void **state)
{
	uint64_t hz = 0;

	(void)state;
	reference_stands = true;
	assert_int_equal(calibrate(&reference, &counter, &hz), -E_TIMEDOUT);
	assert_true(reads <= reference.spin_max + 100);
}

static void calibrate_names_a_counter_that_stands_still(void **state)
{
	uint64_t hz = 0;

	(void)state;
	counter_stands = true;
	assert_int_equal(calibrate(&reference, &counter, &hz), -E_NODEV);
}

static void calibrate_takes_a_few_milliseconds(void **state)
{
	uint64_t start = now_ns;
	uint64_t hz;

	(void)state;
	assert_int_equal(calibrate(&reference, &counter, &hz), 0);
	assert_true(now_ns - start < 15000000);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calibrate_measures_to_two_ticks_of_the_reference),
		TEST(calibrate_measures_by_a_fast_reference_more_closely),
		TEST(calibrate_measures_across_the_wrap_of_the_reference),
		TEST(calibrate_measures_a_counter_that_wraps),
		TEST(calibrate_is_not_misled_by_interruptions),
		TEST(calibrate_gives_up_on_a_reference_that_stands_still),
		TEST(calibrate_names_a_counter_that_stands_still),
		TEST(calibrate_takes_a_few_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
