/* SPDX-License-Identifier: GPL-2.0-only */
/* Events between vcpu_events and the VMCS: injection, what was in delivery, windows, TPR. SDM3 27.6
 * "Event Injection", 28.2.4 "Information for VM Exits During Event Delivery". */
#include "arch/vmx.h"

#include "arch/msr.h"
#include "arch/vlapic_regs.h"
#include "arch/vmcs.h"
#include "core/bits.h"
#include "core/vcpu.h"

#define DR7_GD BIT(13)

static uint64_t event_type(enum vcpu_event_kind kind)
{
	switch (kind) {
	case EVENT_NMI:
		return VMCS_EVENT_NMI;
	case EVENT_EXCEPTION:
	case EVENT_SOFT_EXCEPTION:
		return VMCS_EVENT_EXCEPTION;
	case EVENT_SOFT_INTERRUPT:
		return VMCS_EVENT_SOFT_INTERRUPT;
	case EVENT_NONE:
	case EVENT_INTERRUPT:
		break;
	}
	return VMCS_EVENT_INTERRUPT;
}

/* What the processor does at an exception's delivery, and does not for an injected one. */
static void apply_payload(const struct vcpu_event *event)
{
	vmx_live_deliver(event->vector, event->payload);
	if (event->vector == VECTOR_DB) {
		vmcs_write(VMCS_GUEST_DR7, vmcs_read(VMCS_GUEST_DR7) & ~DR7_GD);
	}
}

static void give(const struct vcpu_event *event)
{
	uint64_t word = VMCS_EVENT_VALID | field_set(VMCS_EVENT_VECTOR, event->vector) |
			field_set(VMCS_EVENT_TYPE, event_type(event->kind));

	if (event->kind == EVENT_EXCEPTION) {
		apply_payload(event);
	}
	/* Real mode pushes no error codes. */
	if (event->has_error && (vmcs_read(VMCS_GUEST_CR0) & CR0_PE) != 0) {
		word |= VMCS_EVENT_HAS_ERROR;
		vmcs_write(VMCS_ENTRY_ERROR, event->error);
	}
	vmcs_write(VMCS_ENTRY_EVENT, word);
}

static void windows_set(struct vmx_vcpu *vmx, const struct vcpu_windows *windows)
{
	uint32_t proc = vmx->proc & (uint32_t) ~(PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW);

	proc |= windows->interrupt ? (uint32_t)PROC_INTERRUPT_WINDOW : 0;
	proc |= windows->nmi ? (uint32_t)PROC_NMI_WINDOW : 0;
	if (proc != vmx->proc) {
		vmx->proc = proc;
		vmcs_write(VMCS_PROC_CONTROLS, proc);
	}
}

/*
 * The guest reads and writes TPR in the vLAPIC's page as its CR8. It is left when that falls below
 * the class of the highest request that it holds back.
 */
static void tpr_give(struct vcpu *vcpu)
{
	const struct vlapic *vlapic = &vcpu->arch.vlapic;
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	uint32_t tpr = vlapic_get(vlapic, VLAPIC_TPR), threshold = 0;

	if (!vlapic->by_hardware && vlapic->irr_words != 0 && tpr >> 4 != 0) {
		uint32_t class = (uint32_t)vlapic_highest_request(vlapic) >> 4;

		threshold = class <= tpr >> 4 ? class : 0;
	}
	vmx->tpr = (uint8_t)tpr;
	if (threshold != vmx->tpr_threshold) {
		vmx->tpr_threshold = threshold;
		vmcs_write(VMCS_TPR_THRESHOLD, threshold);
	}
}

void vmx_event_inject(struct vcpu *vcpu)
{
	struct vcpu_windows windows;
	struct vcpu_event event;

	vcpu_events_next(vcpu, &event, &windows);
	/* A window right behind an event's delivery, with IF or the NMI's mask as that leaves it.
	 */
	windows_set(&vcpu->arch.vmx, &windows);
	if (event.kind != EVENT_NONE) {
		give(&event);
	}
	vcpu->arch.vmx.gives_nmi = event.kind == EVENT_NMI;
	tpr_give(vcpu);
}

/* ---- after the exit ---- */

static enum vcpu_event_kind event_kind(uint64_t word)
{
	switch (field_get(VMCS_EVENT_TYPE, word)) {
	case VMCS_EVENT_INTERRUPT:
		return EVENT_INTERRUPT;
	case VMCS_EVENT_NMI:
		return EVENT_NMI;
	case VMCS_EVENT_EXCEPTION:
		return EVENT_EXCEPTION;
	default:
		return EVENT_NONE; /* RIP is still at the instruction, which will do it again */
	}
}

never_inline static void requeue(struct vcpu *vcpu, uint64_t word, enum vmcs_field error)
{
	struct vcpu_event event = {
		.kind = event_kind(word),
		.vector = (uint8_t)field_get(VMCS_EVENT_VECTOR, word),
		.has_error = (word & VMCS_EVENT_HAS_ERROR) != 0,
	};

	if (event.kind == EVENT_NONE) {
		return;
	}
	if (event.has_error) {
		event.error = (uint32_t)vmcs_read(error);
	}
	if (event.kind == EVENT_EXCEPTION && event.vector == VECTOR_PF) {
		event.payload = vmx_live_cr2();
	}
	vcpu_events_requeue(vcpu, &event);
}

/* An IRET that ended an NMI's handler and then faulted is run again: SDM3 28.2.3. */
static bool iret_faulted(uint64_t reason)
{
	uint64_t word;

	if (reason == VMX_EXIT_EPT_VIOLATION) {
		return (vmcs_read(VMCS_EXIT_QUALIFICATION) & VMX_EPT_NMI_UNBLOCKED) != 0;
	}
	if (reason != VMX_EXIT_EXCEPTION) {
		return false;
	}
	word = vmcs_read(VMCS_EXIT_EVENT);
	return (word & VMCS_EVENT_NMI_UNBLOCKED) != 0 &&
	       field_get(VMCS_EVENT_VECTOR, word) != VECTOR_DF;
}

void vmx_event_collect(struct vcpu *vcpu, uint64_t reason)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint64_t word = vmcs_read(VMCS_IDT_EVENT);

	if (unlikely((word & VMCS_EVENT_VALID) != 0)) {
		requeue(vcpu, word, VMCS_IDT_ERROR);
	} else if (unlikely(iret_faulted(reason))) {
		vcpu->arch.events.nmi_masked = true;
	}
	if (!vlapic->by_hardware && vlapic_get(vlapic, VLAPIC_TPR) != vcpu->arch.vmx.tpr) {
		vlapic_tpr_write(vlapic, (uint8_t)vlapic_get(vlapic, VLAPIC_TPR));
		vcpu->arch.vmx.tpr = (uint8_t)vlapic_get(vlapic, VLAPIC_TPR);
	}
}

void vmx_event_take_back(struct vcpu *vcpu)
{
	uint64_t word = vmcs_read(VMCS_ENTRY_EVENT);

	if ((word & VMCS_EVENT_VALID) != 0) {
		vmcs_write(VMCS_ENTRY_EVENT, 0);
		requeue(vcpu, word, VMCS_ENTRY_ERROR);
	}
}
