/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's memory map: pieces, places, and that e820 and the EFI map agree. */
/* arch: x86 */
/* sources: core/guest_map.c arch/x86/guest_e820.c */
#include "core/guest_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/guest_e820.h"
#include "core/bytes.h"
#include "core/err.h"

static struct guest_map map;

/* A small EFI machine. */
static const struct boot_memory machine[] = {
	{ 0x0, 0xa0000, 15, BOOT_MEMORY_USABLE, 7 },
	{ 0x100000, 0x700000, 15, BOOT_MEMORY_USABLE, 7 },
	{ 0x800000, 0x8000, 15, BOOT_MEMORY_ACPI_NVS, 10 },
	{ 0x808000, 0x8000, 15, BOOT_MEMORY_USABLE, 7 },
	{ 0x810000, 0xf0000, 15, BOOT_MEMORY_BOOT, 4 },
	{ 0x900000, 0x700000, 15, BOOT_MEMORY_USABLE, 7 },
	{ 0x1000000, 0x10000, 0x800000000000000f, BOOT_MEMORY_RUNTIME_CODE, 5 },
	{ 0x1010000, 0x10000, 0x800000000000000f, BOOT_MEMORY_RUNTIME_DATA, 6 },
	{ 0xfe000000, 0x1000, 0x8000000000000001, BOOT_MEMORY_MMIO, 11 },
};

static int reset(void **state)
{
	(void)state;
	guest_map_init(&map, machine, ARRAY_SIZE(machine));
	return 0;
}

static void assert_entry(uint32_t index, uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	assert_true(index < map.count);
	assert_int_equal(map.entries[index].start, start);
	assert_int_equal(map.entries[index].size, size);
	assert_int_equal(map.entries[index].kind, kind);
}

static void set_cuts_a_piece_out(void **state)
{
	(void)state;
	assert_int_equal(guest_map_set(&map, 0x200001, 1, BOOT_MEMORY_RESERVED), 0);
	assert_int_equal(map.count, ARRAY_SIZE(machine) + 2);
	assert_entry(1, 0x100000, 0x100000, BOOT_MEMORY_USABLE);
	assert_entry(2, 0x200000, 0x1000, BOOT_MEMORY_RESERVED);
	assert_entry(3, 0x201000, 0x5ff000, BOOT_MEMORY_USABLE);
	assert_int_equal(map.entries[2].efi_type, 0);
	assert_int_equal(map.entries[2].efi_attribute, 15);
}

static void set_changes_only_the_guests_memory(void **state)
{
	(void)state;
	assert_int_equal(guest_map_set(&map, 0, 0x2000000, BOOT_MEMORY_ACPI_RECLAIM), 0);
	assert_int_equal(map.count, ARRAY_SIZE(machine));
	for (uint32_t i = 0; i < map.count; i++) {
		bool was_free = machine[i].kind == BOOT_MEMORY_USABLE ||
				machine[i].kind == BOOT_MEMORY_BOOT;

		assert_int_equal(map.entries[i].kind,
				 was_free ? BOOT_MEMORY_ACPI_RECLAIM : machine[i].kind);
		assert_int_equal(map.entries[i].efi_type, was_free ? 9 : machine[i].efi_type);
	}
}

static void set_at_the_ends_of_an_entry_adds_none(void **state)
{
	(void)state;
	assert_int_equal(guest_map_set(&map, 0x100000, 0x700000, BOOT_MEMORY_BOOT), 0);
	assert_int_equal(guest_map_set(&map, 0x50000000, 0x1000, BOOT_MEMORY_BOOT), 0);
	assert_int_equal(guest_map_set(&map, 0x300000, 0, BOOT_MEMORY_RESERVED), 0);
	assert_int_equal(guest_map_set(&map, UINT64_MAX - 10, 20, BOOT_MEMORY_RESERVED), 0);
	assert_int_equal(map.count, ARRAY_SIZE(machine));
	assert_entry(1, 0x100000, 0x700000, BOOT_MEMORY_BOOT);
	assert_int_equal(map.entries[1].efi_type, 2);
}

