/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: drivers/acpi_sleep.c */
/* Sleep types from AML as compilers and firmware write it, and from bytes that only look like it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/acpi.h"
#include "drivers/acpi_sleep.h"

static struct acpi_sleep found;

static void scan(const uint8_t *aml, size_t size)
{
	/* In a block of its own, so that a read past its end is seen. */
	uint8_t *copy = malloc(size);

	memcpy(copy, aml, size);
	memset(&found, 0, sizeof(found));
	acpi_sleep_scan(&found, copy, size);
	free(copy);
}

#define SCAN(...)                                             \
	do {                                                  \
		static const uint8_t aml[] = { __VA_ARGS__ }; \
		scan(aml, sizeof(aml));                       \
	} while (0)

#define S5 0x08, '_', 'S', '5', '_'

static void sleep_finds_constants_of_all_forms(void **state)
{
	(void)state;
	SCAN(S5, 0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00); /* QEMU: all zero */
	assert_true(found.known[5]);
	assert_int_equal(found.type_a[5], 0);
	SCAN(S5, 0x12, 0x07, 0x04, 0x01, 0x00, 0x00, 0x00);
	assert_int_equal(found.type_a[5], 1);
	assert_int_equal(found.type_b[5], 0);
	SCAN(S5, 0x12, 0x0a, 0x04, 0x0a, 0x07, 0x0a, 0x06, 0x00, 0x00);
	assert_int_equal(found.type_a[5], 7);
	assert_int_equal(found.type_b[5], 6);
	SCAN(S5, 0x12, 0x0a, 0x02, 0x0b, 0x05, 0x00, 0x0c, 0x04, 0x00, 0x00, 0x00);
	assert_int_equal(found.type_a[5], 5);
	assert_int_equal(found.type_b[5], 4);
}

static void sleep_finds_a_name_with_root_and_a_long_package_length(void **state)
{
	(void)state;
	SCAN(0x10, 0x20, 0x08, '\\', '_', 'S', '5', '_', 0x12, 0x48, 0x00, 0x04, 0x0a, 0x03, 0x0a,
	     0x03);
	assert_true(found.known[5]);
	assert_int_equal(found.type_a[5], 3);
}

static void sleep_package_of_one_element_is_for_both(void **state)
{
	(void)state;
	SCAN(S5, 0x12, 0x04, 0x01, 0x0a, 0x05, 0x5b, 0x82);
	assert_int_equal(found.type_a[5], 5);
	assert_int_equal(found.type_b[5], 5);
}

static void sleep_finds_all_states_among_other_bytes(void **state)
{
	(void)state;
	SCAN(0x5b, 0x80, 0x08, '_', 'S', '1', '_', 0x12, 0x06, 0x04, 0x01, 0x01, 0x00, 0x00, 0x14,
	     0x08, 0x08, '_', 'S', '3', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x0a, 0x05, 0x00, 0x00,
	     S5, 0x12, 0x06, 0x04, 0x0a, 0x07, 0x0a, 0x07, 0x00, 0x00);
	assert_true(found.known[1] && found.known[3] && found.known[5]);
	assert_false(found.known[2] || found.known[4]);
	assert_int_equal(found.type_a[1], 1);
	assert_int_equal(found.type_a[3], 5);
	assert_int_equal(found.type_a[5], 7);
}

static void sleep_first_package_of_a_state_counts(void **state)
{
	(void)state;
	SCAN(S5, 0x12, 0x04, 0x02, 0x01, 0x01, S5, 0x12, 0x04, 0x02, 0x00, 0x00);
	assert_int_equal(found.type_a[5], 1);
}

