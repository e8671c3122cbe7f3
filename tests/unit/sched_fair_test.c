/* SPDX-License-Identifier: GPL-2.0-only */
/* Shares, slices, placement, balance and migration on fake CPUs, turn by turn. */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c */
/* sources: core/sched_fair.c core/sched_debug.c */
/* sources: core/cpu.c core/timer.c core/epoch.c */
#include "tests/unit/sched_players.h"

/* ---- fairness ---- */

static void round_robin_gives_equal_shares(void **state)
{
	uint64_t start = arch_time_now();

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		add_and_wake(n, 0);
	}
	for (unsigned i = 0; i < 30; i++) {
		assert_true(turn_on(0));
		pass_to_deadline(0);
	}
	turn_on(0);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(vcpus[n].sched.ran_ns, 10 * SLICE);
		assert_true(vcpus[n].sched.waited_ns >= 18 * SLICE);
	}
	assert_int_equal(arch_time_now() - start, 30 * SLICE);
}

static void slice_ends_only_while_others_wait(void **state)
{
	(void)state;
	start_running(0, 0);
	fake_time_advance(SLICE / 2);
	add_and_wake(1, 0);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[0]);
	assert_int_equal(fake_timer_deadline(0), arch_time_now() + SLICE / 2);
	pass_to_deadline(0);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[1]);
}

static void vcpu_that_ran_long_alone_gives_way_at_once(void **state)
{
	(void)state;
	start_running(0, 0);
	fake_time_advance(5 * SLICE);
	add_and_wake(1, 0);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[1]);
}

static void first_waiter_kicks_and_later_ones_do_not(void **state)
{
	(void)state;
	start_running(0, 1);
	fake_cpu_switch(0);
	add_and_wake(1, 1);
	assert_int_equal(fake_cpu_kicks(1), 1);
	turn_on(1);
	fake_cpu_switch(0);
	add_and_wake(2, 1);
	assert_int_equal(fake_cpu_kicks(1), 0);
}

static void yield_lets_the_next_one_run(void **state)
{
	(void)state;
	start_running(0, 0);
	add_and_wake(1, 0);
	sched_give_way(&vcpus[0]);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[1]);
	assert_int_equal(state_of(0), SCHED_RUNNABLE);
}

static void yield_alone_goes_on(void **state)
{
	(void)state;
	start_running(0, 0);
	sched_give_way(&vcpus[0]);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[0]);
	assert_int_equal(vcpus[0].sched.switches, 1);
}

/* ---- placement and balance ---- */

static void make_idle(uint32_t cpu)
{
	(void)turn_on(cpu);
}

/* Idle CPUs are those that are inside of arch_cpu_idle(): the wake happens there. */
static void wake_0_and_1(void)
{
	while_idling = NULL;
	fake_cpu_switch(0);
	sched_wake(&vcpus[0]);
	sched_wake(&vcpus[1]);
	fake_cpu_switch(3);
}

static void wake_prefers_an_idle_cpu_and_takes_it_once(void **state)
{
	(void)state;
	start_running(2, 1);
	add(0, 1);
	add(1, 1);
	while_idling = wake_0_and_1;
	make_idle(3);
	/* One CPU was idle: the first goes there, the second back to where it was. */
	assert_int_equal(vcpus[0].sched.cpu, 3);
	assert_int_equal(vcpus[1].sched.cpu, 1);
	assert_true(fake_cpu_kicks(3) > 0);
	assert_int_equal(vcpus[0].sched.migrations, 1);
}

static void wake_0_only(void)
{
	while_idling = NULL;
	fake_cpu_switch(0);
	sched_wake(&vcpus[0]);
	fake_cpu_switch(3);
}

static void wake_respects_affinity(void **state)
{
	(void)state;
	add_pinned(0, 1);
	while_idling = wake_0_only;
	make_idle(3);
	assert_int_equal(vcpus[0].sched.cpu, 1);
}

static void idle_cpu_steals_one_that_waits(void **state)
{
	(void)state;
	start_running(0, 0);
	add(1, 0);
	add(2, 0);
	fake_cpu_switch(0);
	sched_wake(&vcpus[1]);
	sched_wake(&vcpus[2]);
	assert_true(turn_on(3));
	assert_int_equal(ran_on[ran_count - 1], 3);
	assert_int_equal(cpu_get(0)->queue.fair_count, 1);
	assert_true(turn_on(2));
	assert_int_equal(cpu_get(0)->queue.fair_count, 0);
	assert_false(turn_on(1));
}