static void set_of_a_full_map_changes_nothing(void **state)
{
	(void)state;
	for (uint64_t at = 0x100000; map.count + 2 <= GUEST_MAP_MAX; at += 0x2000) {
		assert_int_equal(guest_map_set(&map, at + 0x1000, 0x1000, BOOT_MEMORY_RESERVED), 0);
	}
	uint32_t count = map.count;

	assert_int_equal(guest_map_set(&map, 0xa00000, 0x1000, BOOT_MEMORY_RESERVED), -E_NOMEM);
	assert_int_equal(map.count, count);
	assert_true(guest_map_is_ram(&map, 0xa00000, 0x1000));
}

static void ram_is_free_and_boot_memory_without_holes(void **state)
{
	(void)state;
	assert_true(guest_map_is_ram(&map, 0x100000, 0x700000));
	assert_true(guest_map_is_ram(&map, 0x808000, 0x7f8000));
	assert_false(guest_map_is_ram(&map, 0x100000, 0x700001));
	assert_false(guest_map_is_ram(&map, 0x9f000, 0x2000));
	assert_false(guest_map_is_ram(&map, 0x50000000, 1));
	assert_false(guest_map_is_ram(&map, 0x100000, UINT64_MAX));
}

static void place_takes_the_lowest_that_fits(void **state)
{
	struct guest_map_want want = { 0x2000, 0x1000, 0x100000, 4 * GIB };
	uint64_t first, second;

	(void)state;
	assert_int_equal(guest_map_place(&map, &want, &first), 0);
	assert_int_equal(guest_map_place(&map, &want, &second), 0);
	assert_int_equal(first, 0x100000);
	assert_int_equal(second, 0x102000);
	assert_true(guest_map_is_ram(&map, first, want.size));
	want.alignment = 0x200000;
	assert_int_equal(guest_map_place(&map, &want, &first), 0);
	assert_int_equal(first, 0x200000);
	want.low = 0x700000;
	want.alignment = 0x1000;
	want.size = 0x200000;
	assert_int_equal(guest_map_place(&map, &want, &first), 0);
	assert_int_equal(first, 0x900000);
}

static void place_keeps_to_its_bounds(void **state)
{
	struct guest_map_want want = { 0x2000, 0x1000, 0x7ff000, 0x808fff };
	uint64_t address;

	(void)state;
	assert_int_equal(guest_map_place(&map, &want, &address), -E_NOMEM);
	want.high = 0x80a000;
	assert_int_equal(guest_map_place(&map, &want, &address), 0);
	assert_int_equal(address, 0x808000);
	want = (struct guest_map_want){ 0x10000000, 0x1000, 0, UINT64_MAX };
	assert_int_equal(guest_map_place(&map, &want, &address), -E_NOMEM);
	want = (struct guest_map_want){ 0x1000, UINT64_C(1) << 63, 1, UINT64_MAX };
	assert_int_equal(guest_map_place(&map, &want, &address), -E_NOMEM);
}

static void place_goes_over_neighbours_of_other_attributes(void **state)
{
	const struct boot_memory parts[] = {
		{ 0x100000, 0x1000, 15, BOOT_MEMORY_USABLE, 7 },
		{ 0x101000, 0x1000, 0x800f, BOOT_MEMORY_USABLE, 7 },
	};
	struct guest_map_want want = { 0x2000, 0x1000, 0, UINT64_MAX };
	uint64_t address;

	(void)state;
	guest_map_init(&map, parts, 2);
	assert_int_equal(guest_map_place(&map, &want, &address), 0);
	assert_int_equal(address, 0x100000);
	assert_int_equal(map.entries[1].efi_attribute, 0x800f);
}

