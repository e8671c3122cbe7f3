/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/pool.c */
/* arch: x86 */
/* Where the hypervisor's memory may lie, in maps drawn by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "core/pool.h"

static struct boot_info info;
static struct control_hole holes[4];
static uint32_t hole_count;

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

static void memory(uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	info.memory[info.memory_count++] =
		(struct boot_memory){ .start = start, .size = size, .kind = kind };
}

static void module(uint64_t start, uint64_t size)
{
	info.modules[info.module_count].start = start;
	info.modules[info.module_count++].size = size;
}

static void pool_find_takes_the_top_of_memory(void **state)
{
	(void)state;
	memory(0, 64 * MIB, BOOT_MEMORY_USABLE);
	memory(128 * MIB, 64 * MIB, BOOT_MEMORY_USABLE);
	assert_int_equal(pool_find(&info, 8 * MIB, 4 * GIB), 184 * MIB);
}

static void pool_find_keeps_below_the_limit(void **state)
{
	(void)state;
	memory(0, 2 * GIB, BOOT_MEMORY_USABLE);
	memory(4 * GIB, 4 * GIB, BOOT_MEMORY_USABLE);
	assert_int_equal(pool_find(&info, MIB, 4 * GIB), 2 * GIB - MIB);
	assert_int_equal(pool_find(&info, MIB, 5 * GIB), 5 * GIB - MIB);
}

static void pool_find_wants_usable_memory_only(void **state)
{
	(void)state;
	memory(16 * MIB, 16 * MIB, BOOT_MEMORY_USABLE);
	for (unsigned kind = BOOT_MEMORY_USABLE + 1; kind < BOOT_MEMORY_KINDS; kind++) {
		memory(GIB + kind * 64 * MIB, 64 * MIB, kind);
	}
	assert_int_equal(pool_find(&info, 16 * MIB, 4 * GIB), 16 * MIB);
	assert_int_equal(pool_find(&info, 16 * MIB + PAGE_SIZE, 4 * GIB), 0);
}

static void pool_find_goes_round_modules_image_and_holes(void **state)
{
	(void)state;
	memory(0, 64 * MIB, BOOT_MEMORY_USABLE);
	module(60 * MIB, MIB);
	info.image_start = 50 * MIB;
	info.image_size = MIB + 1;
	holes[0] = (struct control_hole){ 30 * MIB, PAGE_SIZE, "last words" };
	hole_count = 1;
	assert_int_equal(pool_find(&info, 3 * MIB, 4 * GIB), 61 * MIB);
	assert_int_equal(pool_find(&info, 4 * MIB, 4 * GIB), 56 * MIB);
	assert_int_equal(pool_find(&info, 10 * MIB, 4 * GIB), 40 * MIB);
	assert_int_equal(pool_find(&info, 25 * MIB, 4 * GIB), 5 * MIB);
	assert_int_equal(pool_find(&info, 30 * MIB, 4 * GIB), 0);
}

static void pool_find_ends_below_the_first_byte_of_a_module(void **state)
{
	(void)state;
	memory(0, 16 * MIB, BOOT_MEMORY_USABLE);
	module(12 * MIB + 5, 4 * MIB - 5);
	assert_int_equal(pool_find(&info, MIB, 4 * GIB), 11 * MIB);
}

static void pool_find_sees_modules_that_overlap(void **state)
{
	(void)state;
	memory(0, 64 * MIB, BOOT_MEMORY_USABLE);
	module(40 * MIB, 24 * MIB);
	module(30 * MIB, 20 * MIB);
	assert_int_equal(pool_find(&info, 8 * MIB, 4 * GIB), 22 * MIB);
}

static void pool_find_leaves_the_first_mib(void **state)
{
	(void)state;
	memory(0, 2 * MIB, BOOT_MEMORY_USABLE);
	assert_int_equal(pool_find(&info, MIB, 4 * GIB), MIB);
	assert_int_equal(pool_find(&info, MIB + PAGE_SIZE, 4 * GIB), 0);
}

static void pool_find_uses_whole_pages_of_odd_ranges(void **state)
{
	(void)state;
	memory(16 * MIB + 1, 4 * MIB, BOOT_MEMORY_USABLE);
	assert_int_equal(pool_find(&info, 4 * MIB - PAGE_SIZE, 4 * GIB), 16 * MIB + PAGE_SIZE);
	assert_int_equal(pool_find(&info, 4 * MIB, 4 * GIB), 0);
}

static void pool_usable_counts_usable_bytes(void **state)
{
	(void)state;
	memory(0, 640 * KIB, BOOT_MEMORY_USABLE);
	memory(MIB, 15 * MIB, BOOT_MEMORY_USABLE);
	memory(16 * MIB, MIB, BOOT_MEMORY_RESERVED);
	assert_int_equal(pool_usable(&info), 15 * MIB + 640 * KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pool_find_takes_the_top_of_memory, setup),
		cmocka_unit_test_setup(pool_find_keeps_below_the_limit, setup),
		cmocka_unit_test_setup(pool_find_wants_usable_memory_only, setup),
		cmocka_unit_test_setup(pool_find_goes_round_modules_image_and_holes, setup),
		cmocka_unit_test_setup(pool_find_ends_below_the_first_byte_of_a_module, setup),
		cmocka_unit_test_setup(pool_find_sees_modules_that_overlap, setup),
		cmocka_unit_test_setup(pool_find_leaves_the_first_mib, setup),
		cmocka_unit_test_setup(pool_find_uses_whole_pages_of_odd_ranges, setup),
		cmocka_unit_test_setup(pool_usable_counts_usable_bytes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
