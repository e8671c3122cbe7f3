/* SPDX-License-Identifier: GPL-2.0-only */
/* The walker and what hardware does to entries: accessed and dirty, collapse; and random work. */
/* sources: mm/pt.c */
#include "tests/unit/pt_fixture.h"

/* ---- accessed and dirty ---- */

static void touch(uint64_t address, unsigned level, bool dirty)
{
	pte_t *table = pt.root;

	for (unsigned at = pt.format->levels - 1; at > level; at--) {
		pte_t entry = table[address / pt_level_size(at) % PT_ENTRIES];

		table = hyp_map_pointer(pt.format->address(entry, at));
	}
	table += address / pt_level_size(level) % PT_ENTRIES;
	*table = pt.format->set_accessed(*table, true, dirty);
}

struct harvest {
	unsigned leaves, dirty;
	uint64_t last;
};

static void harvested(void *context, const struct pt_leaf *leaf, bool dirty)
{
	struct harvest *harvest = context;

	harvest->leaves++;
	harvest->dirty += dirty;
	harvest->last = leaf->start;
}

static struct harvest harvest(uint64_t start, uint64_t size)
{
	struct pt_range range = range_of(start, size, 0, 0);
	struct harvest found = { 0, 0, 0 };

	while (pt_harvest(&pt, &range, harvested, &found) == -E_RESTART) {
	}
	return found;
}

static void harvest_reports_and_clears(void **state)
{
	struct harvest found;

	(void)state;
	assert_int_equal(map(0, 2 * S2M, 0, RW), 0);
	assert_int_equal(map(2 * S2M, 2 * S4K, 0, RW), 0);
	touch(S2M, 1, false);
	touch(2 * S2M + S4K, 0, true);
	found = harvest(S2M + S4K, S2M); /* the part of a leaf, and the page before */
	assert_int_equal(found.leaves, 1);
	assert_int_equal(found.dirty, 0);
	assert_int_equal(found.last, S2M);
	found = harvest(0, S1G);
	assert_int_equal(found.leaves, 1);
	assert_int_equal(found.dirty, 1);
	assert_int_equal(found.last, 2 * S2M + S4K);
	assert_int_equal(harvest(0, S1G).leaves, 0);
	assert_leaves(2, 2, 0);
}

static void split_and_protect_keep_dirty_bits(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, 0, RW), 0);
	touch(0, 1, true);
	assert_int_equal(unmap(S4K, S4K), 0);
	assert_int_equal(protect(0, S2M, PT_READ), 0);
	assert_int_equal(harvest(0, S2M).dirty, 511);
}

/* Hardware marks the entry between the walker's look and its exchange. */
static pte_t *marked;
static void mark_once(pte_t *slot)
{
	if (marked == NULL && pt.format->kind(*slot, 1) == PT_LEAF) {
		marked = slot;
		*slot = pt.format->set_accessed(*slot, true, true);
	}
}

static void a_dirty_bit_set_meanwhile_is_not_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(map(i * S2M, S2M, 0, RW), 0);
		marked = NULL;
		fake_publish_hook = mark_once;
		if (i == 0) {
			assert_int_equal(protect(0, S2M, PT_READ), 0);
		} else {
			assert_int_equal(unmap(S2M, S4K), 0);
		}
		fake_publish_hook = NULL;
		assert_non_null(marked);
	}
	assert_int_equal(harvest(0, S2M).dirty, 1);
	assert_int_equal(harvest(S2M, S2M).dirty, 511);
	assert_leaf(0, 0, 1, PT_READ);
}

static void a_dirty_bit_set_during_harvest_is_harvested(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M, 0, RW), 0);
	touch(0, 1, false);
	marked = NULL;
	fake_publish_hook = mark_once;
	assert_int_equal(harvest(0, S2M).dirty, 1);
	fake_publish_hook = NULL;
	assert_int_equal(harvest(0, S2M).leaves, 0);
}

/* ---- collapse ---- */

static void collapse_joins_what_was_split(void **state)
{
	(void)state;
	assert_int_equal(map(0, S1G, S1G, RW), 0);
	assert_int_equal(unmap(S2M, S4K), 0);
	assert_int_equal(pt_collapse(&pt, S2M, 1), -E_NOENT);
	assert_int_equal(map(S2M, S4K, S1G + S2M, RW), 0);
	assert_leaves(512, 511, 0);
	assert_int_equal(pt_collapse(&pt, S2M + 3 * S4K, 1), 0);
	assert_leaves(0, 512, 0);
	assert_int_equal(pt_collapse(&pt, S2M, 2), 0);
	assert_leaves(0, 0, 1);
	assert_leaf(S2M, S1G + S2M, 2, RW);
	assert_int_equal(tables_live, 2);
}

