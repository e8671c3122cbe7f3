/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who watches whom, and when a CPU hangs. Looks are counted, not time: a machine that was stopped
 * by its emulator misses one look, however long it stood.
 */
#include "core/watchdog.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/log.h"
#include "core/option.h"
#include "core/panic.h"

#define SECONDS_MAX UINT64_C(3600)
#define SECOND_NS   UINT64_C(1000000000)

static uint64_t seconds = 10;          /* 0: off */
static uint64_t hang_cpu = UINT64_MAX; /* hang_test=N */

enum watchdog_step watchdog_judge(struct watchdog *watchdog, bool has_moved)
{
	if (has_moved) {
		watchdog->missed = 0;
		return WATCHDOG_WAIT;
	}
	watchdog->missed++;
	if (watchdog->missed == WATCHDOG_LOOKS) {
		return WATCHDOG_PROBE;
	}
	return watchdog->missed >= 2 * WATCHDOG_LOOKS ? WATCHDOG_PANIC : WATCHDOG_WAIT;
}

/* The next one that has begun its loop, or NULL. */
static struct cpu *neighbour(const struct cpu *self)
{
	for (uint32_t i = 1; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get((self->index + i) % cpu_count());

		if (cpu_is_online(cpu) && atomic_load(&cpu->watchdog.is_on)) {
			return cpu;
		}
	}
	return NULL;
}

static void look(struct watchdog *watchdog, struct cpu *cpu)
{
	bool is_new = watchdog->watched != cpu;
	bool has_moved = is_new || epoch_has_moved(cpu, watchdog->ticket);

	watchdog->watched = cpu;
	switch (watchdog_judge(watchdog, has_moved)) {
	case WATCHDOG_WAIT:
		break;
	case WATCHDOG_PROBE:
		atomic_store(&cpu->probe, watchdog->ticket);
		arch_cpu_probe(cpu);
		break;
	case WATCHDOG_PANIC:
		panic("CPU %u hung for %llu s and does not even take an NMI", cpu->index,
		      (unsigned long long)(2 * seconds));
	}
	if (has_moved) {
		watchdog->ticket = epoch_now();
	}
}

/* hang_test=N: what a hung core looks like. */
never_inline static noreturn void hang(void)
{
	for (;;) {
		arch_relax();
	}
}

static uint64_t next_look(void)
{
	return arch_time_now() + seconds * SECOND_NS / WATCHDOG_LOOKS;
}

static void tick(struct timer *timer)
{
	struct cpu *self = arch_cpu_self();
	struct cpu *next = neighbour(self);

	timer_arm(timer, next_look());
	if (next != NULL) {
		look(&self->watchdog, next);
	}
	if (hang_cpu == self->index) {
		hang();
	}
}

static void start(struct cpu *self)
{
	timer_init(&self->watchdog.timer, tick);
	timer_arm(&self->watchdog.timer, next_look());
	atomic_store(&self->watchdog.is_on, true);
}

void watchdog_start(void)
{
	struct cpu *self = arch_cpu_self();

	if (option_number("watchdog", &seconds)) {
		seconds = min_u64(seconds, SECONDS_MAX);
	}
	(void)option_number("hang_test", &hang_cpu);
	for (uint32_t i = 0; i < cpu_count() && seconds != 0; i++) {
		struct cpu *cpu = cpu_get(i);

		if (cpu == self) {
			start(cpu);
		} else if (cpu_is_online(cpu) && cpu_call(cpu, start) != 0) {
			log(LOG_WARN, "watchdog: CPU %u is busy: it is not watched", i);
		}
	}
}

uint64_t watchdog_seconds(void)
{
	return seconds;
}
