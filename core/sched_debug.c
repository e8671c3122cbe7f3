/* SPDX-License-Identifier: GPL-2.0-only */
/* A debugging aid: keeps vCPUs moving, to find code that takes a vCPU for a core. */
#include "core/sched.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"

static struct timer timer;
static uint64_t interval;

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

static void move_all(struct timer *expired)
{
	uint64_t ns = atomic_load(&interval);

	if (ns == 0) {
		return;
	}
	sched_for_each(move_on, NULL);
	timer_arm(expired, arch_time_now() + ns);
}

void sched_debug_migrate(uint64_t interval_ns)
{
	timer_cancel(&timer);
	atomic_store(&interval, interval_ns);
	if (interval_ns != 0) {
		timer_init(&timer, move_all);
		timer_arm(&timer, arch_time_now() + interval_ns);
	}
}
