/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host interrupts: each CPU's table from vector to handler. A vector that was given back may still
 * have an interrupt pending in its CPU's local APIC: it is used again when that CPU has begun and
 * ended a visit to its interrupts, with nothing left, since.
 */
#include "core/irq.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"

/* A visit may be under way when a vector is given back: the next one is whole. */
#define DRAINS 2

static struct lock slots_lock;
static uint64_t unbound_count;

static unsigned count_of(const struct irq *irq)
{
	return irq->count == 0 ? 1 : irq->count;
}

static bool is_free(const struct cpu *cpu, unsigned vector)
{
	const struct irq_slot *slot = &cpu->irqs[vector];

	return slot->irq == NULL ||
	       (slot->free_from != 0 && atomic_load(&cpu->irq_drains) >= slot->free_from);
}

static bool is_block_free(const struct cpu *cpu, unsigned vector, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!is_free(cpu, vector + i)) {
			return false;
		}
	}
	return true;
}

static bool is_device_block(unsigned vector, unsigned count)
{
	return vector >= ARCH_IRQ_FIRST && vector + count - 1 <= ARCH_IRQ_LAST;
}

/* The lowest free aligned block, or 0. What is free soon becomes so when the CPU looks. */
static unsigned find_block(struct cpu *cpu, unsigned count)
{
	unsigned first = (ARCH_IRQ_FIRST + count - 1) / count * count;

	for (unsigned vector = first; is_device_block(vector, count); vector += count) {
		if (is_block_free(cpu, vector, count)) {
			return vector;
		}
	}
	arch_cpu_kick(cpu);
	return 0;
}

static void give_back_locked(struct cpu *cpu, unsigned vector, unsigned count)
{
	for (unsigned i = 0; vector != 0 && i < count; i++) {
		cpu->irqs[vector + i].free_from = atomic_load(&cpu->irq_drains) + DRAINS;
	}
}

static void settle_locked(struct irq *irq)
{
	give_back_locked(irq->left_cpu, irq->left_vector, count_of(irq));
	irq->left_vector = 0;
}

static void take_locked(struct irq *irq, struct cpu *cpu, unsigned vector)
{
	settle_locked(irq);
	irq->left_cpu = irq->cpu;
	irq->left_vector = irq->vector;
	for (unsigned i = 0; i < count_of(irq); i++) {
		cpu->irqs[vector + i].free_from = 0;
		atomic_store(&cpu->irqs[vector + i].irq, irq);
	}
	irq->cpu = cpu;
	irq->vector = (uint8_t)vector;
}

static bool is_usable(const struct cpu *cpu)
{
	return cpu_is_online(cpu) && arch_irq_reaches(&cpu->arch);
}

/* The vectors that it has, on another CPU; where it comes back to them they are still its own. */
static bool can_keep(const struct irq *irq, const struct cpu *cpu)
{
	for (unsigned i = 0; i < count_of(irq); i++) {
		const struct irq_slot *slot = &cpu->irqs[irq->vector + i];

		if (!is_free(cpu, irq->vector + i) && !(slot->free_from != 0 && slot->irq == irq)) {
			return false;
		}
	}
	return true;
}

static bool move_locked(struct irq *irq, struct cpu *cpu)
{
	if (irq->vector == 0 || !is_usable(cpu)) {
		return false;
	}
	if (irq->cpu != cpu) {
		if (!can_keep(irq, cpu)) {
			return false;
		}
		take_locked(irq, cpu, irq->vector);
	}
	return true;
}

static int take_any_locked(struct irq *irq, struct cpu *cpu)
{
	unsigned vector = is_usable(cpu) ? find_block(cpu, count_of(irq)) : 0;

	if (vector == 0) {
		return -E_NOMEM;
	}
	take_locked(irq, cpu, vector);
	return 0;
}

static int route_locked(struct irq *irq, struct cpu *cpu)
{
	int err = move_locked(irq, cpu) ? 0 : take_any_locked(irq, cpu);

	for (uint32_t i = 0; i < cpu_count() && err != 0 && irq->vector == 0; i++) {
		err = take_any_locked(irq, cpu_get(i));
	}
	return irq->vector != 0 ? 0 : err;
}

int irq_route(struct irq *irq, struct cpu *cpu)
{
	int err;

	lock_acquire(&slots_lock);
	err = route_locked(irq, cpu);
	lock_release(&slots_lock);
	return err;
}

bool irq_move(struct irq *irq, struct cpu *cpu)
{
	bool is_there;

	lock_acquire(&slots_lock);
	is_there = move_locked(irq, cpu);
	lock_release(&slots_lock);
	return is_there;
}

void irq_settle(struct irq *irq)
{
	lock_acquire(&slots_lock);
	settle_locked(irq);
	lock_release(&slots_lock);
}

void irq_release(struct irq *irq)
{
	lock_acquire(&slots_lock);
	settle_locked(irq);
	give_back_locked(irq->cpu, irq->vector, count_of(irq));
	irq->vector = 0;
	lock_release(&slots_lock);
}

void irq_handle(unsigned vector)
{
	struct irq *irq = atomic_load(&arch_cpu_self()->irqs[vector].irq);
	irq_fn *fn = irq == NULL ? NULL : atomic_load(&irq->fn);

	if (fn != NULL) {
		fn(irq, vector & (count_of(irq) - 1));
	} else if (irq == NULL && atomic_add(&unbound_count, 1) == 0) {
		log(LOG_WARN, "irq: vector %#x came, which nobody bound (said once)", vector);
	}
}

uint64_t irq_unbound_count(void)
{
	return atomic_load(&unbound_count);
}
