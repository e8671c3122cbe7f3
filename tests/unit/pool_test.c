/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the hypervisor's memory is taken from, on maps as firmware and loaders make them. */
/* sources: core/pool.c */
#include "core/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot_info.h"

#define SIZE  (16 * MIB)
#define LIMIT (4 * GIB)

static struct boot_info info;
static struct control_hole holes[4];
static uint32_t hole_count;

/* Of core/control.c. */
uint32_t control_holes(const struct control_hole **list)
{
	*list = holes;
	return hole_count;
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	hole_count = 0;
	return 0;
}

static void add(uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	info.memory[info.memory_count++] =
		(struct boot_memory){ .start = start, .size = size, .kind = kind };
}

static void add_module(uint64_t start, uint64_t size)
{
	info.modules[info.module_count].start = start;
	info.modules[info.module_count++].size = size;
}

static uint64_t find(uint64_t size)
{
	return pool_find(&info, size, LIMIT);
}

static void the_highest_place_below_the_limit_is_taken(void **state)
{
	(void)state;
	add(0, 640 * KIB, BOOT_MEMORY_USABLE);
	add(MIB, 2 * GIB - MIB, BOOT_MEMORY_USABLE);
	add(4 * GIB, 4 * GIB, BOOT_MEMORY_USABLE);
	assert_int_equal(find(SIZE), 2 * GIB - SIZE);
	assert_int_equal(pool_find(&info, SIZE, 64 * GIB), 8 * GIB - SIZE);
	assert_int_equal(pool_usable(&info), 6 * GIB - MIB + 640 * KIB);
}

static void a_range_over_the_limit_is_used_up_to_it(void **state)
{
	(void)state;
	add(GIB, 8 * GIB, BOOT_MEMORY_USABLE);
	assert_int_equal(find(SIZE), 4 * GIB - SIZE);
}

static void only_conventional_memory_is_taken(void **state)
{
	(void)state;
	add(MIB, 64 * MIB, BOOT_MEMORY_USABLE);
	for (unsigned kind = BOOT_MEMORY_BOOT; kind < BOOT_MEMORY_KINDS; kind++) {
		add((1 + kind) * 128 * MIB, 64 * MIB, kind);
	}
	assert_int_equal(find(SIZE), 48 * MIB);
	assert_int_equal(pool_usable(&info), 64 * MIB);
}

static void starts_are_aligned_where_the_range_has_room(void **state)
{
	(void)state;
	add(MIB, GIB - MIB - 5 * PAGE_SIZE, BOOT_MEMORY_USABLE);
	assert_int_equal(find(SIZE - PAGE_SIZE), GIB - SIZE - 2 * MIB);
	assert_int_equal(find(3 * PAGE_SIZE), GIB - 2 * MIB);
	setup(state);
	add(33 * MIB, 17 * MIB, BOOT_MEMORY_USABLE);
	assert_int_equal(find(17 * MIB), 33 * MIB);
	assert_int_equal(find(SIZE), 34 * MIB);
}

static void ragged_borders_are_cut_to_pages(void **state)
{
	(void)state;
	add(32 * MIB + 1, SIZE + PAGE_SIZE, BOOT_MEMORY_USABLE);
	assert_int_equal(find(SIZE), 32 * MIB + PAGE_SIZE);
	assert_int_equal(find(SIZE + PAGE_SIZE), 0);
}

static void image_modules_and_holes_are_stepped_over(void **state)
{
	(void)state;
	add(MIB, GIB - MIB, BOOT_MEMORY_USABLE);
	add_module(GIB - MIB, PAGE_SIZE); /* near the top */
	info.image_start = GIB - 30 * MIB;
	info.image_size = 20 * MIB;
	holes[hole_count++] = (struct control_hole){ GIB - 40 * MIB, PAGE_SIZE, "hole", false };
	add_module(GIB - 58 * MIB, 1); /* one byte */
	/* No gap between them is wide enough. */
	assert_int_equal(find(SIZE + 2 * MIB), GIB - 58 * MIB - SIZE - 2 * MIB);
	assert_int_equal(find(SIZE), GIB - 56 * MIB);
}

static void a_gap_that_fits_exactly_is_used(void **state)
{
	(void)state;
	add(MIB, GIB - MIB, BOOT_MEMORY_USABLE);
	add_module(GIB - 2 * MIB, 2 * MIB);
	add_module(GIB - 20 * MIB, 2 * MIB);
	assert_int_equal(find(SIZE), GIB - 18 * MIB);
}

static void overlapping_modules_do_no_harm(void **state)
{
	(void)state;
	add(MIB, 100 * MIB, BOOT_MEMORY_USABLE);
	add_module(0, 50 * MIB);
	add_module(40 * MIB, 61 * MIB);
	add_module(0, 41 * MIB);
	assert_int_equal(find(SIZE), 0);
}

static void a_module_that_wraps_takes_all_above_it(void **state)
{
	(void)state;
	add(MIB, 64 * MIB, BOOT_MEMORY_USABLE);
	add(GIB, GIB, BOOT_MEMORY_USABLE);
	add_module(GIB + 100 * MIB, ~UINT64_C(0));
	assert_int_equal(find(SIZE), GIB + 84 * MIB);
	add_module(GIB - MIB, ~UINT64_C(0) - MIB);
	assert_int_equal(find(SIZE), 48 * MIB);
}

static void empty_modules_take_nothing(void **state)
{
	(void)state;
	add(MIB, 63 * MIB, BOOT_MEMORY_USABLE);
	add_module(50 * MIB, 0);
	assert_int_equal(find(SIZE), 48 * MIB);
}

static void the_first_megabyte_is_left_alone(void **state)
{
	(void)state;
	add(0, SIZE + MIB - PAGE_SIZE, BOOT_MEMORY_USABLE);
	assert_int_equal(find(SIZE), 0);
	info.memory[0].size += PAGE_SIZE;
	assert_int_equal(find(SIZE), MIB);
}

static void no_memory_is_no_place(void **state)
{
	(void)state;
	assert_int_equal(find(SIZE), 0);
	assert_int_equal(pool_usable(&info), 0);
	add(5 * GIB, GIB, BOOT_MEMORY_USABLE);
	assert_int_equal(find(SIZE), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_highest_place_below_the_limit_is_taken),
		TEST(a_range_over_the_limit_is_used_up_to_it),
		TEST(only_conventional_memory_is_taken),
		TEST(starts_are_aligned_where_the_range_has_room),
		TEST(ragged_borders_are_cut_to_pages),
		TEST(image_modules_and_holes_are_stepped_over),
		TEST(a_gap_that_fits_exactly_is_used),
		TEST(overlapping_modules_do_no_harm),
		TEST(a_module_that_wraps_takes_all_above_it),
		TEST(empty_modules_take_nothing),
		TEST(the_first_megabyte_is_left_alone),
		TEST(no_memory_is_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
