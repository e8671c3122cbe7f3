/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers that go by the TSC, by another clock, late or not at all: which of them are believed. */
/* arch: x86 */
/* sources: arch/x86/lapic_deadline.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/lapic.h"
#include "arch/tsc.h"

#define MS          UINT64_C(1000000)
#define HOUR        (3600 * 1000 * MS)
#define ARMED_NEVER 0

/* One tick is one nanosecond. */
static uint64_t tsc;
static uint64_t armed;
static bool was_armed;
static int64_t error;     /* of the timer's clock: its time - the TSC */
static uint64_t look_ns;  /* that one look at the TSC takes */
static uint64_t pause_at; /* the CPU is taken away there, for 5 ms; 0: never */
static bool is_dead;

uint64_t tsc_read(void)
{
	tsc += look_ns;
	if (pause_at != 0 && tsc >= pause_at) {
		pause_at = 0;
		tsc += 5 * MS;
	}
	return tsc;
}

uint64_t tsc_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void lapic_timer_set(uint64_t tsc_deadline)
{
	assert_true(tsc_deadline > tsc);
	armed = tsc_deadline;
	was_armed = true;
}

void lapic_timer_stop(void)
{
	armed = ARMED_NEVER;
}

bool lapic_timer_is_pending(void)
{
	assert_true(armed != ARMED_NEVER);
	return !is_dead && (int64_t)tsc + error >= (int64_t)armed;
}

static int setup(void **state)
{
	(void)state;
	tsc = 2 * HOUR;
	armed = ARMED_NEVER;
	was_armed = false;
	error = 0;
	look_ns = 300;
	pause_at = 0;
	is_dead = false;
	return 0;
}

static void assert_kept(bool kept)
{
	assert_int_equal(lapic_deadline_is_kept(), kept);
	assert_true(was_armed);
	assert_int_equal(armed, ARMED_NEVER);
}

static void deadline_is_kept_by_a_timer_that_goes_by_the_tsc(void **state)
{
	(void)state;
	assert_kept(true);
}

static void deadline_is_kept_where_a_look_at_the_tsc_takes_long(void **state)
{
	(void)state;
	look_ns = 70000;
	assert_kept(true);
}

static void deadline_is_kept_where_the_cpu_is_taken_away_meanwhile(void **state)
{
	(void)state;
	pause_at = tsc + 50000;
	assert_kept(true);
}

/* As a hypervisor below does, to have the interrupt injected in time. */
static void deadline_is_kept_by_a_timer_that_is_a_little_early(void **state)
{
	(void)state;
	error = 5000;
	assert_kept(true);
}

/* As after a reset that set the TSC to 0, but not the clock that the timer goes by. */
static void deadline_is_not_kept_by_a_timer_that_is_ahead_of_the_tsc(void **state)
{
	(void)state;
	error = HOUR;
	assert_kept(false);
}

/* As after a TSC that was set forward. */
static void deadline_is_not_kept_by_a_timer_that_is_behind_the_tsc(void **state)
{
	(void)state;
	error = -(int64_t)HOUR;
	assert_kept(false);
}

static void deadline_is_not_kept_by_a_timer_that_never_fires(void **state)
{
	(void)state;
	is_dead = true;
	assert_kept(false);
	assert_true(tsc < 2 * HOUR + 100 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(deadline_is_kept_by_a_timer_that_goes_by_the_tsc, setup),
		cmocka_unit_test_setup(deadline_is_kept_where_a_look_at_the_tsc_takes_long, setup),
		cmocka_unit_test_setup(deadline_is_kept_where_the_cpu_is_taken_away_meanwhile,
				       setup),
		cmocka_unit_test_setup(deadline_is_kept_by_a_timer_that_is_a_little_early, setup),
		cmocka_unit_test_setup(deadline_is_not_kept_by_a_timer_that_is_ahead_of_the_tsc,
				       setup),
		cmocka_unit_test_setup(deadline_is_not_kept_by_a_timer_that_is_behind_the_tsc,
				       setup),
		cmocka_unit_test_setup(deadline_is_not_kept_by_a_timer_that_never_fires, setup),
	};

	return cmocka_run_group_tests_name("lapic_deadline", tests, NULL, NULL);
}
