/* SPDX-License-Identifier: GPL-2.0-only */
/* What the walker's tests share: tables out of fake memory, calls that go on until done. */
#pragma once

#include "mm/pt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/bits.h"
#include "core/err.h"
#include "mm/hyp_map.h"
#include "tests/fake_arch/fake.h"

#define RW   (PT_READ | PT_WRITE)
#define S4K  pt_level_size(0)
#define S2M  pt_level_size(1)
#define S1G  pt_level_size(2)
#define S512 pt_level_size(3)

/* Tables come from the end of fake memory, downwards; freed ones are not used again. */
static uint64_t next_table;
static int tables_left, tables_live;
static uint64_t frames_added, frames_dropped;
static struct pt pt;

static inline void *table_alloc(void *context)
{
	(void)context;
	if (tables_left == 0) {
		return NULL;
	}
	tables_left--;
	tables_live++;
	next_table -= PAGE_SIZE;
	return hyp_map_pointer(hpa(next_table));
}

static inline void table_free(void *context, void *table)
{
	(void)context;
	tables_live--;
	memset(table, 0xff, PAGE_SIZE);
}

static inline void leaf_added(void *context, const struct pt_leaf *leaf)
{
	(void)context;
	frames_added += pt_level_size(leaf->level) / PAGE_SIZE;
}

static inline void leaf_dropped(void *context, const struct pt_leaf *leaf)
{
	(void)context;
	frames_dropped += pt_level_size(leaf->level) / PAGE_SIZE;
}

static const struct pt_memory_ops __attribute__((unused))
plain = { .alloc = table_alloc, .free = table_free };
static const struct pt_memory_ops __attribute__((unused))
counting = { .alloc = table_alloc,
	     .free = table_free,
	     .leaf_added = leaf_added,
	     .leaf_dropped = leaf_dropped };
static const struct pt_memory_ops __attribute__((unused)) keeping = { .alloc = table_alloc };

static inline int setup(void **state)
{
	(void)state;
	fake_memory_init();
	next_table = FAKE_MEMORY_SIZE;
	tables_left = 1 << 16;
	tables_live = 0;
	frames_added = frames_dropped = 0;
	fake_publish_hook = NULL;
	return pt_init(&pt, arch_stage2_format(), &plain, NULL);
}

static inline struct pt_range range_of(uint64_t start, uint64_t size, uint64_t target,
				       uint32_t prot)
{
	return (struct pt_range){ start, size, hpa(target), { prot, PT_MEMORY_WB } };
}

static inline int map(uint64_t start, uint64_t size, uint64_t target, uint32_t prot)
{
	struct pt_range range = range_of(start, size, target, prot);
	int err;

	do {
		err = pt_map(&pt, &range, false);
	} while (err == -E_RESTART);
	return err;
}

static inline int unmap(uint64_t start, uint64_t size)
{
	struct pt_range range = range_of(start, size, 0, 0);
	bool changed;
	int err;

	do {
		err = pt_unmap(&pt, &range, &changed);
	} while (err == -E_RESTART);
	return err;
}

static inline int protect(uint64_t start, uint64_t size, uint32_t prot)
{
	struct pt_range range = range_of(start, size, 0, prot);
	bool changed;
	int err;

	do {
		err = pt_protect(&pt, &range, &changed);
	} while (err == -E_RESTART);
	return err;
}

static inline void assert_leaf(uint64_t address, uint64_t target, unsigned level, uint32_t prot)
{
	struct pt_leaf leaf;

	assert_int_equal(pt_lookup(&pt, address, &leaf), 0);
	assert_int_equal(leaf.level, level);
	assert_int_equal(leaf.address.value + (address - leaf.start), target);
	assert_int_equal(leaf.attr.prot, prot);
}

static inline void assert_hole(uint64_t address)
{
	struct pt_leaf leaf;

	assert_int_equal(pt_lookup(&pt, address, &leaf), -E_NOENT);
}

static inline int count_leaf(void *context, const struct pt_leaf *leaf)
{
	unsigned *counts = context;

	counts[leaf->level]++;
	return 0;
}

static inline void assert_leaves(unsigned small, unsigned medium, unsigned large)
{
	unsigned counts[3] = { 0, 0, 0 };

	assert_int_equal(pt_for_each(&pt, count_leaf, counts), 0);
	assert_int_equal(counts[0], small);
	assert_int_equal(counts[1], medium);
	assert_int_equal(counts[2], large);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)
