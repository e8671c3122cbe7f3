/* SPDX-License-Identifier: GPL-2.0-only */
/* The page-table walker on the fake format: leaves, splits, restarts. */
/* sources: mm/pt.c */
#include "tests/unit/pt_fixture.h"

/* ---- map ---- */

static void map_uses_the_largest_leaves(void **state)
{
	(void)state;
	/* 1 GiB needs both addresses aligned; the ends are of 2 MiB and 4 KiB. */
	assert_int_equal(map(S1G - S2M - S4K, S1G + 2 * S2M + 2 * S4K, S1G - S2M - S4K, RW), 0);
	assert_leaves(2, 2, 1);
	assert_leaf(S1G, S1G, 2, RW);
	assert_leaf(S1G + 0x123456, S1G + 0x123456, 2, RW);
	assert_leaf(S1G - S2M, S1G - S2M, 1, RW);
	assert_leaf(S1G - S2M - S4K, S1G - S2M - S4K, 0, RW);
	assert_hole(S1G - S2M - 2 * S4K);
	assert_leaf(2 * S1G + S2M, 2 * S1G + S2M, 0, RW);
	assert_hole(2 * S1G + S2M + S4K);
}

static void map_uses_small_leaves_where_the_target_is_unaligned(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, S4K, RW), 0);
	assert_leaves(512, 0, 0);
	assert_int_equal(map(S1G, S1G, S2M, RW), 0);
	assert_leaves(512, 512, 0);
	assert_leaf(S1G + S2M + 5, 2 * S2M + 5, 1, RW);
}

static void map_keeps_to_the_formats_leaf_levels(void **state)
{
	struct pt_format small = *arch_stage2_format();

	(void)state;
	small.leaf_levels = BIT(0) | BIT(1);
	assert_int_equal(pt_init(&pt, &small, &plain, NULL), 0);
	assert_int_equal(map(0, S1G, 0, RW), 0);
	assert_leaves(0, 512, 0);
}

static void map_refuses_what_is_mapped(void **state)
{
	(void)state;
	assert_int_equal(map(S2M, S4K, 0, RW), 0);
	assert_int_equal(map(S2M, S4K, 0, RW), -E_EXIST);
	assert_int_equal(map(0, 2 * S2M, 0, RW), -E_EXIST);
	assert_leaf(S2M - S4K, S2M - S4K, 1, RW); /* what came before stays */
	assert_int_equal(map(S1G, S1G, S1G, RW), 0);
	assert_int_equal(map(S1G + S4K, S4K, 0, RW), -E_EXIST);
	assert_leaf(S1G + S4K, S1G + S4K, 2, RW);
}

static void map_goes_on_in_tables_that_are_there(void **state)
{
	(void)state;
	assert_int_equal(map(S2M, S4K, S2M, RW), 0);
	assert_int_equal(map(S2M + S4K, S2M - S4K, S2M + S4K, RW), 0);
	assert_leaves(512, 0, 0);
}

static void map_replaces_and_splits_when_told_to(void **state)
{
	struct pt_range range = range_of(S2M + S4K, S4K, 7 * S1G, PT_READ);

	(void)state;
	assert_int_equal(map(0, S1G, 0, RW), 0);
	pt.memory = &counting;
	assert_int_equal(pt_map(&pt, &range, true), 0);
	assert_leaf(S2M + S4K, 7 * S1G, 0, PT_READ);
	assert_leaf(S2M, S2M, 0, RW);
	assert_leaf(S2M + 2 * S4K, S2M + 2 * S4K, 0, RW);
	assert_leaves(512, 511, 0);
	assert_int_equal(frames_added, 1);
	assert_int_equal(frames_dropped, 1);
}

static void map_stops_at_exhaustion_and_goes_on_later(void **state)
{
	struct pt_range range = range_of(S2M - S4K, 2 * S4K, S4K, RW);

	(void)state;
	tables_left = 3;
	assert_int_equal(pt_map(&pt, &range, false), -E_NOMEM);
	assert_int_equal(range.start, S2M);
	assert_int_equal(range.size, S4K);
	tables_left = 1;
	assert_int_equal(pt_map(&pt, &range, false), 0);
	assert_leaf(S2M - S4K, S4K, 0, RW);
	assert_leaf(S2M, 2 * S4K, 0, RW);
}

