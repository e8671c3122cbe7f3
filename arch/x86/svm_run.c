/* SPDX-License-Identifier: GPL-2.0-only */
/* One entry of a guest, from the registers in vcpu_state back to a decoded exit. */
#include "arch/svm_event.h"

#include "arch/bochs.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/vm.h"

/* What lives in vcpu_state alone; all else is out of date there after the guest ran. */
#define VALID_AFTER_EXIT \
	(STATE_GPR | STATE_XSAVE | STATE_EVENTS | STATE_LAPIC | STATE_TSC | STATE_MCE)

static void registers_give(struct vcpu *vcpu, struct vmcb *vmcb)
{
	struct vcpu_state *state = vcpu->arch.state;

	if (unlikely((state->dirty & ~STATE_GPR) != 0)) {
		svm_state_set(vcpu, state->dirty);
	}
	vmcb->save.rax = state->gpr[GPR_RAX];
	vmcb->save.rsp = state->gpr[GPR_RSP];
	vmcb->save.rip = state->rip;
	vmcb->save.rflags = state->rflags;
	vmcb->control.interrupt_state =
		vcpu->arch.events.interrupt_shadow ? VMCB_INTERRUPT_SHADOW : 0;
}

static void registers_take(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	struct vcpu_state *state = vcpu->arch.state;

	state->gpr[GPR_RAX] = vmcb->save.rax;
	state->gpr[GPR_RSP] = vmcb->save.rsp;
	state->rip = vmcb->save.rip;
	state->rflags = vmcb->save.rflags;
	state->valid = VALID_AFTER_EXIT;
	state->dirty = 0;
	vcpu->arch.events.interrupt_shadow =
		(vmcb->control.interrupt_state & VMCB_INTERRUPT_SHADOW) != 0;
}

/*
 * DR0-DR3 are not in the VMCB: they are exchanged only for a vCPU that has touched them since it
 * was loaded, which the intercept tells.
 */
static void debug_intercept(struct vcpu *vcpu, struct vmcb_control *control)
{
	uint32_t intercept = vcpu->arch.debug_live ? 0 : UINT32_MAX;

	if (control->intercept_dr != intercept) {
		control->intercept_dr = intercept;
		control->clean &= (uint32_t)~VMCB_CLEAN_INTERCEPTS;
	}
}

static uint8_t tlb_control(enum tlb_flush flush)
{
	static const uint8_t codes[] = {
		[TLB_KEEP] = VMCB_TLB_KEEP,
		[TLB_FLUSH_TAG] = VMCB_TLB_FLUSH_ASID,
		[TLB_FLUSH_ALL] = VMCB_TLB_FLUSH_ALL,
	};

	return codes[flush];
}

/*
 * After in_guest was set: whoever takes rights away from now on sees it, and kicks this CPU. Nearly
 * always there is nothing to do.
 */
never_inline static void tlb_change(struct cpu *cpu, struct vcpu *vcpu, uint64_t generation)
{
	struct vmcb_control *control = &vcpu->arch.svm.vmcb->control;
	bool is_stale = vcpu->arch.flush || generation != vcpu->arch.tlb_generation;
	enum tlb_flush flush =
		tlb_tag_select(&cpu->arch.svm.asids, cpu->index, &vcpu->arch.svm.asid, is_stale,
			       (svm_features & SVM_CPUID_FLUSH_ASID) != 0);

	vcpu->arch.flush = false;
	vcpu->arch.tlb_generation = generation;
	control->tlb_control = tlb_control(flush);
	control->asid = vcpu->arch.svm.asid.id;
	control->clean &= (uint32_t)~VMCB_CLEAN_ASID;
}

static void tlb_prepare(struct cpu *cpu, struct vcpu *vcpu, struct vmcb_control *control)
{
	uint64_t generation = atomic_load(&vcpu->vm->stage2[0].generation);

	control->tlb_control = VMCB_TLB_KEEP;
	if (vcpu->arch.flush || generation != vcpu->arch.tlb_generation ||
	    !tlb_tag_is_current(&cpu->arch.svm.asids, cpu->index, &vcpu->arch.svm.asid)) {
		tlb_change(cpu, vcpu, generation);
	}
}

static void enter(struct vcpu *vcpu, struct vmcb *vmcb)
{
	struct cpu *cpu = arch_cpu_self();

	epoch_quiesce(cpu);
	__atomic_store_n(&cpu->in_guest, true, __ATOMIC_SEQ_CST);
	tlb_prepare(cpu, vcpu, &vmcb->control);
	if (unlikely(vcpu->arch.mitigate != 0)) {
		svm_enter_mitigated(vcpu->arch.state, vcpu->arch.secrets[SECRET_VIRT],
				    cpu->arch.svm.host_vmcb, vcpu->arch.mitigate);
	} else {
		svm_enter(vcpu->arch.state, vcpu->arch.secrets[SECRET_VIRT],
			  cpu->arch.svm.host_vmcb);
	}
	__atomic_store_n(&cpu->in_guest, false, __ATOMIC_RELEASE);
	epoch_resume(cpu);
}

void svm_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	if (unlikely(svm_event_is_due(vcpu))) {
		svm_event_inject(vcpu);
	} else {
		vmcb->control.event = 0;
	}
	registers_give(vcpu, vmcb);
	debug_intercept(vcpu, &vmcb->control);
	enter(vcpu, vmcb);
	registers_take(vcpu, vmcb);
	vmcb->control.clean = svm_clean;
	if (unlikely(svm_event_is_left(vcpu))) {
		svm_event_collect(vcpu);
	}
	svm_decode(vcpu, exit);
	bochs_after_exit(vcpu->arch.state);
}
