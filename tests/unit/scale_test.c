/* SPDX-License-Identifier: GPL-2.0-only */
/* Clock conversion against 128-bit arithmetic. */
/* sources: core/scale.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/scale.h"
#include "core/types.h"

#define NS_HZ   UINT64_C(1000000000)
#define YEAR_NS (UINT64_C(365) * 86400 * NS_HZ)

static const uint64_t rates[] = { 1000000,    3579545,    14318180,   999999937, 1000000000,
				  2445408123, 3693061000, 5000000001, 62500000,  99999999977 };

static uint64_t exact(uint64_t value, uint64_t from, uint64_t to)
{
	unsigned __int128 result = (unsigned __int128)value * to / from;

	return result > UINT64_MAX ? UINT64_MAX : (uint64_t)result;
}

static void check(uint64_t value, uint64_t from, uint64_t to)
{
	struct scale scale = scale_make(from, to);
	uint64_t got = scale_apply(&scale, value);
	uint64_t want = exact(value, from, to);

	if (want == UINT64_MAX) {
		assert_true(got == UINT64_MAX || got >= UINT64_MAX - 2 * (to / from + 1));
		return;
	}
	/* Truncated once more than the exact value, and by less than 2^-63 of it. */
	assert_true(got <= want);
	assert_true(want - got <= 1 + (want >> 62));
}

static void scale_is_exact_to_a_tick_over_a_hundred_years(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
		for (unsigned years = 0; years <= 100; years += 10) {
			uint64_t ticks = exact(years * YEAR_NS + 12345678912345, NS_HZ, rates[i]);

			check(ticks, rates[i], NS_HZ);
		}
	}
}

static void scale_converts_every_magnitude_both_ways(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
		for (unsigned bit = 0; bit < 64; bit++) {
			uint64_t value = UINT64_C(1) << bit;

			check(value, rates[i], NS_HZ);
			check(value - 1, rates[i], NS_HZ);
			check(value + (value >> 1), NS_HZ, rates[i]);
		}
		check(UINT64_MAX, rates[i], NS_HZ);
		check(UINT64_MAX, NS_HZ, rates[i]);
	}
}

static void scale_of_equal_rates_changes_nothing(void **state)
{
	struct scale scale = scale_make(NS_HZ, NS_HZ);

	(void)state;
	assert_int_equal(scale_apply(&scale, 0), 0);
	assert_int_equal(scale_apply(&scale, 1), 1);
	assert_int_equal(scale_apply(&scale, 0x123456789abcdef0), 0x123456789abcdef0);
	assert_true(scale_apply(&scale, UINT64_MAX) == UINT64_MAX);
}

static void scale_saturates_where_the_result_has_no_room(void **state)
{
	struct scale scale = scale_make(1, UINT64_C(1) << 40);

	(void)state;
	assert_int_equal(scale_apply(&scale, 3), UINT64_C(3) << 40);
	assert_true(scale_apply(&scale, UINT64_C(1) << 24) == UINT64_MAX);
}

static void scale_of_a_tiny_ratio_is_zero_for_small_values(void **state)
{
	struct scale scale = scale_make(UINT64_C(1) << 63, 1);

	(void)state;
	assert_int_equal(scale_apply(&scale, 1), 0);
	assert_int_equal(scale_apply(&scale, UINT64_C(1) << 63), 1);
}

static void scale_grows_with_its_argument(void **state)
{
	struct scale scale = scale_make(2445408123, NS_HZ);
	uint64_t last = 0;

	(void)state;
	for (uint64_t ticks = UINT64_C(1) << 60; ticks < (UINT64_C(1) << 60) + 1000; ticks++) {
		uint64_t now = scale_apply(&scale, ticks);

		assert_true(now >= last);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scale_is_exact_to_a_tick_over_a_hundred_years),
		cmocka_unit_test(scale_converts_every_magnitude_both_ways),
		cmocka_unit_test(scale_of_equal_rates_changes_nothing),
		cmocka_unit_test(scale_saturates_where_the_result_has_no_room),
		cmocka_unit_test(scale_of_a_tiny_ratio_is_zero_for_small_values),
		cmocka_unit_test(scale_grows_with_its_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
