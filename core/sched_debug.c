/* SPDX-License-Identifier: GPL-2.0-only */
/* Debugging aids: keep vCPUs moving, to find code that takes a vCPU for a core, and make them anew,
 * to find state that is none of what moves. */
#include "core/sched.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"

/* What is done to every vCPU, over and over. */
struct repetition {
	struct timer timer;
	uint64_t interval; /* ns; 0: off */
	void (*fn)(struct vcpu *vcpu, void *context);
};

static void move_on(struct vcpu *vcpu, void *context)
{
	uint32_t count = cpu_count();
	uint32_t from = atomic_load(&vcpu->sched.cpu);

	(void)context;
	for (uint32_t i = 1; i < count; i++) {
		if (sched_migrate(vcpu, (from + i) % count) == 0) {
			return;
		}
	}
}

static void swap(struct vcpu *vcpu, void *context)
{
	arch_vcpu_ask_swap(vcpu, context != NULL);
}

static struct repetition migration = { .fn = move_on }, swapping = { .fn = swap };

static void repeat(struct timer *expired)
{
	struct repetition *repetition = container_of(expired, struct repetition, timer);
	uint64_t ns = atomic_load(&repetition->interval);

	if (ns == 0) {
		return;
	}
	sched_for_each(repetition->fn, NULL);
	timer_arm(expired, arch_time_now() + ns);
}

static void set(struct repetition *repetition, uint64_t interval_ns)
{
	timer_cancel(&repetition->timer);
	atomic_store(&repetition->interval, interval_ns);
	if (interval_ns != 0) {
		timer_init(&repetition->timer, repeat);
		timer_arm(&repetition->timer, arch_time_now() + interval_ns);
	}
}

void sched_debug_migrate(uint64_t interval_ns)
{
	set(&migration, interval_ns);
}

void sched_debug_swap(uint64_t interval_ns)
{
	static bool always = true;

	set(&swapping, interval_ns);
	if (interval_ns == 0) {
		sched_for_each(swap, &always);
	}
}
