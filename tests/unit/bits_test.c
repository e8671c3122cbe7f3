/* SPDX-License-Identifier: GPL-2.0-only */
/* Indices that the processor can not be misled with. */
#include "core/bits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void an_index_below_the_count_is_itself(void **state)
{
	(void)state;
	for (uint64_t count = 1; count < 70; count++) {
		for (uint64_t index = 0; index < count; index++) {
			assert_int_equal(index_clamp(index, count), index);
		}
	}
}

/* What the check in front of it has refused, and a wrong guess has let through. */
static void an_index_from_the_count_on_is_0(void **state)
{
	static const uint64_t wrong[] = { 7,       8,       255,         1 << 20,
					  BIT(62), BIT(63), BIT(63) + 6, UINT64_MAX };

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(index_clamp(wrong[i], 7), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_below_the_count_is_itself),
		cmocka_unit_test(an_index_from_the_count_on_is_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
