/* SPDX-License-Identifier: GPL-2.0-only */
/* The format of extended page tables: bits against the manual, and back; and what the walker makes
 * of a machine's memory types. */
/* arch: x86 */
/* sources: arch/x86/ept.c arch/x86/mtrr_type.c mm/pt.c */
#include "arch/ept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/vmcs.h"
#include "arch/vmx.h"
#include "core/err.h"
#include "mm/hyp_map.h"
#include "mm/stage2.h"
#include "tests/unit/log_capture.h"
#include "tests/unit/mtrr_fake.h"

#define RW      (PT_READ | PT_WRITE)
#define RWX     (RW | PT_EXECUTE)
#define ADDRESS UINT64_C(0x0000123440000000)

/* Written out here, not taken from the source: SDM3 29.3.2, tables of EPT entries. */
#define R       (1ULL << 0)
#define W       (1ULL << 1)
#define X       (1ULL << 2)
#define TYPE(n) ((uint64_t)(n) << 3)
#define LARGE   (1ULL << 7)
#define A       (1ULL << 8)
#define D       (1ULL << 9)

struct vmx_facts vmx_facts = { .ept_vpid = VMX_EPT_1G | VMX_EPT_ACCESSED };
uint64_t hyp_map_offset;

static struct pt pt;

/* Without MTRRs, as a machine has them that leaves types to the caller. */
static int setup(void **state)
{
	(void)state;
	memset(&mtrrs, 0, sizeof(mtrrs));
	vmx_facts.ept_vpid |= VMX_EPT_ACCESSED;
	return 0;
}

static pte_t leaf_at(uint64_t address, unsigned level, uint32_t prot, enum pt_memory memory)
{
	return ept_format()->make_leaf(hpa(address), level,
				       (struct pt_attr){ .prot = prot, .memory = memory });
}

static pte_t leaf(unsigned level, uint32_t prot, enum pt_memory memory)
{
	return leaf_at(ADDRESS, level, prot, memory);
}

/* ---- entries ---- */

static void leaves_have_the_rights_that_were_asked_for(void **state)
{
	(void)state;
	assert_true(leaf(0, PT_READ, PT_MEMORY_WB) == (ADDRESS | R | TYPE(6)));
	assert_true(leaf(0, RW, PT_MEMORY_WB) == (ADDRESS | R | W | TYPE(6)));
	assert_true(leaf(0, PT_READ | PT_EXECUTE, PT_MEMORY_WB) == (ADDRESS | R | X | TYPE(6)));
	assert_true(leaf(0, RWX, PT_MEMORY_WB) == (ADDRESS | R | W | X | TYPE(6)));
	assert_true(leaf(0, RWX | PT_USER | PT_GLOBAL, PT_MEMORY_WB) ==
		    (ADDRESS | R | W | X | TYPE(6)));
	assert_true(leaf(1, RW, PT_MEMORY_WB) == (ADDRESS | R | W | LARGE | TYPE(6)));
	assert_true(leaf(2, RW, PT_MEMORY_WB) == (ADDRESS | R | W | LARGE | TYPE(6)));
}

static void caller_says_the_type_where_the_machine_has_none(void **state)
{
	(void)state;
	assert_true(leaf(0, RW, PT_MEMORY_UC) == (ADDRESS | R | W | TYPE(0)));
	assert_true(leaf(0, RW, PT_MEMORY_WC) == (ADDRESS | R | W | TYPE(1)));
	assert_true(leaf(1, RW, PT_MEMORY_WT) == (ADDRESS | R | W | LARGE | TYPE(4)));
	mtrr_fake_make(MTRR_WC, true);
	mtrrs.all[0].value &= ~BIT(11); /* the firmware left them off */
	assert_true(leaf(0, RW, PT_MEMORY_WB) == (ADDRESS | R | W | TYPE(6)));
}

static void machine_says_the_type_where_it_has_one(void **state)
{
	(void)state;
	mtrr_fake_make(MTRR_UC, true);
	mtrr_fake_range(0, 2 * GIB, MTRR_WB);
	for (unsigned memory = PT_MEMORY_WB; memory <= PT_MEMORY_UC; memory++) {
		assert_true(leaf_at(GIB, 2, RW, memory) == (GIB | R | W | LARGE | TYPE(6)));
		assert_true(leaf_at(2 * GIB, 1, RW, memory) == (2 * GIB | R | W | LARGE | TYPE(0)));
		assert_true(leaf_at(0xa0000, 0, RW, memory) == (0xa0000 | R | W | TYPE(0)));
		assert_true(leaf_at(0xf0000, 0, RW, memory) == (0xf0000 | R | W | TYPE(5)));
	}
}

