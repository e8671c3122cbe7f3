/* SPDX-License-Identifier: GPL-2.0-only */
/* One entry of a guest, from the registers in vcpu_state back to a decoded exit. */
#include "arch/bochs.h"
#include "arch/mce.h"
#include "arch/msr.h"
#include "arch/vlapic_regs.h"
#include "arch/vmcs.h"
#include "arch/vmx_insn.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/vm.h"

/* What lives in vcpu_state alone; all else is out of date there after the guest ran. */
#define VALID_AFTER_EXIT (STATE_GPR | STATE_XSAVE | STATE_LAPIC | STATE_TSC | STATE_MCE)

#define BLOCKED_BY_SHADOW (VMCS_BLOCKED_BY_STI | VMCS_BLOCKED_BY_MOV_SS)

/* False at most entries: nothing is pending, and nothing of an earlier event to be taken back. */
static bool is_event_due(const struct vcpu *vcpu)
{
	const struct vcpu_events *events = &vcpu->arch.events;
	const struct vlapic *vlapic = &vcpu->arch.vlapic;
	const struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	bool is_pending = events->injected.kind != EVENT_NONE ||
			  events->exception.kind != EVENT_NONE || events->nmi_pending;
	bool is_requested = !vlapic->by_hardware &&
			    (vlapic->irr_words != 0 || vlapic_get(vlapic, VLAPIC_TPR) != vmx->tpr);

	return is_pending || is_requested || vlapic->extint != NULL || vmx->tpr_threshold != 0 ||
	       (vmx->proc & (PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW)) != 0;
}

/*
 * What follows of RFLAGS.IF: the shadow of STI is one only where it is set. An instruction that is
 * run in a shadow has its single-step trap behind it: SDM3 27.3.1.5.
 */
static uint32_t interruptibility_of(const struct vcpu *vcpu)
{
	const struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	const struct vcpu_events *events = &vcpu->arch.events;
	bool is_open = (vcpu->arch.state->rflags & RFLAGS_IF) != 0;
	uint32_t shadow = vmx->interruptibility & (uint32_t)BLOCKED_BY_SHADOW;

	if (!events->interrupt_shadow) {
		shadow = 0;
	} else if (shadow == 0 || (shadow == VMCS_BLOCKED_BY_STI && !is_open)) {
		shadow = (uint32_t)(is_open ? VMCS_BLOCKED_BY_STI : VMCS_BLOCKED_BY_MOV_SS);
	}
	return shadow | (events->nmi_masked && !vmx->gives_nmi ? (uint32_t)VMCS_BLOCKED_BY_NMI : 0);
}

/* What the next entry has with that blocking. Breakpoints that MOV SS holds back stay: SDM3 28.3.4
 * "Saving Non-Register State". */
static uint64_t pending_debug_of(const struct vcpu *vcpu, uint32_t value)
{
	uint64_t pending = vmcs_read(VMCS_GUEST_PENDING_DEBUG);

	if (((value | vcpu->arch.vmx.interruptibility) & BLOCKED_BY_SHADOW) == 0) {
		return pending; /* the processor's own account */
	}
	pending &= ~PENDING_DEBUG_STEP;
	if ((value & BLOCKED_BY_SHADOW) != 0 && (vcpu->arch.state->rflags & RFLAGS_TF) != 0) {
		pending |= PENDING_DEBUG_STEP;
	}
	return pending;
}

void vmx_run_blocking_get(struct vcpu *vcpu)
{
	struct vcpu_events *events = &vcpu->arch.events;
	uint32_t value = interruptibility_of(vcpu);

	events->debug_shadow = (value & VMCS_BLOCKED_BY_MOV_SS) != 0;
	events->pending_debug = pending_debug_of(vcpu, value);
}

void vmx_run_blocking_set(struct vcpu *vcpu)
{
	const struct vcpu_events *events = &vcpu->arch.events;
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;

	vmx->interruptibility = events->debug_shadow ? (uint32_t)VMCS_BLOCKED_BY_MOV_SS : 0;
	vmx->interruptibility = interruptibility_of(vcpu);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, vmx->interruptibility);
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, events->pending_debug);
}

static void interruptibility_give(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	uint32_t value = interruptibility_of(vcpu);

	if (unlikely(((value | vmx->interruptibility) & BLOCKED_BY_SHADOW) != 0)) {
		vmcs_write(VMCS_GUEST_PENDING_DEBUG, pending_debug_of(vcpu, value));
	}
	if (value != vmx->interruptibility) {
		vmx->interruptibility = value;
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, value);
	}
}

static void registers_give(struct vcpu *vcpu)
{
	struct vcpu_state *state = vcpu->arch.state;
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;

	if (unlikely((state->dirty & ~STATE_GPR) != 0)) {
		vmx_state_set(vcpu, state->dirty);
	}
	vmcs_write(VMCS_GUEST_RIP, state->rip);
	if (state->gpr[GPR_RSP] != vmx->rsp) {
		vmx->rsp = state->gpr[GPR_RSP];
		vmcs_write(VMCS_GUEST_RSP, state->gpr[GPR_RSP]);
	}
	if (state->rflags != vmx->rflags) {
		vmx->rflags = state->rflags;
		vmcs_write(VMCS_GUEST_RFLAGS, state->rflags);
	}
	interruptibility_give(vcpu);
}

