/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks of guest page tables in a small memory of their own: formats, rights, error codes, A and D.
 */
/* arch: x86 */
/* sources: arch/x86/guest_walk.c */
#include "arch/guest_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "core/err.h"
#include "mm/guest_mem.h"

#define MEMORY_SIZE 0x10000
#define ROOT        0x1000
#define LEVEL2      0x2000
#define LEVEL1      0x3000
#define LEVEL0      0x4000

#define P  BIT(0)
#define W  BIT(1)
#define U  BIT(2)
#define A  BIT(5)
#define D  BIT(6)
#define PS BIT(7)
#define NX BIT(63)

#define PF_P  0x01
#define PF_W  0x02
#define PF_U  0x04
#define PF_RS 0x08
#define PF_ID 0x10

#define FRAME  UINT64_C(0x1234567000)
/* Index 1 at each of four levels, offset 0x123. */
#define LINEAR UINT64_C(0x0000008040201123)

static uint8_t memory[MEMORY_SIZE] __attribute__((aligned(8)));
static struct guest_paging paging;
static unsigned interfere; /* so often another CPU changes an entry under an exchange */
static gpa_t address;
static uint32_t error;

int guest_mem_read(struct stage2 *stage2, gpa_t from, void *to, size_t size)
{
	(void)stage2;
	if (from.value + size > MEMORY_SIZE) {
		return -E_RANGE;
	}
	memcpy(to, memory + from.value, size);
	return 0;
}

int guest_mem_compare_exchange(struct stage2 *stage2, gpa_t at, uint64_t *expected, uint64_t value)
{
	uint64_t *word = (uint64_t *)(void *)(memory + at.value);

	(void)stage2;
	assert_int_equal(at.value % 8, 0);
	if (interfere > 0) {
		interfere--;
		*word ^= BIT(9); /* a bit that the guest may use as it likes */
	}
	if (*word != *expected) {
		*expected = *word;
		return -E_BUSY;
	}
	*word = value;
	return 0;
}

static void entry_set(uint64_t at, uint64_t entry)
{
	memcpy(memory + at, &entry, sizeof(entry));
}

static uint64_t entry_get(uint64_t at)
{
	uint64_t entry;

	memcpy(&entry, memory + at, sizeof(entry));
	return entry;
}

/* Long mode, everything granted, at CPL 0. */
static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	interfere = 0;
	paging = (struct guest_paging){ .cr0 = CR0_PE | CR0_PG | CR0_WP,
					.cr3 = ROOT,
					.cr4 = CR4_PAE,
					.efer = EFER_LME | EFER_LMA | EFER_NXE,
					.physical_bits = 40 };
	entry_set(ROOT + 8, LEVEL2 | P | W | U);
	entry_set(LEVEL2 + 8, LEVEL1 | P | W | U);
	entry_set(LEVEL1 + 8, LEVEL0 | P | W | U);
	entry_set(LEVEL0 + 8, FRAME | P | W | U);
	return 0;
}

static int walk(uint64_t linear, unsigned access)
{
	error = 0xdead;
	return guest_walk(NULL, &paging, linear, access, &address, &error);
}

static void expect_address(unsigned access, uint64_t expected)
{
	assert_int_equal(walk(LINEAR, access), 0);
	assert_int_equal(address.value, expected);
}

static void expect_fault(unsigned access, uint32_t expected)
{
	assert_int_equal(walk(LINEAR, access), -E_PERM);
	assert_int_equal(error, expected);
}

static void without_paging_addresses_are_physical(void **state)
{
	(void)state;
	paging.cr0 = CR0_PE;
	assert_int_equal(walk(0x12345678, GUEST_WRITE), 0);
	assert_int_equal(address.value, 0x12345678);
}

/* ---- long mode ---- */

static void four_levels_are_walked(void **state)
{
	(void)state;
	expect_address(GUEST_READ, FRAME | 0x123);
}

