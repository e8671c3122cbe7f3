/* SPDX-License-Identifier: GPL-2.0-only */
/* The estimate of a CPU's skew from questions and answers. */
/* arch: x86 */
/* sources: arch/x86/tsc_sync.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/log_capture.h"

#include "arch/tsc.h"
#include "arch/tsc_sync.h"
#include "core/arch.h"
#include "core/types.h"

struct cpu *arch_cpu_self(void)
{
	return NULL;
}

uint64_t tsc_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

uint64_t tsc_read(void)
{
	return 0;
}

/* A question that took `there` ticks to arrive and whose answer took `back`, between CPUs whose
 * counters differ by offset. */
static struct tsc_round round_of(uint64_t at, uint64_t there, uint64_t back, int64_t offset)
{
	return (struct tsc_round){ .before = at,
				   .answer = at + there - (uint64_t)offset,
				   .after = at + there + back };
}

static void assert_estimate_covers(const struct tsc_skew *skew, int64_t offset)
{
	int64_t wrong = skew->offset - offset;

	assert_true((uint64_t)(wrong < 0 ? -wrong : wrong) <= skew->error);
}

static void tsc_skew_of_equal_counters_is_not_real(void **state)
{
	const struct tsc_round rounds[] = {
		round_of(1000, 90, 10, 0),
		round_of(2000, 700, 80, 0),
		round_of(3000, 5, 100, 0),
	};
	struct tsc_skew skew = tsc_skew_estimate(rounds, ARRAY_SIZE(rounds));

	(void)state;
	assert_int_equal(skew.error, 50);
	assert_estimate_covers(&skew, 0);
	assert_false(tsc_skew_is_real(&skew));
}

static void tsc_skew_takes_the_fastest_round(void **state)
{
	const struct tsc_round rounds[] = {
		round_of(1000, 5000, 100, 300),
		round_of(9000, 60, 50, 300),
		round_of(12000, 100, 9000, 300),
	};
	struct tsc_skew skew = tsc_skew_estimate(rounds, ARRAY_SIZE(rounds));

	(void)state;
	assert_int_equal(skew.error, 55);
	assert_estimate_covers(&skew, 300);
	assert_true(tsc_skew_is_real(&skew));
}

static void tsc_skew_has_a_sign(void **state)
{
	const struct tsc_round ahead = round_of(UINT64_C(1) << 40, 60, 60, 1 << 20);
	const struct tsc_round behind = round_of(UINT64_C(1) << 40, 60, 60, -(1 << 20));
	struct tsc_skew skew = tsc_skew_estimate(&ahead, 1);

	(void)state;
	assert_int_equal(skew.offset, 1 << 20);
	skew = tsc_skew_estimate(&behind, 1);
	assert_int_equal(skew.offset, -(1 << 20));
	assert_true(tsc_skew_is_real(&skew));
}

/* A CPU that was reset late counts from 0: the difference is most of a 64-bit number. */
static void tsc_skew_of_a_counter_that_started_anew_is_exact(void **state)
{
	const int64_t offset = -(INT64_C(1) << 55);
	const struct tsc_round rounds[] = { round_of(500, 40, 40, offset) };
	struct tsc_skew skew = tsc_skew_estimate(rounds, 1);

	(void)state;
	assert_int_equal(skew.offset, offset);
	assert_true(tsc_skew_is_real(&skew));
}

/* An answer that is taken at the end of a trip of an odd count must not look like a skew. */
static void tsc_skew_within_the_larger_half_of_a_trip_is_not_real(void **state)
{
	const struct tsc_round late = round_of(1000, 861, 0, 0);
	const struct tsc_round soon = round_of(1000, 0, 861, 0);
	struct tsc_skew skew = tsc_skew_estimate(&late, 1);

	(void)state;
	assert_int_equal(skew.offset, -431);
	assert_false(tsc_skew_is_real(&skew));
	skew = tsc_skew_estimate(&soon, 1);
	assert_false(tsc_skew_is_real(&skew));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tsc_skew_of_equal_counters_is_not_real),
		cmocka_unit_test(tsc_skew_takes_the_fastest_round),
		cmocka_unit_test(tsc_skew_has_a_sign),
		cmocka_unit_test(tsc_skew_of_a_counter_that_started_anew_is_exact),
		cmocka_unit_test(tsc_skew_within_the_larger_half_of_a_trip_is_not_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
