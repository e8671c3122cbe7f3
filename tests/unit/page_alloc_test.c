/* SPDX-License-Identifier: GPL-2.0-only */
/* The page allocator: blocks, uses, nodes, what lives for ever, what waits for the epoch. */
/* sources: mm/page_alloc.c core/epoch.c */
#include "mm/page_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/err.h"
#include "mm/hyp_map.h"
#include "tests/fake_arch/fake.h"

/* The allocator can not forget its ranges: every test leaves all pages free. */
#define NODE0      (32 * MIB) /* not aligned to the largest block */
#define NODE0_SIZE (16 * MIB - 12 * KIB)
#define NODE1      (5 * GIB + 4 * KIB)
#define NODE1_SIZE (9 * MIB)

static uint64_t all_free;

static uint64_t free_pages(void)
{
	struct page_stats stats;

	page_alloc_stats(&stats);
	return stats.free;
}

static uint64_t used_pages(enum page_use use)
{
	struct page_stats stats;

	page_alloc_stats(&stats);
	return stats.used[use];
}

static uint64_t address_of(const void *pages)
{
	return hyp_map_direct_hpa(pages).value;
}

static int add_ranges(void **state)
{
	(void)state;
	fake_memory_init();
	fake_cpus_set(1);
	if (page_alloc(PAGE_USE_VM, 0) != NULL ||
	    page_alloc_add(hpa(NODE0 + PAGE_SIZE), NODE0_SIZE, 0) != 0 ||
	    page_alloc_add(hpa(NODE1), NODE1_SIZE, 1) != 0) {
		return 1;
	}
	all_free = free_pages();
	return 0;
}

static int all_is_free_again(void **state)
{
	(void)state;
	return free_pages() != all_free;
}

static void only_the_records_are_missing(void **state)
{
	struct page_stats stats;

	(void)state;
	page_alloc_stats(&stats);
	assert_int_equal(stats.total, (NODE0_SIZE + NODE1_SIZE) / PAGE_SIZE);
	assert_in_range(stats.total - stats.free, 2, stats.total / 100);
}

static void bad_ranges_are_refused(void **state)
{
	(void)state;
	assert_int_equal(page_alloc_add(hpa(GIB + 1), MIB, 0), -E_INVAL);
	assert_int_equal(page_alloc_add(hpa(GIB), MIB + 1, 0), -E_INVAL);
	assert_int_equal(page_alloc_add(hpa(GIB), PAGE_SIZE, 0), -E_INVAL);
	assert_int_equal(page_alloc_add(hpa(GIB), 0, 0), -E_INVAL);
}

static void blocks_are_aligned_zeroed_and_apart(void **state)
{
	void *blocks[PAGE_ORDER_MAX + 1];

	(void)state;
	for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
		size_t size = PAGE_SIZE << order;

		blocks[order] = page_alloc(PAGE_USE_VM, order);
		assert_non_null(blocks[order]);
		assert_true(is_aligned(address_of(blocks[order]), size));
		for (size_t i = 0; i < size; i += 512) {
			assert_int_equal(((char *)blocks[order])[i], 0);
		}
		memset(blocks[order], (int)order + 1, size);
	}
	assert_int_equal(used_pages(PAGE_USE_VM), 2 * 1024 - 1);
	for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
		assert_int_equal(((char *)blocks[order])[(PAGE_SIZE << order) - 1], order + 1);
		page_free(blocks[order], PAGE_USE_VM, order);
	}
	assert_int_equal(used_pages(PAGE_USE_VM), 0);
}

static void freed_pages_come_back_zeroed_and_whole(void **state)
{
	void *small[64], *large;
	unsigned blocks = 0;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 64; i++) {
			small[i] = page_alloc(PAGE_USE_CPU, 0);
			assert_non_null(small[i]);
			memset(small[i], 0xff, PAGE_SIZE);
		}
		for (unsigned i = 0; i < 64; i++) {
			page_free(small[i * 5 % 64], PAGE_USE_CPU, 0);
		}
	}
	/* All largest blocks that the ranges can have are there again. */
	void *all[8];

	while ((large = page_alloc(PAGE_USE_CPU, PAGE_ORDER_MAX)) != NULL) {
		assert_int_equal(*(uint64_t *)large, 0);
		all[blocks++] = large;
	}
	assert_int_equal(blocks, 2 + 1);
	while (blocks > 0) {
		page_free(all[--blocks], PAGE_USE_CPU, PAGE_ORDER_MAX);
	}
}

static void exhaustion_is_null_and_no_end(void **state)
{
	void **chain = NULL, **page;
	uint64_t count = 0;

	(void)state;
	while ((page = page_alloc(PAGE_USE_LOG, 0)) != NULL) {
		*page = chain;
		chain = page;
		count++;
	}
	assert_int_equal(count, all_free);
	assert_null(page_alloc_node(PAGE_USE_LOG, 0, 1));
	assert_null(page_alloc_forever(PAGE_USE_LOG, 64));
	assert_null(page_alloc_forever(PAGE_USE_LOG, 64 * KIB));
	while (chain != NULL) {
		page = chain;
		chain = *page;
		page_free(page, PAGE_USE_LOG, 0);
	}
}

static bool is_on_node1(const void *page)
{
	return address_of(page) >= NODE1;
}

