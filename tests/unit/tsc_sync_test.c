/* SPDX-License-Identifier: GPL-2.0-only */
/* The estimate of a CPU's skew from questions and answers, and when it is good enough. */
/* arch: x86 */
/* sources: arch/x86/tsc_sync.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "tests/unit/log_capture.h"

#include "arch/tsc.h"
#include "arch/tsc_sync.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/types.h"

static struct cpu started;
static uint64_t now, step; /* each look at the counter takes so long */
static unsigned reads;
static bool is_over;

struct cpu *arch_cpu_self(void)
{
	return &started;
}

uint64_t tsc_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

uint64_t tsc_read(void)
{
	atomic_add(&reads, 1);
	return atomic_add(&now, step) + step;
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

static void *be_boot_cpu(void *context)
{
	(void)context;
	while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
		tsc_sync_answer();
	}
	return NULL;
}

/* How many rounds a comparison takes where each of a round's three readings takes so long. */
static unsigned rounds_taken(uint64_t ns)
{
	pthread_t thread;

	step = ns;
	reads = 0;
	is_over = false;
	log_clear();
	assert_int_equal(pthread_create(&thread, NULL, be_boot_cpu, NULL), 0);
	tsc_sync_target();
	__atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(log_has("agrees within"));
	assert_int_equal(started.arch.tsc_offset, 0);
	assert_int_equal(reads % 3, 0);
	return reads / 3;
}

static void tsc_sync_ends_after_a_few_quick_rounds(void **state)
{
	(void)state;
	assert_int_equal(rounds_taken(100), 4);
}

static void tsc_sync_goes_on_while_rounds_are_slow(void **state)
{
	(void)state;
	assert_int_equal(rounds_taken(2000), 32);
}

/* One of the two does not get its core for long: more rounds would take as long, and tell little.
 */
static void tsc_sync_ends_after_one_round_that_took_too_long(void **state)
{
	(void)state;
	assert_int_equal(rounds_taken(5000000), 1);
}

static void tsc_sync_gives_up_when_nobody_answers(void **state)
{
	(void)state;
	log_clear();
	tsc_sync_target();
	assert_true(log_has("could not compare"));
	tsc_sync_answer(); /* too late, but the next one can ask */
	assert_int_equal(rounds_taken(100), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tsc_skew_of_equal_counters_is_not_real),
		cmocka_unit_test(tsc_skew_takes_the_fastest_round),
		cmocka_unit_test(tsc_skew_has_a_sign),
		cmocka_unit_test(tsc_skew_of_a_counter_that_started_anew_is_exact),
		cmocka_unit_test(tsc_skew_within_the_larger_half_of_a_trip_is_not_real),
		cmocka_unit_test(tsc_sync_ends_after_a_few_quick_rounds),
		cmocka_unit_test(tsc_sync_goes_on_while_rounds_are_slow),
		cmocka_unit_test(tsc_sync_ends_after_one_round_that_took_too_long),
		cmocka_unit_test(tsc_sync_gives_up_when_nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
