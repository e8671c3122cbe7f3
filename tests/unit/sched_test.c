/* SPDX-License-Identifier: GPL-2.0-only */
/* Block, wake, kick and stop on fake CPUs, turn by turn; races are played in the middle of a turn.
 */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c */
/* sources: core/sched_fair.c core/sched_debug.c */
/* sources: core/cpu.c core/timer.c core/epoch.c */
#include "tests/unit/sched_players.h"

/* ---- states ---- */

static void sched_add_leaves_a_vcpu_blocked(void **state)
{
	(void)state;
	add(0, 1);
	assert_int_equal(state_of(0), SCHED_BLOCKED);
	assert_false(turn_on(1));
	assert_int_equal(ran_count, 0);
}

static void sched_add_without_affinity_allows_all(void **state)
{
	(void)state;
	add(0, 0);
	assert_true(bitmap_test(vcpus[0].sched.affinity, 0));
	assert_true(bitmap_test(vcpus[0].sched.affinity, SCHED_CPUS_MAX - 1));
}

static void sched_wake_makes_a_vcpu_run(void **state)
{
	(void)state;
	add_and_wake(0, 0);
	assert_int_equal(state_of(0), SCHED_RUNNABLE);
	assert_true(turn_on(0));
	assert_int_equal(state_of(0), SCHED_RUNNING);
	assert_ptr_equal(ran[0], &vcpus[0]);
}

static void sched_wake_kicks_the_cpu_that_sleeps(void **state)
{
	(void)state;
	add_and_wake(0, 2);
	assert_int_equal(fake_cpu_kicks(2), 1);
	assert_true(cpu_has_work(cpu_get(2)));
}

static void sched_wake_on_the_own_cpu_needs_no_kick(void **state)
{
	(void)state;
	add_and_wake(0, 0);
	assert_int_equal(fake_cpu_kicks(0), 0);
	assert_true(cpu_has_work(cpu_get(0)));
}

static void sched_wake_of_a_runnable_vcpu_does_nothing(void **state)
{
	(void)state;
	add_and_wake(0, 1);
	clear_kicks();
	sched_wake(&vcpus[0]);
	assert_int_equal(cpu_get(1)->queue.fair_count, 1);
	assert_int_equal(fake_cpu_kicks(1), 0);
}

static void vcpu_stays_loaded_while_it_is_the_only_one(void **state)
{
	(void)state;
	start_running(0, 0);
	for (unsigned i = 0; i < 5; i++) {
		fake_time_advance(3 * SLICE);
		assert_true(turn_on(0));
	}
	assert_int_equal(vcpus[0].sched.switches, 1);
	assert_int_equal(fake_timer_deadline(0), UINT64_MAX);
}

static void vcpu_that_is_asked_for_its_registers_shows_them_when_it_is_loaded(void **state)
{
	(void)state;
	add_and_wake(0, 0);
	add_and_wake(1, 1);
	vcpu_ask_dump(&vcpus[0]);
	assert_true(turn_on(0));
	assert_true(turn_on(1));
	assert_true(turn_on(0));
	assert_int_equal(dumped[0], 1);
	assert_int_equal(dumped[1], 0);
}

static void vcpu_that_halts_blocks_and_its_state_is_put_away(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 0);
	assert_false(turn_on(0));
	assert_int_equal(state_of(0), SCHED_BLOCKED);
	assert_false(vcpus[0].arch.is_loaded);
	assert_null(cpu_get(0)->loaded);
}

/* ---- block and wake, step by step ---- */

static void post_then_halt(struct vcpu *vcpu)
{
	vcpu->arch.has_work = true;
	sched_notify(vcpu);
	halt(vcpu);
}

static void post_before_the_halt_prevents_it(void **state)
{
	(void)state;
	guest = post_then_halt;
	start_running(0, 0);
	assert_false(blocked_result);
	assert_true(turn_on(0));
	assert_int_equal(state_of(0), SCHED_RUNNING);
}

static void halt_then_post(struct vcpu *vcpu)
{
	halt(vcpu);
	fake_cpu_switch(1);
	vcpu->arch.has_work = true;
	sched_notify(vcpu);
	fake_cpu_switch(0);
	guest = NULL;
}

static void post_between_halt_and_leaving_is_not_lost(void **state)
{
	(void)state;
	guest = halt_then_post;
	start_running(0, 0);
	assert_true(blocked_result);
	assert_true(turn_on(0));
	assert_int_equal(ran_count, 2);
	assert_int_equal(state_of(0), SCHED_RUNNING);
}

static void post_from_cpu1(struct vcpu *vcpu)
{
	while_leaving = NULL;
	fake_cpu_switch(1);
	vcpu->arch.has_work = true;
	sched_notify(vcpu);
	fake_cpu_switch(0);
}

