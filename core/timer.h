/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers: a heap a CPU over the CPU's one-shot hardware timer. A timer fires on the CPU whose heap
 * it is in, from the interrupt path, with no lock held. It may be armed and cancelled from any CPU.
 */
#pragma once

#include "core/lock.h"

#define TIMER_HEAP_MAX 1024 /* armed timers a CPU: 2 a vCPU and a few of our own */
#define TIMER_IDLE     UINT32_MAX

struct timer {
	uint64_t deadline; /* arch_time_now() units: ns */
	void (*fn)(struct timer *timer);
	uint32_t slot; /* in its heap, or TIMER_IDLE; heap lock */
	uint32_t cpu;  /* whose heap */
};

struct timer_queue {
	struct lock lock;
	struct timer **heap; /* TIMER_HEAP_MAX, a page or more of its own */
	uint32_t count;
};

must_check int timer_queue_init(struct timer_queue *queue);
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
