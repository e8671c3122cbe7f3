/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the hypervisor's memory is taken from, on maps as firmware makes them. */
/* sources: mm/pool.c */
#include "mm/pool.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/err.h"

#define LIMIT (4 * GIB)

static int choose(const struct pool_range *usable, uint32_t usable_count,
		  const struct pool_range *taken, uint32_t taken_count, uint64_t *start)
{
	struct pool_map map = { usable, usable_count, taken, taken_count };

	return pool_choose(&map, 16 * MIB, LIMIT, start);
}

#define CHOOSE(usable, taken, start) \
	choose(usable, ARRAY_SIZE(usable), taken, ARRAY_SIZE(taken), start)

static void the_budget_follows_ram_and_cpus(void **state)
{
	(void)state;
	assert_int_equal(pool_budget(0, 1), 8 * MIB + 64 * KIB);
	assert_int_equal(pool_budget(2 * GIB, 2), 8 * MIB + 128 * KIB + 2 * GIB / 250);
	assert_int_equal(pool_budget(GIB, 1024) - pool_budget(GIB, 0), 64 * MIB);
}

static void both_pools_and_the_image_stay_in_the_budget(void **state)
{
	const uint64_t rams[] = { 256 * MIB, 512 * MIB, 2 * GIB, 6 * GIB, 64 * GIB, 1024 * GIB };
	const uint32_t cpus[] = { 1, 2, 4, 64, 1024 };
	const uint64_t image = 700 * KIB;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rams); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(cpus); j++) {
			uint64_t first = pool_first_size(rams[i], image);
			uint64_t second = pool_second_size(rams[i], cpus[j], image + first);
			uint64_t all = image + first + second;

			assert_true(all <= pool_budget(rams[i], cpus[j]));
			assert_true(pool_budget(rams[i], cpus[j]) - all < POOL_ALIGNMENT);
			assert_true(is_aligned(first | second, POOL_ALIGNMENT));
			assert_in_range(first, 4 * MIB, 64 * MIB);
		}
	}
	assert_int_equal(pool_first_size(0, GIB), 0);
	assert_int_equal(pool_second_size(GIB, 1, GIB), 0);
}

static void the_highest_place_below_the_limit_is_taken(void **state)
{
	const struct pool_range usable[] = { { 0, 640 * KIB },
					     { MIB, 2 * GIB - MIB },
					     { 4 * GIB, 4 * GIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(choose(usable, 3, NULL, 0, &start), 0);
	assert_int_equal(start, 2 * GIB - 16 * MIB);
}

static void a_range_over_the_limit_is_used_up_to_it(void **state)
{
	const struct pool_range usable[] = { { GIB, 8 * GIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(choose(usable, 1, NULL, 0, &start), 0);
	assert_int_equal(start, 4 * GIB - 16 * MIB);
}

static void the_order_of_the_map_does_not_matter(void **state)
{
	const struct pool_range usable[] = { { GIB, GIB },
					     { MIB, 100 * MIB },
					     { 3 * GIB, 20 * MIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(choose(usable, 3, NULL, 0, &start), 0);
	assert_int_equal(start, 3 * GIB + 4 * MIB);
}

static void taken_ranges_are_stepped_over(void **state)
{
	const struct pool_range usable[] = { { MIB, GIB - MIB } };
	const struct pool_range taken[] = {
		{ GIB - MIB, PAGE_SIZE },     /* a table near the top */
		{ GIB - 30 * MIB, 20 * MIB }, /* an initrd */
		{ GIB - 40 * MIB + 1, 1 },    /* one byte */
		{ 0, 640 * KIB },
	};
	uint64_t start;

	(void)state;
	assert_int_equal(CHOOSE(usable, taken, &start), 0);
	/* Neither gap is wide enough but the one below the byte. */
	assert_int_equal(start, GIB - 56 * MIB);
}

static void a_gap_that_fits_exactly_is_used(void **state)
{
	const struct pool_range usable[] = { { MIB, GIB - MIB } };
	const struct pool_range taken[] = { { GIB - 2 * MIB, 2 * MIB },
					    { GIB - 20 * MIB, 2 * MIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(CHOOSE(usable, taken, &start), 0);
	assert_int_equal(start, GIB - 18 * MIB);
}

static void overlapping_taken_ranges_do_no_harm(void **state)
{
	const struct pool_range usable[] = { { MIB, 100 * MIB } };
	const struct pool_range taken[] = { { 0, 50 * MIB },
					    { 40 * MIB, 61 * MIB },
					    { 0, 41 * MIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(CHOOSE(usable, taken, &start), -E_NOMEM);
}

static void ranges_that_wrap_are_cut_not_believed(void **state)
{
	const struct pool_range usable[] = { { 3 * GIB, ~UINT64_C(0) }, { MIB, 64 * MIB } };
	const struct pool_range taken[] = { { 3 * GIB - MIB, ~UINT64_C(0) } };
	uint64_t start;

	(void)state;
	assert_int_equal(CHOOSE(usable, taken, &start), 0);
	assert_int_equal(start, 48 * MIB);
}

static void empty_ranges_mean_nothing(void **state)
{
	const struct pool_range usable[] = { { GIB, 0 }, { MIB, 64 * MIB } };
	const struct pool_range taken[] = { { 50 * MIB, 0 } };
	uint64_t start;

	(void)state;
	assert_int_equal(CHOOSE(usable, taken, &start), 0);
	assert_int_equal(start, 48 * MIB);
}

static void the_first_megabytes_are_left_alone(void **state)
{
	const struct pool_range usable[] = { { 0, 17 * MIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(choose(usable, 1, NULL, 0, &start), -E_NOMEM);
	assert_int_equal(choose(NULL, 0, NULL, 0, &start), -E_NOMEM);
}

static void fragments_too_small_are_passed_over(void **state)
{
	const struct pool_range usable[] = { { GIB + MIB, 17 * MIB - 1 }, { 16 * MIB, 16 * MIB } };
	uint64_t start;

	(void)state;
	assert_int_equal(choose(usable, 2, NULL, 0, &start), 0);
	assert_int_equal(start, 16 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_budget_follows_ram_and_cpus),
		cmocka_unit_test(both_pools_and_the_image_stay_in_the_budget),
		cmocka_unit_test(the_highest_place_below_the_limit_is_taken),
		cmocka_unit_test(a_range_over_the_limit_is_used_up_to_it),
		cmocka_unit_test(the_order_of_the_map_does_not_matter),
		cmocka_unit_test(taken_ranges_are_stepped_over),
		cmocka_unit_test(a_gap_that_fits_exactly_is_used),
		cmocka_unit_test(overlapping_taken_ranges_do_no_harm),
		cmocka_unit_test(ranges_that_wrap_are_cut_not_believed),
		cmocka_unit_test(empty_ranges_mean_nothing),
		cmocka_unit_test(the_first_megabytes_are_left_alone),
		cmocka_unit_test(fragments_too_small_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
