/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame database: look-up over ranges, ownership, counts at their ends. */
/* sources: mm/frame.c */
#include "mm/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"

/* The database has no way to forget: these are added once. */
#define LOW_START  UINT64_C(0x1000)
#define LOW_SIZE   UINT64_C(0x4000)
#define HIGH_START UINT64_C(0x100000000)
#define HIGH_SIZE  UINT64_C(0x10000)
#define GUEST      7

static struct frame low[LOW_SIZE / PAGE_SIZE], high[HIGH_SIZE / PAGE_SIZE];

static int setup(void **state)
{
	(void)state;
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	return 0;
}

static int add_ranges(void **state)
{
	(void)state;
	return frame_add(hpa(LOW_START), LOW_SIZE, low) != 0 ||
	       frame_add(hpa(HIGH_START), HIGH_SIZE, high) != 0;
}

static void ranges_are_sorted_aligned_and_apart(void **state)
{
	(void)state;
	assert_int_equal(frame_add(hpa(HIGH_START + HIGH_SIZE - PAGE_SIZE), PAGE_SIZE, low),
			 -E_EXIST);
	assert_int_equal(frame_add(hpa(0), PAGE_SIZE, low), -E_EXIST);
	assert_int_equal(frame_add(hpa(HIGH_START + HIGH_SIZE), 5, low), -E_INVAL);
	assert_int_equal(frame_add(hpa(HIGH_START + HIGH_SIZE), 0, low), -E_INVAL);
	assert_int_equal(frame_add(hpa(~UINT64_C(0) & PAGE_MASK), 2 * PAGE_SIZE, low), -E_RANGE);
	assert_int_equal(frame_records_size(GIB), GIB / 512);
}

static void find_gives_each_frame_its_record(void **state)
{
	(void)state;
	assert_null(frame_find(hpa(0)));
	assert_ptr_equal(frame_find(hpa(LOW_START)), &low[0]);
	assert_ptr_equal(frame_find(hpa(LOW_START + LOW_SIZE - 1)), &low[3]);
	assert_null(frame_find(hpa(LOW_START + LOW_SIZE)));
	assert_null(frame_find(hpa(HIGH_START - 1)));
	assert_ptr_equal(frame_find(hpa(HIGH_START)), &high[0]);
	assert_null(frame_find(hpa(HIGH_START + HIGH_SIZE)));
	assert_null(frame_find(hpa(~UINT64_C(0))));
}

static void frames_begin_as_nobodys(void **state)
{
	(void)state;
	assert_int_equal(frame_owner(hpa(LOW_START)), FRAME_OWNER_NOBODY);
	assert_int_equal(frame_state(hpa(LOW_START)), FRAME_FREE);
	assert_int_equal(frame_owner(hpa(0)), FRAME_OWNER_NOBODY);
}

static void owner_changes_only_from_the_expected_one(void **state)
{
	(void)state;
	assert_int_equal(frame_set_owner(hpa(LOW_START), FRAME_OWNER_NOBODY, FRAME_OWNER_CONTROL,
					 FRAME_CONTROL),
			 0);
	assert_int_equal(frame_set_owner(hpa(LOW_START), FRAME_OWNER_NOBODY, GUEST, FRAME_SHARED),
			 -E_PERM);
	assert_int_equal(frame_owner(hpa(LOW_START)), FRAME_OWNER_CONTROL);
	assert_int_equal(frame_set_owner(hpa(LOW_START), FRAME_OWNER_CONTROL, GUEST, FRAME_DONATED),
			 0);
	assert_int_equal(frame_owner(hpa(LOW_START)), GUEST);
	assert_int_equal(frame_state(hpa(LOW_START)), FRAME_DONATED);
	assert_int_equal(frame_set_owner(hpa(0), 0, GUEST, FRAME_DONATED), -E_NOENT);
}

static void a_mapped_or_pinned_frame_keeps_its_owner(void **state)
{
	hpa_t frame = hpa(HIGH_START);

	(void)state;
	assert_int_equal(frame_set_owner(frame, 0, GUEST, FRAME_DONATED), 0);
	frame_map_get(frame, PAGE_SIZE);
	assert_int_equal(frame_set_owner(frame, GUEST, 0, FRAME_FREE), -E_BUSY);
	assert_int_equal(frame_set_owner(frame, GUEST, GUEST, FRAME_SEALED), 0);
	assert_int_equal(frame_state(frame), FRAME_SEALED);
	frame_map_put(frame, PAGE_SIZE);
	assert_int_equal(frame_pin(frame), 0);
	assert_int_equal(frame_set_owner(frame, GUEST, 0, FRAME_FREE), -E_BUSY);
	frame_unpin(frame);
	assert_int_equal(frame_set_owner(frame, GUEST, 0, FRAME_FREE), 0);
}

