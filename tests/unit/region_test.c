/* SPDX-License-Identifier: GPL-2.0-only */
/* Region tables: order, overlaps, edges of the address space, and readers beside writers. */
/* sources: core/region.c */
#include "core/region.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"

static struct region_table table;
static struct access last;

static int setup(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	memset(&last, 0, sizeof(last));
	return 0;
}

static enum region_result answer(void *device, struct access *access)
{
	last = *access;
	access->value = (uintptr_t)device;
	return REGION_DONE;
}

static enum region_result absent(void *device, struct access *access)
{
	(void)device;
	(void)access;
	return REGION_ONES;
}

static int add(uint64_t start, uint64_t size, region_fn *fn)
{
	struct region region = { .start = start, .size = size, .fn = fn, .device = (void *)start };

	return region_add(&table, &region);
}

static bool finds(uint64_t address, uint64_t size, uint64_t start)
{
	struct region region;

	return region_find(&table, address, size, &region) && region.start == start;
}

static void regions_are_found_whatever_order_they_came_in(void **state)
{
	const uint64_t starts[] = { 0x3000, 0x1000, 0x5000, 0x4000, 0x2000 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(starts); i++) {
		assert_int_equal(add(starts[i], 0x800, answer), 0);
	}
	for (uint64_t start = 0x1000; start <= 0x5000; start += 0x1000) {
		assert_true(finds(start, 1, start));
		assert_true(finds(start + 0x7ff, 1, start));
		assert_false(finds(start + 0x800, 1, start));
		assert_false(finds(start - 1, 1, start));
	}
	assert_false(finds(0, 1, 0));
}

static void an_access_over_the_end_is_not_the_regions(void **state)
{
	(void)state;
	assert_int_equal(add(0x1000, 0x10, answer), 0);
	assert_int_equal(add(0x1010, 0x10, answer), 0);
	assert_true(finds(0x100c, 4, 0x1000));
	assert_false(finds(0x100d, 4, 0x1000));
	assert_false(finds(0xfff, 2, 0x1000));
	assert_true(finds(0x1000, 0x10, 0x1000));
	assert_false(finds(0x1000, 0x11, 0x1000));
}

static void overlaps_are_refused(void **state)
{
	(void)state;
	assert_int_equal(add(0x1000, 0x1000, answer), 0);
	assert_int_equal(add(0x1000, 1, answer), -E_EXIST);
	assert_int_equal(add(0x1fff, 1, answer), -E_EXIST);
	assert_int_equal(add(0xfff, 2, answer), -E_EXIST);
	assert_int_equal(add(0, 0x10000, answer), -E_EXIST);
	assert_int_equal(add(0xfff, 1, answer), 0);
	assert_int_equal(add(0x2000, 1, answer), 0);
}

static void the_end_of_the_address_space_is_no_wrap(void **state)
{
	(void)state;
	assert_int_equal(add(~UINT64_C(0) - 15, 16, answer), 0);
	assert_true(finds(~UINT64_C(0), 1, ~UINT64_C(0) - 15));
	assert_false(finds(~UINT64_C(0), 2, ~UINT64_C(0) - 15));
	assert_int_equal(add(~UINT64_C(0) - 31, 17, answer), -E_EXIST);
	assert_int_equal(add(~UINT64_C(0), 2, answer), -E_RANGE);
	assert_int_equal(add(0x1000, 0, answer), -E_RANGE);
}

static void a_full_table_says_so(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < REGION_MAX; i++) {
		assert_int_equal(add(i * 16, 16, answer), 0);
	}
	assert_int_equal(add(REGION_MAX * 16, 16, answer), -E_NOMEM);
	assert_int_equal(region_remove(&table, 5 * 16), 0);
	assert_int_equal(add(REGION_MAX * 16, 16, answer), 0);
}

static void removal_takes_exactly_one(void **state)
{
	(void)state;
	assert_int_equal(add(0x1000, 0x10, answer), 0);
	assert_int_equal(add(0x2000, 0x10, answer), 0);
	assert_int_equal(region_remove(&table, 0x1008), -E_NOENT);
	assert_int_equal(region_remove(&table, 0), -E_NOENT);
	assert_int_equal(region_remove(&table, 0x1000), 0);
	assert_int_equal(region_remove(&table, 0x1000), -E_NOENT);
	assert_false(finds(0x1000, 1, 0x1000));
	assert_true(finds(0x2000, 1, 0x2000));
}

static void an_access_reaches_its_device(void **state)
{
	struct access access = { .address = 0x1234, .size = 4 };

	(void)state;
	assert_int_equal(add(0x1000, 0x1000, answer), 0);
	assert_int_equal(region_access(&table, &access), REGION_DONE);
	assert_int_equal(last.offset, 0x234);
	assert_int_equal(access.value, 0x1000);
}

static void nobodys_address_reads_as_ones_of_its_size(void **state)
{
	const uint64_t ones[] = { 0xff, 0xffff, 0xffffffff, ~UINT64_C(0) };

	(void)state;
	assert_int_equal(add(0x1000, 0x1000, absent), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(ones); i++) {
		struct access nobody = { .address = 0x10, .size = (uint8_t)(1 << i) };
		struct access refused = { .address = 0x1000, .size = (uint8_t)(1 << i) };
		struct access write = { .address = 8, .size = 4, .is_write = true, .value = 5 };

		assert_int_equal(region_access(&table, &nobody), REGION_ONES);
		assert_true(nobody.value == ones[i]);
		assert_int_equal(region_access(&table, &refused), REGION_ONES);
		assert_true(refused.value == ones[i]);
		assert_int_equal(region_access(&table, &write), REGION_ONES);
		assert_int_equal(write.value, 5);
	}
}

static bool churn_ended;

static void *churn(void *failed)
{
	for (unsigned i = 0; i < 100000; i++) {
		if (add(0x1000, 0x100, answer) != 0 || region_remove(&table, 0x1000) != 0) {
			failed = &table;
		}
	}
	atomic_store(&churn_ended, true);
	return failed;
}

/* What stands behind the one that comes and goes is found at every moment, whole. */
static void readers_see_a_whole_table_beside_a_writer(void **state)
{
	pthread_t writer;
	void *failed;

	(void)state;
	for (uint64_t i = 2; i < 20; i++) {
		assert_int_equal(add(i * 0x1000, 0x100, answer), 0);
	}
	assert_int_equal(pthread_create(&writer, NULL, churn, NULL), 0);
	for (unsigned i = 0; !atomic_load(&churn_ended); i++) {
		uint64_t start = (2 + i % 18) * 0x1000;
		struct region region;

		assert_true(region_find(&table, start + 0x80, 1, &region));
		assert_true(region.start == start && region.device == (void *)start);
	}
	assert_int_equal(pthread_join(writer, &failed), 0);
	assert_null(failed);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regions_are_found_whatever_order_they_came_in),
		TEST(an_access_over_the_end_is_not_the_regions),
		TEST(overlaps_are_refused),
		TEST(the_end_of_the_address_space_is_no_wrap),
		TEST(a_full_table_says_so),
		TEST(removal_takes_exactly_one),
		TEST(an_access_reaches_its_device),
		TEST(nobodys_address_reads_as_ones_of_its_size),
		TEST(readers_see_a_whole_table_beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
