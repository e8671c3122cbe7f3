/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host interrupts: from a host vector to whom it is for. The architecture collects vectors and
 * calls irq_handle() for each with interrupts off, outside any lock.
 */
#pragma once

#include "core/types.h"

#define IRQ_VECTORS 256

typedef void irq_fn(void *context, unsigned vector);

/* Binds a vector; -E_EXIST when it is taken. unbind waits for nobody: use the epoch before freeing
 * context. */
must_check int irq_bind(unsigned vector, irq_fn *fn, void *context);
void irq_unbind(unsigned vector);

/* The lowest free vector of the device range, bound; or -E_NOMEM. Higher numbers have higher
 * priority on x86. */
must_check int irq_alloc(irq_fn *fn, void *context);

/* Calls the handler of a vector; counts those that nobody bound. */
void irq_handle(unsigned vector);

/* How often a vector came that nobody bound. */
uint64_t irq_unbound_count(void);
