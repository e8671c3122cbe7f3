/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory through stage-2 and windows, with rights, holes and overflow. */
/* sources: mm/guest_mem.c mm/stage2.c mm/hyp_map.c mm/hyp_map_secret.c mm/window.c mm/pt.c */
/* sources: mm/frame.c mm/page_alloc.c core/epoch.c */
#include "mm/guest_mem.h"

#include "mm/stage2.h"
#include "tests/unit/hyp_fixture.h"

#define GPA_RAM       (3 * GIB) /* two pages that lie apart and swapped in host memory */
#define GPA_READ_ONLY (GPA_RAM + 2 * PAGE_SIZE)
#define GPA_DEVICE    (GPA_RAM + 4 * PAGE_SIZE)
#define HPA_FIRST     (GUEST_RAM + 8 * PAGE_SIZE)
#define HPA_SECOND    (GUEST_RAM + 5 * PAGE_SIZE)
#define HPA_READ_ONLY (GUEST_RAM + 9 * PAGE_SIZE)

static struct stage2 stage2;

static int map(uint64_t start, uint64_t target, uint32_t prot)
{
	struct pt_range range = { start, PAGE_SIZE, hpa(target), { prot, PT_MEMORY_WB } };

	return stage2_map_all(&stage2, range);
}

static int guest_init(void **state)
{
	return machine_init(state) != 0 || stage2_init(&stage2, NULL) != 0 ||
	       map(GPA_RAM, HPA_FIRST, PT_READ | PT_WRITE) != 0 ||
	       map(GPA_RAM + PAGE_SIZE, HPA_SECOND, PT_READ | PT_WRITE) != 0 ||
	       map(GPA_READ_ONLY, HPA_READ_ONLY, PT_READ) != 0 ||
	       map(GPA_DEVICE, RAM + GIB, PT_READ | PT_WRITE) != 0;
}

static int setup(void **state)
{
	(void)state;
	memset(fake_memory(hpa(GUEST_RAM)), 0x11, 16 * PAGE_SIZE);
	return 0;
}

static void a_write_over_pages_lands_in_each(void **state)
{
	char text[10];

	(void)state;
	assert_int_equal(guest_mem_write(&stage2, gpa(GPA_RAM + PAGE_SIZE - 4), "over page", 10),
			 0);
	assert_memory_equal(fake_memory(hpa(HPA_FIRST + PAGE_SIZE - 4)), "over", 4);
	assert_string_equal(fake_memory(hpa(HPA_SECOND)), " page");
	assert_int_equal(*(char *)fake_memory(hpa(HPA_FIRST + PAGE_SIZE)), 0x11);
	assert_int_equal(guest_mem_read(&stage2, gpa(GPA_RAM + PAGE_SIZE - 4), text, 10), 0);
	assert_string_equal(text, "over page");
}

static void read_only_pages_can_be_read_only(void **state)
{
	uint64_t word = 0;

	(void)state;
	assert_int_equal(guest_mem_read(&stage2, gpa(GPA_READ_ONLY), &word, 8), 0);
	assert_int_equal(word, 0x1111111111111111);
	assert_int_equal(guest_mem_write(&stage2, gpa(GPA_READ_ONLY), &word, 8), -E_RANGE);
	assert_int_equal(guest_mem_zero(&stage2, gpa(GPA_READ_ONLY), 8), -E_RANGE);
	assert_int_equal(guest_mem_compare_exchange(&stage2, gpa(GPA_READ_ONLY), &word, 1),
			 -E_RANGE);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_READ_ONLY)), 0x11);
}

static void an_access_stops_where_rights_end(void **state)
{
	char bytes[2 * PAGE_SIZE];

	(void)state;
	memset(bytes, 0x22, sizeof(bytes));
	assert_int_equal(guest_mem_write(&stage2, gpa(GPA_READ_ONLY - 8), bytes, 16), -E_RANGE);
	assert_int_equal(guest_mem_read(&stage2, gpa(GPA_READ_ONLY), bytes, sizeof(bytes)),
			 -E_RANGE);
	assert_int_equal(bytes[PAGE_SIZE - 1], 0x11);
	assert_int_equal(bytes[PAGE_SIZE], 0x22);
	assert_int_equal(guest_mem_read(&stage2, gpa(0), bytes, 1), -E_RANGE);
}

static void device_memory_is_not_the_guests_ram(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(guest_mem_read(&stage2, gpa(GPA_DEVICE), &byte, 1), -E_RANGE);
	assert_int_equal(guest_mem_write(&stage2, gpa(GPA_DEVICE), "x", 1), -E_RANGE);
}

static void ranges_that_wrap_are_refused(void **state)
{
	char bytes[16];

	(void)state;
	assert_int_equal(guest_mem_read(&stage2, gpa(~UINT64_C(0) - 7), bytes, 16), -E_RANGE);
	assert_int_equal(guest_mem_write(&stage2, gpa(GPA_RAM), bytes, ~(size_t)0), -E_RANGE);
	assert_int_equal(guest_mem_zero(&stage2, gpa(~UINT64_C(0)), 1), -E_RANGE);
}

static void nothing_is_always_possible(void **state)
{
	(void)state;
	assert_int_equal(guest_mem_read(&stage2, gpa(0), NULL, 0), 0);
	assert_int_equal(guest_mem_write(&stage2, gpa(GPA_READ_ONLY), "", 0), 0);
	assert_int_equal(guest_mem_zero(&stage2, gpa(~UINT64_C(0)), 0), 0);
}

static void zero_clears_exactly_its_range(void **state)
{
	(void)state;
	assert_int_equal(guest_mem_zero(&stage2, gpa(GPA_RAM + 1), 2 * PAGE_SIZE - 2), 0);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_FIRST)), 0x11);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_FIRST + 1)), 0);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_FIRST + PAGE_SIZE - 1)), 0);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_SECOND)), 0);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_SECOND + PAGE_SIZE - 2)), 0);
	assert_int_equal(*(char *)fake_memory(hpa(HPA_SECOND + PAGE_SIZE - 1)), 0x11);
}

static void compare_exchange_is_aligned_and_reports(void **state)
{
	uint64_t expected = 3;

	(void)state;
	assert_int_equal(guest_mem_compare_exchange(&stage2, gpa(GPA_RAM + 4), &expected, 5),
			 -E_RANGE);
	assert_int_equal(guest_mem_compare_exchange(&stage2, gpa(GPA_RAM + 8), &expected, 5),
			 -E_BUSY);
	assert_int_equal(expected, 0x1111111111111111);
	assert_int_equal(guest_mem_compare_exchange(&stage2, gpa(GPA_RAM + 8), &expected, 5), 0);
	assert_int_equal(*(uint64_t *)fake_memory(hpa(HPA_FIRST + 8)), 5);
}

static void no_window_stays_open(void **state)
{
	(void)state;
	assert_int_equal(hyp_map_self_test(), 0);
	for (unsigned window = 0; window < LAYOUT_WINDOWS; window++) {
		assert_true(fake_read_faults((char *)LAYOUT_WINDOW_BASE + window * PAGE_SIZE));
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_write_over_pages_lands_in_each),
		TEST(read_only_pages_can_be_read_only),
		TEST(an_access_stops_where_rights_end),
		TEST(device_memory_is_not_the_guests_ram),
		TEST(ranges_that_wrap_are_refused),
		TEST(nothing_is_always_possible),
		TEST(zero_clears_exactly_its_range),
		TEST(compare_exchange_is_aligned_and_reports),
		TEST(no_window_stays_open),
	};

	return cmocka_run_group_tests(tests, guest_init, NULL);
}
