/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of processors, as firmware pads them. */
/* arch: x86 */
/* sources: arch/x86/brand.c */
#include "arch/brand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void brand_is_tidied(const char *from, const char *to)
{
	char brand[BRAND_SIZE];

	memset(brand, 'x', sizeof(brand));
	memcpy(brand, from, strlen(from) + 1);
	brand_tidy(brand);
	assert_string_equal(brand, to);
}

static void brand_has_one_blank_between_words_and_none_around(void **state)
{
	(void)state;
	brand_is_tidied("  Intel(R) Core(TM)2 Duo CPU   T9600  @ 2.80GHz",
			"Intel(R) Core(TM)2 Duo CPU T9600 @ 2.80GHz");
	brand_is_tidied("AMD Athlon(tm) 64 Processor 2800+       ",
			"AMD Athlon(tm) 64 Processor 2800+");
	brand_is_tidied("", "");
	brand_is_tidied("        ", "");
}

static void brand_of_48_letters_ends(void **state)
{
	char brand[BRAND_SIZE];

	(void)state;
	memset(brand, 'x', sizeof(brand));
	brand_tidy(brand);
	assert_int_equal(strlen(brand), BRAND_SIZE - 1);
}

static void brand_letters_that_no_console_shows_are_marked(void **state)
{
	(void)state;
	brand_is_tidied("a\x1b[2Jb\xff", "a?[2Jb?");
}

static void brand_of_this_machine_can_be_read(void **state)
{
	char brand[BRAND_SIZE];

	(void)state;
	brand_read(brand);
	assert_true(strlen(brand) < BRAND_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brand_has_one_blank_between_words_and_none_around),
		cmocka_unit_test(brand_of_48_letters_ends),
		cmocka_unit_test(brand_letters_that_no_console_shows_are_marked),
		cmocka_unit_test(brand_of_this_machine_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