static void post_while_the_state_is_put_away_is_not_lost(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 0);
	guest = NULL;
	while_leaving = post_from_cpu1;
	assert_true(turn_on(0));
	assert_int_equal(ran_count, 2);
	assert_int_equal(state_of(0), SCHED_RUNNING);
}

static void wake_from_cpu1(struct vcpu *vcpu)
{
	while_leaving = NULL;
	fake_cpu_switch(1);
	sched_wake(vcpu);
	fake_cpu_switch(0);
}

static void wake_while_the_state_is_put_away_is_not_lost(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 0);
	guest = NULL;
	while_leaving = wake_from_cpu1;
	assert_true(turn_on(0));
	assert_int_equal(state_of(0), SCHED_RUNNING);
}

static void wake_then_halt(struct vcpu *vcpu)
{
	sched_wake(vcpu);
	halt(vcpu);
}

static void wake_before_the_block_is_remembered_once(void **state)
{
	(void)state;
	guest = wake_then_halt;
	start_running(0, 0);
	assert_false(blocked_result);
	guest = halt;
	assert_true(turn_on(0));
	assert_true(blocked_result);
	assert_false(turn_on(0));
	assert_int_equal(state_of(0), SCHED_BLOCKED);
}

static void post_after_it_blocked_wakes_it(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 0);
	assert_false(turn_on(0));
	fake_cpu_switch(1);
	vcpus[0].arch.has_work = true;
	sched_notify(&vcpus[0]);
	assert_int_equal(state_of(0), SCHED_RUNNABLE);
	assert_int_equal(fake_cpu_kicks(0), 1);
	guest = NULL;
	assert_true(turn_on(0));
}

static void notify_without_work_leaves_a_vcpu_blocked(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 0);
	assert_false(turn_on(0));
	sched_notify(&vcpus[0]);
	assert_int_equal(state_of(0), SCHED_BLOCKED);
}

static void wake_cpu0_vcpu(void)
{
	while_idling = NULL;
	fake_cpu_switch(1);
	sched_wake(&vcpus[0]);
	fake_cpu_switch(0);
}

/* The CPU has seen its empty queue and is about to sleep: the kick must end the sleep. */
static void wake_while_the_cpu_goes_idle_kicks_it(void **state)
{
	(void)state;
	add_pinned(0, 0);
	while_idling = wake_cpu0_vcpu;
	assert_false(turn_on(0));
	assert_int_equal(fake_cpu_kicks(0), 1);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[0], &vcpus[0]);
}

static void work_of_its_own_keeps_a_cpu_from_sleeping(void **state)
{
	(void)state;
	fake_idle_count = 0;
	assert_false(turn_on(0));
	assert_int_equal(fake_idle_count, 1);
}

/* ---- kick and notify ---- */

static void kick_of_a_vcpu_that_runs_elsewhere(void **state)
{
	(void)state;
	start_running(0, 2);
	fake_cpu_switch(0);
	sched_kick(&vcpus[0]);
	assert_int_equal(fake_cpu_kicks(2), 1);
	assert_int_equal(fake_cpu_kicks(0), 0);
}

static void kick_of_a_vcpu_that_runs_here_or_does_not_run(void **state)
{
	(void)state;
	start_running(0, 0);
	sched_kick(&vcpus[0]);
	add_and_wake(1, 2);
	clear_kicks();
	sched_kick(&vcpus[1]);
	add(2, 3);
	sched_kick(&vcpus[2]);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(fake_cpu_kicks(i), 0);
	}
}

static void notify_kicks_a_vcpu_that_runs_elsewhere(void **state)
{
	(void)state;
	start_running(0, 2);
	fake_cpu_switch(0);
	vcpus[0].arch.has_work = true;
	sched_notify(&vcpus[0]);
	assert_int_equal(fake_cpu_kicks(2), 1);
	assert_false(vcpus[0].sched.wake_pending);
}

static void notify_of_one_that_is_blocking_needs_no_kick(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 2);
	fake_cpu_switch(0);
	vcpus[0].arch.has_work = true;
	sched_notify(&vcpus[0]);
	assert_int_equal(fake_cpu_kicks(2), 0);
	guest = NULL;
	assert_true(turn_on(2));
}

/* ---- stop ---- */

static void stop_of_a_running_vcpu_takes_effect_at_its_next_exit(void **state)
{
	(void)state;
	start_running(0, 1);
	fake_cpu_switch(0);
	sched_stop(&vcpus[0]);
	assert_int_equal(state_of(0), SCHED_RUNNING);
	assert_int_equal(fake_cpu_kicks(1), 1);
	assert_false(turn_on(1));
	assert_int_equal(state_of(0), SCHED_STOPPED);
	assert_false(vcpus[0].arch.is_loaded);
}

