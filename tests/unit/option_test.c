/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/option.c boot/boot_info.c */
/* Numbers and words of the hypervisor's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "core/option.h"

#include "tests/unit/log_capture.h"

static void cmdline(const char *text)
{
	strncpy(boot_info.cmdline, text, sizeof(boot_info.cmdline) - 1);
}

static void option_number_reads_decimal_and_hexadecimal(void **state)
{
	uint64_t value;

	(void)state;
	cmdline("a=12 b=0xF4 c=0xffffffffffffffff d=18446744073709551615");
	assert_true(option_number("a", &value));
	assert_int_equal(value, 12);
	assert_true(option_number("b", &value));
	assert_int_equal(value, 0xf4);
	assert_true(option_number("c", &value));
	assert_true(value == UINT64_MAX);
	assert_true(option_number("d", &value));
	assert_true(value == UINT64_MAX);
}

static void option_number_refuses_what_is_no_whole_number(void **state)
{
	static const char *const wrong[] = {
		"a",
		"a=",
		"a=0x",
		"a=12x",
		"a=0xg",
		"a=-1",
		"a=1.5",
		"a=f4",
		"b=1",
		"a=18446744073709551616",
		"a=0x10000000000000000",
		"ab=1",
	};
	uint64_t value = 77;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		cmdline(wrong[i]);
		assert_false(option_number("a", &value));
		assert_int_equal(value, 77);
		memset(boot_info.cmdline, 0, sizeof(boot_info.cmdline));
	}
}

static void option_is_compares_whole_words(void **state)
{
	(void)state;
	cmdline("log=debug panic_test=10");
	assert_true(option_is("log", "debug"));
	assert_false(option_is("log", "deb"));
	assert_false(option_is("panic_test", "1"));
	assert_false(option_is("debug", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_number_reads_decimal_and_hexadecimal),
		cmocka_unit_test(option_number_refuses_what_is_no_whole_number),
		cmocka_unit_test(option_is_compares_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