static void large_pages_end_the_walk(void **state)
{
	(void)state;
	entry_set(LEVEL1 + 8, UINT64_C(0x40200000) | P | W | U | PS);
	expect_address(GUEST_READ, UINT64_C(0x40200000) | (LINEAR & 0x1fffff));
	entry_set(LEVEL2 + 8, UINT64_C(0x80000000) | P | W | U | PS);
	expect_address(GUEST_READ, UINT64_C(0x80000000) | (LINEAR & 0x3fffffff));
}

static void missing_entry_faults_at_every_level(void **state)
{
	static const uint64_t entries[] = { ROOT + 8, LEVEL2 + 8, LEVEL1 + 8, LEVEL0 + 8 };

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		setup(state);
		entry_set(entries[i], entry_get(entries[i]) & ~P);
		expect_fault(GUEST_READ, 0);
		expect_fault(GUEST_WRITE, PF_W);
		expect_fault(GUEST_FETCH, PF_ID);
		paging.cpl = 3;
		expect_fault(GUEST_READ, PF_U);
	}
}

static void tables_outside_of_memory_read_as_ones(void **state)
{
	(void)state;
	paging.cr3 = UINT64_C(0x100000);
	expect_fault(GUEST_READ, PF_P | PF_RS);
}

static void rights_are_what_all_levels_grant(void **state)
{
	static const uint64_t entries[] = { ROOT + 8, LEVEL2 + 8, LEVEL1 + 8, LEVEL0 + 8 };

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		setup(state);
		entry_set(entries[i], entry_get(entries[i]) & ~W);
		expect_fault(GUEST_WRITE, PF_P | PF_W);
		expect_address(GUEST_READ, FRAME | 0x123);
		setup(state);
		paging.cpl = 3;
		entry_set(entries[i], entry_get(entries[i]) & ~U);
		expect_fault(GUEST_READ, PF_P | PF_U);
		setup(state);
		entry_set(entries[i], entry_get(entries[i]) | NX);
		expect_fault(GUEST_FETCH, PF_P | PF_ID);
		expect_address(GUEST_WRITE, FRAME | 0x123);
	}
}

static void kernel_writes_read_only_pages_unless_wp(void **state)
{
	(void)state;
	entry_set(LEVEL0 + 8, FRAME | P);
	expect_fault(GUEST_WRITE, PF_P | PF_W);
	paging.cr0 &= ~CR0_WP;
	expect_address(GUEST_WRITE, FRAME | 0x123);
	entry_set(LEVEL0 + 8, FRAME | P | U);
	paging.cpl = 3;
	expect_fault(GUEST_WRITE, PF_P | PF_W | PF_U);
}

static void smep_stops_fetches_of_user_pages(void **state)
{
	(void)state;
	expect_address(GUEST_FETCH, FRAME | 0x123);
	paging.cr4 |= CR4_SMEP;
	expect_fault(GUEST_FETCH, PF_P | PF_ID);
	paging.cpl = 3;
	expect_address(GUEST_FETCH, FRAME | 0x123);
}

static void smap_stops_data_accesses_of_user_pages_unless_ac(void **state)
{
	(void)state;
	paging.cr4 |= CR4_SMAP;
	expect_fault(GUEST_READ, PF_P);
	expect_fault(GUEST_WRITE, PF_P | PF_W);
	expect_address(GUEST_FETCH, FRAME | 0x123);
	paging.rflags = RFLAGS_AC;
	expect_address(GUEST_READ, FRAME | 0x123);
	paging.rflags = 0;
	paging.cpl = 3;
	expect_address(GUEST_READ, FRAME | 0x123);
}

static void reserved_bits_fault(void **state)
{
	(void)state;
	entry_set(LEVEL0 + 8, FRAME | P | BIT(45)); /* above the physical width */
	expect_fault(GUEST_READ, PF_P | PF_RS);
	entry_set(LEVEL0 + 8, FRAME | P | W | U);
	entry_set(LEVEL1 + 8,
		  UINT64_C(0x40200000) | P | PS | BIT(14)); /* inside of a large frame */
	expect_fault(GUEST_READ, PF_P | PF_RS);
	setup(state);
	entry_set(ROOT + 8, entry_get(ROOT + 8) | PS);
	expect_fault(GUEST_READ, PF_P | PF_RS);
}