static void a_range_is_given_until_anothers_frame(void **state)
{
	(void)state;
	assert_int_equal(frame_set_owner(hpa(LOW_START + 2 * PAGE_SIZE), 0, GUEST, FRAME_DONATED),
			 0);
	assert_int_equal(
		frame_set_owner_range(hpa(LOW_START), LOW_SIZE, FRAME_OWNER_CONTROL, FRAME_CONTROL),
		-E_PERM);
	assert_int_equal(frame_owner(hpa(LOW_START + PAGE_SIZE)), FRAME_OWNER_CONTROL);
	assert_int_equal(frame_owner(hpa(LOW_START + 2 * PAGE_SIZE)), GUEST);
	assert_int_equal(frame_owner(hpa(LOW_START + 3 * PAGE_SIZE)), FRAME_OWNER_NOBODY);
	/* Again, and what is one's own already: no matter. */
	assert_int_equal(frame_set_owner_range(hpa(LOW_START), 2 * PAGE_SIZE, FRAME_OWNER_CONTROL,
					       FRAME_CONTROL),
			 0);
	assert_int_equal(frame_set_owner_range(hpa(HIGH_START), HIGH_SIZE + PAGE_SIZE,
					       FRAME_OWNER_CONTROL, FRAME_CONTROL),
			 -E_NOENT);
	assert_int_equal(frame_owner(hpa(HIGH_START + HIGH_SIZE - 1)), FRAME_OWNER_CONTROL);
}

static void counts_go_over_ranges_and_holes(void **state)
{
	(void)state;
	frame_map_get(hpa(0), HIGH_START + HIGH_SIZE + PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(low); i++) {
		assert_int_equal(field_get(FRAME_MAP_COUNT, low[i].word), 1);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(high); i++) {
		assert_int_equal(field_get(FRAME_MAP_COUNT, high[i].word), 1);
	}
	frame_map_get(hpa(LOW_START + PAGE_SIZE), PAGE_SIZE);
	frame_map_put(hpa(0), HIGH_START + HIGH_SIZE + PAGE_SIZE);
	assert_int_equal(low[0].word, 0);
	assert_int_equal(field_get(FRAME_MAP_COUNT, low[1].word), 1);
	assert_int_equal(high[15].word, 0);
}

static void a_saturated_map_count_never_falls(void **state)
{
	const uint64_t most = field_get(FRAME_MAP_COUNT, FRAME_MAP_COUNT);

	(void)state;
	low[0].word = field_set(FRAME_MAP_COUNT, most - 1) | field_set(FRAME_OWNER, GUEST) |
		      field_set(FRAME_PIN_COUNT, 1);
	frame_map_get(hpa(LOW_START), PAGE_SIZE);
	frame_map_get(hpa(LOW_START), PAGE_SIZE);
	assert_int_equal(field_get(FRAME_MAP_COUNT, low[0].word), most);
	assert_int_equal(field_get(FRAME_PIN_COUNT, low[0].word), 1);
	assert_int_equal(frame_owner(hpa(LOW_START)), GUEST);
	frame_map_put(hpa(LOW_START), PAGE_SIZE);
	assert_int_equal(field_get(FRAME_MAP_COUNT, low[0].word), most);
	frame_unpin(hpa(LOW_START));
	assert_int_equal(frame_set_owner(hpa(LOW_START), GUEST, 0, FRAME_FREE), -E_BUSY);
}

static void pins_end_with_an_error(void **state)
{
	(void)state;
	low[0].word = field_set(FRAME_PIN_COUNT, 0xfffe);
	assert_int_equal(frame_pin(hpa(LOW_START)), 0);
	assert_int_equal(frame_pin(hpa(LOW_START)), -E_BUSY);
	assert_int_equal(field_get(FRAME_PIN_COUNT, low[0].word), 0xffff);
	assert_int_equal(frame_pin(hpa(0)), -E_NOENT);
}

static void putting_what_was_not_got_is_our_fault(void **state)
{
	(void)state;
	expect_assert_failure(frame_map_put(hpa(LOW_START), PAGE_SIZE));
	expect_assert_failure(frame_unpin(hpa(LOW_START)));
}

static void mmio_is_found_by_any_overlap(void **state)
{
	(void)state;
	assert_int_equal(frame_mmio_reserve(hpa(0xfee00000), PAGE_SIZE, "lapic"), 0);
	assert_int_equal(frame_mmio_reserve(hpa(0xfec00000), PAGE_SIZE, "ioapic"), 0);
	assert_int_equal(frame_mmio_reserve(hpa(~UINT64_C(0)), 2, "wraps"), -E_RANGE);
	assert_string_equal(frame_mmio_owner(hpa(0xfee00000), 1), "lapic");
	assert_string_equal(frame_mmio_owner(hpa(0xfee00fff), PAGE_SIZE), "lapic");
	assert_string_equal(frame_mmio_owner(hpa(0xfec00000 - 4), 5), "ioapic");
	assert_null(frame_mmio_owner(hpa(0xfec00000 - 4), 4));
	assert_null(frame_mmio_owner(hpa(0xfee01000), PAGE_SIZE));
	assert_non_null(frame_mmio_owner(hpa(0), ~UINT64_C(0)));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_are_sorted_aligned_and_apart),
		TEST(find_gives_each_frame_its_record),
		TEST(frames_begin_as_nobodys),
		TEST(owner_changes_only_from_the_expected_one),
		TEST(a_mapped_or_pinned_frame_keeps_its_owner),
		TEST(a_range_is_given_until_anothers_frame),
		TEST(counts_go_over_ranges_and_holes),
		TEST(a_saturated_map_count_never_falls),
		TEST(pins_end_with_an_error),
		TEST(putting_what_was_not_got_is_our_fault),
		TEST(mmio_is_found_by_any_overlap),
	};

	return cmocka_run_group_tests(tests, add_ranges, NULL);
}
