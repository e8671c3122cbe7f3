/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is asked of the scheduler: block, wake, kick, stop, migrate. A CPU's loop is sched_run.c's.
 *
 * No wake-up is lost. An entity's state changes only under the lock of the queue that ->cpu names
 * (and ->cpu itself under the locks of both queues), so every wake happens before or after each of
 * these steps of a vCPU that halts, never in the middle of one:
 *   1. It runs. sched_block() looks, under the lock, at wake_pending and at arch_vcpu_has_work().
 *      A post before it is seen, because posting writes first and locks then.
 *   2. It is blocking, still SCHED_RUNNING, and its state is put away. A wake sets wake_pending; a
 *      notify has written what arch_vcpu_has_work() looks at.
 *   3. leave_locked() looks at both again, under the lock, and makes it blocked or runnable.
 *   4. It is blocked: wake and notify make it runnable and enqueue it.
 * A queue that becomes non-empty sets a work bit of its CPU before that is kicked. The CPU looks at
 * the bits after it has turned interrupts off for the last time before it idles or enters a guest,
 * so it sees the bit or is interrupted at once. The same holds for the kick of a running vCPU.
 */
#include "core/sched.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/panic.h"
#include "core/sched_queue.h"
#include "core/vcpu.h"

static struct lock list_lock;
static struct list all = { &all, &all };

void sched_add(struct vcpu *vcpu, uint32_t cpu)
{
	struct sched_entity *entity = &vcpu->sched;
	uint64_t any = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(entity->affinity); i++) {
		any |= entity->affinity[i];
	}
	for (uint32_t i = 0; any == 0 && i < ARRAY_SIZE(entity->affinity); i++) {
		entity->affinity[i] = ~UINT64_C(0);
	}
	assert(bitmap_test(entity->affinity, cpu));
	entity->class = &sched_fair;
	entity->state = SCHED_BLOCKED;
	entity->cpu = cpu;
	entity->move_to = SCHED_NO_CPU;
	list_init(&entity->link);
	lock_acquire(&list_lock);
	list_add_tail(&all, &entity->all);
	lock_release(&list_lock);
}

void sched_remove(struct vcpu *vcpu)
{
	assert(vcpu->sched.state == SCHED_STOPPED);
	lock_acquire(&list_lock);
	list_remove(&vcpu->sched.all);
	lock_release(&list_lock);
}

void sched_for_each(void (*fn)(struct vcpu *vcpu, void *context), void *context)
{
	lock_acquire(&list_lock);
	list_for_each(at, &all) {
		fn(vcpu_of(list_entry(at, struct sched_entity, all)), context);
	}
	lock_release(&list_lock);
}

static uint32_t place(const struct sched_entity *entity)
{
	uint32_t cpu = sched_queue_find_idle(entity);

	return cpu != SCHED_NO_CPU ? cpu : atomic_load(&entity->cpu);
}

/* Wakes a blocked or stopped entity; the wish has been checked without a lock: check again. */
static void wake_sleeper(struct sched_entity *entity, bool is_notify)
{
	uint32_t cpu = place(entity);
	struct sched_queue *target = sched_queue_of(cpu);
	struct sched_queue *queue = sched_queue_lock_and(entity, target);
	bool may = entity->state == SCHED_BLOCKED || (entity->state == SCHED_STOPPED && !is_notify);
	uint64_t work = may ? sched_queue_enqueue(entity, cpu) : 0;

	lock_release_pair(&queue->lock, &target->lock);
	/* An idle CPU whose bit was taken in vain looks around and sets it again. */
	sched_queue_request(cpu, may ? work : CPU_WORK_RESCHED);
}

void sched_wake(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = sched_queue_lock(entity);
	bool sleeps = entity->state == SCHED_BLOCKED || entity->state == SCHED_STOPPED;

	if (entity->state == SCHED_RUNNING) {
		entity->wake_pending = true;
		entity->stopping = false;
	}
	lock_release(&queue->lock);
	if (sleeps) {
		wake_sleeper(entity, false);
	}
}

