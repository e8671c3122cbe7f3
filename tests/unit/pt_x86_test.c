/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's and the nested page-table formats: bits against the manual, and back. */
/* arch: x86 */
/* sources: arch/x86/pt_host.c arch/x86/npt.c */
#include "arch/npt.h"
#include "arch/pt_host.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "arch/pt_entry.h"
#include "core/arch.h"

#define RW      (PT_READ | PT_WRITE)
#define ADDRESS UINT64_C(0x0000123440000000)

/* Written out here, not taken from the header: APM2 5.3 and 5.4 "Page-Translation-Table Entry
 * Fields". */
#define P   (1ULL << 0)
#define W   (1ULL << 1)
#define U   (1ULL << 2)
#define PWT (1ULL << 3)
#define PCD (1ULL << 4)
#define A   (1ULL << 5)
#define D   (1ULL << 6)
#define PS  (1ULL << 7)
#define G   (1ULL << 8)
#define NX  (1ULL << 63)

static pte_t leaf(const struct pt_format *format, unsigned level, uint32_t prot,
		  enum pt_memory memory)
{
	return format->make_leaf(hpa(ADDRESS), level,
				 (struct pt_attr){ .prot = prot, .memory = memory });
}

static void host_leaves_are_supervisors_and_not_executable(void **state)
{
	const struct pt_format *host = arch_host_format();

	(void)state;
	assert_true(leaf(host, 0, PT_READ, PT_MEMORY_WB) == (ADDRESS | P | NX));
	assert_true(leaf(host, 0, RW, PT_MEMORY_WB) == (ADDRESS | P | W | NX));
	assert_true(leaf(host, 0, PT_READ | PT_EXECUTE, PT_MEMORY_WB) == (ADDRESS | P));
	assert_true(leaf(host, 1, RW, PT_MEMORY_WB) == (ADDRESS | P | W | PS | NX));
	assert_true(leaf(host, 0, RW | PT_USER | PT_GLOBAL, PT_MEMORY_WB) ==
		    (ADDRESS | P | W | U | G | NX));
}

/* The PAT entry that a leaf's bits choose must have the type that was asked for. */
static void host_memory_types_are_those_of_the_pat(void **state)
{
	const uint8_t types[] = {
		[PT_MEMORY_WB] = 6, [PT_MEMORY_WC] = 1, [PT_MEMORY_WT] = 4, [PT_MEMORY_UC] = 0
	};

	(void)state;
	for (unsigned level = 0; level < 2; level++) {
		const uint64_t pat_bit = level == 0 ? 1ULL << 7 : 1ULL << 12;

		for (unsigned memory = PT_MEMORY_WB; memory <= PT_MEMORY_UC; memory++) {
			pte_t entry = leaf(arch_host_format(), level, RW, memory);
			unsigned index = ((entry & pat_bit) != 0) * 4U + ((entry & PCD) != 0) * 2U +
					 ((entry & PWT) != 0);

			assert_int_equal(PT_HOST_PAT >> (8 * index) & 0xff, types[memory]);
		}
	}
}

static void nested_leaves_are_users_and_write_back(void **state)
{
	const struct pt_format *npt = npt_format();

	(void)state;
	for (unsigned memory = PT_MEMORY_WB; memory <= PT_MEMORY_UC; memory++) {
		assert_true(leaf(npt, 0, RW | PT_EXECUTE, memory) == (ADDRESS | P | W | U));
		assert_true(leaf(npt, 2, RW, memory) == (ADDRESS | P | W | U | PS | NX));
	}
	assert_true(leaf(npt, 1, PT_READ | PT_GLOBAL, PT_MEMORY_WB) == (ADDRESS | P | U | PS | NX));
}

static void what_is_made_reads_back(void **state)
{
	const struct pt_format *formats[] = { arch_host_format(), npt_format() };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct pt_format *format = formats[i];

		for (unsigned level = 0; level < 2; level++) {
			for (unsigned prot = 0; prot < 8; prot++) {
				for (unsigned memory = 0; memory <= PT_MEMORY_UC; memory++) {
					pte_t entry = leaf(format, level, prot | PT_READ, memory);
					struct pt_attr attr = format->attr(entry, level);

					assert_int_equal(format->kind(entry, level), PT_LEAF);
					assert_true(format->address(entry, level).value == ADDRESS);
					assert_int_equal(attr.prot, prot | PT_READ);
					assert_int_equal(attr.memory,
							 i == 0 ? memory : PT_MEMORY_WB);
				}
			}
		}
	}
}

static void tables_allow_everything(void **state)
{
	const struct pt_format *format = npt_format();
	pte_t entry = format->make_table(hpa(0x5000));

	(void)state;
	assert_true(entry == (0x5000 | P | W | U));
	for (unsigned level = 1; level < 4; level++) {
		assert_int_equal(format->kind(entry, level), PT_TABLE);
		assert_int_equal(format->address(entry, level).value, 0x5000);
	}
	assert_int_equal(format->kind(0, 3), PT_EMPTY);
	assert_int_equal(format->kind(~P, 0), PT_EMPTY);
}

static void accessed_and_dirty_come_and_go(void **state)
{
	const struct pt_format *format = arch_host_format();
	pte_t bare = leaf(format, 1, RW, PT_MEMORY_WC);
	bool accessed, dirty;

	(void)state;
	assert_true(format->clear_accessed(bare | A | D, &accessed, &dirty) == bare);
	assert_true(accessed && dirty);
	assert_true(format->clear_accessed(bare | A, &accessed, &dirty) == bare);
	assert_true(accessed && !dirty);
	assert_true(format->set_accessed(bare, true, false) == (bare | A));
	assert_true(format->set_accessed(bare, false, true) == (bare | D));
}

static void publish_refuses_what_changed_meanwhile(void **state)
{
	pte_t slot = 5;

	(void)state;
	assert_false(arch_host_format()->publish(&slot, 4, 6));
	assert_int_equal(slot, 5);
	assert_true(arch_host_format()->publish(&slot, 5, 6));
	assert_int_equal(slot, 6);
}

static void the_nested_format_is_this_machines(void **state)
{
	const struct pt_format *format = npt_format();

	(void)state;
	assert_in_range(format->physical_bits, 32, 52);
	assert_true((format->leaf_levels & 3) == 3);
	assert_ptr_equal(format, npt_format());
	assert_false(format->is_canonical);
	assert_true(arch_host_format()->is_canonical);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_leaves_are_supervisors_and_not_executable),
		cmocka_unit_test(host_memory_types_are_those_of_the_pat),
		cmocka_unit_test(nested_leaves_are_users_and_write_back),
		cmocka_unit_test(what_is_made_reads_back),
		cmocka_unit_test(tables_allow_everything),
		cmocka_unit_test(accessed_and_dirty_come_and_go),
		cmocka_unit_test(publish_refuses_what_changed_meanwhile),
		cmocka_unit_test(the_nested_format_is_this_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
