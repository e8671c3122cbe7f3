/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers on several CPUs. */
/* sources: core/timer.c core/cpu.c core/epoch.c */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c core/sched_fair.c */
#include "tests/unit/cores.h"

#include <stdlib.h>

#include "core/vcpu.h"

#define TIMERS 300

static struct timer timers[TIMERS];
static unsigned fired[TIMERS * 4]; /* indices in the order in which they fired */
static unsigned fired_count;
static uint32_t fired_on;

noreturn void machine_finish(void)
{
	abort();
}

void vcpu_run(struct vcpu *vcpu)
{
	(void)vcpu;
}

static void on_fire(struct timer *timer)
{
	fired[fired_count++] = (unsigned)(timer - timers);
	fired_on = arch_cpu_self()->index;
	assert_true(arch_time_now() >= timer->deadline);
	assert_false(timer_is_armed(timer));
}

static int setup(void **state)
{
	(void)state;
	cores_start(4);
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], on_fire);
	}
	fired_count = 0;
	return 0;
}

static void run_all(uint32_t cpu)
{
	for (unsigned i = 0; i < 2 * TIMERS && fake_timer_deadline(cpu) != UINT64_MAX; i++) {
		pass_to_deadline(cpu);
	}
}

/* The leftist rule, the order of deadlines, and the links both ways. */
static unsigned check_tree(const struct timer *timer, const struct timer *parent)
{
	uint32_t left, right;

	if (timer == NULL) {
		return 0;
	}
	assert_ptr_equal(timer->parent, parent);
	assert_true(parent == NULL || parent->deadline <= timer->deadline);
	left = timer->left == NULL ? 0 : timer->left->rank;
	right = timer->right == NULL ? 0 : timer->right->rank;
	assert_true(left >= right);
	assert_int_equal(timer->rank, right + 1);
	return 1 + check_tree(timer->left, timer) + check_tree(timer->right, timer);
}

static unsigned check_heap(uint32_t cpu)
{
	return check_tree(cpu_get(cpu)->timers.root, NULL);
}

static void timer_fires_at_its_deadline_and_not_before(void **state)
{
	(void)state;
	timer_arm(&timers[0], arch_time_now() + 500);
	assert_int_equal(fake_timer_deadline(0), arch_time_now() + 500);
	fake_time_advance(499);
	timer_run();
	assert_int_equal(fired_count, 0);
	assert_true(timer_is_armed(&timers[0]));
	fake_time_advance(1);
	timer_run();
	assert_int_equal(fired_count, 1);
	assert_false(timer_is_armed(&timers[0]));
	assert_int_equal(fake_timer_deadline(0), UINT64_MAX);
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
	uint64_t last = 0;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_arm(&timers[i], arch_time_now() + 1 + (uint64_t)rand() % 100000);
		assert_int_equal(check_heap(0), i + 1);
	}
	run_all(0);
	assert_int_equal(fired_count, TIMERS);
	for (unsigned i = 0; i < TIMERS; i++) {
		assert_true(timers[fired[i]].deadline >= last);
		last = timers[fired[i]].deadline;
	}
}

static void timer_cancel_takes_out_any_timer(void **state)
{
	unsigned armed = TIMERS;

	(void)state;
	srand(2);
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_arm(&timers[i], arch_time_now() + 1 + (uint64_t)rand() % 1000);
	}
	for (unsigned i = 0; i < TIMERS; i += 2) {
		timer_cancel(&timers[(i * 7) % TIMERS]);
		assert_int_equal(check_heap(0), --armed);
	}
	run_all(0);
	assert_int_equal(fired_count, TIMERS / 2);
	for (unsigned i = 0; i < fired_count; i++) {
		assert_int_equal(fired[i] % 2, 1);
	}
}

static void timer_cancel_of_an_idle_timer_does_nothing(void **state)
{
	(void)state;
	timer_cancel(&timers[0]);
	timer_arm(&timers[1], arch_time_now() + 1);
	timer_cancel(&timers[0]);
	assert_int_equal(check_heap(0), 1);
}

static void timer_arm_again_replaces_the_deadline(void **state)
{
	(void)state;
	timer_arm(&timers[0], arch_time_now() + 100);
	timer_arm(&timers[0], arch_time_now() + 900);
	assert_int_equal(check_heap(0), 1);
	fake_time_advance(100);
	timer_run();
	assert_int_equal(fired_count, 0);
	assert_int_equal(fake_timer_deadline(0), arch_time_now() + 800);
	run_all(0);
	assert_int_equal(fired_count, 1);
}

static void timer_arm_on_another_cpu_moves_it_there(void **state)
{
	(void)state;
	timer_arm(&timers[0], arch_time_now() + 100);
	fake_cpu_switch(2);
	timer_arm(&timers[0], arch_time_now() + 200);
	assert_int_equal(check_heap(0), 0);
	assert_int_equal(check_heap(2), 1);
	assert_int_equal(fake_timer_deadline(2), arch_time_now() + 200);
	/* CPU 0's hardware fires for nothing and is put right. */
	pass_to_deadline(0);
	assert_int_equal(fired_count, 0);
	assert_int_equal(fake_timer_deadline(0), UINT64_MAX);
	pass_to_deadline(2);
	assert_int_equal(fired_count, 1);
	assert_int_equal(fired_on, 2);
}