static void kick(uint32_t cpu)
{
	struct cpu *target = cpu_get(cpu);

	if (target != arch_cpu_self()) {
		arch_cpu_kick(target);
	}
}

void sched_kick(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = sched_queue_lock(entity);
	bool runs = entity->state == SCHED_RUNNING;
	uint32_t cpu = entity->cpu;

	lock_release(&queue->lock);
	if (runs) {
		kick(cpu);
	}
}

/* One that is blocking needs nothing: leave_locked() will see what was posted. Nor does this CPU's
 * own: nobody else ends its stretch, and it looks before it enters the guest again. */
void sched_notify(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue;
	bool runs, wakes;
	uint32_t cpu;

	if (atomic_load(&arch_cpu_self()->queue.current) == vcpu) {
		return;
	}
	queue = sched_queue_lock(entity);
	runs = entity->state == SCHED_RUNNING && !entity->blocking;
	wakes = entity->state == SCHED_BLOCKED && arch_vcpu_has_work(vcpu);
	cpu = entity->cpu;
	lock_release(&queue->lock);
	if (runs) {
		kick(cpu);
	} else if (wakes) {
		wake_sleeper(entity, true);
	}
}

void sched_stop(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = sched_queue_lock(entity);
	bool runs = entity->state == SCHED_RUNNING;
	uint32_t cpu = entity->cpu;

	if (entity->state == SCHED_RUNNABLE) {
		entity->class->dequeue(queue, entity);
	}
	if (runs) {
		entity->stopping = true;
	} else {
		entity->state = SCHED_STOPPED;
	}
	lock_release(&queue->lock);
	sched_queue_request(cpu, runs ? CPU_WORK_RESCHED : 0);
}

static uint64_t migrate_locked(struct sched_entity *entity, uint32_t cpu)
{
	switch (entity->state) {
	case SCHED_RUNNING:
		entity->move_to = entity->cpu == cpu ? SCHED_NO_CPU : cpu;
		return entity->cpu == cpu ? 0 : CPU_WORK_RESCHED;
	case SCHED_RUNNABLE:
		if (entity->cpu == cpu) {
			return 0;
		}
		entity->class->dequeue(sched_queue_of(entity->cpu), entity);
		return sched_queue_enqueue(entity, cpu);
	case SCHED_BLOCKED:
	case SCHED_STOPPED:
		sched_queue_set_cpu(entity, cpu);
		break;
	}
	return 0;
}

int sched_migrate(struct vcpu *vcpu, uint32_t cpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *target, *queue;
	uint64_t work;
	bool runs;
	uint32_t from;

	if (cpu >= cpu_count() || !cpu_is_online(cpu_get(cpu))) {
		return -E_NODEV;
	}
	if (!bitmap_test(entity->affinity, cpu)) {
		return -E_PERM;
	}
	target = sched_queue_of(cpu);
	queue = sched_queue_lock_and(entity, target);
	from = entity->cpu;
	runs = entity->state == SCHED_RUNNING;
	work = migrate_locked(entity, cpu);
	lock_release_pair(&queue->lock, &target->lock);
	sched_queue_request(runs ? from : cpu, work);
	return 0;
}

/* ---- what the current vCPU asks for ---- */

bool sched_block(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = sched_queue_lock(entity);

	entity->blocking = !entity->wake_pending && !arch_vcpu_has_work(vcpu);
	entity->wake_pending = false;
	lock_release(&queue->lock);
	return entity->blocking;
}

void sched_give_way(struct vcpu *vcpu)
{
	struct sched_entity *entity = &vcpu->sched;
	struct sched_queue *queue = sched_queue_lock(entity);

	entity->class->yield(queue, entity);
	lock_release(&queue->lock);
}