static void stop_of_a_runnable_and_a_blocked_vcpu(void **state)
{
	(void)state;
	add_and_wake(0, 1);
	add(1, 1);
	sched_stop(&vcpus[0]);
	sched_stop(&vcpus[1]);
	assert_int_equal(state_of(0), SCHED_STOPPED);
	assert_int_equal(state_of(1), SCHED_STOPPED);
	assert_false(turn_on(1));
}

static void notify_leaves_a_stopped_vcpu_stopped(void **state)
{
	(void)state;
	add(0, 1);
	sched_stop(&vcpus[0]);
	vcpus[0].arch.has_work = true;
	sched_notify(&vcpus[0]);
	assert_int_equal(state_of(0), SCHED_STOPPED);
	sched_wake(&vcpus[0]);
	assert_int_equal(state_of(0), SCHED_RUNNABLE);
}

static void stop_comes_before_block(void **state)
{
	(void)state;
	guest = halt;
	start_running(0, 1);
	sched_stop(&vcpus[0]);
	vcpus[0].arch.has_work = true;
	assert_false(turn_on(1));
	assert_int_equal(state_of(0), SCHED_STOPPED);
}

/* ---- the CPU's own work ---- */

static struct cpu *called;

static void note_call(struct cpu *cpu)
{
	called = cpu;
}

static void cpu_call_runs_on_the_other_cpu(void **state)
{
	(void)state;
	called = NULL;
	assert_int_equal(cpu_call(cpu_get(2), note_call), 0);
	assert_int_equal(fake_cpu_kicks(2), 1);
	assert_int_equal(cpu_call(cpu_get(2), note_call), -E_BUSY);
	(void)turn_on(2);
	assert_ptr_equal(called, cpu_get(2));
	assert_int_equal(cpu_call(cpu_get(2), note_call), 0);
}

static void requests_of_one_kind_kick_once(void **state)
{
	(void)state;
	cpu_request(cpu_get(1), CPU_WORK_RESCHED);
	cpu_request(cpu_get(1), CPU_WORK_RESCHED);
	assert_int_equal(fake_cpu_kicks(1), 1);
	(void)turn_on(1);
	fake_cpu_switch(0);
	cpu_request(cpu_get(1), CPU_WORK_RESCHED);
	assert_int_equal(fake_cpu_kicks(1), 1);
}

static void request_to_stop_puts_the_vcpu_away_first(void **state)
{
	(void)state;
	start_running(0, 1);
	fake_cpu_switch(0);
	cpu_request(cpu_get(1), CPU_WORK_STOP);
	fake_cpu_switch(1);
	expect_assert_failure(sched_turn());
	assert_true(stops);
	assert_false(vcpus[0].arch.is_loaded);
}

static void sleep_a_while(void)
{
	fake_time_advance(12345);
}

static void idle_time_is_counted(void **state)
{
	(void)state;
	while_idling = sleep_a_while;
	(void)turn_on(1);
	(void)turn_on(1);
	assert_int_equal(cpu_get(1)->idle_ns, 2 * 12345);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sched_add_leaves_a_vcpu_blocked),
		TEST(sched_add_without_affinity_allows_all),
		TEST(sched_wake_makes_a_vcpu_run),
		TEST(sched_wake_kicks_the_cpu_that_sleeps),
		TEST(sched_wake_on_the_own_cpu_needs_no_kick),
		TEST(sched_wake_of_a_runnable_vcpu_does_nothing),
		TEST(vcpu_stays_loaded_while_it_is_the_only_one),
		TEST(vcpu_that_is_asked_for_its_registers_shows_them_when_it_is_loaded),
		TEST(vcpu_that_halts_blocks_and_its_state_is_put_away),
		TEST(post_before_the_halt_prevents_it),
		TEST(post_between_halt_and_leaving_is_not_lost),
		TEST(post_while_the_state_is_put_away_is_not_lost),
		TEST(wake_while_the_state_is_put_away_is_not_lost),
		TEST(wake_before_the_block_is_remembered_once),
		TEST(post_after_it_blocked_wakes_it),
		TEST(notify_without_work_leaves_a_vcpu_blocked),
		TEST(wake_while_the_cpu_goes_idle_kicks_it),
		TEST(work_of_its_own_keeps_a_cpu_from_sleeping),
		TEST(kick_of_a_vcpu_that_runs_elsewhere),
		TEST(kick_of_a_vcpu_that_runs_here_or_does_not_run),
		TEST(notify_kicks_a_vcpu_that_runs_elsewhere),
		TEST(notify_of_one_that_is_blocking_needs_no_kick),
		TEST(stop_of_a_running_vcpu_takes_effect_at_its_next_exit),
		TEST(stop_of_a_runnable_and_a_blocked_vcpu),
		TEST(notify_leaves_a_stopped_vcpu_stopped),
		TEST(stop_comes_before_block),
		TEST(cpu_call_runs_on_the_other_cpu),
		TEST(requests_of_one_kind_kick_once),
		TEST(request_to_stop_puts_the_vcpu_away_first),
		TEST(idle_time_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
