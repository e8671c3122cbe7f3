/* SPDX-License-Identifier: GPL-2.0-only */
/* Stage-2 with guests on two CPUs whose TLBs keep what they saw, counts and charged tables. */
/* sources: mm/stage2.c mm/pt.c mm/frame.c mm/page_alloc.c core/epoch.c */
#include "mm/stage2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/err.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"
#include "tests/fake_arch/fake.h"

#define POOL      (2 * GIB)
#define POOL_SIZE (32 * MIB)
#define RAM       (4 * GIB)
#define S4K       PAGE_SIZE
#define S2M       (2 * MIB)
#define RW        (PT_READ | PT_WRITE)
#define GUEST     7

static struct frame records[RAM / PAGE_SIZE];
static struct stage2 stage2;

static int add_memory(void **state)
{
	(void)state;
	fake_memory_init();
	fake_cpus_set(2);
	return page_alloc_add(hpa(POOL), POOL_SIZE, 0) != 0 || frame_add(hpa(0), RAM, records) != 0;
}

static uint64_t stage2_pages(void)
{
	struct page_stats stats;

	page_alloc_stats(&stats);
	return stats.used[PAGE_USE_STAGE2];
}

static int setup(void **state)
{
	(void)state;
	fake_cpus_set(2);
	memset(records, 0, sizeof(records));
	return stage2_init(&stage2, NULL);
}

static struct pt_range range_of(uint64_t start, uint64_t size, uint64_t target, uint32_t prot)
{
	return (struct pt_range){ start, size, hpa(target), { prot, PT_MEMORY_WB } };
}

static int map(uint64_t start, uint64_t size, uint64_t target)
{
	return stage2_map_all(&stage2, range_of(start, size, target, RW));
}

static int repeat(int (*fn)(struct stage2 *stage2, struct pt_range *range), uint64_t start,
		  uint64_t size, uint32_t prot)
{
	struct pt_range range = range_of(start, size, 0, prot);
	int err;

	do {
		err = fn(&stage2, &range);
	} while (err == -E_RESTART);
	return err;
}

static int unmap(uint64_t start, uint64_t size)
{
	return repeat(stage2_unmap, start, size, 0);
}

static uint64_t map_count(uint64_t address)
{
	return field_get(FRAME_MAP_COUNT, records[address / PAGE_SIZE].word);
}

static uint64_t map_count_sum(void)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < ARRAY_SIZE(records); i++) {
		sum += field_get(FRAME_MAP_COUNT, records[i].word);
	}
	return sum;
}

static int destroy(void)
{
	int err;

	do {
		err = stage2_destroy(&stage2);
	} while (err == -E_RESTART);
	return err;
}

/* Lets retired tables become free. */
static void pass_epoch(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		fake_cpu_switch(i);
		epoch_quiesce(arch_cpu_self());
	}
	for (unsigned i = 0; i < 1000; i++) {
		page_free(page_alloc(PAGE_USE_VM, 0), PAGE_USE_VM, 0);
	}
}

static void map_counts_each_frame_once_a_mapping(void **state)
{
	(void)state;
	assert_int_equal(map(GIB, GIB + S2M + S4K, 0), 0);
	assert_int_equal(map_count(0), 1);
	assert_int_equal(map_count(GIB + S2M), 1);
	assert_int_equal(map_count(GIB + S2M + S4K), 0);
	assert_int_equal(map_count_sum(), (GIB + S2M + S4K) / S4K);
	assert_int_equal(map(8 * GIB, S4K, S4K), 0);
	assert_int_equal(map_count(S4K), 2);
	assert_int_equal(destroy(), 0);
}

static void a_refused_map_counts_only_what_it_did(void **state)
{
	(void)state;
	assert_int_equal(map(16 * S4K, S4K, GIB), 0);
	assert_int_equal(map(0, 32 * S4K, 0), -E_EXIST);
	assert_int_equal(map_count_sum(), 1 + 16);
	assert_int_equal(destroy(), 0);
}

static void splitting_keeps_the_counts(void **state)
{
	(void)state;
	assert_int_equal(map(0, 2 * GIB, 0), 0);
	assert_int_equal(unmap(GIB + 5 * S4K, S4K), 0);
	assert_int_equal(map_count(GIB + 5 * S4K), 0);
	assert_int_equal(map_count_sum(), 2 * GIB / S4K - 1);
	/* So the frame can be another's, and its neighbour can not. */
	assert_int_equal(frame_set_owner(hpa(GIB + 5 * S4K), 0, GUEST, FRAME_DONATED), 0);
	assert_int_equal(frame_set_owner(hpa(GIB + 6 * S4K), 0, GUEST, FRAME_DONATED), -E_BUSY);
	assert_int_equal(destroy(), 0);
}

