/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Epochs. A ticket is a number of the global count; a CPU's word holds the count that it last saw
 * at a quiescent point, and whether it still is at one. Whoever unlinks, draws a ticket and looks
 * at the words; whoever resumes, writes its word and then follows links: full fences on both sides.
 */
#include "core/epoch.h"

#include "core/arch.h"

#define CALLS_A_RUN 16
#define NUDGE_NS    UINT64_C(10000000)

uint64_t epoch_count;

static uint64_t reached;  /* a ticket that is known to have passed */
static uint64_t nudge_ns; /* of the last nudge */

uint64_t epoch_now(void)
{
	return atomic_add(&epoch_count, 1) + 1;
}

static bool is_in_guest(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->in_guest, __ATOMIC_SEQ_CST);
}

bool epoch_has_moved(const struct cpu *cpu, uint64_t epoch)
{
	uint64_t word = __atomic_load_n(&cpu->epoch, __ATOMIC_SEQ_CST);

	return (word & EPOCH_QUIET) != 0 || field_get(EPOCH_COUNT, word) >= epoch;
}

static bool cpu_has_passed(const struct cpu *cpu, uint64_t epoch)
{
	uint64_t word = __atomic_load_n(&cpu->epoch, __ATOMIC_SEQ_CST);

	if (!cpu_is_online(cpu) || field_get(EPOCH_COUNT, word) >= epoch) {
		return true;
	}
	/* Idle, or so near to its entry that it will see the new generations. */
	return (word & EPOCH_QUIET) != 0 && !is_in_guest(cpu);
}

bool epoch_passed(uint64_t epoch)
{
	if (atomic_load(&reached) >= epoch) {
		return true;
	}
	atomic_fence();
	for (uint32_t i = 0; i < cpu_count(); i++) {
		if (!cpu_has_passed(cpu_get(i), epoch)) {
			return false;
		}
	}
	/* A race with another CPU can take this back a little, which only costs a walk. */
	atomic_store(&reached, epoch);
	return true;
}

void epoch_nudge(uint64_t epoch)
{
	uint64_t now = arch_time_now();
	uint64_t last = atomic_load(&nudge_ns);

	if (now - last < NUDGE_NS ||
	    !__atomic_compare_exchange_n(&nudge_ns, &last, now, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED)) {
		return;
	}
	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);

		if (is_in_guest(cpu) && !cpu_has_passed(cpu, epoch)) {
			arch_cpu_kick(cpu);
		}
	}
}

/* A zeroed struct cpu has an empty list. */
static struct list *deferred_of(struct cpu *cpu)
{
	if (cpu->deferred.next == NULL) {
		list_init(&cpu->deferred);
	}
	return &cpu->deferred;
}

void epoch_defer(struct epoch_call *call, void (*fn)(struct epoch_call *call))
{
	call->fn = fn;
	call->epoch = epoch_now();
	list_add_tail(deferred_of(arch_cpu_self()), &call->link);
}

void epoch_run(void)
{
	struct list *deferred = deferred_of(arch_cpu_self());

	for (unsigned i = 0; i < CALLS_A_RUN && !list_is_empty(deferred); i++) {
		struct epoch_call *call = list_entry(deferred->next, struct epoch_call, link);

		if (!epoch_passed(call->epoch)) {
			epoch_nudge(call->epoch);
			return;
		}
		list_remove(&call->link);
		call->fn(call);
	}
}
