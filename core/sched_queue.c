/* SPDX-License-Identifier: GPL-2.0-only */
/* Run queues: whose an entity is, which CPUs are idle, enqueueing. Order is the classes' business.
 */
#include "core/sched_queue.h"

#include "core/arch.h"
#include "core/cpu.h"

/* CPUs that sleep, or are about to. Who places a vCPU on one takes its bit. */
static uint64_t idle_map[BITMAP_WORDS(SCHED_CPUS_MAX)];

struct sched_queue *sched_queue_of(uint32_t cpu)
{
	return &cpu_get(cpu)->queue;
}

static void slice_expired(struct timer *timer)
{
	(void)timer;
	cpu_request(arch_cpu_self(), CPU_WORK_RESCHED);
}

void sched_queue_init(struct sched_queue *queue)
{
	queue->lock = (struct lock)LOCK_INIT;
	list_init(&queue->fair);
	timer_init(&queue->slice, slice_expired);
}

struct sched_queue *sched_queue_lock_and(struct sched_entity *entity, struct sched_queue *other)
{
	for (;;) {
		uint32_t cpu = atomic_load(&entity->cpu);
		struct sched_queue *queue = sched_queue_of(cpu);

		lock_acquire_pair(&queue->lock, &other->lock);
		if (atomic_load(&entity->cpu) == cpu) {
			return queue;
		}
		lock_release_pair(&queue->lock, &other->lock);
	}
}

struct sched_queue *sched_queue_lock(struct sched_entity *entity)
{
	for (;;) {
		uint32_t cpu = atomic_load(&entity->cpu);
		struct sched_queue *queue = sched_queue_of(cpu);

		lock_acquire(&queue->lock);
		if (atomic_load(&entity->cpu) == cpu) {
			return queue;
		}
		lock_release(&queue->lock);
	}
}

void sched_queue_set_idle(uint32_t cpu)
{
	atomic_or(&idle_map[cpu / 64], BIT(cpu % 64));
}

void sched_queue_clear_idle(uint32_t cpu)
{
	atomic_and(&idle_map[cpu / 64], ~BIT(cpu % 64));
}

static bool claim_idle(uint32_t cpu)
{
	uint64_t bit = BIT(cpu % 64);

	return (atomic_load(&idle_map[cpu / 64]) & bit) != 0 &&
	       (atomic_and(&idle_map[cpu / 64], ~bit) & bit) != 0;
}

uint32_t sched_queue_find_idle(const struct sched_entity *entity)
{
	uint32_t last = atomic_load(&entity->cpu);

	if (bitmap_test(entity->affinity, last) && claim_idle(last)) {
		return last;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(idle_map); i++) {
		uint64_t map = atomic_load(&idle_map[i]) & entity->affinity[i];

		for (; map != 0; map &= map - 1) {
			uint32_t cpu = i * 64 + bits_lowest(map);

			if (claim_idle(cpu)) {
				return cpu;
			}
		}
	}
	return SCHED_NO_CPU;
}

void sched_queue_set_cpu(struct sched_entity *entity, uint32_t cpu)
{
	if (entity->cpu != cpu) {
		entity->migrations++;
		atomic_store(&entity->cpu, cpu);
	}
}

/* A CPU that runs a vCPU and has others waiting has its slice timer armed already, and is left
 * alone. */
uint64_t sched_queue_enqueue(struct sched_entity *entity, uint32_t cpu)
{
	struct sched_queue *queue = sched_queue_of(cpu);
	bool knows = queue->current != NULL && queue->fair_count > 0;

	sched_queue_set_cpu(entity, cpu);
	entity->state = SCHED_RUNNABLE;
	entity->runnable_since = arch_time_now();
	entity->class->enqueue(queue, entity);
	return !knows || entity->class->wake(queue, entity) ? CPU_WORK_RESCHED : 0;
}

void sched_queue_request(uint32_t cpu, uint64_t work)
{
	if (work != 0) {
		cpu_request(cpu_get(cpu), work);
	}
}