static void map_refuses_addresses_out_of_range(void **state)
{
	struct pt_range wraps = range_of(~UINT64_C(0) & PAGE_MASK, 2 * S4K, 0, RW);
	struct pt_range wide = range_of(512 * S512 - S4K, 2 * S4K, 0, RW);
	struct pt_range target = range_of(0, 2 * S4K, BIT(44) - S4K, RW);
	struct pt_range target_wraps = range_of(0, 2 * S4K, ~UINT64_C(0) & PAGE_MASK, RW);

	(void)state;
	assert_int_equal(pt_map(&pt, &wraps, false), -E_RANGE);
	assert_int_equal(pt_map(&pt, &wide, false), -E_RANGE);
	assert_int_equal(pt_map(&pt, &target, false), -E_RANGE);
	assert_int_equal(pt_map(&pt, &target_wraps, false), -E_RANGE);
	assert_int_equal(unmap(~UINT64_C(0) & PAGE_MASK, 2 * S4K), -E_RANGE);
	assert_int_equal(protect(512 * S512, S4K, RW), -E_RANGE);
	assert_leaves(0, 0, 0);
	assert_int_equal(map(512 * S512 - S4K, S4K, BIT(44) - S4K, RW), 0);
	assert_int_equal(map(0, 0, 0, RW), 0);
}

static void ranges_must_be_aligned_and_readable(void **state)
{
	(void)state;
	assert_int_equal(map(1, S4K, 0, RW), -E_INVAL);
	assert_int_equal(map(0, S4K + 1, 0, RW), -E_INVAL);
	assert_int_equal(map(0, S4K, 1, RW), -E_INVAL);
	assert_int_equal(map(0, S4K, 0, PT_WRITE), -E_INVAL);
	assert_int_equal(protect(0, S4K, 0), -E_INVAL);
	assert_int_equal(unmap(8, S4K), -E_INVAL);
}

static void canonical_formats_take_both_halves_and_nothing_between(void **state)
{
	struct pt_format host = *arch_stage2_format();
	const uint64_t upper = ~UINT64_C(0) << 47;
	unsigned counts[3] = { 0, 0, 0 };

	(void)state;
	host.is_canonical = true;
	assert_int_equal(pt_init(&pt, &host, &plain, NULL), 0);
	assert_int_equal(map(upper, S4K, S4K, RW), 0);
	assert_int_equal(map(~UINT64_C(0) & PAGE_MASK, S4K, 2 * S4K, RW), 0);
	assert_int_equal(map(BIT(47) - S4K, S4K, 3 * S4K, RW), 0);
	assert_int_equal(map(BIT(47) - S4K, 2 * S4K, 0, RW), -E_RANGE);
	assert_int_equal(map(BIT(47), S4K, 0, RW), -E_RANGE);
	assert_int_equal(unmap(S4K, upper), -E_RANGE); /* from one half into the other */
	assert_int_equal(map(upper - S4K, S4K, 0, RW), -E_RANGE);
	assert_leaf(upper, S4K, 0, RW);
	assert_leaf(~UINT64_C(0) & PAGE_MASK, 2 * S4K, 0, RW);
	assert_hole(BIT(47));
	assert_int_equal(pt_for_each(&pt, count_leaf, counts), 0);
	assert_int_equal(counts[0], 3);
}

static int find_upper(void *context, const struct pt_leaf *leaf)
{
	*(uint64_t *)context = leaf->start;
	return leaf->start >> 63 != 0 ? 42 : 0;
}

static void for_each_gives_canonical_starts_and_stops(void **state)
{
	struct pt_format host = *arch_stage2_format();
	const uint64_t upper = (~UINT64_C(0) << 47) + S1G;
	uint64_t start = 0;

	(void)state;
	host.is_canonical = true;
	assert_int_equal(pt_init(&pt, &host, &plain, NULL), 0);
	assert_int_equal(map(S4K, S4K, 0, RW), 0);
	assert_int_equal(map(upper, S4K, 0, RW), 0);
	assert_int_equal(map(upper + S1G, S4K, 0, RW), 0);
	assert_int_equal(pt_for_each(&pt, find_upper, &start), 42);
	assert_int_equal(start, upper);
}

