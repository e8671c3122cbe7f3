/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Epochs: nobody waits for another CPU. Guest entry and idle are quiescent points; what was
 * unlinked or unmapped before may be freed, and a frame change its owner, once every CPU has passed
 * one since.
 */
#pragma once

#include "core/bits.h"
#include "core/cpu.h"
#include "core/list.h"
#include "core/lock.h"

struct epoch_call {
	struct list link;
	uint64_t epoch;
	void (*fn)(struct epoch_call *call);
};

extern uint64_t epoch_count; /* tickets drawn */

/* cpu->epoch: the count as it last saw it, and whether it is at a quiescent point. */
#define EPOCH_QUIET BIT(0)
#define EPOCH_COUNT BITS(63, 1)

/*
 * This CPU is about to enter a guest, or idles: it holds no reference from before. Cheap. A CPU
 * that idles passes all epochs; one with cpu->in_guest passes with its next entry or exit, for it
 * may hold translations. So: quiesce, set in_guest, then look at generations and work, then enter.
 */
static inline void epoch_quiesce(struct cpu *self)
{
	uint64_t seen = field_set(EPOCH_COUNT, atomic_load(&epoch_count));

	atomic_store(&self->epoch, seen | EPOCH_QUIET);
}

/* This CPU comes back from a guest or from idle. A new CPU calls it first. */
static inline void epoch_resume(struct cpu *self)
{
	uint64_t seen = field_set(EPOCH_COUNT, atomic_load(&epoch_count));

	(void)atomic_swap(&self->epoch, seen);
}

/* Runs fn on this CPU, some time after every started CPU has passed a quiescent point. */
void epoch_defer(struct epoch_call *call, void (*fn)(struct epoch_call *call));

/* A ticket for "now", and whether every CPU has passed a quiescent point since it was drawn. */
uint64_t epoch_now(void);
bool epoch_passed(uint64_t epoch);

/* This CPU has reached a quiescent point since the ticket was drawn, or is at one: it does not
 * hang.
 */
bool epoch_has_moved(const struct cpu *cpu, uint64_t epoch);

/* Runs this CPU's deferred calls that are due; called by the scheduler's loop. */
void epoch_run(void);

/* Kicks the CPUs that have been inside a guest since before the ticket; rarely, however often it is
 * called. */
void epoch_nudge(uint64_t epoch);
