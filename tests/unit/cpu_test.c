/* SPDX-License-Identifier: GPL-2.0-only */
/* Structs of many CPUs, and CPUs that do not come. */
/* sources: core/timer.c core/cpu.c core/epoch.c */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c core/sched_fair.c */
#include "tests/unit/cores.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/err.h"
#include "core/log.h"
#include "core/vcpu.h"

static int (*start)(struct cpu *cpu);
static char log_text[1 << 16];

void log(enum log_level level, const char *format, ...)
{
	size_t used = strlen(log_text);
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
	va_end(args);
}

static bool log_has(const char *text)
{
	return strstr(log_text, text) != NULL;
}

noreturn void machine_finish(void)
{
	abort();
}

void vcpu_run(struct vcpu *vcpu)
{
	(void)vcpu;
}

int arch_cpu_start(struct cpu *cpu)
{
	assert_non_null(cpu->stack_top);
	assert_int_equal(cpu->state, CPU_STARTING);
	return start(cpu);
}

static int comes(struct cpu *cpu)
{
	atomic_store(&cpu->state, CPU_ONLINE);
	return 0;
}

static int odd_ones_are_missing(struct cpu *cpu)
{
	return cpu->index % 2 == 1 ? -E_TIMEDOUT : comes(cpu);
}

/* The starter's patience ends just when the CPU arrives. */
static int comes_at_the_last_moment(struct cpu *cpu)
{
	(void)comes(cpu);
	return -E_TIMEDOUT;
}

static int gives_up(struct cpu *cpu)
{
	atomic_store(&cpu->state, CPU_STOPPED);
	return -E_NODEV;
}

static int setup(void **state)
{
	(void)state;
	fake_cpu_switch(0);
	fake_cpus_set(1);
	start = comes;
	log_text[0] = '\0';
	return 0;
}

static void cpu_init_makes_structs_for_1024_cpus(void **state)
{
	(void)state;
	assert_int_equal(cpu_init(1024), 0);
	assert_int_equal(cpu_count(), 1024);
	for (uint32_t i = 0; i < 1024; i++) {
		assert_int_equal(cpu_get(i)->index, i);
		assert_int_equal(cpu_is_online(cpu_get(i)), i == 0);
		assert_null(cpu_get(i)->timers.root);
		assert_true(list_is_empty(&cpu_get(i)->queue.fair));
	}
}

static void cpu_init_leaves_out_more_than_affinities_hold(void **state)
{
	(void)state;
	assert_int_equal(cpu_init(SCHED_CPUS_MAX + 5), 0);
	assert_int_equal(cpu_count(), SCHED_CPUS_MAX);
	assert_true(log_has("1029 CPUs, of which the first 1024 are used"));
}

static void cpu_get_beyond_the_last_is_our_own_fault(void **state)
{
	(void)state;
	assert_int_equal(cpu_init(2), 0);
	expect_assert_failure(cpu_get(2));
}

static void cpu_start_all_starts_1024_cpus(void **state)
{
	(void)state;
	assert_int_equal(cpu_init(1024), 0);
	cpu_start_all();
	assert_true(log_has("1024 of 1024 CPUs run"));
}

static void cpu_start_all_names_and_leaves_out_those_that_do_not_come(void **state)
{
	(void)state;
	start = odd_ones_are_missing;
	assert_int_equal(cpu_init(5), 0);
	cpu_start_all();
	assert_true(log_has("3 of 5 CPUs run"));
	assert_true(log_has("CPU 1 does not start and is left out"));
	assert_false(cpu_is_online(cpu_get(3)));
	assert_true(cpu_is_online(cpu_get(4)));
}

static void cpu_that_comes_at_the_last_moment_is_used(void **state)
{
	(void)state;
	start = comes_at_the_last_moment;
	assert_int_equal(cpu_init(2), 0);
	cpu_start_all();
	assert_true(log_has("2 of 2 CPUs run"));
	assert_false(log_has("left out"));
}

static void cpu_that_gave_up_is_left_out(void **state)
{
	(void)state;
	start = gives_up;
	assert_int_equal(cpu_init(2), 0);
	cpu_start_all();
	assert_true(log_has("1 of 2 CPUs run"));
	assert_true(log_has("CPU 1 does not start"));
}

/* Found stopped when it arrives, it must not begin to schedule. */
static void cpu_main_parks_a_cpu_that_was_given_up(void **state)
{
	(void)state;
	assert_int_equal(cpu_init(2), 0);
	cpu_get(1)->state = CPU_STOPPED;
	fake_cpu_self_set(1, cpu_get(1));
	fake_cpu_switch(1);
	expect_assert_failure(cpu_main(cpu_get(1)));
	assert_int_equal(cpu_get(1)->state, CPU_STOPPED);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_init_makes_structs_for_1024_cpus),
		TEST(cpu_init_leaves_out_more_than_affinities_hold),
		TEST(cpu_get_beyond_the_last_is_our_own_fault),
		TEST(cpu_start_all_starts_1024_cpus),
		TEST(cpu_start_all_names_and_leaves_out_those_that_do_not_come),
		TEST(cpu_that_comes_at_the_last_moment_is_used),
		TEST(cpu_that_gave_up_is_left_out),
		TEST(cpu_main_parks_a_cpu_that_was_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
