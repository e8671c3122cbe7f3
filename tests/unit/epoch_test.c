/* SPDX-License-Identifier: GPL-2.0-only */
/* Epochs on two CPUs that one thread plays in turn. */
/* sources: core/epoch.c */
#include "core/epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "tests/fake_arch/fake.h"

#define MS UINT64_C(1000000)

static unsigned calls;

static int setup(void **state)
{
	(void)state;
	fake_cpus_set(2);
	fake_time_advance(1000 * MS); /* nobody was nudged lately */
	calls = 0;
	return 0;
}

/* What a CPU does on its way into a guest, and out again. */
static void enter_guest(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	epoch_quiesce(arch_cpu_self());
	arch_cpu_self()->in_guest = true;
}

static void leave_guest(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	arch_cpu_self()->in_guest = false;
	epoch_resume(arch_cpu_self());
}

static void idle(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	epoch_quiesce(arch_cpu_self());
}

static void wake(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	epoch_resume(arch_cpu_self());
}

static void called(struct epoch_call *call)
{
	(void)call;
	calls++;
}

static void passes_when_every_cpu_was_quiet_since(void **state)
{
	uint64_t epoch = epoch_now();

	(void)state;
	assert_false(epoch_passed(epoch));
	enter_guest(0);
	leave_guest(0);
	assert_false(epoch_passed(epoch));
	enter_guest(1);
	assert_true(epoch_passed(epoch));
	leave_guest(1);
	assert_true(epoch_passed(epoch));
}

static void a_guest_that_runs_since_before_holds_it_up(void **state)
{
	uint64_t epoch;

	(void)state;
	enter_guest(1);
	wake(0);
	epoch = epoch_now();
	idle(0);
	assert_false(epoch_passed(epoch)); /* CPU 1 may use old translations */
	leave_guest(1);
	assert_true(epoch_passed(epoch));
}

static void a_guest_entered_since_does_not_hold_it_up(void **state)
{
	uint64_t epoch;

	(void)state;
	wake(0);
	wake(1);
	epoch = epoch_now();
	enter_guest(1);
	idle(0);
	assert_true(epoch_passed(epoch));
}

static void an_idle_cpu_passes_without_waking(void **state)
{
	uint64_t epoch;

	(void)state;
	idle(1);
	wake(0);
	epoch = epoch_now();
	assert_false(epoch_passed(epoch)); /* CPU 0 itself */
	enter_guest(0);
	assert_true(epoch_passed(epoch));
}

static void a_cpu_that_woke_may_hold_references_again(void **state)
{
	uint64_t epoch;

	(void)state;
	idle(1);
	wake(1);
	epoch = epoch_now();
	idle(0);
	assert_false(epoch_passed(epoch));
	idle(1);
	assert_true(epoch_passed(epoch));
}

static void offline_cpus_are_not_waited_for(void **state)
{
	uint64_t epoch = epoch_now();

	(void)state;
	cpu_get(1)->state = CPU_OFFLINE;
	idle(0);
	assert_true(epoch_passed(epoch));
}

static void later_tickets_pass_later(void **state)
{
	uint64_t first = epoch_now(), second;

	(void)state;
	enter_guest(1);
	leave_guest(1);
	fake_cpu_switch(0);
	second = epoch_now();
	idle(0);
	assert_true(epoch_passed(first));
	assert_false(epoch_passed(second));
	idle(1);
	assert_true(epoch_passed(second));
	assert_true(epoch_passed(first));
}

static void deferred_calls_run_once_on_their_cpu(void **state)
{
	struct epoch_call call;

	(void)state;
	fake_cpu_switch(0);
	epoch_defer(&call, called);
	epoch_run();
	assert_int_equal(calls, 0);
	idle(0);
	wake(0);
	epoch_run();
	assert_int_equal(calls, 0);
	idle(1);
	epoch_run(); /* CPU 1 has none */
	assert_int_equal(calls, 0);
	fake_cpu_switch(0);
	epoch_run();
	assert_int_equal(calls, 1);
	epoch_run();
	assert_int_equal(calls, 1);
}

static struct epoch_call again;
static void call_again(struct epoch_call *call)
{
	calls++;
	epoch_defer(call, called);
}

static void a_deferred_call_may_defer_itself(void **state)
{
	(void)state;
	idle(1);
	fake_cpu_switch(0);
	epoch_defer(&again, call_again);
	idle(0);
	wake(0);
	epoch_run();
	assert_int_equal(calls, 1);
	idle(0);
	epoch_run();
	assert_int_equal(calls, 2);
}

static void a_run_is_bounded(void **state)
{
	struct epoch_call many[40];

	(void)state;
	idle(1);
	fake_cpu_switch(0);
	for (unsigned i = 0; i < 40; i++) {
		epoch_defer(&many[i], called);
	}
	idle(0);
	epoch_run();
	assert_in_range(calls, 1, 16);
	for (unsigned i = 0; i < 5; i++) {
		epoch_run();
	}
	assert_int_equal(calls, 40);
}

static void a_zeroed_cpu_struct_has_no_calls(void **state)
{
	(void)state;
	memset(&cpu_get(0)->deferred, 0, sizeof(struct list));
	fake_cpu_switch(0);
	epoch_run();
	assert_int_equal(calls, 0);
}

static void guests_that_hold_it_up_are_nudged_now_and_then(void **state)
{
	struct epoch_call call;

	(void)state;
	enter_guest(1);
	wake(0);
	epoch_defer(&call, called);
	epoch_run();
	epoch_run();
	assert_int_equal(fake_cpu_kicks(1), 1);
	assert_int_equal(fake_cpu_kicks(0), 0);
	fake_time_advance(9 * MS);
	epoch_run();
	assert_int_equal(fake_cpu_kicks(1), 0);
	fake_time_advance(2 * MS);
	epoch_run();
	assert_int_equal(fake_cpu_kicks(1), 1);
	leave_guest(1);
	idle(0);
	epoch_run();
	assert_int_equal(calls, 1);
}

static void only_guests_from_before_are_nudged(void **state)
{
	uint64_t epoch;

	(void)state;
	wake(0);
	epoch = epoch_now();
	enter_guest(1);
	epoch_nudge(epoch);
	assert_int_equal(fake_cpu_kicks(1), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(passes_when_every_cpu_was_quiet_since),
		TEST(a_guest_that_runs_since_before_holds_it_up),
		TEST(a_guest_entered_since_does_not_hold_it_up),
		TEST(an_idle_cpu_passes_without_waking),
		TEST(a_cpu_that_woke_may_hold_references_again),
		TEST(offline_cpus_are_not_waited_for),
		TEST(later_tickets_pass_later),
		TEST(deferred_calls_run_once_on_their_cpu),
		TEST(a_deferred_call_may_defer_itself),
		TEST(a_run_is_bounded),
		TEST(a_zeroed_cpu_struct_has_no_calls),
		TEST(guests_that_hold_it_up_are_nudged_now_and_then),
		TEST(only_guests_from_before_are_nudged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
