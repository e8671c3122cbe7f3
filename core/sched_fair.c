/* SPDX-License-Identifier: GPL-2.0-only */
/* The fair class: round robin with a time slice that counts only while others wait. */
#include "core/sched.h"

static void fair_enqueue(struct sched_queue *queue, struct sched_entity *entity)
{
	list_add_tail(&queue->fair, &entity->link);
	atomic_store(&queue->fair_count, queue->fair_count + 1);
}

static void fair_dequeue(struct sched_queue *queue, struct sched_entity *entity)
{
	list_remove(&entity->link);
	atomic_store(&queue->fair_count, queue->fair_count - 1);
}

static struct sched_entity *fair_pick(struct sched_queue *queue)
{
	struct sched_entity *entity;

	if (list_is_empty(&queue->fair)) {
		return NULL;
	}
	entity = list_entry(queue->fair.next, struct sched_entity, link);
	fair_dequeue(queue, entity);
	return entity;
}

/* From the tail: who has waited longest is nearest to running where it is. */
static struct sched_entity *fair_steal(struct sched_queue *queue, uint32_t cpu)
{
	for (struct list *at = queue->fair.prev; at != &queue->fair; at = at->prev) {
		struct sched_entity *entity = list_entry(at, struct sched_entity, link);

		if (bitmap_test(entity->affinity, cpu)) {
			fair_dequeue(queue, entity);
			return entity;
		}
	}
	return NULL;
}

static bool fair_tick(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
	return queue->fair_count > 0 && now >= entity->slice_end;
}

/* Who wakes waits for its turn; tick() sees to it that the turn comes. */
static bool fair_wake(struct sched_queue *queue, struct sched_entity *entity)
{
	(void)queue, (void)entity;
	return false;
}

static void fair_yield(struct sched_queue *queue, struct sched_entity *entity)
{
	(void)queue;
	entity->slice_end = 0;
}

const struct sched_class sched_fair = {
	.name = "fair",
	.enqueue = fair_enqueue,
	.dequeue = fair_dequeue,
	.pick = fair_pick,
	.steal = fair_steal,
	.tick = fair_tick,
	.wake = fair_wake,
	.yield = fair_yield,
};
