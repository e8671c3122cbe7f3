/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spin locks and the atomic operations of the tree. The hypervisor runs with interrupts off, so a
 * lock needs no interrupt-safe form; NMI and machine-check handlers take none at all.
 *
 * Lock order, outermost first. Nobody holds one while waiting for another CPU.
 *   console input > vm->lock > vpci > stage2->lock > vuart->lock > vioapic->lock > host vectors
 *   > host IOAPIC > scheduler's list > run queue > timer heap > page allocator > log ring
 *   > terminal
 * Nothing is locked inside those of region tables, PCI's ports and the keyboard controller.
 * Two run queues or two timer heaps: lock_acquire_pair().
 */
#pragma once

#include "arch/relax.h"
#include "core/types.h"

/* A ticket lock: fair, so that a core's wait is bounded by the number of the others. */
struct lock {
	uint32_t next;
	uint32_t owner;
};

#define LOCK_INIT    \
	{            \
		0, 0 \
	}

static inline void lock_acquire(struct lock *lock)
{
	uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket) {
		arch_relax();
	}
}

static inline bool lock_try(struct lock *lock)
{
	uint32_t owner = __atomic_load_n(&lock->owner, __ATOMIC_RELAXED);

	return __atomic_compare_exchange_n(&lock->next, &owner, owner + 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void lock_release(struct lock *lock)
{
	__atomic_store_n(&lock->owner, lock->owner + 1, __ATOMIC_RELEASE);
}

/* Two locks of a kind, lower address first; they may be the same one. */
static inline void lock_acquire_pair(struct lock *a, struct lock *b)
{
	struct lock *first = a < b ? a : b;

	lock_acquire(first);
	if (a != b) {
		lock_acquire(first == a ? b : a);
	}
}

static inline void lock_release_pair(struct lock *a, struct lock *b)
{
	lock_release(a);
	if (a != b) {
		lock_release(b);
	}
}

#define atomic_load(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_add(p, v)   __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or(p, v)    __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_and(p, v)   __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_swap(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_fence()     __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Statistics: only their own core writes them, others read a value that may be a little old. */
#define counter_add(p, v) \
	__atomic_store_n((p), __atomic_load_n((p), __ATOMIC_RELAXED) + (v), __ATOMIC_RELAXED)
