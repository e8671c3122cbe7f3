/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Epochs: nobody waits for another CPU. Guest entry and idle are quiescent points; what was
 * unlinked or unmapped before may be freed, and a frame change its owner, once every CPU has passed
 * one since.
 */
#pragma once

#include "core/list.h"

struct epoch_call {
	struct list link;
	uint64_t epoch;
	void (*fn)(struct epoch_call *call);
};

/*
 * This CPU is about to enter a guest, or idles: it holds no reference from before. Cheap. A CPU
 * that idles passes all epochs; one with cpu->in_guest passes with its next entry or exit, for it
 * may hold translations. So: quiesce, set in_guest, then look at generations and work, then enter.
 */
void epoch_quiesce(void);

/* This CPU comes back from a guest or from idle. A new CPU calls it first. */
void epoch_resume(void);

/* Runs fn on this CPU, some time after every started CPU has passed a quiescent point. */
void epoch_defer(struct epoch_call *call, void (*fn)(struct epoch_call *call));

/* A ticket for "now", and whether every CPU has passed a quiescent point since it was drawn. */
uint64_t epoch_now(void);
bool epoch_passed(uint64_t epoch);

/* Runs this CPU's deferred calls that are due; called by the scheduler's loop. */
void epoch_run(void);

/* Kicks the CPUs that have been inside a guest since before the ticket; rarely, however often it is
 * called. */
void epoch_nudge(uint64_t epoch);
