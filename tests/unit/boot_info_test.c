/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory map's order, and look-ups in the boot information. */
/* sources: boot/boot_info.c */
#include "boot/boot_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define USABLE   BOOT_MEMORY_USABLE
#define RESERVED BOOT_MEMORY_RESERVED

static struct boot_info info;

static void add(uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	info.memory[info.memory_count++] =
		(struct boot_memory){ .start = start, .size = size, .kind = kind };
}

static void assert_entry(uint32_t index, uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	assert_true(index < info.memory_count);
	assert_int_equal(info.memory[index].start, start);
	assert_int_equal(info.memory[index].size, size);
	assert_int_equal(info.memory[index].kind, kind);
}

static int reset(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	return 0;
}

static void normalise_sorts_by_start(void **state)
{
	(void)state;
	add(0x3000, 0x1000, RESERVED);
	add(0x1000, 0x1000, USABLE);
	add(0x2000, 0x1000, BOOT_MEMORY_BOOT);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 3);
	assert_entry(0, 0x1000, 0x1000, USABLE);
	assert_entry(1, 0x2000, 0x1000, BOOT_MEMORY_BOOT);
	assert_entry(2, 0x3000, 0x1000, RESERVED);
}

static void normalise_drops_empty_and_wrapping_entries(void **state)
{
	(void)state;
	add(0x1000, 0, USABLE);
	add(UINT64_MAX - 0xfff, 0x2000, RESERVED);
	add(0x5000, 0x1000, USABLE);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 1);
	assert_entry(0, 0x5000, 0x1000, USABLE);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 1);
}

static void normalise_of_nothing_is_nothing(void **state)
{
	(void)state;
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 0);
}

static void normalise_cuts_a_reserved_hole_out_of_ram(void **state)
{
	(void)state;
	add(0, 0x10000, USABLE);
	add(0x4000, 0x1000, RESERVED);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 3);
	assert_entry(0, 0, 0x4000, USABLE);
	assert_entry(1, 0x4000, 0x1000, RESERVED);
	assert_entry(2, 0x5000, 0xb000, USABLE);
}

static void normalise_lets_the_less_usable_kind_win_at_either_end(void **state)
{
	(void)state;
	add(0x1000, 0x3000, RESERVED);
	add(0x2000, 0x4000, USABLE);
	add(0x5000, 0x3000, BOOT_MEMORY_ACPI_NVS);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 3);
	assert_entry(0, 0x1000, 0x3000, RESERVED);
	assert_entry(1, 0x4000, 0x1000, USABLE);
	assert_entry(2, 0x5000, 0x3000, BOOT_MEMORY_ACPI_NVS);
}

static void normalise_lets_the_less_usable_kind_win_at_the_same_start(void **state)
{
	(void)state;
	add(0x1000, 0x1000, USABLE);
	add(0x1000, 0x1000, RESERVED);
	add(0x3000, 0x2000, USABLE);
	add(0x3000, 0x1000, RESERVED);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 3);
	assert_entry(0, 0x1000, 0x1000, RESERVED);
	assert_entry(1, 0x3000, 0x1000, RESERVED);
	assert_entry(2, 0x4000, 0x1000, USABLE);
}

static void normalise_joins_only_what_is_alike(void **state)
{
	(void)state;
	add(0x1000, 0x1000, USABLE);
	add(0x2000, 0x1000, USABLE);
	add(0x3000, 0x1000, USABLE);
	info.memory[2].efi_attribute = 15;
	add(0x4000, 0x1000, USABLE);
	info.memory[3].efi_attribute = 15;
	info.memory[3].efi_type = 7;
	add(0x6000, 0x1000, USABLE);
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, 4);
	assert_entry(0, 0x1000, 0x2000, USABLE);
	assert_entry(1, 0x3000, 0x1000, USABLE);
	assert_entry(2, 0x4000, 0x1000, USABLE);
	assert_entry(3, 0x6000, 0x1000, USABLE);
}