/* It was kicked and will run its only vCPU itself. */
static void idle_cpu_leaves_a_woken_cpu_its_only_vcpu(void **state)
{
	(void)state;
	add(0, 1);
	sched_wake(&vcpus[0]);
	assert_false(turn_on(3));
	assert_int_equal(vcpus[0].sched.cpu, 1);
	add(1, 1);
	sched_wake(&vcpus[1]);
	assert_true(turn_on(3));
	assert_ptr_equal(ran[0], &vcpus[1]);
}

static void idle_cpu_steals_nothing_that_may_not_run_there(void **state)
{
	(void)state;
	start_running(0, 0);
	add_and_wake(1, 0);
	assert_false(turn_on(3));
	assert_int_equal(vcpus[1].sched.cpu, 0);
}

static void end_slice_of_cpu0(void)
{
	while_idling = NULL;
	pass_to_deadline(0);
	(void)turn_on(0);
	fake_cpu_switch(3);
}

static void preempted_vcpu_goes_to_an_idle_cpu(void **state)
{
	(void)state;
	add(0, 0);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(0));
	add_and_wake(1, 0);
	assert_true(turn_on(0));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[0]);
	while_idling = end_slice_of_cpu0;
	make_idle(3);
	assert_int_equal(vcpus[0].sched.cpu, 3);
	assert_int_equal(state_of(1), SCHED_RUNNING);
	assert_true(turn_on(3));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[0]);
}

/* ---- migration ---- */

static void migrate_of_a_runnable_vcpu_moves_it_now(void **state)
{
	(void)state;
	add(0, 1);
	sched_wake(&vcpus[0]);
	clear_kicks();
	assert_int_equal(sched_migrate(&vcpus[0], 2), 0);
	assert_int_equal(cpu_get(1)->queue.fair_count, 0);
	assert_int_equal(fake_cpu_kicks(2), 1);
	assert_true(turn_on(2));
	assert_int_equal(ran_on[0], 2);
}

static void migrate_of_a_running_vcpu_moves_it_at_its_next_exit(void **state)
{
	(void)state;
	add(0, 1);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(1));
	clear_kicks();
	fake_cpu_switch(0);
	assert_int_equal(sched_migrate(&vcpus[0], 2), 0);
	assert_int_equal(fake_cpu_kicks(1), 1);
	assert_int_equal(vcpus[0].sched.cpu, 1);
	(void)turn_on(1);
	assert_int_equal(fake_cpu_kicks(2), 1);
	assert_int_equal(vcpus[0].sched.cpu, 2);
	assert_true(turn_on(2));
	assert_int_equal(ran_on[ran_count - 1], 2);
	assert_int_equal(vcpus[0].sched.migrations, 1);
}

static void migrate_of_a_blocked_vcpu_moves_where_it_will_wake(void **state)
{
	(void)state;
	add(0, 1);
	assert_int_equal(sched_migrate(&vcpus[0], 2), 0);
	assert_int_equal(state_of(0), SCHED_BLOCKED);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(2));
}

static void migrate_of_one_that_is_blocking_moves_it_blocked(void **state)
{
	(void)state;
	guest = halt;
	add(0, 1);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(1));
	assert_int_equal(sched_migrate(&vcpus[0], 2), 0);
	assert_false(turn_on(1));
	assert_int_equal(state_of(0), SCHED_BLOCKED);
	assert_int_equal(vcpus[0].sched.cpu, 2);
}

static void migrate_to_cpu3(struct vcpu *vcpu)
{
	while_leaving = NULL;
	fake_cpu_switch(1);
	assert_int_equal(sched_migrate(vcpu, 3), 0);
	fake_cpu_switch(0);
}

static void migrate_while_the_state_is_put_away_is_not_lost(void **state)
{
	(void)state;
	add(0, 0);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(0));
	assert_int_equal(sched_migrate(&vcpus[0], 2), 0);
	while_leaving = migrate_to_cpu3;
	(void)turn_on(0);
	assert_int_equal(vcpus[0].sched.cpu, 3);
	assert_true(turn_on(3));
}

static void migrate_refuses_what_affinity_or_machine_forbid(void **state)
{
	(void)state;
	add_pinned(0, 1);
	assert_int_equal(sched_migrate(&vcpus[0], 2), -E_PERM);
	assert_int_equal(sched_migrate(&vcpus[0], 4), -E_NODEV);
	cpu_get(3)->state = CPU_STOPPED;
	assert_int_equal(sched_migrate(&vcpus[0], 3), -E_NODEV);
	assert_int_equal(sched_migrate(&vcpus[0], 1), 0);
}