static void protect_counts_nothing(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, 0), 0);
	assert_int_equal(repeat(stage2_protect, S4K, S4K, PT_READ), 0);
	assert_int_equal(map_count_sum(), 512);
	assert_int_equal(destroy(), 0);
}

static void unmapping_is_cut_into_bounded_pieces(void **state)
{
	struct pt_range range = range_of(0, 2 * GIB, 0, 0);
	uint64_t before, after = 2 * GIB / S4K;
	int err;

	(void)state;
	assert_int_equal(map(0, 2 * GIB, 0), 0);
	do {
		before = after;
		err = stage2_unmap(&stage2, &range);
		after = map_count_sum();
		assert_true(before - after <= 8 * 512);
		/* A few steps stand for all: the sum over all records takes its time. */
	} while (err == -E_RESTART && after > 2 * GIB / S4K - 20000);
	assert_int_equal(destroy(), 0);
	assert_int_equal(map_count_sum(), 0);
}

static void tables_are_charged_and_given_back(void **state)
{
	uint64_t before = stage2_pages() - stage2.table_pages;

	(void)state;
	assert_int_equal(stage2.table_pages, 1);
	assert_int_equal(map(0, S4K, 0), 0);
	assert_int_equal(map(GIB, S4K, 0), 0);
	assert_int_equal(stage2.table_pages, 1 + 1 + 2 + 2);
	assert_int_equal(stage2_pages() - before, 6);
	assert_int_equal(unmap(GIB, S4K), 0);
	assert_int_equal(stage2.table_pages, 4);
	assert_int_equal(destroy(), 0);
	assert_int_equal(stage2.table_pages, 0);
	assert_int_equal(stage2_pages() - before, 6); /* retired, until the epoch */
	pass_epoch();
	assert_int_equal(stage2_pages(), 0);
}

static void tables_wait_for_guests_that_may_walk_them(void **state)
{
	uint64_t pages;

	(void)state;
	pass_epoch();
	assert_int_equal(map(0, S4K, 0), 0);
	pages = stage2_pages();
	fake_cpu_switch(1);
	epoch_quiesce(arch_cpu_self());
	fake_guest_enter(&stage2);
	assert_true(fake_guest_access(gpa(0), false, NULL));
	fake_cpu_switch(0);
	epoch_resume(arch_cpu_self());
	assert_int_equal(unmap(0, S4K), 0);
	for (unsigned i = 0; i < 10; i++) {
		epoch_quiesce(arch_cpu_self());
		page_free(page_alloc(PAGE_USE_VM, 0), PAGE_USE_VM, 0);
		epoch_resume(arch_cpu_self());
	}
	assert_int_equal(stage2_pages(), pages); /* CPU 1 has not left its guest */
	fake_cpu_switch(1);
	fake_guest_leave();
	epoch_resume(arch_cpu_self());
	pass_epoch();
	assert_int_equal(stage2_pages(), pages - 3);
	assert_int_equal(destroy(), 0);
}

static void the_generation_grows_when_rights_go(void **state)
{
	uint64_t generation = stage2.generation;

	(void)state;
	assert_int_equal(map(0, S2M, 0), 0);
	assert_int_equal(stage2.generation, generation);
	assert_int_equal(unmap(GIB, S2M), 0); /* nothing there */
	assert_int_equal(stage2.generation, generation);
	assert_int_equal(repeat(stage2_protect, 0, S4K, PT_READ), 0);
	assert_int_equal(stage2.generation, generation + 1);
	assert_int_equal(unmap(0, S4K), 0);
	assert_in_range(stage2.generation, generation + 2, generation + 5);
	assert_int_equal(destroy(), 0);
}

static bool guest_reaches(uint32_t cpu, uint64_t address, bool is_write)
{
	fake_cpu_switch(cpu);
	return fake_guest_access(gpa(address), is_write, NULL);
}