static void sleep_leaves_out_what_is_no_package_of_constants(void **state)
{
	(void)state;
	SCAN('_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x01, 0x01); /* not a name */
	assert_false(found.known[5]);
	SCAN(0x14, 0x08, '_', 'S', '5', '_', 0x00, 0xa4, 0x01); /* a method */
	assert_false(found.known[5]);
	SCAN(S5, 0x12, 0x02, 0x00); /* no elements */
	assert_false(found.known[5]);
	SCAN(S5, 0x12, 0x08, 0x02, 'S', 'L', 'P', 'T', 0x00); /* a reference */
	assert_false(found.known[5]);
	SCAN(S5, 0x12, 0x06, 0x02, 0x0a, 0x08, 0x0a, 0x08); /* more than three bits */
	assert_false(found.known[5]);
	SCAN(S5, 0x12, 0x06, 0x02, 0x0b, 0x01, 0x01, 0x00);
	assert_false(found.known[5]);
	SCAN(0x08, '_', 'S', '0', '_', 0x12, 0x04, 0x02, 0x00, 0x00, 0x08, '_', 'S', '9', '_', 0x12,
	     0x04, 0x02, 0x00, 0x00);
	for (unsigned i = 0; i < ACPI_SLEEP_STATES; i++) {
		assert_false(found.known[i]);
	}
}

static void sleep_is_silent_about_every_cut(void **state)
{
	static const uint8_t aml[] = { 0x08, '\\', '_',  'S',  '5',  '_',  0x12, 0x48, 0x00,
				       0x02, 0x0c, 0x05, 0x00, 0x00, 0x00, 0x0a, 0x06 };

	(void)state;
	for (size_t size = 1; size < sizeof(aml); size++) {
		scan(aml, size);
		assert_false(found.known[5]);
	}
	scan(aml, sizeof(aml));
	assert_int_equal(found.type_b[5], 6);
}

/* ---- reading the table ---- */

#define TABLE UINT64_C(0x7fe00000)

static uint8_t table[16384];
static uint32_t readable;

static bool read_table(uint64_t address, void *to, size_t size)
{
	if (address < TABLE || address - TABLE + size > readable) {
		return false;
	}
	memcpy(to, table + (address - TABLE), size);
	return true;
}

static const struct acpi_io io = { .read = read_table };

static void make_table(uint32_t length)
{
	struct acpi_header header = { .signature = "DSDT", .length = length };

	memset(table, 0xff, sizeof(table));
	memcpy(table, &header, sizeof(header));
	readable = length;
	memset(&found, 0, sizeof(found));
}

static void sleep_is_found_wherever_the_table_has_it(void **state)
{
	static const uint8_t package[] = { S5, 0x12, 0x06, 0x02, 0x0a, 0x05, 0x0a, 0x05 };

	(void)state;
	for (uint32_t at = sizeof(struct acpi_header); at + sizeof(package) <= 9000; at++) {
		make_table(9000);
		memcpy(table + at, package, sizeof(package));
		acpi_sleep_read(&found, &io, TABLE);
		assert_true(found.known[5]);
	}
}

static void sleep_of_a_broken_table_is_not_known(void **state)
{
	(void)state;
	make_table(9000);
	readable = 100; /* the length lies */
	acpi_sleep_read(&found, &io, TABLE);
	acpi_sleep_read(&found, &io, 0);
	acpi_sleep_read(&found, &io, 0x1000);
	make_table(20);
	readable = 9000;
	acpi_sleep_read(&found, &io, TABLE);
	make_table(UINT32_MAX);
	acpi_sleep_read(&found, &io, TABLE);
	make_table(9000);
	table[0] = 'X';
	acpi_sleep_read(&found, &io, TABLE);
	assert_false(found.known[5]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleep_finds_constants_of_all_forms),
		cmocka_unit_test(sleep_finds_a_name_with_root_and_a_long_package_length),
		cmocka_unit_test(sleep_package_of_one_element_is_for_both),
		cmocka_unit_test(sleep_finds_all_states_among_other_bytes),
		cmocka_unit_test(sleep_first_package_of_a_state_counts),
		cmocka_unit_test(sleep_leaves_out_what_is_no_package_of_constants),
		cmocka_unit_test(sleep_is_silent_about_every_cut),
		cmocka_unit_test(sleep_is_found_wherever_the_table_has_it),
		cmocka_unit_test(sleep_of_a_broken_table_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
