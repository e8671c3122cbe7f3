/* SPDX-License-Identifier: GPL-2.0-only */
/* Host interrupts: the table from vector to handler. */
#include "core/irq.h"

#include "arch/arch_types.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"

/* fn is written last and taken away first: with fn seen, context is the one it came with. */
struct irq_binding {
	void *context;
	irq_fn *fn;
};

static struct irq_binding bindings[IRQ_VECTORS];
static struct lock bind_lock;
static uint64_t unbound_count;

static int bind_locked(unsigned vector, irq_fn *fn, void *context)
{
	struct irq_binding *binding = &bindings[vector];

	if (binding->fn != NULL) {
		return -E_EXIST;
	}
	atomic_store(&binding->context, context);
	atomic_store(&binding->fn, fn);
	return 0;
}

int irq_bind(unsigned vector, irq_fn *fn, void *context)
{
	int err;

	if (vector >= IRQ_VECTORS) {
		return -E_RANGE;
	}
	lock_acquire(&bind_lock);
	err = bind_locked(vector, fn, context);
	lock_release(&bind_lock);
	return err;
}

void irq_unbind(unsigned vector)
{
	lock_acquire(&bind_lock);
	atomic_store(&bindings[vector].fn, NULL);
	lock_release(&bind_lock);
}

int irq_alloc(irq_fn *fn, void *context)
{
	int result = -E_NOMEM;

	lock_acquire(&bind_lock);
	for (unsigned vector = ARCH_IRQ_FIRST; vector <= ARCH_IRQ_LAST; vector++) {
		if (bind_locked(vector, fn, context) == 0) {
			result = (int)vector;
			break;
		}
	}
	lock_release(&bind_lock);
	return result;
}

void irq_handle(unsigned vector)
{
	struct irq_binding *binding = &bindings[vector];
	irq_fn *fn = atomic_load(&binding->fn);

	if (fn != NULL) {
		fn(atomic_load(&binding->context), vector);
		return;
	}
	if (atomic_add(&unbound_count, 1) == 0) {
		log(LOG_WARN, "irq: vector %#x came, which nobody bound (said once)", vector);
	}
}

uint64_t irq_unbound_count(void)
{
	return atomic_load(&unbound_count);
}
