/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory types by a machine's MTRRs: SDM3 12.11 "Memory Type Range Registers". */
/* arch: x86 */
/* sources: arch/x86/mtrr_type.c */
#include "arch/mtrr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/mtrr_fake.h"

static int setup(void **state)
{
	(void)state;
	mtrr_fake_make(MTRR_UC, true);
	return 0;
}

static void registers_are_found_by_number(void **state)
{
	uint64_t value = 0;

	(void)state;
	mtrr_fake_range(0x40000000, 0x40000000, MTRR_WB);
	assert_true(mtrr_get(MSR_MTRR_DEF_TYPE, &value));
	assert_int_equal(value, 0xc00);
	assert_true(mtrr_get(0x201, &value));
	assert_int_equal(value, UINT64_C(0xffc0000800));
	assert_true(mtrr_get(MSR_MTRR_FIX_4K_F8, &value));
	assert_false(mtrr_get(0x202, &value));
}

/* ---- which type ---- */

static void machine_without_types_has_no_opinion(void **state)
{
	(void)state;
	mtrrs.all[0].value &= ~BIT(11); /* left off by the firmware */
	assert_int_equal(mtrr_type(0x1000), -1);
	assert_int_equal(mtrr_type(GIB), -1);
	assert_true(mtrr_is_uniform(0, GIB));
	mtrrs.all[0].value |= BIT(11);
	mtrrs.count = 0; /* CPUID has none */
	assert_int_equal(mtrr_type(0x1000), -1);
	assert_true(mtrr_is_uniform(0, GIB));
}

static void fixed_ranges_are_of_three_sizes(void **state)
{
	static const struct {
		uint64_t first, size;
		uint32_t msr;
		uint32_t count; /* registers */
	} rows[] = {
		{ 0, 0x10000, 0x250, 1 },
		{ 0x80000, 0x4000, 0x258, 2 },
		{ 0xc0000, 0x1000, 0x268, 8 },
	};

	(void)state;
	for (unsigned row = 0; row < ARRAY_SIZE(rows); row++) {
		for (uint32_t n = 0; n < 8 * rows[row].count; n++) {
			uint64_t at = rows[row].first + n * rows[row].size;
			struct mtrr *found = NULL;

			setup(NULL);
			for (uint32_t i = 0; i < mtrrs.count; i++) {
				if (mtrrs.all[i].msr == rows[row].msr + n / 8) {
					found = &mtrrs.all[i];
				}
				if (i != 0) {
					mtrrs.all[i].value = UINT64_C(0x0606060606060606);
				}
			}
			assert_non_null(found);
			found->value ^= (uint64_t)(MTRR_WB ^ MTRR_WT) << 8 * (n % 8);
			assert_int_equal(mtrr_type(at), MTRR_WT);
			assert_int_equal(mtrr_type(at + rows[row].size - 1), MTRR_WT);
			assert_int_equal(mtrr_type(at + rows[row].size),
					 at + rows[row].size < 0x100000 ? MTRR_WB : MTRR_UC);
			assert_true(at == 0 || mtrr_type(at - 1) == MTRR_WB);
		}
	}
}

static void fixed_ranges_go_before_variable_ones(void **state)
{
	(void)state;
	mtrr_fake_range(0, GIB, MTRR_WB);
	assert_int_equal(mtrr_type(0xa0000), MTRR_UC);
	assert_int_equal(mtrr_type(0xfffff), MTRR_WP);
	assert_int_equal(mtrr_type(0x100000), MTRR_WB);
	mtrrs.all[0].value &= ~BIT(10); /* turned off */
	assert_int_equal(mtrr_type(0xa0000), MTRR_WB);
	mtrr_fake_make(MTRR_WC, false); /* not there */
	mtrrs.all[0].value |= BIT(10);
	assert_int_equal(mtrr_type(0xa0000), MTRR_WC);
}

static void what_no_range_has_is_of_the_default_type(void **state)
{
	(void)state;
	mtrr_fake_range(0, 2 * GIB, MTRR_WB);
	assert_int_equal(mtrr_type(2 * GIB - 1), MTRR_WB);
	assert_int_equal(mtrr_type(2 * GIB), MTRR_UC);
	mtrr_fake_make(MTRR_WB, true);
	assert_int_equal(mtrr_type(2 * GIB), MTRR_WB);
}

static void range_that_is_not_valid_is_none(void **state)
{
	(void)state;
	mtrr_fake_range(0, 2 * GIB, MTRR_WB);
	mtrr_fake_last()[1].value &= ~BIT(11);
	assert_int_equal(mtrr_type(GIB), MTRR_UC);
	assert_true(mtrr_is_uniform(2 * MIB, 2 * MIB));
	mtrr_fake_range(0, 2 * GIB, MTRR_WT); /* one behind it is looked at */
	assert_int_equal(mtrr_type(GIB), MTRR_WT);
}

/* SDM3 12.11.4.1 "MTRR Precedences". */
static void overlapping_ranges_have_the_weaker_type(void **state)
{
	static const struct {
		uint64_t a, b;
		int type;
	} rows[] = {
		{ MTRR_WB, MTRR_UC, MTRR_UC }, { MTRR_WT, MTRR_UC, MTRR_UC },
		{ MTRR_WC, MTRR_UC, MTRR_UC }, { MTRR_WB, MTRR_WT, MTRR_WT },
		{ MTRR_WB, MTRR_WB, MTRR_WB }, { MTRR_WC, MTRR_WC, MTRR_WC },
		{ MTRR_WB, MTRR_WC, MTRR_UC }, /* undefined: the safe one */
		{ MTRR_WP, MTRR_WT, MTRR_UC },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool swapped = i % 2 != 0;

		setup(NULL);
		mtrr_fake_range(GIB, GIB, swapped ? rows[i / 2].b : rows[i / 2].a);
		mtrr_fake_range(GIB, 256 * MIB, swapped ? rows[i / 2].a : rows[i / 2].b);
		assert_int_equal(mtrr_type(GIB), rows[i / 2].type);
	}
}