static void migrate_to_where_it_runs_takes_back_an_earlier_one(void **state)
{
	(void)state;
	add(0, 1);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(1));
	assert_int_equal(sched_migrate(&vcpus[0], 2), 0);
	assert_int_equal(sched_migrate(&vcpus[0], 1), 0);
	assert_true(turn_on(1));
	assert_int_equal(vcpus[0].sched.migrations, 0);
}

static void debug_migrate_moves_every_vcpu_each_interval(void **state)
{
	(void)state;
	add(0, 1); /* will run */
	add(1, 3); /* will wait */
	add(2, 1); /* stays blocked */
	add_pinned(3, 1);
	sched_wake(&vcpus[0]);
	assert_true(turn_on(1));
	sched_wake(&vcpus[1]);
	fake_cpu_switch(0);
	sched_debug_migrate(MOVES_NS);
	pass_to_deadline(0);
	(void)turn_on(1);
	assert_int_equal(vcpus[0].sched.cpu, 2);
	assert_int_equal(vcpus[1].sched.cpu, 0);
	assert_int_equal(vcpus[2].sched.cpu, 2);
	assert_int_equal(vcpus[3].sched.cpu, 1);
	pass_to_deadline(0);
	assert_int_equal(vcpus[2].sched.cpu, 3);
	fake_cpu_switch(0);
	sched_debug_migrate(0);
	fake_time_advance(5 * MOVES_NS);
	take_timer();
	assert_int_equal(vcpus[2].sched.cpu, 3);
}

static void debug_swap_asks_every_vcpu_each_interval(void **state)
{
	(void)state;
	add(0, 1);
	add(1, 3);
	fake_cpu_switch(0);
	sched_debug_swap(MOVES_NS);
	assert_int_equal(vcpus[0].arch.swaps, 0);
	pass_to_deadline(0);
	pass_to_deadline(0);
	assert_int_equal(vcpus[0].arch.swaps, 2);
	assert_int_equal(vcpus[1].arch.swaps, 2);
	assert_false(vcpus[1].arch.swaps_always);
	sched_debug_swap(0);
	assert_true(vcpus[0].arch.swaps_always);
	assert_int_equal(vcpus[1].arch.swaps, 3);
}

static void one_cpu_runs_many_vcpus_that_halt_and_wake(void **state)
{
	(void)state;
	guest = halt;
	for (unsigned n = 0; n < 3; n++) {
		add_and_wake(n, 0);
	}
	for (unsigned i = 0; i < 300; i++) {
		(void)turn_on(0);
		sched_wake(&vcpus[i % 3]);
	}
	for (unsigned n = 0; n < 3; n++) {
		unsigned count = 0;

		for (unsigned i = 0; i < ran_count; i++) {
			count += ran[i] == &vcpus[n];
		}
		assert_true(count >= 60);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_robin_gives_equal_shares),
		TEST(slice_ends_only_while_others_wait),
		TEST(vcpu_that_ran_long_alone_gives_way_at_once),
		TEST(first_waiter_kicks_and_later_ones_do_not),
		TEST(yield_lets_the_next_one_run),
		TEST(yield_alone_goes_on),
		TEST(wake_prefers_an_idle_cpu_and_takes_it_once),
		TEST(wake_respects_affinity),
		TEST(idle_cpu_steals_one_that_waits),
		TEST(idle_cpu_leaves_a_woken_cpu_its_only_vcpu),
		TEST(idle_cpu_steals_nothing_that_may_not_run_there),
		TEST(preempted_vcpu_goes_to_an_idle_cpu),
		TEST(migrate_of_a_runnable_vcpu_moves_it_now),
		TEST(migrate_of_a_running_vcpu_moves_it_at_its_next_exit),
		TEST(migrate_of_a_blocked_vcpu_moves_where_it_will_wake),
		TEST(migrate_of_one_that_is_blocking_moves_it_blocked),
		TEST(migrate_while_the_state_is_put_away_is_not_lost),
		TEST(migrate_refuses_what_affinity_or_machine_forbid),
		TEST(migrate_to_where_it_runs_takes_back_an_earlier_one),
		TEST(debug_migrate_moves_every_vcpu_each_interval),
		TEST(debug_swap_asks_every_vcpu_each_interval),
		cmocka_unit_test_setup_teardown(one_cpu_runs_many_vcpus_that_halt_and_wake,
						setup_one_cpu, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
