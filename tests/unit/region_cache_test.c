/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU's last region: never one that the table has not got any more. */
/* arch: x86 */
/* sources: core/region.c */
#include "arch/region_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PORT 0x3f8

static struct region_table table;
static struct region_cache cache;

static enum region_result answer(void *device, struct access *access)
{
	(void)access;
	return *(enum region_result *)device;
}

static void add(uint64_t start, uint64_t size)
{
	struct region region = { .start = start, .size = size, .fn = answer };

	assert_int_equal(region_add(&table, &region), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	memset(&cache, 0, sizeof(cache));
	return 0;
}

static bool finds(uint64_t address, uint64_t size)
{
	const struct region *region = region_cache_find(&cache, &table, address, size);

	return region != NULL && address - region->start < region->size;
}

static void empty_cache_knows_nothing(void **state)
{
	(void)state;
	assert_false(finds(0, 1));
	assert_false(finds(PORT, 1));
}

static void region_is_found_and_found_again(void **state)
{
	(void)state;
	add(PORT, 8);
	assert_true(finds(PORT, 1));
	assert_true(finds(PORT + 7, 1));
	assert_true(finds(PORT + 4, 4));
}

static void range_that_leaves_the_region_is_not_found(void **state)
{
	(void)state;
	add(PORT, 8);
	assert_true(finds(PORT, 1));
	assert_false(finds(PORT + 7, 2));
	assert_true(finds(PORT, 1));
	assert_false(finds(PORT - 1, 2));
	assert_true(finds(PORT, 1));
	assert_false(finds(PORT + 8, 1));
}

static void miss_leaves_nothing_to_find(void **state)
{
	(void)state;
	add(PORT, 8);
	assert_false(finds(PORT + 6, 4));
	assert_false(finds(PORT + 6, 4));
	assert_true(finds(PORT + 6, 2));
}

static void other_region_takes_its_place(void **state)
{
	(void)state;
	add(PORT, 8);
	add(PORT + 8, 8);
	assert_true(finds(PORT, 1));
	assert_true(finds(PORT + 8, 1));
	assert_true(finds(PORT, 1));
}

static void removed_region_is_forgotten(void **state)
{
	(void)state;
	add(PORT, 8);
	assert_true(finds(PORT, 1));
	assert_int_equal(region_remove(&table, PORT), 0);
	assert_false(finds(PORT, 1));
	assert_false(finds(PORT, 1)); /* not even by a miss that found no other */
	add(PORT + 1, 1);
	assert_false(finds(PORT, 1));
	assert_true(finds(PORT + 1, 1));
}

static void nobody_answers_a_read_with_ones(void **state)
{
	enum region_result result = REGION_ONES;
	struct region region = { .start = PORT, .size = 8, .fn = answer, .device = &result };
	struct access access = { .address = PORT + 2, .size = 2 };

	(void)state;
	assert_int_equal(region_cache_access(&region, &access), REGION_ONES);
	assert_int_equal(access.offset, 2);
	assert_int_equal(access.value, 0xffff);
	access = (struct access){ .address = PORT, .size = 2, .is_write = true, .value = 5 };
	assert_int_equal(region_cache_access(&region, &access), REGION_ONES);
	assert_int_equal(access.value, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty_cache_knows_nothing, setup),
		cmocka_unit_test_setup(region_is_found_and_found_again, setup),
		cmocka_unit_test_setup(range_that_leaves_the_region_is_not_found, setup),
		cmocka_unit_test_setup(miss_leaves_nothing_to_find, setup),
		cmocka_unit_test_setup(other_region_takes_its_place, setup),
		cmocka_unit_test_setup(removed_region_is_forgotten, setup),
		cmocka_unit_test_setup(nobody_answers_a_read_with_ones, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
