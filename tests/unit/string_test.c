/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory and text functions, beside the host's own, under names of their own. */
#define memcpy      tested_memcpy
#define memmove     tested_memmove
#define memset      tested_memset
#define memcmp      tested_memcmp
#define strlen      tested_strlen
#define strnlen     tested_strnlen
#define strcmp      tested_strcmp
#define strncmp     tested_strncmp
#define string_copy tested_string_copy
#include "core/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 96 };

static void fill(char *bytes, unsigned seed)
{
	for (unsigned i = 0; i < SIZE; i++) {
		bytes[i] = (char)(i * 7 + seed);
	}
}

/* Every size and alignment, with the bytes around it untouched. */
static void copies_agree_with_the_hosts(void **state)
{
	(void)state;
	for (unsigned size = 0; size <= 80; size++) {
		for (unsigned shift = 0; shift < 64; shift++) {
			char from[SIZE], to[SIZE], expected[SIZE];

			fill(from, 1);
			fill(to, 100);
			fill(expected, 100);
			memcpy(expected + shift % 8, from + shift / 8, size);
			assert_ptr_equal(tested_memcpy(to + shift % 8, from + shift / 8, size),
					 to + shift % 8);
			assert_memory_equal(to, expected, SIZE);
		}
	}
}

static void moves_may_overlap_both_ways(void **state)
{
	(void)state;
	for (unsigned size = 0; size <= 64; size++) {
		for (unsigned from = 0; from < 32; from += 3) {
			for (unsigned to = 0; to < 32; to++) {
				char bytes[SIZE], expected[SIZE];

				fill(bytes, 3);
				fill(expected, 3);
				memmove(expected + to, expected + from, size);
				tested_memmove(bytes + to, bytes + from, size);
				assert_memory_equal(bytes, expected, SIZE);
			}
		}
	}
}

static void set_fills_exactly_its_bytes(void **state)
{
	(void)state;
	for (unsigned size = 0; size <= 80; size++) {
		for (unsigned start = 0; start < 8; start++) {
			char bytes[SIZE], expected[SIZE];

			fill(bytes, 3);
			fill(expected, 3);
			memset(expected + start, 0x1a5, size);
			tested_memset(bytes + start, 0x1a5, size);
			assert_memory_equal(bytes, expected, SIZE);
		}
	}
}

static void comparisons_are_of_unsigned_bytes(void **state)
{
	(void)state;
	assert_int_equal(tested_memcmp("abc", "abd", 2), 0);
	assert_true(tested_memcmp("abc", "abd", 3) < 0);
	assert_true(tested_memcmp("\xff", "\x01", 1) > 0);
	assert_true(tested_strcmp("\xff", "\x01") > 0);
	assert_int_equal(tested_strcmp("same", "same"), 0);
	assert_true(tested_strcmp("same", "sam") > 0);
	assert_true(tested_strcmp("sam", "same") < 0);
	assert_int_equal(tested_strncmp("same", "sam", 3), 0);
	assert_true(tested_strncmp("same", "sam", 4) > 0);
	assert_int_equal(tested_strncmp("a\0b", "a\0c", 3), 0);
}

static void lengths_stop_at_their_limit(void **state)
{
	const char unended[3] = { 'a', 'b', 'c' };

	(void)state;
	assert_int_equal(tested_strlen(""), 0);
	assert_int_equal(tested_strlen("four"), 4);
	assert_int_equal(tested_strnlen("four", 10), 4);
	assert_int_equal(tested_strnlen(unended, 3), 3);
}

static void string_copy_says_whether_it_cut(void **state)
{
	char to[4];

	(void)state;
	assert_true(tested_string_copy(to, "abc", sizeof(to)));
	assert_string_equal(to, "abc");
	assert_false(tested_string_copy(to, "abcd", sizeof(to)));
	assert_string_equal(to, "abc");
	assert_true(tested_string_copy(to, "", 1));
	assert_string_equal(to, "");
	assert_false(tested_string_copy(to, "x", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_agree_with_the_hosts),
		cmocka_unit_test(moves_may_overlap_both_ways),
		cmocka_unit_test(set_fills_exactly_its_bytes),
		cmocka_unit_test(comparisons_are_of_unsigned_bytes),
		cmocka_unit_test(lengths_stop_at_their_limit),
		cmocka_unit_test(string_copy_says_whether_it_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
