/* SPDX-License-Identifier: GPL-2.0-only */
/* The scheduler on CPUs that are threads. Pairs of vCPUs pass a token around: one wake-up lost
 * and a pair stands still for good. */
/* sources: core/sched.c core/sched_run.c core/sched_queue.c */
/* sources: core/sched_fair.c core/sched_debug.c */
/* sources: core/cpu.c core/timer.c core/epoch.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <time.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/machine.h"
#include "core/vcpu.h"
#include "tests/fake_arch/fake.h"

#define CPUS     4
#define PAIRS    5
#define PASSES   1500 /* of each pair, at least */
#define LIMIT_NS UINT64_C(30000000000)
#define MOVES_NS UINT64_C(300000)
#define NO_TIMER UINT64_MAX

struct player {
	struct vcpu vcpu;
	uint32_t tokens;  /* atomically; what has_work() looks at */
	uint32_t runners; /* CPUs that run it now: never two */
};

static struct player players[2 * PAIRS];
static uint64_t passes[PAIRS];
static uint32_t interrupts[CPUS]; /* pending, as the local APIC keeps them */
static uint64_t deadlines[CPUS];
static bool over;

static _Thread_local struct cpu *self;
static _Thread_local unsigned seed;
static struct cpu *first; /* before CPUs have their own */

static struct player *player_of(struct vcpu *vcpu)
{
	return container_of(vcpu, struct player, vcpu);
}

/* ---- the machine ---- */

struct cpu *arch_cpu_self(void)
{
	return self != NULL ? self : first;
}

uint64_t arch_time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void arch_timer_set(uint64_t deadline)
{
	deadlines[arch_cpu_self()->index] = deadline;
}

void arch_cpu_kick(struct cpu *cpu)
{
	assert_ptr_not_equal(cpu, self);
	atomic_store(&interrupts[cpu->index], 1);
}

static bool interrupt_is_pending(void)
{
	return atomic_load(&interrupts[self->index]) != 0 ||
	       arch_time_now() >= deadlines[self->index];
}

static void rest(void)
{
	const struct timespec while_ns = { .tv_nsec = 20000 };

	nanosleep(&while_ns, NULL);
}

void arch_cpu_idle(void)
{
	while (!interrupt_is_pending() && !atomic_load(&over)) {
		rest();
	}
}

void arch_irq_poll(void)
{
	atomic_store(&interrupts[self->index], 0);
	if (arch_time_now() >= deadlines[self->index]) {
		timer_run();
	}
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	assert_int_equal(atomic_add(&player_of(vcpu)->runners, 1), 0);
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	assert_int_equal(atomic_add(&player_of(vcpu)->runners, (uint32_t)-1), 1);
}

bool arch_vcpu_has_work(struct vcpu *vcpu)
{
	return atomic_load(&player_of(vcpu)->tokens) != 0;
}

noreturn void machine_finish(void)
{
	abort();
}

/* ---- the guests ---- */

static void pass_on(struct player *player)
{
	unsigned n = (unsigned)(player - players);
	struct player *partner = &players[n ^ 1];

	if (atomic_swap(&player->tokens, 0) == 0) {
		return;
	}
	atomic_add(&passes[n / 2], 1);
	atomic_store(&partner->tokens, 1);
	sched_notify(&partner->vcpu);
}

/* As core/vcpu.c's: until there is work, or the vCPU halts. */
void vcpu_run(struct vcpu *vcpu)
{
	struct player *player = player_of(vcpu);

	assert_int_equal(atomic_load(&player->runners), 1);
	while (!cpu_has_work(self) && !atomic_load(&over)) {
		pass_on(player);
		if (rand_r(&seed) % 64 == 0) {
			sched_give_way(vcpu);
			return;
		}
		if (sched_block(vcpu)) {
			return;
		}
		if (interrupt_is_pending()) {
			arch_irq_poll();
		}
	}
}

static void *cpu_thread(void *argument)
{
	self = argument;
	seed = self->index + 1;
	epoch_resume(arch_cpu_self());
	if (self->index == 0) {
		sched_debug_migrate(MOVES_NS);
	}
	while (!atomic_load(&over)) {
		(void)sched_turn();
	}
	return NULL;
}

/* ---- the test ---- */

static void start_players(void)
{
	for (unsigned i = 0; i < 2 * PAIRS; i++) {
		sched_add(&players[i].vcpu, i % CPUS);
	}
	for (unsigned i = 0; i < 2 * PAIRS; i += 2) {
		players[i].tokens = 1;
		sched_wake(&players[i].vcpu);
	}
}

static bool all_pairs_done(void)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		if (atomic_load(&passes[i]) < PASSES) {
			return false;
		}
	}
	return true;
}

static void no_wake_up_is_lost_between_cpus_that_run_at_once(void **state)
{
	static struct cpu early;
	pthread_t threads[CPUS];
	uint64_t until = arch_time_now() + LIMIT_NS;
	uint64_t moved = 0;

	(void)state;
	first = &early;
	assert_int_equal(cpu_init(CPUS), 0);
	for (uint32_t i = 0; i < CPUS; i++) {
		cpu_get(i)->state = CPU_ONLINE;
		deadlines[i] = NO_TIMER;
	}
	first = cpu_get(0);
	start_players();
	for (uint32_t i = 0; i < CPUS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, cpu_thread, cpu_get(i)), 0);
	}
	while (!all_pairs_done() && arch_time_now() < until) {
		rest();
	}
	atomic_store(&over, true);
	for (uint32_t i = 0; i < CPUS; i++) {
		pthread_join(threads[i], NULL);
	}
	for (unsigned i = 0; i < PAIRS; i++) {
		assert_true(passes[i] >= PASSES);
		assert_int_equal(players[2 * i].tokens + players[2 * i + 1].tokens, 1);
		moved += players[2 * i].vcpu.sched.migrations;
	}
	assert_true(moved > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost_between_cpus_that_run_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
