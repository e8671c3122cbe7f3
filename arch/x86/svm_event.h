/* SPDX-License-Identifier: GPL-2.0-only */
/* Events between vcpu_events and the VMCB, and the looks that tell that there are none. */
#pragma once

#include "arch/svm.h"
#include "arch/vlapic_regs.h"
#include "arch/vmcb.h"
#include "core/vcpu.h"

/* The event of this entry and its windows to the VMCB; and what was in delivery at the exit, and
 * what the guest has made of its TPR, back to vcpu_events and the vLAPIC. */
void svm_event_inject(struct vcpu *vcpu);
void svm_event_collect(struct vcpu *vcpu);

/*
 * No window is open and V_TPR is 0. Then CR8 is not intercepted either: what leads to that, an open
 * window or a TPR that is not 0, is still in that word until svm_event_inject() takes both back.
 */
static inline bool svm_event_is_quiet(const struct vmcb_control *control)
{
	return control->virtual_interrupt == VMCB_V_INTR_MASKING;
}

/* False at most entries: nothing is pending and nothing of an earlier event to be taken back, so
 * that svm_event_inject() would leave EVENTINJ 0 and the rest as it is. */
static inline bool svm_event_is_due(const struct vcpu *vcpu)
{
	const struct vcpu_events *events = &vcpu->arch.events;
	const struct vlapic *vlapic = &vcpu->arch.vlapic;
	bool is_pending = events->injected.kind != EVENT_NONE ||
			  events->exception.kind != EVENT_NONE || events->nmi_pending ||
			  events->nmi_masked || vcpu->arch.svm.nmi_armed;

	return is_pending || vlapic->irr_words != 0 || vlapic->extint != NULL ||
	       vlapic_get(vlapic, VLAPIC_TPR) != 0 ||
	       !svm_event_is_quiet(&vcpu->arch.svm.vmcb->control);
}

/*
 * False at most exits. V_TPR differs from the vLAPIC's only where the guest has written CR8: it was
 * 0 at the entry then, and is not now. What svm_nmi.c looks for, it has armed at the entry.
 */
static inline bool svm_event_is_left(const struct vcpu *vcpu)
{
	const struct vmcb_control *control = &vcpu->arch.svm.vmcb->control;

	return (control->exit_event & VMCB_EVENT_VALID) != 0 || vcpu->arch.svm.nmi_armed ||
	       !svm_event_is_quiet(control);
}
