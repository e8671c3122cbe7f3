/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loop of every CPU: settle what became of the vCPU that ran, pick the next one, run it, or
 * idle. The states and why no wake-up is lost: sched.c.
 */
#include "core/sched.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/sched_queue.h"
#include "core/vcpu.h"

/* In the order in which they are asked for the next entity. */
static const struct sched_class *const classes[] = { &sched_fair };

/* The slice timer runs only while others wait. Queue locked, entity runs or is about to. */
static void slice_update_locked(struct sched_queue *queue, struct sched_entity *entity)
{
	if (queue->fair_count == 0) {
		timer_cancel(&queue->slice);
	} else if (!timer_is_armed(&queue->slice) || queue->slice.deadline != entity->slice_end) {
		timer_arm(&queue->slice, entity->slice_end);
	}
}

static void account(struct sched_entity *entity, uint64_t now)
{
	entity->ran_ns += now - entity->started;
	entity->started = now;
}

/* Whether the vCPU that just came out of its guest is to leave this CPU. */
static bool gives_way_locked(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
	return entity->blocking || entity->stopping || entity->move_to != SCHED_NO_CPU ||
	       entity->class->tick(queue, entity, now);
}

/* Step 3 of the argument above: the vCPU's state is put away, nobody else runs it yet. */
static uint64_t leave_locked(struct sched_entity *entity, uint32_t to)
{
	struct vcpu *vcpu = vcpu_of(entity);
	bool blocks = entity->blocking && !entity->wake_pending && !arch_vcpu_has_work(vcpu);
	uint64_t work = 0;

	atomic_store(&sched_queue_of(entity->cpu)->current, NULL);
	if (entity->stopping || blocks) {
		sched_queue_set_cpu(entity, to);
		entity->state = entity->stopping ? SCHED_STOPPED : SCHED_BLOCKED;
	} else {
		work = sched_queue_enqueue(entity, to);
	}
	if (entity->blocking || entity->stopping) {
		entity->wake_pending = false;
	}
	entity->blocking = false;
	entity->stopping = false;
	entity->move_to = SCHED_NO_CPU;
	return work;
}

/* Locks both queues; a CPU that was asked for by sched_migrate() comes before a chosen one. */
static uint32_t lock_to_leave(struct cpu *cpu, struct sched_entity *entity, uint32_t to)
{
	for (;;) {
		uint32_t chosen = to;

		sched_queue_lock_and(entity, sched_queue_of(to));
		if (entity->move_to == SCHED_NO_CPU || entity->move_to == to) {
			return to;
		}
		to = entity->move_to;
		lock_release_pair(&cpu->queue.lock, &sched_queue_of(chosen)->lock);
		/* Its idle bit was taken in vain: it looks around and sets it again. */
		sched_queue_request(chosen, chosen != cpu->index ? CPU_WORK_RESCHED : 0);
	}
}

/* One that would have to wait here goes to an idle CPU instead, if there is one. */
static void leave(struct cpu *cpu, struct sched_entity *entity, bool waits)
{
	uint32_t to = waits ? sched_queue_find_idle(entity) : SCHED_NO_CPU;
	uint64_t work;

	to = to != SCHED_NO_CPU ? to : cpu->index;
	arch_vcpu_put(vcpu_of(entity));
	cpu->loaded = NULL;
	to = lock_to_leave(cpu, entity, to);
	work = leave_locked(entity, to);
	lock_release_pair(&cpu->queue.lock, &sched_queue_of(to)->lock);
	if (to != cpu->index) {
		sched_queue_request(to, work != 0 ? work : CPU_WORK_RESCHED);
	}
}

/* Ends the stretch of the current vCPU, if there is one that should end. */
static void settle_current(struct cpu *cpu)
{
	struct sched_queue *queue = &cpu->queue;
	uint64_t now = arch_time_now();
	struct sched_entity *entity;
	bool leaves, waits;

	lock_acquire(&queue->lock);
	entity = queue->current == NULL ? NULL : &queue->current->sched;
	if (entity == NULL) {
		lock_release(&queue->lock);
		return;
	}
	account(entity, now);
	leaves = gives_way_locked(queue, entity, now);
	waits = !entity->blocking && !entity->stopping && queue->fair_count > 0;
	if (!leaves) {
		slice_update_locked(queue, entity);
	}
	lock_release(&queue->lock);
	if (leaves) {
		leave(cpu, entity, waits);
	}
}

