/* SPDX-License-Identifier: GPL-2.0-only */
/* Exits with a short answer. */
#include "arch/cpuid.h"
#include "arch/fpu.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/vm.h"

bool x86_exit_resume(const struct vcpu *vcpu)
{
	return vcpu->vm->stop_reason == VM_STOP_NONE;
}

bool exit_ignore(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)vcpu, (void)exit;
	return true;
}

bool exit_undefined(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	vcpu_events_raise_ud(vcpu);
	return true;
}

/* There are no counters. */
bool exit_rdpmc(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	vcpu_events_raise_gp(vcpu);
	return true;
}

/*
 * Devices of the control guest may look at memory past the caches. INVD is the same: dropping dirty
 * lines would drop other guests' writes and our own.
 */
bool exit_wbinvd(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	if (vcpu->vm->is_control) {
		wbinvd();
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}

/* 32-bit operating systems of the 1990s switch tasks by hardware, and some to handle #DF. */
bool exit_task_switch(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	vm_stop(vcpu->vm, VM_STOP_ERROR,
		"vCPU %u: it switches to task %#llx by hardware, which is not supported",
		vcpu->index, (unsigned long long)(exit->raw.info1 & UINT16_MAX));
	return false;
}

bool exit_xsetbv(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);
	uint64_t value = vcpu_regs_pair(vcpu);

	if ((state->sregs.cr4 & CR4_OSXSAVE) == 0) {
		return exit_undefined(vcpu, exit);
	}
	if (state->sregs.cpl != 0 || (uint32_t)state->gpr[GPR_RCX] != 0 ||
	    !fpu_xcr0_is_valid(value, vcpu->vm->arch.cpuid->xcr0)) {
		vcpu_events_raise_gp(vcpu);
		return true;
	}
	state->xcr0 = value;
	xsetbv(0, value);
	arch_vcpu_skip_insn(vcpu);
	return true;
}
