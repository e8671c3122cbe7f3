/* SPDX-License-Identifier: GPL-2.0-only */
/* Events between vcpu_events and the VMCB: EVENTINJ, EXITINTINFO, the interrupt window. */
#include "arch/svm_event.h"

#include "arch/msr.h"
#include "arch/tcg.h"

#define DR7_GD         BIT(13)
#define V_PRIORITY_MAX 15

static uint64_t event_type(enum vcpu_event_kind kind)
{
	switch (kind) {
	case EVENT_NMI:
		return VMCB_EVENT_TYPE_NMI;
	case EVENT_EXCEPTION:
	case EVENT_SOFT_EXCEPTION:
		return VMCB_EVENT_TYPE_EXCEPTN;
	case EVENT_SOFT_INTERRUPT:
		return VMCB_EVENT_TYPE_SOFT;
	case EVENT_NONE:
	case EVENT_INTERRUPT:
		break;
	}
	return VMCB_EVENT_TYPE_INTR;
}

/* What the processor does at an exception's delivery, and does not for an injected one. */
static void apply_payload(struct vcpu *vcpu, const struct vcpu_event *event)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	if (event->vector == VECTOR_PF) {
		vmcb->save.cr2 = event->payload;
		vmcb->control.clean &= (uint32_t)~VMCB_CLEAN_CR2;
		cr2_write(event->payload); /* Bochs' VMRUN does not load it */
	} else if (event->vector == VECTOR_DB) {
		vmcb->save.dr6 |= event->payload;
		vmcb->save.dr7 &= ~DR7_GD;
		vmcb->control.clean &= (uint32_t)~VMCB_CLEAN_DR;
	}
}

static uint64_t event_encode(struct vcpu *vcpu, const struct vcpu_event *event)
{
	uint64_t word = VMCB_EVENT_VALID | field_set(VMCB_EVENT_VECTOR, event->vector) |
			field_set(VMCB_EVENT_TYPE, event_type(event->kind));

	if (event->kind == EVENT_EXCEPTION) {
		apply_payload(vcpu, event);
	}
	/* Real mode pushes no error codes. */
	if (event->has_error && (vcpu->arch.svm.vmcb->save.cr0 & CR0_PE) != 0) {
		word |= VMCB_EVENT_HAS_ERROR | field_set(VMCB_EVENT_ERROR, event->error);
	}
	return word;
}

/*
 * The interrupt window: a virtual interrupt of the highest priority that is intercepted before it
 * is taken. V_TPR is ignored: the vLAPIC has looked at the priority already.
 */
static void window_set(struct vmcb_control *control, bool open)
{
	const uint64_t bits =
		VMCB_V_IRQ | VMCB_V_IGNORE_TPR | field_set(VMCB_V_PRIORITY, V_PRIORITY_MAX);
	/* The intercept is ours alone; V_IRQ falls by itself when it is taken. */
	bool is_open = (control->intercept_1 & VMCB_1_VINTR) != 0;

	if (!open && !is_open) {
		return;
	}
	control->virtual_interrupt &= ~bits;
	control->intercept_1 &= (uint32_t)~VMCB_1_VINTR;
	if (open) {
		control->virtual_interrupt |= bits;
		control->intercept_1 |= (uint32_t)VMCB_1_VINTR;
	}
	control->clean &= (uint32_t) ~(VMCB_CLEAN_TPR | VMCB_CLEAN_INTERCEPTS);
}

/*
 * The guest reads and writes V_TPR as its CR8. Writes need an exit only where they can let an
 * interrupt through, i.e. while it is not 0; and while a window is open, for the sake of QEMU's
 * TCG, which aborts on a CR8 write then.
 */