static void collapse_refuses_what_is_not_alike(void **state)
{
	(void)state;
	assert_int_equal(pt_collapse(&pt, 0, 1), -E_NOENT); /* nothing there */
	assert_int_equal(map(0, S2M, S4K, RW), 0);
	assert_int_equal(pt_collapse(&pt, 0, 1), -E_NOENT); /* the target is not aligned */
	assert_int_equal(map(S2M, S2M / 2, S2M, RW), 0);
	assert_int_equal(map(S2M + S2M / 2, S2M / 2, S2M, RW), 0);
	assert_int_equal(pt_collapse(&pt, S2M, 1), -E_NOENT); /* not contiguous */
	assert_int_equal(map(2 * S2M, S2M / 2, 0, RW), 0);
	assert_int_equal(map(2 * S2M + S2M / 2, S2M / 2, S2M / 2, PT_READ), 0);
	assert_int_equal(pt_collapse(&pt, 2 * S2M, 1), -E_NOENT); /* different rights */
	assert_int_equal(map(3 * S2M, S2M, 0, RW), 0);
	assert_int_equal(pt_collapse(&pt, 3 * S2M, 1), -E_NOENT); /* a leaf already */
	assert_int_equal(pt_collapse(&pt, 0, 0), -E_NOENT);
	assert_int_equal(pt_collapse(&pt, 0, 3), -E_NOENT); /* no leaves there */
}

static void a_collapsed_leaf_counts_as_dirty(void **state)
{
	(void)state;
	assert_int_equal(map(0, S2M / 2, 0, RW), 0);
	assert_int_equal(map(S2M / 2, S2M / 2, S2M / 2, RW), 0);
	assert_int_equal(pt_collapse(&pt, 0, 1), 0);
	assert_int_equal(harvest(0, S2M).dirty, 1);
}

/* ---- random work against a plain array of what should be mapped ---- */

#define PAGES (4 * 512)

static uint64_t model[PAGES]; /* target | prot; 0: hole */

struct work {
	enum { MAP, UNMAP, PROTECT, COLLAPSE } what;
	unsigned start, count;
	uint64_t target;
};

static struct work work_choose(uint32_t random)
{
	struct work work = { .what = random >> 30, .count = 1 + (random >> 3 & 1023) };
	bool is_odd = (random & 4) != 0;

	work.start = random >> 8 & (PAGES - 1);
	work.start = is_odd ? work.start : work.start & ~511U;
	work.count = work.start + work.count > PAGES ? PAGES - work.start : work.count;
	work.target = (is_odd ? work.start : work.start + 1) * S4K;
	for (unsigned i = 0; work.what == MAP && i < work.count; i++) {
		if (model[work.start + i] != 0) {
			work.count = i; /* map refuses there */
		}
	}
	return work;
}

static int work_do(const struct work *work)
{
	uint64_t start = work->start * S4K, size = work->count * S4K;
	int err;

	switch (work->what) {
	case MAP:
		return map(start, size, work->target, RW);
	case UNMAP:
		return unmap(start, size);
	case PROTECT:
		return protect(start, size, PT_READ);
	case COLLAPSE:
		break;
	}
	err = pt_collapse(&pt, start, 1);
	return err == -E_NOENT ? 0 : err;
}

static void work_model(const struct work *work)
{
	for (unsigned i = 0; i < work->count; i++) {
		uint64_t *page = &model[work->start + i];

		if (work->what == MAP) {
			*page = (work->target + i * S4K) | RW;
		} else if (work->what == UNMAP) {
			*page = 0;
		} else if (work->what == PROTECT && *page != 0) {
			*page = (*page & PAGE_MASK) | PT_READ;
		}
	}
}

static void assert_model(void)
{
	uint64_t mapped = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		struct pt_leaf leaf;
		int err = pt_lookup(&pt, i * S4K, &leaf);

		assert_int_equal(err, model[i] == 0 ? -E_NOENT : 0);
		if (err == 0) {
			uint64_t target = leaf.address.value + i * S4K - leaf.start;

			assert_int_equal(target | leaf.attr.prot, model[i]);
			mapped++;
		}
	}
	assert_int_equal(frames_added - frames_dropped, mapped);
}

static void random_work_agrees_with_a_model(void **state)
{
	uint32_t random = 12345;

	(void)state;
	pt.memory = &counting;
	memset(model, 0, sizeof(model));
	for (unsigned round = 0; round < 5000; round++) {
		struct work work;

		random = random * 1664525 + 1013904223;
		work = work_choose(random);
		assert_int_equal(work_do(&work), 0);
		work_model(&work);
		if (round % 50 == 0) {
			assert_model();
		}
	}
	assert_int_equal(unmap(0, PAGES * S4K), 0);
	assert_int_equal(tables_live, 1);
	assert_int_equal(frames_added, frames_dropped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(harvest_reports_and_clears),
		TEST(split_and_protect_keep_dirty_bits),
		TEST(a_dirty_bit_set_meanwhile_is_not_lost),
		TEST(a_dirty_bit_set_during_harvest_is_harvested),
		TEST(collapse_joins_what_was_split),
		TEST(collapse_refuses_what_is_not_alike),
		TEST(a_collapsed_leaf_counts_as_dirty),
		TEST(random_work_agrees_with_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