static void nx_is_reserved_without_nxe(void **state)
{
	(void)state;
	paging.efer &= ~EFER_NXE;
	entry_set(LEVEL0 + 8, FRAME | P | NX);
	expect_fault(GUEST_READ, PF_P | PF_RS);
	setup(state);
	paging.efer &= ~EFER_NXE;
	entry_set(LEVEL0 + 8, 0);
	expect_fault(GUEST_FETCH, 0); /* nor is the fetch told */
}

/* ---- accessed and dirty ---- */

static void reads_set_accessed_on_the_way(void **state)
{
	(void)state;
	expect_address(GUEST_READ, FRAME | 0x123);
	assert_int_equal(entry_get(ROOT + 8), LEVEL2 | P | W | U | A);
	assert_int_equal(entry_get(LEVEL1 + 8), LEVEL0 | P | W | U | A);
	assert_int_equal(entry_get(LEVEL0 + 8), FRAME | P | W | U | A);
}

static void writes_set_dirty_on_the_page_only(void **state)
{
	(void)state;
	expect_address(GUEST_WRITE, FRAME | 0x123);
	assert_int_equal(entry_get(LEVEL1 + 8), LEVEL0 | P | W | U | A);
	assert_int_equal(entry_get(LEVEL0 + 8), FRAME | P | W | U | A | D);
}

static void refused_write_leaves_the_page_clean(void **state)
{
	(void)state;
	entry_set(LEVEL0 + 8, FRAME | P);
	expect_fault(GUEST_WRITE, PF_P | PF_W);
	assert_int_equal(entry_get(LEVEL0 + 8), FRAME | P);
}

static void walk_starts_again_when_an_entry_changes_under_it(void **state)
{
	(void)state;
	interfere = 2;
	expect_address(GUEST_WRITE, FRAME | 0x123);
	assert_int_equal(interfere, 0);
	assert_int_equal(entry_get(LEVEL0 + 8), FRAME | P | W | U | A | D);
}

static void walk_does_not_start_again_for_ever(void **state)
{
	(void)state;
	interfere = 1000;
	assert_int_equal(walk(LINEAR, GUEST_READ), -E_PERM);
}

/* ---- legacy modes ---- */

static void setup_legacy(uint64_t cr4)
{
	memset(memory, 0, sizeof(memory));
	paging.efer = 0;
	paging.cr4 = cr4;
}

static void entry32_set(uint64_t at, uint32_t entry)
{
	memcpy(memory + at, &entry, sizeof(entry));
}

static void two_levels_of_32_bit_entries_are_walked(void **state)
{
	uint32_t entry;

	(void)state;
	setup_legacy(0);
	entry32_set(ROOT + 4 * 3, LEVEL0 | P | W | U);
	entry32_set(LEVEL0 + 4 * 5, 0xabcde000 | P | W | U);
	assert_int_equal(walk(0x00c05678, GUEST_WRITE), 0);
	assert_int_equal(address.value, 0xabcde678);
	memcpy(&entry, memory + LEVEL0 + 4 * 5, sizeof(entry));
	assert_int_equal(entry, 0xabcde000 | P | W | U | A | D);
}

static void marks_leave_the_neighbour_of_a_32_bit_entry_alone(void **state)
{
	(void)state;
	setup_legacy(0);
	entry32_set(ROOT + 4 * 3, LEVEL0 | P | W | U | A);
	entry32_set(LEVEL0 + 4 * 4, 0x11111000 | P);
	entry32_set(LEVEL0 + 4 * 5, 0xabcde000 | P);
	assert_int_equal(walk(0x00c05678, GUEST_READ), 0);
	assert_int_equal(entry_get(LEVEL0 + 4 * 4), UINT64_C(0xabcde02111111001));
}