static void a_node_comes_first_then_the_others(void **state)
{
	void **chain = NULL, **page;
	bool was_elsewhere = false;

	(void)state;
	while ((page = page_alloc_node(PAGE_USE_VM, 4, 1)) != NULL) {
		assert_true(is_on_node1(page) ||
			    free_pages() < all_free - NODE1_SIZE / PAGE_SIZE / 2);
		assert_false(was_elsewhere && is_on_node1(page));
		was_elsewhere = !is_on_node1(page);
		*page = chain;
		chain = page;
	}
	assert_true(was_elsewhere);
	while (chain != NULL) {
		page = chain;
		chain = *page;
		page_free(page, PAGE_USE_VM, 4);
	}
	page = page_alloc_node(PAGE_USE_VM, 0, 77); /* no such node */
	assert_non_null(page);
	page_free(page, PAGE_USE_VM, 0);
}

static void the_fullest_node_serves_who_names_none(void **state)
{
	void *page = page_alloc(PAGE_USE_VM, 0);

	(void)state;
	assert_false(is_on_node1(page));
	page_free(page, PAGE_USE_VM, 0);
}

/* A failed assertion leaves the lock held, as it is the machine's end: so this is the last test. */
static void giving_back_what_one_has_not_is_our_fault(void **state)
{
	char *pages = page_alloc(PAGE_USE_VM, 2);

	(void)state;
	expect_assert_failure(page_free(pages + PAGE_SIZE, PAGE_USE_VM, 2));
}

static void retired_pages_keep_their_contents_until_the_epoch(void **state)
{
	uint64_t *page = page_alloc(PAGE_USE_STAGE2, 0);

	(void)state;
	*page = 42;
	fake_cpu_switch(0);
	epoch_resume(arch_cpu_self());
	page_retire(page, PAGE_USE_STAGE2);
	assert_int_equal(free_pages(), all_free - 1);
	assert_int_equal(used_pages(PAGE_USE_STAGE2), 1);
	page_free(page_alloc(PAGE_USE_VM, 0), PAGE_USE_VM, 0); /* looks at the retired ones */
	assert_int_equal(free_pages(), all_free - 1);
	assert_int_equal(*page, 42);
	epoch_quiesce(arch_cpu_self());
	page_free(page_alloc(PAGE_USE_VM, 0), PAGE_USE_VM, 0);
	assert_int_equal(free_pages(), all_free);
	assert_int_equal(used_pages(PAGE_USE_STAGE2), 0);
}

static void many_retired_pages_come_back_in_the_end(void **state)
{
	(void)state;
	epoch_resume(arch_cpu_self());
	for (unsigned i = 0; i < 100; i++) {
		page_retire(page_alloc(PAGE_USE_STAGE2, 0), PAGE_USE_STAGE2);
	}
	assert_int_equal(used_pages(PAGE_USE_STAGE2), 100);
	epoch_quiesce(arch_cpu_self());
	for (unsigned i = 0; i < 100; i++) {
		page_free(page_alloc(PAGE_USE_VM, 0), PAGE_USE_VM, 0);
	}
	assert_int_equal(used_pages(PAGE_USE_STAGE2), 0);
}

/* What lives for ever can not be given back: these come last, without the check after them. */
static void small_objects_share_pages(void **state)
{
	char *first = page_alloc_forever(PAGE_USE_VM, 1),
	     *second = page_alloc_forever(PAGE_USE_VM, 65);
	char *third = page_alloc_forever(PAGE_USE_VM, 64);
	char *other = page_alloc_forever(PAGE_USE_CPU, 64);

	(void)state;
	assert_ptr_equal(second, first + 64);
	assert_ptr_equal(third, second + 128);
	assert_true(align_down(address_of(other), PAGE_SIZE) !=
		    align_down(address_of(first), PAGE_SIZE));
	assert_int_equal(used_pages(PAGE_USE_VM), 1);
	assert_int_equal(used_pages(PAGE_USE_CPU), 1);
}

static void large_objects_take_just_their_pages(void **state)
{
	uint64_t before = free_pages();
	char *object = page_alloc_forever(PAGE_USE_FRAMES, 9 * MIB + 1);

	(void)state;
	assert_non_null(object);
	assert_int_equal(before - free_pages(), 9 * MIB / PAGE_SIZE + 1);
	assert_int_equal(used_pages(PAGE_USE_FRAMES), 9 * MIB / PAGE_SIZE + 1);
	for (uint64_t at = 0; at <= 9 * MIB; at += PAGE_SIZE) {
		assert_int_equal(object[at], 0);
	}
	memset(object, 0xff, 9 * MIB + 1);
	/* The rest is still there, in one piece or another, and not the object's. */
	for (unsigned i = 0; i < 1000; i++) {
		object = page_alloc(PAGE_USE_VM, 0);
		assert_int_equal(*object, 0);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, all_is_free_again)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_records_are_missing),
		TEST(bad_ranges_are_refused),
		TEST(blocks_are_aligned_zeroed_and_apart),
		TEST(freed_pages_come_back_zeroed_and_whole),
		TEST(exhaustion_is_null_and_no_end),
		TEST(a_node_comes_first_then_the_others),
		TEST(the_fullest_node_serves_who_names_none),
		TEST(retired_pages_keep_their_contents_until_the_epoch),
		TEST(many_retired_pages_come_back_in_the_end),
		cmocka_unit_test(small_objects_share_pages),
		cmocka_unit_test(large_objects_take_just_their_pages),
		cmocka_unit_test(giving_back_what_one_has_not_is_our_fault),
	};

	return cmocka_run_group_tests(tests, add_ranges, NULL);
}
