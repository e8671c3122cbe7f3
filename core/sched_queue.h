/* SPDX-License-Identifier: GPL-2.0-only */
/* Run queues, for the files of the scheduler among themselves: locks, placement, enqueueing. */
#pragma once

#include "core/sched.h"

#define SCHED_NO_CPU UINT32_MAX

/* The queue of a CPU. */
struct sched_queue *sched_queue_of(uint32_t cpu);

/* Locks the queue that an entity belongs to, alone or with another one, and returns it. */
struct sched_queue *sched_queue_lock(struct sched_entity *entity);
struct sched_queue *sched_queue_lock_and(struct sched_entity *entity, struct sched_queue *other);

/* This CPU sleeps, or is about to; and it is awake again. */
void sched_queue_set_idle(uint32_t cpu);
void sched_queue_clear_idle(uint32_t cpu);

/*
 * An idle CPU of the affinity, the last one first; or SCHED_NO_CPU. It counts as busy from now on:
 * it is to be asked for something, even if nothing is enqueued there in the end.
 */
uint32_t sched_queue_find_idle(const struct sched_entity *entity);

/* The entity belongs to that CPU from now on. Both queues are locked. */
void sched_queue_set_cpu(struct sched_entity *entity, uint32_t cpu);

/*
 * Makes it runnable on a CPU whose queue is locked, as its own is; returns the work that the CPU is
 * to be asked for by sched_queue_request() after the locks are given back.
 */
must_check uint64_t sched_queue_enqueue(struct sched_entity *entity, uint32_t cpu);

/* cpu_request(), where work is not 0. */
void sched_queue_request(uint32_t cpu, uint64_t work);
