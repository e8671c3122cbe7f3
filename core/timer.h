/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers: a heap a CPU over the CPU's one-shot hardware timer. A timer fires on the CPU whose heap
 * it is in, from the interrupt path, with no lock held. It may be armed and cancelled from any CPU.
 * The heap is a leftist tree through the timers themselves: it has no size to run out of, and every
 * operation takes at most a logarithm of steps.
 */
#pragma once

#include "core/lock.h"

#define TIMER_RUN_MAX 32 /* handlers in one interrupt */

struct timer {
	uint64_t deadline; /* arch_time_now() units: ns */
	void (*fn)(struct timer *timer);
	/* lock of the heap: */
	struct timer *parent, *left, *right;
	uint32_t rank; /* length of the rightmost path; that of the left child is no shorter */
	uint32_t cpu;  /* whose heap it is, or was last, in */
	bool armed;
};

struct timer_queue {
	struct lock lock;
	struct timer *root; /* the earliest */
};

void timer_queue_init(struct timer_queue *queue);
void timer_init(struct timer *timer, void (*fn)(struct timer *timer));

/* Arms on this CPU, or moves: an armed timer is first taken out of whatever heap holds it. */
void timer_arm(struct timer *timer, uint64_t deadline);

/* Takes it out; afterwards fn is not called for the old deadline (it may be running on its CPU just
 * now). */
void timer_cancel(struct timer *timer);

bool timer_is_armed(const struct timer *timer);

/* Runs what is due on this CPU and sets the hardware for the next; called on the timer interrupt.
 */
void timer_run(void);

/* Moves a timer that follows a migrating vCPU to this CPU's heap; no effect when not armed. */
void timer_move_here(struct timer *timer);