static void run_next_locked(struct cpu *cpu, struct sched_entity *entity)
{
	uint64_t now = arch_time_now();

	entity->state = SCHED_RUNNING;
	entity->waited_ns += now - entity->runnable_since;
	entity->started = now;
	entity->slice_end = now + SCHED_SLICE_NS;
	entity->switches++;
	atomic_store(&cpu->queue.current, vcpu_of(entity));
	slice_update_locked(&cpu->queue, entity);
}

static struct sched_entity *pick_locked(struct sched_queue *queue)
{
	struct sched_entity *entity = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(classes) && entity == NULL; i++) {
		entity = classes[i]->pick(queue);
	}
	return entity;
}

static bool pick(struct cpu *cpu)
{
	struct sched_queue *queue = &cpu->queue;
	struct sched_entity *entity;

	lock_acquire(&queue->lock);
	entity = pick_locked(queue);
	if (entity != NULL) {
		run_next_locked(cpu, entity);
	}
	lock_release(&queue->lock);
	return entity != NULL;
}

/*
 * What a CPU has to do. With one it needs no help: if that waits still, the CPU was kicked to run
 * it, and it may be there because somebody moved it.
 */
static uint32_t load_of(const struct sched_queue *queue)
{
	return atomic_load(&queue->fair_count) + (atomic_load(&queue->current) != NULL);
}

/* The CPU with the highest load, or NULL if nobody waits in vain; figures may be a little old. */
static struct cpu *find_busiest(const struct cpu *self)
{
	struct cpu *busiest = NULL;
	uint32_t most = 1;

	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);
		uint32_t load = load_of(&cpu->queue);

		if (cpu != self && load > most) {
			most = load;
			busiest = cpu;
		}
	}
	return busiest;
}

static struct sched_entity *steal_locked(struct sched_queue *from, uint32_t cpu)
{
	struct sched_entity *entity = NULL;

	if (load_of(from) < 2) {
		return NULL;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(classes) && entity == NULL; i++) {
		entity = classes[i]->steal(from, cpu);
	}
	return entity;
}

static bool steal(struct cpu *cpu)
{
	struct cpu *from = find_busiest(cpu);
	struct sched_entity *entity;

	if (from == NULL) {
		return false;
	}
	lock_acquire_pair(&cpu->queue.lock, &from->queue.lock);
	entity = steal_locked(&from->queue, cpu->index);
	if (entity != NULL) {
		sched_queue_set_cpu(entity, cpu->index);
		run_next_locked(cpu, entity);
	}
	lock_release_pair(&cpu->queue.lock, &from->queue.lock);
	return entity != NULL;
}

/*
 * The bit is set before the last look at the work bits: who enqueues here afterwards sets one and
 * kicks. Handlers run when the CPU has left its quiescent state.
 */
static void idle(struct cpu *cpu)
{
	uint64_t start = arch_time_now();

	timer_cancel(&cpu->queue.slice);
	sched_queue_set_idle(cpu->index);
	epoch_quiesce(cpu);
	if (!cpu_has_work(cpu)) {
		arch_cpu_idle();
	}
	epoch_resume(cpu);
	sched_queue_clear_idle(cpu->index);
	counter_add(&cpu->idle_ns, arch_time_now() - start);
}

bool sched_turn(void)
{
	struct cpu *cpu = arch_cpu_self();

	cpu_work();
	settle_current(cpu);
	if (cpu->queue.current == NULL && !pick(cpu) && !steal(cpu)) {
		idle(cpu);
		return false;
	}
	if (cpu->loaded == NULL) {
		arch_vcpu_load(cpu->queue.current);
		cpu->loaded = cpu->queue.current;
		vcpu_answer_dump(cpu->loaded);
	}
	vcpu_run(cpu->queue.current);
	return true;
}

noreturn void sched_run(void)
{
	for (;;) {
		sched_turn();
	}
}
