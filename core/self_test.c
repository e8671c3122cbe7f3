/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of cores that only the machine itself can give: does an interrupt arrive, a timer fire, do
 * the clocks agree. Each is asked of one CPU after the other. */
#include "core/self_test.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"

#define WAIT_NS  UINT64_C(2000000000) /* emulators may have fewer cores than CPUs */
#define TIMER_NS UINT64_C(1000000)

/* What the other CPU answers. */
static uint64_t answered_at; /* 0: not yet */
static struct timer timer;
static uint32_t fired_on;

static bool wait_answer(void)
{
	uint64_t until = arch_time_now() + WAIT_NS;

	while (atomic_load(&answered_at) == 0) {
		if (arch_time_now() > until) {
			return false;
		}
		arch_irq_poll();
		arch_relax();
	}
	return true;
}

/* Asks fn of a CPU and waits until it has answered; this CPU needs no interrupt for it. */
static bool ask(struct cpu *cpu, void (*fn)(struct cpu *cpu))
{
	atomic_store(&answered_at, 0);
	if (cpu == arch_cpu_self()) {
		fn(cpu);
	} else if (cpu_call(cpu, fn) != 0) {
		return false;
	}
	return wait_answer();
}

static void answer(struct cpu *cpu)
{
	(void)cpu;
	atomic_store(&answered_at, arch_time_now());
}

static const char *test_interrupt(struct cpu *cpu)
{
	return ask(cpu, answer) ? NULL : "does not answer an interrupt";
}

static void timer_fired(struct timer *expired)
{
	(void)expired;
	fired_on = arch_cpu_self()->index;
	atomic_store(&answered_at, arch_time_now());
}

static void arm(struct cpu *cpu)
{
	(void)cpu;
	timer_init(&timer, timer_fired);
	timer_arm(&timer, arch_time_now() + TIMER_NS);
}

static const char *test_timer(struct cpu *cpu)
{
	if (!ask(cpu, arm)) {
		return "has a timer that does not fire";
	}
	if (fired_on != cpu->index) {
		return "had its timer fire on another CPU";
	}
	return answered_at < timer.deadline ? "has a timer that fires early" : NULL;
}

/* Its time lies between the asking and the answer, or the clocks differ. */
static const char *test_clock(struct cpu *cpu)
{
	for (unsigned i = 0; i < 20; i++) {
		uint64_t before = arch_time_now();

		if (!ask(cpu, answer)) {
			return "does not answer an interrupt";
		}
		if (answered_at < before) {
			return "has a clock that is behind";
		}
		if (answered_at > arch_time_now()) {
			return "has a clock that is ahead";
		}
	}
	return NULL;
}

static void test_all(const char *what, const char *(*test)(struct cpu *cpu))
{
	uint32_t passed = 0;

	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);
		const char *fault = cpu_is_online(cpu) ? test(cpu) : NULL;

		if (fault != NULL) {
			log(LOG_ERROR, "self-test: %s: fail: CPU %u %s", what, i, fault);
			return;
		}
		passed += cpu_is_online(cpu);
	}
	log(LOG_INFO, "self-test: %s of %u CPUs: pass", what, passed);
}

void self_test_cores(void)
{
	test_all("interrupts", test_interrupt);
	test_all("timers", test_timer);
	test_all("clocks", test_clock);
}