static void a_guest_that_runs_is_kicked_and_flushes_at_its_entry(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, 0), 0);
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		fake_cpu_switch(cpu);
		fake_guest_enter(&stage2);
		assert_true(guest_reaches(cpu, S4K, true));
	}
	fake_cpu_switch(0);
	fake_guest_leave();
	assert_int_equal(unmap(S4K, S4K), 0);
	stage2_flush(&stage2);
	assert_int_equal(fake_cpu_kicks(0), 0); /* not in a guest */
	assert_int_equal(fake_cpu_kicks(1), 1);
	assert_true(guest_reaches(1, S4K, true)); /* the old translation: hence the kick */
	fake_guest_leave();
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		fake_cpu_switch(cpu);
		fake_guest_enter(&stage2);
		assert_false(guest_reaches(cpu, S4K, true));
		assert_true(guest_reaches(cpu, 2 * S4K, true));
	}
	stage2_flush(&stage2);
	assert_int_equal(fake_cpu_kicks(1), 0); /* up to date */
	assert_int_equal(destroy(), 0);
}

static void write_protection_reaches_a_stale_tlb(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, 0), 0);
	fake_cpu_switch(1);
	fake_guest_enter(&stage2);
	assert_true(guest_reaches(1, 0, true));
	fake_guest_leave();
	assert_int_equal(repeat(stage2_protect, 0, S2M, PT_READ), 0);
	fake_guest_enter(&stage2);
	assert_false(guest_reaches(1, 0, true));
	assert_true(guest_reaches(1, 0, false));
	assert_int_equal(destroy(), 0);
}

static void guests_of_others_are_left_in_peace(void **state)
{
	struct stage2 other;

	(void)state;
	assert_int_equal(stage2_init(&other, NULL), 0);
	fake_cpu_switch(1);
	fake_guest_enter(&other);
	assert_int_equal(map(0, S4K, 0), 0);
	assert_int_equal(unmap(0, S4K), 0);
	stage2_flush(&stage2);
	assert_int_equal(fake_cpu_kicks(1), 0);
	fake_guest_leave();
	assert_int_equal(destroy(), 0);
	while (stage2_destroy(&other) == -E_RESTART) {
	}
}

static void lookup_finds_by_guest_address(void **state)
{
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(map(GIB, S4K, 5 * S4K), 0);
	assert_int_equal(stage2_lookup(&stage2, gpa(GIB + 7), &leaf), 0);
	assert_int_equal(leaf.address.value, 5 * S4K);
	assert_int_equal(stage2_lookup(&stage2, gpa(5 * S4K), &leaf), -E_NOENT);
	assert_int_equal(stage2_lookup(&stage2, gpa(~UINT64_C(0)), &leaf), -E_NOENT);
	assert_int_equal(destroy(), 0);
}

static void addresses_that_are_no_ram_are_mapped_uncounted(void **state)
{
	(void)state;
	assert_int_equal(map(0, S4K, RAM + GIB), 0);
	assert_int_equal(map_count_sum(), 0);
	assert_int_equal(unmap(0, S4K), 0);
	assert_int_equal(destroy(), 0);
}

static void destroy_leaves_no_count_and_no_table(void **state)
{
	unsigned calls = 1;

	(void)state;
	pass_epoch();
	assert_int_equal(map(0, 2 * GIB - S4K, 0), 0);
	assert_int_equal(map(64 * GIB, 300 * S4K, S4K), 0);
	while (stage2_destroy(&stage2) == -E_RESTART) {
		calls++;
	}
	assert_in_range(calls, 256, 2000); /* 1,024 leaves of 2 MiB, four a call */
	assert_int_equal(map_count_sum(), 0);
	pass_epoch();
	assert_int_equal(stage2_pages(), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(map_counts_each_frame_once_a_mapping),
		TEST(a_refused_map_counts_only_what_it_did),
		TEST(splitting_keeps_the_counts),
		TEST(protect_counts_nothing),
		TEST(unmapping_is_cut_into_bounded_pieces),
		TEST(tables_are_charged_and_given_back),
		TEST(tables_wait_for_guests_that_may_walk_them),
		TEST(the_generation_grows_when_rights_go),
		TEST(a_guest_that_runs_is_kicked_and_flushes_at_its_entry),
		TEST(write_protection_reaches_a_stale_tlb),
		TEST(guests_of_others_are_left_in_peace),
		TEST(lookup_finds_by_guest_address),
		TEST(addresses_that_are_no_ram_are_mapped_uncounted),
		TEST(destroy_leaves_no_count_and_no_table),
	};

	return cmocka_run_group_tests(tests, add_memory, NULL);
}
