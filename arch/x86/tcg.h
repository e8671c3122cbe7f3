/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU's TCG as a host: what its AMD-V does unlike any real machine's, and the way around it. */
#pragma once

#include "arch/vcpu_events.h"
#include "core/types.h"

struct vmcb_control;

/* True under TCG: const after virt_select(). */
extern bool tcg_is_host;

/* Finds out whether it is. Boot CPU. */
void tcg_probe(void);

/*
 * Owner CPU, at an entry, after the window was set. Gives the interrupt by V_IRQ: the guest takes
 * it before its first instruction. False: EVENTINJ is right, since this is no TCG, no interrupt,
 * or V_IRQ is needed for the window of another.
 */
must_check bool tcg_interrupt_give(struct vmcb_control *control, const struct vcpu_event *event,
				   const struct vcpu_windows *windows);

/* Owner CPU, at an exit. True: what was given was not taken, is in *event, and has to be given
 * again; EXITINTINFO says nothing more. */
must_check bool tcg_interrupt_take_back(struct vmcb_control *control, struct vcpu_event *event);