static void efi_form_joins_neighbours_and_keeps_runtime_entries(void **state)
{
	uint8_t descriptor[GUEST_MAP_EFI_DESCRIPTOR];
	uint32_t index = 0, count = 0, runtime = 0;

	(void)state;
	assert_int_equal(guest_map_set(&map, 0x200000, 0x1000, BOOT_MEMORY_BOOT), 0);
	assert_int_equal(guest_map_set(&map, 0x201000, 0x1000, BOOT_MEMORY_BOOT), 0);
	while (guest_map_efi_next(&map, &index, descriptor)) {
		count++;
		if (load_u64(descriptor + 8) == 0x200000) {
			assert_int_equal(load_u32(descriptor), 2);
			assert_int_equal(load_u64(descriptor + 24), 2);
		}
		if (load_u32(descriptor) == 5 || load_u32(descriptor) == 6) {
			runtime++;
			assert_true(load_u64(descriptor + 32) == 0x800000000000000f);
			assert_int_equal(load_u64(descriptor + 24), 0x10);
			assert_int_equal(load_u64(descriptor + 16), 0);
		}
	}
	assert_int_equal(count, ARRAY_SIZE(machine) + 2);
	assert_int_equal(runtime, 2);
}

static void e820_joins_what_is_of_one_type(void **state)
{
	static const struct guest_e820 expected[] = {
		{ 0, 0xa0000, 1 },         { 0x100000, 0x700000, 1 }, { 0x800000, 0x8000, 4 },
		{ 0x808000, 0x7f8000, 1 }, { 0x1000000, 0x20000, 2 }, { 0xfe000000, 0x1000, 2 },
	};
	struct guest_e820 entry;
	uint32_t index = 0;

	(void)state;
	assert_int_equal(guest_e820_count(&map), ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(guest_e820_next(&map, &index, &entry));
		assert_memory_equal(&entry, &expected[i], sizeof(entry));
	}
	assert_false(guest_e820_next(&map, &index, &entry));
}

/* What Linux takes for memory by the EFI map must be memory in e820 too, and the other way round.
 */
static bool is_efi_memory(uint32_t type)
{
	return type >= 1 && type <= 4 ? true : type == 7;
}

static void e820_and_efi_map_agree_about_every_page(void **state)
{
	static uint8_t by_e820[0x1100], by_efi[0x1100];
	uint8_t descriptor[GUEST_MAP_EFI_DESCRIPTOR];
	struct guest_e820 entry;

	srand(2);
	for (unsigned round = 0; round < 200; round++) {
		uint32_t index = 0;

		reset(state);
		for (unsigned i = 0; i < 10; i++) {
			static const enum boot_memory_kind kinds[] = { BOOT_MEMORY_RESERVED,
								       BOOT_MEMORY_BOOT,
								       BOOT_MEMORY_ACPI_RECLAIM };

			assert_int_equal(guest_map_set(&map, (uint64_t)rand() % 0x1100000,
						       (uint64_t)rand() % 0x200000,
						       kinds[rand() % 3]),
					 0);
		}
		memset(by_e820, 0, sizeof(by_e820));
		memset(by_efi, 0, sizeof(by_efi));
		while (guest_e820_next(&map, &index, &entry)) {
			for (uint64_t at = entry.start; at < entry.start + entry.size; at += 4096) {
				if (entry.type == 1 && at < 0x1100000) {
					by_e820[at / 4096]++;
				}
			}
		}
		index = 0;
		while (guest_map_efi_next(&map, &index, descriptor)) {
			for (uint64_t i = 0; i < load_u64(descriptor + 24); i++) {
				uint64_t at = load_u64(descriptor + 8) / 4096 + i;

				if (is_efi_memory(load_u32(descriptor)) && at < 0x1100) {
					by_efi[at]++;
				}
			}
		}
		assert_memory_equal(by_e820, by_efi, sizeof(by_e820));
	}
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(set_cuts_a_piece_out),
		TEST(set_changes_only_the_guests_memory),
		TEST(set_at_the_ends_of_an_entry_adds_none),
		TEST(set_of_a_full_map_changes_nothing),
		TEST(ram_is_free_and_boot_memory_without_holes),
		TEST(place_takes_the_lowest_that_fits),
		TEST(place_keeps_to_its_bounds),
		TEST(place_goes_over_neighbours_of_other_attributes),
		TEST(efi_form_joins_neighbours_and_keeps_runtime_entries),
		TEST(e820_joins_what_is_of_one_type),
		TEST(e820_and_efi_map_agree_about_every_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