/* ---- unmap, split ---- */

static void unmap_splits_leaves_at_the_ends(void **state)
{
	(void)state;
	assert_int_equal(map(0, 3 * S1G, 0, RW), 0);
	assert_int_equal(unmap(S1G - S4K, S1G + 2 * S4K), 0);
	assert_leaf(S1G - 2 * S4K, S1G - 2 * S4K, 0, RW);
	assert_hole(S1G - S4K);
	assert_hole(S1G);
	assert_hole(2 * S1G);
	assert_leaf(2 * S1G + S4K, 2 * S1G + S4K, 0, RW);
	assert_leaf(0, 0, 1, RW);
	assert_leaves(511 + 511, 511 + 511, 0);
}

static void one_page_is_donated_out_of_a_gibibyte(void **state)
{
	const uint64_t page = S1G + 5 * S2M + 7 * S4K;

	(void)state;
	assert_int_equal(map(0, 2 * S1G, 0, RW), 0);
	assert_int_equal(unmap(page, S4K), 0);
	assert_hole(page);
	assert_leaves(511, 511, 1);
	for (uint64_t at = S1G; at < 2 * S1G; at += S4K) {
		struct pt_leaf leaf;

		if (at != page) {
			assert_int_equal(pt_lookup(&pt, at, &leaf), 0);
			assert_int_equal(leaf.address.value + (at - leaf.start), at);
		}
	}
}

static void a_whole_gibibyte_is_split_to_the_last_page(void **state)
{
	(void)state;
	assert_int_equal(map(0, S1G, S1G, RW), 0);
	for (uint64_t at = 0; at < S1G; at += S2M) {
		assert_int_equal(unmap(at + S4K, S4K), 0);
	}
	assert_leaves(512 * 511, 0, 0);
	assert_leaf(S1G - S4K, 2 * S1G - S4K, 0, RW);
}

static void unmap_counts_a_gibibyte_in_bounded_pieces(void **state)
{
	struct pt_range range = range_of(0, S1G, 0, 0);
	bool changed;

	(void)state;
	pt.memory = &counting;
	assert_int_equal(map(0, S1G, 0, RW), 0);
	assert_int_equal(frames_added, S1G / S4K);
	while (range.size > 0) {
		uint64_t before = frames_dropped;
		int err = pt_unmap(&pt, &range, &changed);

		assert_true(err == 0 || err == -E_RESTART);
		assert_true(frames_dropped - before <= 8 * 512);
	}
	assert_int_equal(frames_dropped, S1G / S4K);
	assert_int_equal(tables_live, 1);
}

static void map_counts_large_leaves_in_bounded_pieces(void **state)
{
	struct pt_range range = range_of(S2M, 64 * S2M, 0, RW);
	int err;

	(void)state;
	pt.memory = &counting;
	do {
		uint64_t before = frames_added;

		err = pt_map(&pt, &range, false);
		assert_true(frames_added - before <= 8 * 512);
	} while (err == -E_RESTART);
	assert_int_equal(err, 0);
	assert_leaves(0, 64, 0);
}

static void unmap_says_whether_anything_changed(void **state)
{
	struct pt_range nothing = range_of(S2M, 2 * S4K, 0, 0), something = nothing;
	bool changed = true;

	(void)state;
	assert_int_equal(pt_unmap(&pt, &nothing, &changed), 0);
	assert_false(changed);
	assert_int_equal(map(S2M, S4K, 0, RW), 0);
	assert_int_equal(pt_unmap(&pt, &something, &changed), 0);
	assert_true(changed);
}

static void unmap_frees_the_tables_it_empties(void **state)
{
	(void)state;
	assert_int_equal(map(S2M - S4K, 2 * S4K, 0, RW), 0);
	assert_int_equal(map(S512 + S1G, S4K, 0, RW), 0);
	assert_int_equal(tables_live, 1 + 4 + 3);
	assert_int_equal(unmap(S2M - S4K, S4K), 0);
	assert_int_equal(tables_live, 1 + 3 + 3);
	assert_int_equal(unmap(S2M, S4K), 0);
	assert_int_equal(tables_live, 1 + 3);
	/* Over empty space to the last one. */
	assert_int_equal(unmap(0, 512 * S512), 0);
	assert_int_equal(tables_live, 1);
	assert_leaves(0, 0, 0);
}

