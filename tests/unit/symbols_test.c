/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/symbols.c */
/* Look-up by address in a table like the generated one. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/symbols.h"

/* The image: 0x100 bytes of text at image_start. */
static const char image[0x200];
const char symbol_names[] = "first\0second\0third";
struct symbol symbols[] = { { 0x10, 0 }, { 0x20, 6 }, { 0x80, 13 } };

asm(".globl image_start, image_text_end, symbol_table\n"
    ".set image_start, image\n"
    ".set image_text_end, image + 0x100\n"
    ".set symbol_table, symbols\n");

uint32_t count_now = 3;
asm(".globl symbol_count\n"
    ".set symbol_count, count_now\n");

static const char *find(uint64_t at, uint64_t *offset)
{
	return symbol_find((uintptr_t)image + at, offset);
}

static void symbol_find_names_the_function_that_holds_an_address(void **state)
{
	uint64_t offset;

	(void)state;
	assert_string_equal(find(0x10, &offset), "first");
	assert_int_equal(offset, 0);
	assert_string_equal(find(0x1f, &offset), "first");
	assert_int_equal(offset, 0xf);
	assert_string_equal(find(0x20, &offset), "second");
	assert_string_equal(find(0xff, &offset), "third");
	assert_int_equal(offset, 0x7f);
}

static void symbol_find_refuses_addresses_outside_of_the_text(void **state)
{
	uint64_t offset;

	(void)state;
	assert_null(find(0x100, &offset));
	assert_null(symbol_find((uintptr_t)image - 1, &offset));
	assert_null(symbol_find(0, &offset));
	assert_null(symbol_find(UINT64_MAX, &offset));
}

static void symbol_find_refuses_addresses_before_the_first_symbol(void **state)
{
	uint64_t offset;

	(void)state;
	assert_null(find(0xf, &offset));
}

static void symbol_find_knows_nothing_in_an_empty_table(void **state)
{
	uint64_t offset;

	(void)state;
	count_now = 0;
	assert_null(find(0x20, &offset));
	count_now = 3;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbol_find_names_the_function_that_holds_an_address),
		cmocka_unit_test(symbol_find_refuses_addresses_outside_of_the_text),
		cmocka_unit_test(symbol_find_refuses_addresses_before_the_first_symbol),
		cmocka_unit_test(symbol_find_knows_nothing_in_an_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
