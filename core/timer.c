/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers: each CPU's leftist tree of deadlines, and its one-shot hardware timer. */
#include "core/timer.h"

#include "core/arch.h"
#include "core/cpu.h"

static uint32_t rank_of(const struct timer *timer)
{
	return timer == NULL ? 0 : timer->rank;
}

/* Restores the leftist rule at one timer whose subtrees obey it; true when its rank changed. */
static bool rank_fix(struct timer *timer)
{
	uint32_t old = timer->rank;

	if (rank_of(timer->left) < rank_of(timer->right)) {
		struct timer *left = timer->left;

		timer->left = timer->right;
		timer->right = left;
	}
	timer->rank = rank_of(timer->right) + 1;
	return timer->rank != old;
}

/* Joins two trees along their rightmost paths, each of at most log2(n + 1) timers. */
static struct timer *tree_merge(struct timer *a, struct timer *b)
{
	struct timer *root = NULL;
	struct timer *parent = NULL;
	struct timer **at = &root;

	while (a != NULL && b != NULL) {
		struct timer *early = a->deadline <= b->deadline ? a : b;

		b = early == a ? b : a;
		early->parent = parent;
		*at = early;
		parent = early;
		at = &early->right;
		a = early->right;
	}
	*at = a != NULL ? a : b;
	if (*at != NULL) {
		(*at)->parent = parent;
	}
	for (; parent != NULL; parent = parent->parent) {
		rank_fix(parent);
	}
	return root;
}

static void queue_insert_locked(struct timer_queue *queue, struct timer *timer)
{
	timer->left = NULL;
	timer->right = NULL;
	timer->parent = NULL;
	timer->rank = 1;
	atomic_store(&timer->armed, true);
	queue->root = tree_merge(queue->root, timer);
}

static void queue_remove_locked(struct timer_queue *queue, struct timer *timer)
{
	struct timer *parent = timer->parent;
	struct timer *rest = tree_merge(timer->left, timer->right);

	if (rest != NULL) {
		rest->parent = parent;
	}
	if (parent == NULL) {
		queue->root = rest;
	} else if (parent->left == timer) {
		parent->left = rest;
	} else {
		parent->right = rest;
	}
	while (parent != NULL && rank_fix(parent)) {
		parent = parent->parent;
	}
	atomic_store(&timer->armed, false);
}

void timer_queue_init(struct timer_queue *queue)
{
	queue->lock = (struct lock)LOCK_INIT;
	queue->root = NULL;
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){ .fn = fn };
}

/*
 * Locks this CPU's heap and the one the timer is in. timer->cpu only changes under the lock of the
 * heap that it names, so it is stable once it is seen unchanged with that lock held.
 */
static struct timer_queue *lock_with_here(struct timer *timer, struct timer_queue *here)
{
	for (;;) {
		uint32_t cpu = atomic_load(&timer->cpu);
		struct timer_queue *queue = &cpu_get(cpu)->timers;

		lock_acquire_pair(&queue->lock, &here->lock);
		if (atomic_load(&timer->cpu) == cpu) {
			return queue;
		}
		lock_release_pair(&queue->lock, &here->lock);
	}
}

/*
 * The hardware is only ever set for the root by the CPU itself. When another CPU takes the root
 * away it fires for nothing, which timer_run() puts right.
 */
static void place_here(struct timer *timer, bool arm, uint64_t deadline)
{
	struct cpu *self = arch_cpu_self();
	struct timer_queue *here = &self->timers;
	struct timer_queue *from = lock_with_here(timer, here);
	bool is_first = false;

	if (arm || (timer->armed && from != here)) {
		if (timer->armed) {
			queue_remove_locked(from, timer);
		}
		timer->deadline = arm ? deadline : timer->deadline;
		atomic_store(&timer->cpu, self->index);
		queue_insert_locked(here, timer);
		is_first = here->root == timer;
		deadline = timer->deadline;
	}
	lock_release_pair(&from->lock, &here->lock);
	if (is_first) {
		arch_timer_set(deadline);
	}
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	place_here(timer, true, deadline);
}

void timer_move_here(struct timer *timer)
{
	if (timer_is_armed(timer)) {
		place_here(timer, false, 0);
	}
}

void timer_cancel(struct timer *timer)
{
	struct timer_queue *here = &arch_cpu_self()->timers;
	struct timer_queue *from;

	if (!timer_is_armed(timer)) {
		return;
	}
	from = lock_with_here(timer, here);
	if (timer->armed) {
		queue_remove_locked(from, timer);
	}
	lock_release_pair(&from->lock, &here->lock);
}

bool timer_is_armed(const struct timer *timer)
{
	return atomic_load(&timer->armed);
}

static struct timer *take_due(struct timer_queue *queue, uint64_t now)
{
	struct timer *timer;

	lock_acquire(&queue->lock);
	timer = queue->root;
	if (timer != NULL && timer->deadline <= now) {
		queue_remove_locked(queue, timer);
	} else {
		timer = NULL;
	}
	lock_release(&queue->lock);
	return timer;
}

static uint64_t next_deadline(struct timer_queue *queue)
{
	uint64_t deadline;

	lock_acquire(&queue->lock);
	deadline = queue->root == NULL ? UINT64_MAX : queue->root->deadline;
	lock_release(&queue->lock);
	return deadline;
}

/* More than TIMER_RUN_MAX due ones wait for the next interrupt, which comes at once. */
void timer_run(void)
{
	struct timer_queue *queue = &arch_cpu_self()->timers;
	uint64_t now = arch_time_now();

	for (unsigned i = 0; i < TIMER_RUN_MAX; i++) {
		struct timer *timer = take_due(queue, now);

		if (timer == NULL) {
			break;
		}
		timer->fn(timer);
	}
	arch_timer_set(next_deadline(queue));
}