static void unmap_frees_a_table_whose_rest_was_empty(void **state)
{
	(void)state;
	assert_int_equal(map(0, 4 * S4K, 0, RW), 0);
	assert_int_equal(unmap(0, S2M), 0); /* leaves the table over empty entries */
	assert_int_equal(tables_live, 1);
}

static void without_free_unmap_keeps_tables(void **state)
{
	(void)state;
	pt.memory = &keeping;
	assert_int_equal(map(0, S4K, 0, RW), 0);
	assert_int_equal(unmap(0, S2M), 0);
	assert_int_equal(tables_live, 4);
	assert_int_equal(pt_collapse(&pt, 0, 1), -E_NOENT);
}

static void unmap_without_memory_to_split_leaves_the_leaf(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, 0, RW), 0);
	tables_left = 0;
	assert_int_equal(unmap(S4K, S4K), -E_NOMEM);
	assert_leaf(S4K, S4K, 1, RW);
}

/* ---- restart ---- */

static void work_restarts_at_every_batch_boundary(void **state)
{
	(void)state;
	for (unsigned pages = PT_BATCH - 1; pages <= 3 * PT_BATCH + 1; pages++) {
		struct pt_range range = range_of(0, pages * S4K, S4K, RW), gone = range;
		unsigned calls = 1, splits = 3; /* tables on the way are visits too */
		bool changed;

		while (pt_map(&pt, &range, false) == -E_RESTART) {
			assert_true(range.size > 0);
			assert_int_equal(range.start + range.size, pages * S4K);
			assert_int_equal(range.target.value, range.start + S4K);
			calls++;
		}
		assert_int_equal(calls, (pages + splits + PT_BATCH - 1) / PT_BATCH);
		assert_int_equal(range.size, 0);
		assert_leaves(pages, 0, 0);
		for (calls = 1; pt_unmap(&pt, &gone, &changed) == -E_RESTART; calls++) {
			assert_true(changed);
			assert_leaves((unsigned)(gone.size / S4K), 0, 0);
		}
		assert_int_equal(calls, (pages + PT_BATCH - 1) / PT_BATCH);
		assert_int_equal(tables_live, 1);
	}
}

static void protect_and_harvest_restart_too(void **state)
{
	struct pt_range range = range_of(0, 100 * S4K, S4K, RW);
	bool changed;

	(void)state;
	assert_int_equal(map(0, 100 * S4K, S4K, RW), 0);
	range.attr.prot = PT_READ;
	assert_int_equal(pt_protect(&pt, &range, &changed), -E_RESTART);
	assert_int_equal(range.start, PT_BATCH * S4K);
	assert_leaf(PT_BATCH * S4K, (PT_BATCH + 1) * S4K, 0, RW);
	assert_int_equal(pt_protect(&pt, &range, &changed), 0);
	assert_leaf(99 * S4K, 100 * S4K, 0, PT_READ);
	range = range_of(0, 100 * S4K, 0, 0);
	assert_int_equal(pt_harvest(&pt, &range, NULL, NULL), -E_RESTART);
	assert_int_equal(pt_harvest(&pt, &range, NULL, NULL), 0);
}

/* ---- protect ---- */

static void protect_splits_over_mixed_sizes(void **state)
{
	(void)state;
	assert_int_equal(map(S1G - S2M - S4K, S1G + 2 * S2M + 2 * S4K, S1G - S2M - S4K, RW), 0);
	/* From the middle of a 2 MiB leaf, over small pages' hole, into the 1 GiB leaf. */
	assert_int_equal(protect(S1G - S2M - 4 * S4K, S2M + 8 * S4K, PT_READ), 0);
	assert_leaf(S1G - S2M - S4K, S1G - S2M - S4K, 0, PT_READ);
	assert_leaf(S1G - S2M, S1G - S2M, 1, PT_READ);
	assert_leaf(S1G + 3 * S4K, S1G + 3 * S4K, 0, PT_READ);
	assert_leaf(S1G + 4 * S4K, S1G + 4 * S4K, 0, RW);
	assert_leaf(S1G + S2M, S1G + S2M, 1, RW);
	assert_hole(S1G - S2M - 2 * S4K);
	assert_leaves(2 + 512, 2 + 511, 0);
}

