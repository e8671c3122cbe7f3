/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler on fake CPUs, driven turn by turn; races are played in the middle of a turn. */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c */
/* sources: core/sched_fair.c core/sched_debug.c */
/* sources: core/cpu.c core/timer.c core/epoch.c */
#include "tests/unit/cores.h"

#include <stdlib.h>

#include "core/err.h"
#include "core/vcpu.h"

#define VCPUS    8
#define SLICE    SCHED_SLICE_NS
#define MOVES_NS UINT64_C(10000000)

static struct vcpu vcpus[VCPUS];
static struct vcpu *ran[4096]; /* in order */
static uint32_t ran_on[4096];
static unsigned ran_count;
static void (*guest)(struct vcpu *vcpu);         /* what a vCPU does in its guest */
static void (*while_leaving)(struct vcpu *vcpu); /* what others do while its state is put away */
static void (*while_idling)(void);
static bool stops;
static bool blocked_result; /* of the last halt() */

noreturn void machine_finish(void)
{
	stops = true;
	mock_assert(0, "finish", __FILE__, __LINE__);
	abort();
}

void vcpu_run(struct vcpu *vcpu)
{
	assert_true(vcpu->arch.is_loaded);
	assert_int_equal(vcpu->sched.state, SCHED_RUNNING);
	assert_int_equal(vcpu->sched.cpu, arch_cpu_self()->index);
	ran_on[ran_count] = arch_cpu_self()->index;
	ran[ran_count++] = vcpu;
	if (guest != NULL) {
		guest(vcpu);
	}
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	assert_false(vcpu->arch.is_loaded);
	vcpu->arch.is_loaded = true;
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	assert_true(vcpu->arch.is_loaded);
	vcpu->arch.is_loaded = false;
	if (while_leaving != NULL) {
		while_leaving(vcpu);
	}
}

static void on_idle(void)
{
	if (while_idling != NULL) {
		while_idling();
	}
}

static int setup_with(uint32_t cpus)
{
	cores_start(cpus);
	fake_idle_hook = on_idle;
	memset(vcpus, 0, sizeof(vcpus));
	ran_count = 0;
	guest = NULL;
	while_leaving = NULL;
	while_idling = NULL;
	stops = false;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(4);
}

static int setup_one_cpu(void **state)
{
	(void)state;
	return setup_with(1);
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned n = 0; n < VCPUS; n++) {
		if (vcpus[n].sched.class != NULL) {
			vcpus[n].sched.state = SCHED_STOPPED;
			sched_remove(&vcpus[n]);
		}
	}
	return 0;
}

static bool turn_on(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	return sched_turn();
}

static void add(unsigned n, uint32_t cpu)
{
	sched_add(&vcpus[n], cpu);
}

static void add_pinned(unsigned n, uint32_t cpu)
{
	bitmap_set(vcpus[n].sched.affinity, cpu);
	add(n, cpu);
}

static void add_and_wake(unsigned n, uint32_t cpu)
{
	add_pinned(n, cpu);
	sched_wake(&vcpus[n]);
}

static enum sched_state state_of(unsigned n)
{
	return vcpus[n].sched.state;
}

static void clear_kicks(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		fake_cpu_kicks(i);
	}
}

/* Starts vCPU n on a CPU and leaves it running there, with no kick or work outstanding. */
static void start_running(unsigned n, uint32_t cpu)
{
	add_and_wake(n, cpu);
	assert_true(turn_on(cpu));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[n]);
	clear_kicks();
}

static void halt(struct vcpu *vcpu)
{
	blocked_result = sched_block(vcpu);
}

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
		TEST(sched_add_leaves_a_vcpu_blocked),
		TEST(sched_add_without_affinity_allows_all),
		TEST(sched_wake_makes_a_vcpu_run),
		TEST(sched_wake_kicks_the_cpu_that_sleeps),
		TEST(sched_wake_on_the_own_cpu_needs_no_kick),
		TEST(sched_wake_of_a_runnable_vcpu_does_nothing),
		TEST(vcpu_stays_loaded_while_it_is_the_only_one),
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
		TEST(cpu_call_runs_on_the_other_cpu),
		TEST(requests_of_one_kind_kick_once),
		TEST(request_to_stop_puts_the_vcpu_away_first),
		TEST(idle_time_is_counted),
		cmocka_unit_test_setup_teardown(one_cpu_runs_many_vcpus_that_halt_and_wake,
						setup_one_cpu, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