static void tpr_sync(struct vcpu *vcpu)
{
	struct vmcb_control *control = &vcpu->arch.svm.vmcb->control;
	uint64_t tpr = vlapic_cr8_read(vcpu);
	bool trap = tpr != 0 || (control->intercept_1 & VMCB_1_VINTR) != 0;

	if (field_get(VMCB_V_TPR, control->virtual_interrupt) != tpr) {
		control->virtual_interrupt =
			(control->virtual_interrupt & ~VMCB_V_TPR) | field_set(VMCB_V_TPR, tpr);
		control->clean &= (uint32_t)~VMCB_CLEAN_TPR;
	}
	if (trap != ((control->intercept_cr & VMCB_CR_WRITE(8)) != 0)) {
		control->intercept_cr ^= (uint32_t)VMCB_CR_WRITE(8);
		control->clean &= (uint32_t)~VMCB_CLEAN_INTERCEPTS;
	}
}

void svm_event_inject(struct vcpu *vcpu)
{
	struct vmcb_control *control = &vcpu->arch.svm.vmcb->control;
	const struct vcpu_events *events = &vcpu->arch.events;
	struct vcpu_windows windows;
	struct vcpu_event event;

	vcpu_events_next(vcpu, &event, &windows);
	window_set(control, windows.interrupt);
	if (tcg_interrupt_give(control, &event, &windows)) {
		event.kind = EVENT_NONE;
	}
	control->event = event.kind == EVENT_NONE ? 0 : event_encode(vcpu, &event);
	tpr_sync(vcpu);
	if (events->nmi_pending || events->nmi_masked || vcpu->arch.svm.nmi_armed) {
		svm_nmi_prepare(vcpu, &event, &windows);
	}
}

/*
 * A soft event is not given again: RIP is still at its INT instruction, which will do it. (That
 * also spares CPUs without NRIPS the question which RIP such an event should push.)
 */
static bool event_is_soft(uint64_t word)
{
	uint64_t type = field_get(VMCB_EVENT_TYPE, word),
		 vector = field_get(VMCB_EVENT_VECTOR, word);

	return type == VMCB_EVENT_TYPE_SOFT ||
	       (type == VMCB_EVENT_TYPE_EXCEPTN && (vector == VECTOR_BP || vector == VECTOR_OF));
}

static enum vcpu_event_kind event_kind(uint64_t word)
{
	switch (field_get(VMCB_EVENT_TYPE, word)) {
	case VMCB_EVENT_TYPE_NMI:
		return EVENT_NMI;
	case VMCB_EVENT_TYPE_EXCEPTN:
		return EVENT_EXCEPTION;
	default:
		return EVENT_INTERRUPT;
	}
}

/* APM2 15.7.2 "Intercepts During IDT Interrupt Delivery". */
never_inline static void requeue(struct vcpu *vcpu, uint64_t word)
{
	struct vcpu_event event = {
		.kind = event_kind(word),
		.vector = (uint8_t)field_get(VMCB_EVENT_VECTOR, word),
		.has_error = (word & VMCB_EVENT_HAS_ERROR) != 0,
		.error = (uint32_t)field_get(VMCB_EVENT_ERROR, word),
	};

	if (event_is_soft(word)) {
		return;
	}
	if (event.kind == EVENT_EXCEPTION && event.vector == VECTOR_PF) {
		event.payload = vcpu->arch.svm.vmcb->save.cr2;
	}
	vcpu_events_requeue(vcpu, &event);
}

void svm_event_collect(struct vcpu *vcpu)
{
	struct vmcb_control *control = &vcpu->arch.svm.vmcb->control;
	uint8_t tpr = (uint8_t)field_get(VMCB_V_TPR, control->virtual_interrupt);
	struct vcpu_event event;

	if (unlikely(tcg_interrupt_take_back(control, &event))) {
		vcpu_events_requeue(vcpu, &event);
	} else if ((control->exit_event & VMCB_EVENT_VALID) != 0) {
		requeue(vcpu, control->exit_event);
	}
	if (tpr != vlapic_cr8_read(vcpu)) {
		vlapic_cr8_write(vcpu, tpr);
	}
	if (vcpu->arch.svm.nmi_armed) {
		svm_nmi_collect(vcpu);
	}
}