static void timer_cancel_from_another_cpu(void **state)
{
	(void)state;
	timer_arm(&timers[0], arch_time_now() + 100);
	timer_arm(&timers[1], arch_time_now() + 200);
	fake_cpu_switch(3);
	timer_cancel(&timers[0]);
	assert_false(timer_is_armed(&timers[0]));
	run_all(0);
	assert_int_equal(fired_count, 1);
	assert_int_equal(fired[0], 1);
}

static void timer_move_here_keeps_the_deadline(void **state)
{
	uint64_t deadline = arch_time_now() + 300;

	(void)state;
	timer_arm(&timers[0], deadline);
	fake_cpu_switch(1);
	timer_move_here(&timers[0]);
	assert_int_equal(check_heap(0), 0);
	assert_int_equal(fake_timer_deadline(1), deadline);
	pass_to_deadline(1);
	assert_int_equal(fired_on, 1);
}

static void timer_move_here_leaves_an_idle_timer_idle(void **state)
{
	(void)state;
	fake_cpu_switch(1);
	timer_move_here(&timers[0]);
	assert_int_equal(check_heap(1), 0);
	assert_int_equal(fake_timer_deadline(1), UINT64_MAX);
}

static void timer_of_the_past_is_due_at_once(void **state)
{
	(void)state;
	timer_arm(&timers[0], 1);
	assert_true(fake_timer_deadline(0) <= arch_time_now());
	timer_run();
	assert_int_equal(fired_count, 1);
}

static void rearm_in_the_past(struct timer *timer)
{
	fired_count++;
	timer_arm(timer, 1);
}

static void timer_run_is_bounded_when_a_handler_rearms_in_the_past(void **state)
{
	(void)state;
	timer_init(&timers[0], rearm_in_the_past);
	timer_arm(&timers[0], 1);
	timer_run();
	assert_true(fired_count <= TIMER_RUN_MAX);
	assert_true(fake_timer_deadline(0) <= arch_time_now());
}

static void timer_run_leaves_the_rest_of_many_for_the_next_interrupt(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TIMERS; i++) {
		timer_arm(&timers[i], 10 + i);
	}
	timer_run();
	assert_int_equal(fired_count, TIMER_RUN_MAX);
	assert_true(fake_timer_deadline(0) <= arch_time_now());
	run_all(0);
	assert_int_equal(fired_count, TIMERS);
}

static void cancel_the_next(struct timer *timer)
{
	fired_count++;
	timer_cancel(timer + 1);
}

static void timer_handler_may_cancel_one_that_is_due_too(void **state)
{
	(void)state;
	timer_init(&timers[0], cancel_the_next);
	timer_arm(&timers[0], arch_time_now() + 10);
	timer_arm(&timers[1], arch_time_now() + 10);
	timer_arm(&timers[1], arch_time_now() + 11);
	fake_time_advance(50);
	timer_run();
	assert_int_equal(fired_count, 1);
	assert_int_equal(check_heap(0), 0);
}

static void timers_stay_in_order_through_random_use(void **state)
{
	unsigned armed = 0;

	(void)state;
	srand(3);
	for (unsigned step = 0; step < 20000; step++) {
		struct timer *timer = &timers[(unsigned)rand() % TIMERS];
		bool was = timer_is_armed(timer);

		fake_cpu_switch((uint32_t)rand() % 4);
		switch (rand() % 3) {
		case 0:
			timer_cancel(timer);
			armed -= was;
			break;
		case 1:
			timer_move_here(timer);
			break;
		default:
			timer_arm(timer, arch_time_now() + (uint64_t)rand() % 1000);
			armed += !was;
			break;
		}
	}
	assert_int_equal(check_heap(0) + check_heap(1) + check_heap(2) + check_heap(3), armed);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timer_fires_at_its_deadline_and_not_before),
		TEST(timers_fire_in_the_order_of_their_deadlines),
		TEST(timer_cancel_takes_out_any_timer),
		TEST(timer_cancel_of_an_idle_timer_does_nothing),
		TEST(timer_arm_again_replaces_the_deadline),
		TEST(timer_arm_on_another_cpu_moves_it_there),
		TEST(timer_cancel_from_another_cpu),
		TEST(timer_move_here_keeps_the_deadline),
		TEST(timer_move_here_leaves_an_idle_timer_idle),
		TEST(timer_of_the_past_is_due_at_once),
		TEST(timer_run_is_bounded_when_a_handler_rearms_in_the_past),
		TEST(timer_run_leaves_the_rest_of_many_for_the_next_interrupt),
		TEST(timer_handler_may_cancel_one_that_is_due_too),
		TEST(timers_stay_in_order_through_random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