static void what_is_made_reads_back(void **state)
{
	const struct pt_format *format = ept_format();

	(void)state;
	for (unsigned level = 0; level < 3; level++) {
		for (unsigned prot = 0; prot < 8; prot++) {
			for (unsigned memory = 0; memory <= PT_MEMORY_UC; memory++) {
				pte_t entry = leaf(level, prot | PT_READ, memory);
				struct pt_attr attr = format->attr(entry, level);

				assert_int_equal(format->kind(entry, level), PT_LEAF);
				assert_true(format->address(entry, level).value == ADDRESS);
				assert_int_equal(attr.prot, prot | PT_READ);
				assert_int_equal(attr.memory, memory);
			}
		}
	}
}

/* The bits below a large leaf's address are no part of it. */
static void address_of_a_large_leaf_ends_at_its_size(void **state)
{
	const struct pt_format *format = ept_format();

	(void)state;
	assert_true(format->address(ADDRESS | 0x1ff000 | LARGE | R, 1).value == ADDRESS);
	assert_true(format->address(ADDRESS | 0x3ffff000 | LARGE | R, 2).value == ADDRESS);
	assert_true(format->address(ADDRESS | 0x1ff000 | R, 0).value == (ADDRESS | 0x1ff000));
	assert_true(format->address(BIT(63) | ADDRESS | R, 0).value == ADDRESS);
}

/* Tables have no type: bits 7:3 are reserved there. */
static void tables_allow_everything(void **state)
{
	const struct pt_format *format = ept_format();
	pte_t entry = format->make_table(hpa(0x5000));

	(void)state;
	assert_true(entry == (0x5000 | R | W | X));
	for (unsigned level = 1; level < 4; level++) {
		assert_int_equal(format->kind(entry, level), PT_TABLE);
		assert_int_equal(format->address(entry, level).value, 0x5000);
	}
	assert_int_equal(format->kind(0, 3), PT_EMPTY);
	assert_int_equal(format->kind(~(R | W | X), 0), PT_EMPTY);
	assert_int_equal(format->kind(R, 0), PT_LEAF);
}

/* ---- accessed and dirty ---- */

static void accessed_and_dirty_come_and_go(void **state)
{
	const struct pt_format *format = ept_format();
	pte_t bare = leaf(1, RW, PT_MEMORY_WC);
	bool accessed, dirty;

	(void)state;
	assert_true(format->clear_accessed(bare | A | D, &accessed, &dirty) == bare);
	assert_true(accessed && dirty);
	assert_true(format->clear_accessed(bare | A, &accessed, &dirty) == bare);
	assert_true(accessed && !dirty);
	assert_true(format->clear_accessed(bare, &accessed, &dirty) == bare);
	assert_true(!accessed && !dirty);
	assert_true(format->set_accessed(bare, true, false) == (bare | A));
	assert_true(format->set_accessed(bare, false, true) == (bare | D));
}

static void everything_was_touched_where_the_cpu_has_no_flags(void **state)
{
	bool accessed, dirty;

	(void)state;
	vmx_facts.ept_vpid &= ~VMX_EPT_ACCESSED;
	(void)ept_format()->clear_accessed(leaf(0, RW, PT_MEMORY_WB), &accessed, &dirty);
	assert_true(accessed && dirty);
}

static void publish_refuses_what_changed_meanwhile(void **state)
{
	pte_t slot = 5;

	(void)state;
	assert_false(ept_format()->publish(&slot, 4, 6));
	assert_int_equal(slot, 5);
	assert_true(ept_format()->publish(&slot, 5, 6));
	assert_int_equal(slot, 6);
}

/* ---- the format, the pointer ---- */

static void format_is_this_machines(void **state)
{
	const struct pt_format *format = ept_format();

	(void)state;
	assert_in_range(format->physical_bits, 32, 48);
	assert_int_equal(format->levels, 4);
	assert_int_equal(format->leaf_levels, 7); /* 1 GiB: as the facts have it */
	assert_ptr_equal(format, ept_format());
	assert_false(format->is_canonical);
}

/* SDM3 25.6.11: WB, four levels less one, accessed and dirty. */
static void pointer_names_root_levels_and_flags(void **state)
{
	struct stage2 stage2 = { .pt.root = (pte_t *)(uintptr_t)0x123000 };

	(void)state;
	assert_int_equal(ept_pointer(&stage2), 0x12305e);
	vmx_facts.ept_vpid &= ~VMX_EPT_ACCESSED;
	assert_int_equal(ept_pointer(&stage2), 0x12301e);
}