static void normalise_of_a_full_map_loses_pieces_not_reservations(void **state)
{
	(void)state;
	add(0, UINT64_C(1) << 40, USABLE);
	for (unsigned i = 1; i < BOOT_MEMORY_MAX; i++) {
		add(i * 0x10000, 0x1000, RESERVED);
	}
	boot_info_normalise(&info);
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX);
	assert_int_equal(info.memory_dropped, 1);
	assert_entry(0, 0, 0x10000, USABLE);
	for (unsigned i = 1; i < BOOT_MEMORY_MAX; i++) {
		assert_entry(i, i * 0x10000, 0x1000, RESERVED);
	}
}

/* What a page's kind must come out as: the entry that forbids most, by a model of 64 pages. */
static void normalise_agrees_with_a_page_by_page_model(void **state)
{
	static const uint8_t rank[] = { 0, 1, 4, 2, 5, 6, 7, 8, 9, 3 };

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		int model[64];

		memset(model, 0xff, sizeof(model));
		memset(&info, 0, sizeof(info));
		for (unsigned i = 0; i < 1 + round % 24; i++) {
			unsigned start = (unsigned)rand() % 64;
			unsigned size = (unsigned)rand() % (65 - start);
			unsigned kind = (unsigned)rand() % BOOT_MEMORY_KINDS;

			add(start, size, kind);
			for (unsigned at = start; at < start + size; at++) {
				if (model[at] < 0 || rank[kind] > rank[model[at]]) {
					model[at] = (int)kind;
				}
			}
		}
		boot_info_normalise(&info);
		for (uint32_t i = 0; i < info.memory_count; i++) {
			const struct boot_memory *memory = &info.memory[i];

			assert_true(memory->size != 0);
			assert_true(i == 0 || memory[-1].start + memory[-1].size <= memory->start);
			for (uint64_t at = memory->start; at < memory->start + memory->size; at++) {
				assert_int_equal(model[at], memory->kind);
				model[at] = -1;
			}
		}
		for (unsigned at = 0; at < 64; at++) {
			assert_int_equal(model[at], -1);
		}
	}
}

static void module_is_found_by_its_whole_name(void **state)
{
	(void)state;
	info.module_count = 2;
	strcpy(info.modules[0].name, "vmlinuz");
	strcpy(info.modules[1].name, "vm");
	assert_ptr_equal(boot_info_module(&info, "vm"), &info.modules[1]);
	assert_ptr_equal(boot_info_module(&info, "vmlinuz"), &info.modules[0]);
	assert_null(boot_info_module(&info, "v"));
}

static void option_is_found_as_a_whole_word(void **state)
{
	char value[8];

	(void)state;
	assert_true(boot_option("log=debug quiet", "quiet", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(boot_option("  a  log=debug quiet", "log", value, sizeof(value)));
	assert_string_equal(value, "debug");
	assert_true(boot_option("log=", "log", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(boot_option("x log=1=2", "log", value, sizeof(value)));
	assert_string_equal(value, "1=2");
	assert_false(boot_option("logs xlog log2=1", "log", value, sizeof(value)));
	assert_false(boot_option("", "log", value, sizeof(value)));
}

static void option_value_is_cut_to_the_buffer(void **state)
{
	char value[4] = "xxx";

	(void)state;
	assert_true(boot_option("key=12345", "key", value, sizeof(value)));
	assert_string_equal(value, "123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(normalise_sorts_by_start, reset),
		cmocka_unit_test_setup(normalise_drops_empty_and_wrapping_entries, reset),
		cmocka_unit_test_setup(normalise_of_nothing_is_nothing, reset),
		cmocka_unit_test_setup(normalise_cuts_a_reserved_hole_out_of_ram, reset),
		cmocka_unit_test_setup(normalise_lets_the_less_usable_kind_win_at_either_end,
				       reset),
		cmocka_unit_test_setup(normalise_lets_the_less_usable_kind_win_at_the_same_start,
				       reset),
		cmocka_unit_test_setup(normalise_joins_only_what_is_alike, reset),
		cmocka_unit_test_setup(normalise_of_a_full_map_loses_pieces_not_reservations,
				       reset),
		cmocka_unit_test(normalise_agrees_with_a_page_by_page_model),
		cmocka_unit_test_setup(module_is_found_by_its_whole_name, reset),
		cmocka_unit_test(option_is_found_as_a_whole_word),
		cmocka_unit_test(option_value_is_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