static void protect_leaves_alone_what_is_right_already(void **state)
{
	struct pt_range range = range_of(S4K, S4K, 0, RW);
	bool changed = true;

	(void)state;
	assert_int_equal(map(0, S2M, 0, RW), 0);
	assert_int_equal(pt_protect(&pt, &range, &changed), 0);
	assert_false(changed);
	assert_leaves(0, 1, 0); /* not even split */
}

static void protect_changes_the_memory_type(void **state)
{
	struct pt_range range = range_of(0, S2M, 0, RW);
	struct pt_leaf leaf;
	bool changed;

	(void)state;
	assert_int_equal(map(0, S2M, S2M, RW), 0);
	range.attr.memory = PT_MEMORY_UC;
	assert_int_equal(pt_protect(&pt, &range, &changed), 0);
	assert_true(changed);
	assert_int_equal(pt_lookup(&pt, 0, &leaf), 0);
	assert_int_equal(leaf.attr.memory, PT_MEMORY_UC);
	assert_int_equal(leaf.address.value, S2M);
}

/* ---- the rest ---- */

static void slot_is_there_when_its_tables_are(void **state)
{
	(void)state;
	assert_null(pt_slot(&pt, S4K));
	assert_int_equal(map(0, S4K, S2M, RW), 0);
	assert_non_null(pt_slot(&pt, S4K));
	assert_int_equal(*pt_slot(&pt, S4K), 0);
	assert_ptr_equal(pt_slot(&pt, S4K), pt_slot(&pt, 0) + 1);
	assert_null(pt_slot(&pt, S2M));
}

static void destroy_frees_every_table_in_batches(void **state)
{
	unsigned calls = 1;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(map(i * S512, 40 * S2M, S4K, RW), 0);
	}
	assert_int_equal(tables_live, 1 + 5 * (1 + 1 + 40));
	for (int before = tables_live; pt_destroy(&pt) == -E_RESTART; calls++) {
		assert_int_equal(before - tables_live, PT_BATCH);
		before = tables_live;
	}
	assert_int_equal(calls, (1 + 5 * 42 + PT_BATCH - 1) / PT_BATCH);
	assert_int_equal(tables_live, 0);
	assert_null(pt.root);
}

static void init_without_memory_says_so(void **state)
{
	(void)state;
	tables_left = 0;
	assert_int_equal(pt_init(&pt, arch_stage2_format(), &plain, NULL), -E_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(map_uses_the_largest_leaves),
		TEST(map_uses_small_leaves_where_the_target_is_unaligned),
		TEST(map_keeps_to_the_formats_leaf_levels),
		TEST(map_refuses_what_is_mapped),
		TEST(map_goes_on_in_tables_that_are_there),
		TEST(map_replaces_and_splits_when_told_to),
		TEST(map_stops_at_exhaustion_and_goes_on_later),
		TEST(map_refuses_addresses_out_of_range),
		TEST(ranges_must_be_aligned_and_readable),
		TEST(canonical_formats_take_both_halves_and_nothing_between),
		TEST(for_each_gives_canonical_starts_and_stops),
		TEST(unmap_splits_leaves_at_the_ends),
		TEST(one_page_is_donated_out_of_a_gibibyte),
		TEST(a_whole_gibibyte_is_split_to_the_last_page),
		TEST(unmap_counts_a_gibibyte_in_bounded_pieces),
		TEST(map_counts_large_leaves_in_bounded_pieces),
		TEST(unmap_says_whether_anything_changed),
		TEST(unmap_frees_the_tables_it_empties),
		TEST(unmap_frees_a_table_whose_rest_was_empty),
		TEST(without_free_unmap_keeps_tables),
		TEST(unmap_without_memory_to_split_leaves_the_leaf),
		TEST(work_restarts_at_every_batch_boundary),
		TEST(protect_and_harvest_restart_too),
		TEST(protect_splits_over_mixed_sizes),
		TEST(protect_leaves_alone_what_is_right_already),
		TEST(protect_changes_the_memory_type),
		TEST(slot_is_there_when_its_tables_are),
		TEST(destroy_frees_every_table_in_batches),
		TEST(init_without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