/* ---- the walker on a machine's types ---- */

static void *table_alloc(void *context)
{
	void *table = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

	(void)context;
	memset(table, 0, PAGE_SIZE);
	return table;
}

static void table_free(void *context, void *table)
{
	(void)context;
	free(table);
}

static const struct pt_memory_ops tables = { .alloc = table_alloc, .free = table_free };

static unsigned leaves[3];

static int check_leaf(void *context, const struct pt_leaf *found)
{
	uint64_t size = pt_level_size(found->level);
	struct pt_leaf again;

	(void)context;
	leaves[found->level]++;
	assert_int_equal(found->start, found->address.value);
	for (uint64_t at = 0; at < size; at += 4 * KIB) {
		assert_int_equal(found->entry >> 3 & 7, mtrr_type(found->address.value + at));
	}
	assert_int_equal(pt_lookup(&pt, found->start + size - 1, &again), 0);
	assert_true(again.entry == found->entry);
	return 0;
}

static void check_leaves(void)
{
	memset(leaves, 0, sizeof(leaves));
	assert_int_equal(pt_for_each(&pt, check_leaf, NULL), 0);
}

static void map(uint64_t size)
{
	struct pt_range range = { .size = size, .attr = { .prot = RWX } };

	assert_int_equal(pt_init(&pt, ept_format(), &tables, NULL), 0);
	while (pt_map(&pt, &range, false) == -E_RESTART) {
	}
	assert_int_equal(range.size, 0);
}

static void unmap(void)
{
	while (pt_destroy(&pt) == -E_RESTART) {
	}
}

static void no_leaf_spans_two_types(void **state)
{
	(void)state;
	mtrr_fake_make(MTRR_UC, true);
	mtrr_fake_range(0, 2 * GIB, MTRR_WB);
	mtrr_fake_range(GIB + 8 * MIB, 64 * KIB, MTRR_UC);
	map(3 * GIB);
	check_leaves();
	/* 2 MiB at 0 and around the small range in pages, the rest of both GiB in 2 MiB. */
	assert_int_equal(leaves[0], 1024);
	assert_int_equal(leaves[1], 1022);
	assert_int_equal(leaves[2], 1);
	unmap();
}

static void split_leaf_keeps_its_types(void **state)
{
	struct pt_range range = { .start = 2 * GIB + 4 * KIB,
				  .size = 4 * KIB,
				  .attr = { .prot = PT_READ, .memory = PT_MEMORY_UC } };
	bool changed = false;

	(void)state;
	mtrr_fake_make(MTRR_WB, false);
	map(3 * GIB);
	while (pt_protect(&pt, &range, &changed) == -E_RESTART) {
	}
	assert_true(changed);
	check_leaves();
	assert_int_equal(leaves[2], 2);
	assert_int_equal(leaves[0], 512);
	unmap();
}

/* To the walker WT and WP are the same; to the processor they are not. */
static void pages_of_two_types_are_not_joined(void **state)
{
	(void)state;
	mtrr_fake_make(MTRR_WP, false);
	mtrr_fake_range(2 * MIB, 4 * KIB, MTRR_WT);
	map(6 * MIB);
	assert_int_equal(pt_collapse(&pt, 2 * MIB, 1), -E_NOENT);
	check_leaves();
	unmap();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(leaves_have_the_rights_that_were_asked_for, setup),
		cmocka_unit_test_setup(caller_says_the_type_where_the_machine_has_none, setup),
		cmocka_unit_test_setup(machine_says_the_type_where_it_has_one, setup),
		cmocka_unit_test_setup(what_is_made_reads_back, setup),
		cmocka_unit_test_setup(address_of_a_large_leaf_ends_at_its_size, setup),
		cmocka_unit_test_setup(tables_allow_everything, setup),
		cmocka_unit_test_setup(accessed_and_dirty_come_and_go, setup),
		cmocka_unit_test_setup(everything_was_touched_where_the_cpu_has_no_flags, setup),
		cmocka_unit_test_setup(publish_refuses_what_changed_meanwhile, setup),
		cmocka_unit_test_setup(format_is_this_machines, setup),
		cmocka_unit_test_setup(pointer_names_root_levels_and_flags, setup),
		cmocka_unit_test_setup(no_leaf_spans_two_types, setup),
		cmocka_unit_test_setup(split_leaf_keeps_its_types, setup),
		cmocka_unit_test_setup(pages_of_two_types_are_not_joined, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
