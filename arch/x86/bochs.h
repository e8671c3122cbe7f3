/* SPDX-License-Identifier: GPL-2.0-only */
/* Bochs 2.7 as a host: what its machine does unlike any real one, and ways around it. */
#pragma once

#include "core/types.h"

struct cpuid_table;
struct vcpu_state;
struct vm;

/* True on Bochs: const after virt_select(). */
extern bool bochs_is_host;

/* Looks whether it is. Boot CPU. */
void bochs_probe(void);

/* True where a #DB exit leaves its causes out: its SVM's. */
extern bool bochs_hides_causes;

/*
 * After an exit: takes the interrupts that wait though the guest exits, at some of them. Entered
 * with RFLAGS.IF = 0 it ignores them until the guest changes IF, with SVM and with VT-x, whose
 * preemption timer starts anew at each entry: a guest that exits all the time, as one that polls a
 * port, would never be left.
 */
void bochs_take_interrupts(const struct vcpu_state *state);

static inline void bochs_after_exit(const struct vcpu_state *state)
{
	if (unlikely(bochs_is_host)) {
		bochs_take_interrupts(state);
	}
}

/*
 * DR6's causes of an intercepted #DB, which Bochs leaves out: what the guest's registers explain.
 * It does not tell which of several data breakpoints was hit: all that are enabled. Pure.
 */
uint64_t bochs_debug_causes(const struct vcpu_state *state);

/* Takes from the machine's answers what guests must not use on Bochs; nothing elsewhere. Pure. */
void bochs_cpuid_correct(struct cpuid_table *table);

/* Of the control guest: takes the ports that must not be its own on Bochs; 0 elsewhere. */
must_check int bochs_vm_init(struct vm *vm);