static void four_mib_pages_are_found(void **state)
{
	(void)state;
	setup_legacy(CR4_PSE);
	entry32_set(ROOT + 4 * 3, 0x10c00000 | P | W | U | PS);
	assert_int_equal(walk(0x00c05678, GUEST_READ), 0);
	assert_int_equal(address.value, 0x10c05678);
	/* bits 20:13 are bits 39:32 of the address */
	entry32_set(ROOT + 4 * 3, 0x10c00000 | P | W | U | PS | 0x5a << 13);
	assert_int_equal(walk(0x00c05678, GUEST_READ), 0);
	assert_int_equal(address.value, UINT64_C(0x5a10c05678));
}

static void large_bit_means_nothing_without_pse(void **state)
{
	(void)state;
	setup_legacy(0);
	entry32_set(ROOT + 4 * 3, LEVEL0 | P | W | U | PS);
	entry32_set(LEVEL0 + 4 * 5, 0xabcde000 | P);
	assert_int_equal(walk(0x00c05678, GUEST_READ), 0);
	assert_int_equal(address.value, 0xabcde678);
}

/* 32-bit entries have no reserved bits: ones are a page like any other. */
static void table_of_32_bit_entries_outside_of_memory_maps_the_last_page(void **state)
{
	(void)state;
	setup_legacy(0);
	entry32_set(ROOT + 4 * 3, 0x10c00000 | P | W | U);
	assert_int_equal(walk(0x00c05678, GUEST_READ), 0);
	assert_int_equal(address.value, 0xfffff678);
}

static void pae_walks_three_levels_from_an_aligned_table(void **state)
{
	(void)state;
	setup_legacy(CR4_PAE);
	paging.cr3 = ROOT + 0x20;
	entry_set(ROOT + 0x20 + 8 * 2, LEVEL1 | P);
	entry_set(LEVEL1, LEVEL0 | P | W | U);
	entry_set(LEVEL0 + 8 * 7, FRAME | P | W | U);
	assert_int_equal(walk(0x80007abc, GUEST_WRITE), 0);
	assert_int_equal(address.value, FRAME | 0xabc);
	/* The top level has no accessed bit, and grants all rights. */
	assert_int_equal(entry_get(ROOT + 0x20 + 8 * 2), LEVEL1 | P);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_paging_addresses_are_physical, setup),
		cmocka_unit_test_setup(four_levels_are_walked, setup),
		cmocka_unit_test_setup(large_pages_end_the_walk, setup),
		cmocka_unit_test_setup(missing_entry_faults_at_every_level, setup),
		cmocka_unit_test_setup(tables_outside_of_memory_read_as_ones, setup),
		cmocka_unit_test_setup(rights_are_what_all_levels_grant, setup),
		cmocka_unit_test_setup(kernel_writes_read_only_pages_unless_wp, setup),
		cmocka_unit_test_setup(smep_stops_fetches_of_user_pages, setup),
		cmocka_unit_test_setup(smap_stops_data_accesses_of_user_pages_unless_ac, setup),
		cmocka_unit_test_setup(reserved_bits_fault, setup),
		cmocka_unit_test_setup(nx_is_reserved_without_nxe, setup),
		cmocka_unit_test_setup(reads_set_accessed_on_the_way, setup),
		cmocka_unit_test_setup(writes_set_dirty_on_the_page_only, setup),
		cmocka_unit_test_setup(refused_write_leaves_the_page_clean, setup),
		cmocka_unit_test_setup(walk_starts_again_when_an_entry_changes_under_it, setup),
		cmocka_unit_test_setup(walk_does_not_start_again_for_ever, setup),
		cmocka_unit_test_setup(two_levels_of_32_bit_entries_are_walked, setup),
		cmocka_unit_test_setup(marks_leave_the_neighbour_of_a_32_bit_entry_alone, setup),
		cmocka_unit_test_setup(four_mib_pages_are_found, setup),
		cmocka_unit_test_setup(large_bit_means_nothing_without_pse, setup),
		cmocka_unit_test_setup(table_of_32_bit_entries_outside_of_memory_maps_the_last_page,
				       setup),
		cmocka_unit_test_setup(pae_walks_three_levels_from_an_aligned_table, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