static void three_ranges_overlap_in_any_order(void **state)
{
	static const uint64_t orders[][3] = {
		{ MTRR_WB, MTRR_WT, MTRR_UC },
		{ MTRR_UC, MTRR_WB, MTRR_WT },
		{ MTRR_WT, MTRR_UC, MTRR_WB },
		{ MTRR_WB, MTRR_UC, MTRR_WB },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		setup(NULL);
		for (unsigned n = 0; n < 3; n++) {
			mtrr_fake_range(GIB, GIB, orders[i][n]);
		}
		assert_int_equal(mtrr_type(GIB + 5), MTRR_UC);
	}
}

/* Firmware gives a hole below 4 GiB so: all is WB, and UC where the hole is. */
static void hole_below_4g_is_uncached(void **state)
{
	(void)state;
	mtrr_fake_range(0, 4 * GIB, MTRR_WB);
	mtrr_fake_range(3 * GIB, GIB, MTRR_UC);
	assert_int_equal(mtrr_type(3 * GIB - 1), MTRR_WB);
	assert_int_equal(mtrr_type(0xfee00000), MTRR_UC);
	assert_int_equal(mtrr_type(4 * GIB), MTRR_UC);
}

/* ---- which leaf has one type ---- */

static void page_is_always_of_one_type(void **state)
{
	(void)state;
	assert_true(mtrr_is_uniform(0xa0000, 4 * KIB));
}

static void fixed_ranges_are_never_in_one_leaf(void **state)
{
	(void)state;
	assert_false(mtrr_is_uniform(0, 2 * MIB));
	assert_false(mtrr_is_uniform(0, GIB));
	assert_true(mtrr_is_uniform(2 * MIB, 2 * MIB));
	mtrrs.all[0].value &= ~BIT(10);
	assert_true(mtrr_is_uniform(0, 2 * MIB));
}

static void leaf_around_a_smaller_range_is_of_two_types(void **state)
{
	(void)state;
	mtrr_fake_range(GIB + 8 * MIB, MIB, MTRR_WC);
	assert_false(mtrr_is_uniform(GIB, GIB));
	assert_false(mtrr_is_uniform(GIB + 8 * MIB, 2 * MIB));
	assert_true(mtrr_is_uniform(GIB + 10 * MIB, 2 * MIB));
	assert_true(mtrr_is_uniform(2 * GIB, GIB));
}

static void leaf_inside_of_a_range_is_of_one_type(void **state)
{
	(void)state;
	mtrr_fake_range(0, 4 * GIB, MTRR_WB);
	mtrr_fake_range(3 * GIB, GIB, MTRR_UC);
	for (uint64_t at = GIB; at < 6 * GIB; at += GIB) {
		assert_true(mtrr_is_uniform(at, GIB));
		assert_true(mtrr_is_uniform(at + GIB - 2 * MIB, 2 * MIB));
	}
}

/* Whatever the ranges, discontiguous masks too: where it says yes there is one type alone. */
static void uniform_leaves_have_one_type(void **state)
{
	unsigned yes = 0;

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 400; round++) {
		mtrr_fake_make((uint64_t)rand() % 2 * MTRR_WB, round % 2 != 0);
		for (int n = rand() % 5; n >= 0; n--) {
			static const uint64_t types[] = { MTRR_UC, MTRR_WC, MTRR_WT, MTRR_WB };
			uint64_t size = UINT64_C(4096) << rand() % 14;

			mtrr_fake_range((uint64_t)rand() % 8 * MIB & ~(size - 1), size,
					types[rand() % 4]);
			if (rand() % 8 == 0) {
				mtrr_fake_last()[1].value &= ~(BIT(13 + rand() % 9));
			}
		}
		for (uint64_t at = 0; at < 16 * MIB; at += 2 * MIB) {
			if (!mtrr_is_uniform(at, 2 * MIB)) {
				continue;
			}
			yes++;
			for (uint64_t page = at; page < at + 2 * MIB; page += 4 * KIB) {
				assert_int_equal(mtrr_type(page), mtrr_type(at));
			}
		}
	}
	assert_in_range(yes, 400, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_are_found_by_number, setup),
		cmocka_unit_test_setup(machine_without_types_has_no_opinion, setup),
		cmocka_unit_test_setup(fixed_ranges_are_of_three_sizes, setup),
		cmocka_unit_test_setup(fixed_ranges_go_before_variable_ones, setup),
		cmocka_unit_test_setup(what_no_range_has_is_of_the_default_type, setup),
		cmocka_unit_test_setup(range_that_is_not_valid_is_none, setup),
		cmocka_unit_test_setup(overlapping_ranges_have_the_weaker_type, setup),
		cmocka_unit_test_setup(three_ranges_overlap_in_any_order, setup),
		cmocka_unit_test_setup(hole_below_4g_is_uncached, setup),
		cmocka_unit_test_setup(page_is_always_of_one_type, setup),
		cmocka_unit_test_setup(fixed_ranges_are_never_in_one_leaf, setup),
		cmocka_unit_test_setup(leaf_around_a_smaller_range_is_of_two_types, setup),
		cmocka_unit_test_setup(leaf_inside_of_a_range_is_of_one_type, setup),
		cmocka_unit_test_setup(uniform_leaves_have_one_type, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
