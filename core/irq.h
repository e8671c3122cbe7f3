/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host interrupts: from a CPU's vector to whom it is for. Each CPU has a table of its own, so that
 * vectors do not run out on large machines. The architecture collects vectors and calls
 * irq_handle() for each with interrupts off, outside any lock.
 */
#pragma once

#include "core/types.h"

#define IRQ_VECTORS 256

struct cpu;
struct irq;

/* number: which of a block's vectors came, from 0 on. The CPU may be one that it was moved from. */
typedef void irq_fn(struct irq *irq, unsigned number);

/* What a device interrupts: a block of vectors (a power of two, aligned) on one CPU. */
struct irq {
	/* const while bound; an interrupt that comes late may find another fn, or NULL: */
	irq_fn *fn;
	uint8_t count; /* 0 is 1 */
	/* its owner's lock: */
	uint8_t vector;      /* the first; 0: not bound */
	uint8_t left_vector; /* 0: none to settle */
	struct cpu *cpu;     /* where */
	struct cpu *left_cpu;
};

/* One vector of a CPU. Those that were given back still lead to their irq, until it is certain that
 * none of its interrupts is on its way. */
struct irq_slot {
	struct irq *irq;
	uint64_t free_from; /* of the CPU's irq_drains; 0: taken, or never used */
};

/*
 * Binds irq on that CPU, the same vector again where it is free there (a message that is changed
 * in one word can not be torn); else other ones; else leaves it where it is; else takes any CPU
 * that devices reach. 0, or -E_NOMEM: not bound. Then the device is programmed, then irq_settle()
 * called; until that the vectors that it leaves stay routed.
 */
must_check int irq_route(struct irq *irq, struct cpu *cpu);

/* The same, but only with the vector that it has; false: nothing is changed. */
bool irq_move(struct irq *irq, struct cpu *cpu);

/* The device sends no more to where irq was before. What is on its way still calls fn. */
void irq_settle(struct irq *irq);

/* Gives the vectors back of a device that sends no more. What is on its way still calls fn: the
 * struct is used again or kept, never freed. */
void irq_release(struct irq *irq);

/* Calls the handler of this CPU's vector; counts those that nobody bound. */
void irq_handle(unsigned vector);

/* How often a vector came that nobody bound. */
uint64_t irq_unbound_count(void);