static void registers_take(struct vcpu *vcpu)
{
	struct vcpu_state *state = vcpu->arch.state;
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;

	vmx->interruptibility = (uint32_t)vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	vmx->rsp = vmcs_read(VMCS_GUEST_RSP);
	vmx->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	state->gpr[GPR_RSP] = vmx->rsp;
	state->rflags = vmx->rflags;
	state->rip = vmcs_read(VMCS_GUEST_RIP);
	state->valid = VALID_AFTER_EXIT;
	state->dirty = 0;
	vcpu->arch.events.interrupt_shadow = (vmx->interruptibility & BLOCKED_BY_SHADOW) != 0;
	vcpu->arch.events.nmi_masked = (vmx->interruptibility & VMCS_BLOCKED_BY_NMI) != 0;
}

/* DR0-DR3 are not in the VMCS: they are exchanged only for a vCPU that has touched them since it
 * was loaded, which the exit tells. */
static void debug_intercept(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	uint32_t proc = vmx->proc & (uint32_t)~PROC_MOV_DR_EXIT;

	proc |= vcpu->arch.debug_live ? 0 : (uint32_t)PROC_MOV_DR_EXIT;
	if (proc != vmx->proc) {
		vmx->proc = proc;
		vmcs_write(VMCS_PROC_CONTROLS, proc);
	}
}

/* ---- entry ---- */

/* False: the processor did not take the VMCS. */
static bool enter(struct vcpu *vcpu)
{
	struct cpu *cpu = arch_cpu_self();
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	bool failed;

	epoch_quiesce(cpu);
	__atomic_store_n(&cpu->in_guest, true, __ATOMIC_SEQ_CST);
	vmx_tlb_prepare(cpu, vcpu);
	if (unlikely(vcpu->arch.mitigate != 0)) {
		failed = vmx_enter_mitigated(vcpu->arch.state, vmx->launched, vcpu->arch.mitigate);
	} else {
		failed = vmx_enter(vcpu->arch.state, vmx->launched);
	}
	__atomic_store_n(&cpu->in_guest, false, __ATOMIC_RELEASE);
	epoch_resume(cpu);
	return !failed;
}

/* Acknowledged already, it can not come by the IDT any more. */
static void interrupt_take(void)
{
	uint64_t word = vmcs_read(VMCS_EXIT_EVENT);

	if ((word & VMCS_EVENT_VALID) != 0) {
		bitmap_set(arch_cpu_self()->arch.irq_pending,
			   (unsigned)field_get(VMCS_EVENT_VECTOR, word));
	}
}

static bool is_nmi(uint64_t reason)
{
	return reason == VMX_EXIT_EXCEPTION &&
	       field_get(VMCS_EVENT_TYPE, vmcs_read(VMCS_EXIT_EVENT)) == VMCS_EVENT_NMI;
}

/* By the instruction's error, or by an exit that leaves the state as it was. */
never_inline static void entry_failed(struct vcpu *vcpu, struct vcpu_exit *exit, uint64_t reason)
{
	const char *rule = vmx_broken_rule();

	exit->kind = EXIT_INVALID;
	exit->raw = (struct exit_raw){ .code = reason,
				       .info1 = vmcs_read(VMCS_INSTRUCTION_ERROR),
				       .info2 = vmcs_read(VMCS_EXIT_QUALIFICATION) };
	log(LOG_INFO, "vmx: vCPU %u was not entered: %s", vcpu->index,
	    rule != NULL ? rule : "no rule is broken that is known here");
	arch_vcpu_dump(vcpu);
}

/* SDM3 27.9 "Machine-Check Events During VM Entry": the guest's state is as it was. */
never_inline static void not_entered(struct vcpu *vcpu, struct vcpu_exit *exit, uint64_t reason)
{
	if ((reason & VMX_EXIT_REASON) == VMX_EXIT_MACHINE_CHECK) {
		vmx_event_take_back(vcpu);
		mce_exit(vcpu);
		exit->kind = EXIT_NONE;
		return;
	}
	entry_failed(vcpu, exit, reason);
}

void vmx_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t reason = VMX_EXIT_ENTRY_FAILED;
	bool entered;

	vcpu->arch.vmx.gives_nmi = false;
	vmx_apic_give(vcpu);
	if (unlikely(is_event_due(vcpu))) {
		vmx_event_inject(vcpu);
	}
	registers_give(vcpu);
	debug_intercept(vcpu);
	entered = enter(vcpu);
	vmx_apic_take(vcpu);
	if (entered) {
		reason = vmcs_read(VMCS_EXIT_REASON);
	}
	if (unlikely((reason & VMX_EXIT_ENTRY_FAILED) != 0)) {
		not_entered(vcpu, exit, reason);
		return;
	}
	vcpu->arch.vmx.launched = true;
	reason &= VMX_EXIT_REASON;
	if (unlikely(is_nmi(reason))) {
		vmx_nmi_take();
	} else if (unlikely(vmx_apic_posts()) && reason == VMX_EXIT_INTERRUPT) {
		interrupt_take();
	}
	registers_take(vcpu);
	vmx_event_collect(vcpu, reason);
	vmx_decode(vcpu, reason, exit);
	bochs_after_exit(vcpu->arch.state);
}
