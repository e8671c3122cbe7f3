/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/log_format.c */
/* The formatter against the host's printf, and where it must not write. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "core/log.h"

/* Both print the same text and return the same length. */
#define assert_same(...)                                                               \
	do {                                                                           \
		char ours[128], hosts[128];                                            \
		int length = log_format(ours, sizeof(ours), __VA_ARGS__);              \
		assert_int_equal(length, snprintf(hosts, sizeof(hosts), __VA_ARGS__)); \
		assert_string_equal(ours, hosts);                                      \
	} while (0)

static void log_format_prints_integers_as_printf_does(void **state)
{
	(void)state;
	assert_same("%d %i %u", INT_MIN, INT_MAX, UINT_MAX);
	assert_same("%ld %lld", LONG_MIN, LLONG_MAX);
	assert_same("%lu %llu %zu", ULONG_MAX, ULLONG_MAX, (size_t)7);
	assert_same("%x %X %#x %#X %#x", 0xabcdU, 0xabcdU, 0xabcdU, 0xabcdU, 0U);
	assert_same("%lx %#llx", 0xfedcba9876543210UL, 0xfedcba9876543210ULL);
	assert_same("%d|%u|%x", 0, 0U, 0U);
}

static void log_format_pads_as_printf_does(void **state)
{
	(void)state;
	assert_same("[%5d] [%-5d] [%05d] [%-5u|]", -42, -42, -42, 42U);
	assert_same("[%16lx] [%016lx] [%#10x] [%#010x] [%-#10x]", 0xffUL, 0xffUL, 0xffU, 0xffU,
		    0xffU);
	assert_same("[%*d] [%*d] [%-*d]", 6, 1, -6, 2, 6, 3);
	assert_same("[%.4d] [%8.4d] [%-8.4x]", 7, 7, 7U);
	assert_same("[%3c] [%-3c]", 'a', 'b');
}

static void log_format_cuts_and_pads_strings(void **state)
{
	static const char unended[4] = { 'a', 'b', 'c', 'd' };

	(void)state;
	assert_same("[%s] [%8s] [%-8s] [%.2s] [%8.2s]", "text", "text", "text", "text", "text");
	assert_same("[%.*s] [%.0s]", 3, "text", "text");
	assert_same("[%.4s]", unended);
}

static void log_format_prints_null_strings_as_such(void **state)
{
	char text[32];
	const char *volatile null = NULL;

	(void)state;
	log_format(text, sizeof(text), "[%s]", null);
	assert_string_equal(text, "[(null)]");
}

static void log_format_prints_percent_and_pointers(void **state)
{
	(void)state;
	assert_same("100%%");
	assert_same("%p", (void *)0x1234);
}

static void log_format_shows_unknown_conversions(void **state)
{
	char text[32];
	const char *volatile format = "a%qb";

	(void)state;
	log_format(text, sizeof(text), format);
	assert_string_equal(text, "a%qb");
	format = "a%";
	assert_int_equal(log_format(text, sizeof(text), format), 1);
	assert_string_equal(text, "a");
}

static void log_format_ends_text_within_its_size(void **state)
{
	char text[8];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(log_format(text, 4, "%s", "abcdef"), 6);
	assert_string_equal(text, "abc");
	assert_int_equal(text[4], 'x');
	assert_int_equal(log_format(text, 4, "%d", 123), 3);
	assert_string_equal(text, "123");
	assert_int_equal(log_format(text, 1, "abc"), 3);
	assert_string_equal(text, "");
}

static void log_format_writes_nothing_into_no_room(void **state)
{
	char text = 'x';

	(void)state;
	assert_int_equal(log_format(&text, 0, "abc"), 3);
	assert_int_equal(text, 'x');
	assert_int_equal(log_format(NULL, 0, "%d", 12345), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_format_prints_integers_as_printf_does),
		cmocka_unit_test(log_format_pads_as_printf_does),
		cmocka_unit_test(log_format_cuts_and_pads_strings),
		cmocka_unit_test(log_format_prints_null_strings_as_such),
		cmocka_unit_test(log_format_prints_percent_and_pointers),
		cmocka_unit_test(log_format_shows_unknown_conversions),
		cmocka_unit_test(log_format_ends_text_within_its_size),
		cmocka_unit_test(log_format_writes_nothing_into_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
