/* SPDX-License-Identifier: GPL-2.0-only */
/* When a CPU is taken for hung, on fake CPUs with a fake clock. */
/* sources: core/watchdog.c core/timer.c core/cpu.c core/epoch.c */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c core/sched_fair.c */
#include "tests/unit/cores.h"

#include <stdlib.h>

#include "core/log.h"
#include "core/option.h"
#include "core/vcpu.h"
#include "core/watchdog.h"

#define CPUS   3
#define SECOND UINT64_C(1000000000)
#define LOOK   (8 * SECOND / WATCHDOG_LOOKS)

static uint64_t wanted; /* watchdog=SECONDS */
static uint32_t probed;
static unsigned probes;

bool option_number(const char *key, uint64_t *value)
{
	if (strcmp(key, "watchdog") == 0) {
		*value = wanted;
		return true;
	}
	return false;
}

noreturn void machine_finish(void)
{
	abort();
}

void vcpu_run(struct vcpu *vcpu)
{
	(void)vcpu;
}

void arch_cpu_probe(struct cpu *cpu)
{
	assert_true(cpu->probe != 0);
	probed = cpu->index;
	probes++;
}

static void start(uint64_t seconds)
{
	cores_start(CPUS);
	wanted = seconds;
	probes = 0;
	watchdog_start();
	for (uint32_t i = 0; i < CPUS; i++) {
		fake_cpu_switch(i);
		cpu_work();
	}
}

/* Time passes; all CPUs but one are alive: idle between their timers. */
static void pass(uint64_t ns, uint32_t hung)
{
	fake_time_advance(ns);
	for (uint32_t i = 0; i < CPUS; i++) {
		if (i != hung) {
			fake_cpu_switch(i);
			take_timer();
			epoch_quiesce(arch_cpu_self());
		}
	}
}

static void wake(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	epoch_resume(arch_cpu_self());
}

static void a_cpu_is_probed_after_so_many_missed_looks(void **state)
{
	struct watchdog watchdog = { 0 };

	(void)state;
	for (unsigned i = 1; i < WATCHDOG_LOOKS; i++) {
		assert_int_equal(watchdog_judge(&watchdog, false), WATCHDOG_WAIT);
	}
	assert_int_equal(watchdog_judge(&watchdog, false), WATCHDOG_PROBE);
	for (unsigned i = 1; i < WATCHDOG_LOOKS; i++) {
		assert_int_equal(watchdog_judge(&watchdog, false), WATCHDOG_WAIT);
	}
	assert_int_equal(watchdog_judge(&watchdog, false), WATCHDOG_PANIC);
}

static void one_move_starts_the_count_again(void **state)
{
	struct watchdog watchdog = { 0 };

	(void)state;
	for (unsigned i = 1; i < 10 * WATCHDOG_LOOKS; i++) {
		assert_int_equal(watchdog_judge(&watchdog, i % WATCHDOG_LOOKS == 0), WATCHDOG_WAIT);
	}
}

static void live_cpus_are_left_alone(void **state)
{
	(void)state;
	start(8);
	for (unsigned i = 0; i < 100; i++) {
		pass(LOOK, CPUS);
		wake(i % CPUS); /* in the hypervisor, but not the same one all the time */
	}
	assert_int_equal(probes, 0);
}

static void a_cpu_that_stays_in_the_hypervisor_is_probed_by_its_neighbour(void **state)
{
	(void)state;
	start(8);
	pass(LOOK, CPUS);
	wake(2);
	pass(LOOK, 2); /* it has moved since the look before */
	for (unsigned i = 0; i < WATCHDOG_LOOKS; i++) {
		assert_int_equal(probes, 0);
		pass(LOOK, 2);
	}
	assert_int_equal(probes, 1);
	assert_int_equal(probed, 2);
	assert_false(epoch_has_moved(cpu_get(2), cpu_get(2)->probe));
}

static void one_that_comes_through_a_guest_in_between_is_not(void **state)
{
	(void)state;
	start(8);
	for (unsigned i = 0; i < 20; i++) {
		pass(LOOK, 2);
		fake_cpu_switch(2);
		epoch_quiesce(arch_cpu_self());
		epoch_resume(arch_cpu_self());
	}
	assert_int_equal(probes, 0);
}

static void a_machine_that_was_stopped_misses_one_look(void **state)
{
	(void)state;
	start(8);
	wake(2);
	for (unsigned i = 0; i < WATCHDOG_LOOKS - 1; i++) {
		pass(1000 * SECOND, 2);
	}
	assert_int_equal(probes, 0);
}

static void one_that_takes_no_nmi_is_a_panic_all_the_same(void **state)
{
	(void)state;
	start(8);
	pass(LOOK, CPUS);
	wake(1);
	for (unsigned i = 0; i < 2 * WATCHDOG_LOOKS; i++) {
		pass(LOOK, 1);
	}
	expect_assert_failure(pass(LOOK, 1));
	assert_non_null(strstr(fake_panic_text, "CPU 1 hung for 16 s"));
}

static void watchdog_0_is_off(void **state)
{
	(void)state;
	start(0);
	for (uint32_t i = 0; i < CPUS; i++) {
		assert_int_equal(fake_timer_deadline(i), UINT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpu_is_probed_after_so_many_missed_looks),
		cmocka_unit_test(one_move_starts_the_count_again),
		cmocka_unit_test(live_cpus_are_left_alone),
		cmocka_unit_test(a_cpu_that_stays_in_the_hypervisor_is_probed_by_its_neighbour),
		cmocka_unit_test(one_that_comes_through_a_guest_in_between_is_not),
		cmocka_unit_test(a_machine_that_was_stopped_misses_one_look),
		cmocka_unit_test(one_that_takes_no_nmi_is_a_panic_all_the_same),
		cmocka_unit_test(watchdog_0_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
