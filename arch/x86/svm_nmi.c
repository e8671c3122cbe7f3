/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When an NMI can be taken. Hardware without virtual NMIs tells only that an IRET is about to run:
 * the intercept comes before it, NMIs are unblocked after it. So IRET is intercepted from an NMI's
 * delivery on; at that exit its RIP is noted and the intercept goes; the mask falls with the first
 * exit from another RIP. Where an NMI waits for just that one instruction (or for one in an
 * interrupt shadow), it is single-stepped by TF, and the #DB that follows is ours.
 */
#include "arch/svm.h"

#include "arch/lapic.h"
#include "arch/vmcb.h"
#include "core/vcpu.h"

#define DR6_BS     BIT(14)
#define DR6_CAUSES (BITS(3, 0) | BITS(15, 13)) /* B0-B3, BD, BS, BT */

static void iret_intercept(struct vmcb_control *control, bool on)
{
	if (on != ((control->intercept_1 & VMCB_1_IRET) != 0)) {
		control->intercept_1 ^= (uint32_t)VMCB_1_IRET;
		control->clean &= (uint32_t)~VMCB_CLEAN_INTERCEPTS;
	}
}

/* RF: an instruction breakpoint at this RIP has had its turn. DR6's causes are set aside, because
 * they stick: what is found after the step is new. */
static void step_begin(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = &vcpu->arch.svm;
	struct vcpu_state *state = vcpu->arch.state;

	svm->nmi_armed = true;
	svm->stepping = true;
	svm->step_rip = state->rip;
	svm->step_rflags = state->rflags;
	svm->step_dr6 = svm->vmcb->save.dr6;
	state->rflags |= RFLAGS_TF | RFLAGS_RF;
	svm->vmcb->save.dr6 &= ~DR6_CAUSES;
	svm->vmcb->control.clean &= (uint32_t)~VMCB_CLEAN_DR;
}

void svm_nmi_prepare(struct vcpu *vcpu, const struct vcpu_event *event,
		     const struct vcpu_windows *windows)
{
	struct svm_vcpu *svm = &vcpu->arch.svm;
	const struct vcpu_events *events = &vcpu->arch.events;

	if (event->kind == EVENT_NMI) {
		svm->iret_seen = false; /* of an earlier handler that INIT has ended */
	}
	svm->nmi_armed = events->nmi_masked;
	iret_intercept(&svm->vmcb->control, events->nmi_masked && !svm->iret_seen);
	if (!windows->nmi) {
		return;
	}
	if (event->kind != EVENT_NONE) {
		/* Its turn is right after the other's delivery: the guest leaves at once for this
		 * interrupt, with that delivery done. */
		lapic_send_ipi(lapic_id(), LAPIC_VECTOR_KICK);
	} else if (svm->iret_seen || (!events->nmi_masked && events->interrupt_shadow)) {
		step_begin(vcpu);
	}
}

void svm_nmi_iret(struct vcpu *vcpu)
{
	vcpu->arch.svm.iret_seen = true;
	vcpu->arch.svm.iret_rip = vcpu->arch.state->rip;
}

/*
 * Removes our TF. After an IRET the flags are the guest's own, and a fault's delivery has cleared
 * TF; they are ours still where nothing ran, or another instruction.
 */
static void step_restore_flags(struct vcpu *vcpu, bool stepped)
{
	struct svm_vcpu *svm = &vcpu->arch.svm;
	struct vcpu_state *state = vcpu->arch.state;

	if (state->rip == svm->step_rip) {
		state->rflags = svm->step_rflags;
	} else if (stepped && !svm->iret_seen && (svm->step_rflags & RFLAGS_TF) == 0) {
		state->rflags &= ~RFLAGS_TF;
	}
}

static void step_end(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = &vcpu->arch.svm;
	struct vmcb *vmcb = svm->vmcb;
	bool stepped = vmcb->control.exit_code == SVM_EXIT_EXCEPTION + VECTOR_DB;
	uint64_t causes = vmcb->save.dr6 & DR6_CAUSES;

	svm->stepping = false;
	step_restore_flags(vcpu, stepped);
	if ((svm->step_rflags & RFLAGS_TF) == 0) {
		causes &= ~DR6_BS;
	}
	svm->step_done = stepped && causes == 0;
	vmcb->save.dr6 |= svm->step_dr6 & DR6_CAUSES;
	if ((svm->step_dr6 & DR6_BS) == 0 && (causes & DR6_BS) == 0) {
		vmcb->save.dr6 &= ~DR6_BS;
	}
	vmcb->control.clean &= (uint32_t)~VMCB_CLEAN_DR;
}

void svm_nmi_collect(struct vcpu *vcpu)
{
	struct svm_vcpu *svm = &vcpu->arch.svm;

	if (unlikely(svm->stepping)) {
		step_end(vcpu);
	}
	if (unlikely(svm->iret_seen) && vcpu->arch.state->rip != svm->iret_rip) {
		svm->iret_seen = false;
		vcpu->arch.events.nmi_masked = false;
	}
}
