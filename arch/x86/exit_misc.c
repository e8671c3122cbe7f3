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

static bool undefined(struct vcpu *vcpu)
{
	vcpu_events_raise_ud(vcpu);
	return true;
}

/* CPUID has no MONITOR. */
bool exit_monitor(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	return undefined(vcpu);
}

/* CPUID has no virtualisation either. */
bool exit_vm_instruction(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	return undefined(vcpu);
}

/* Outside of system management mode, which guests never enter. */
bool exit_rsm(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	return undefined(vcpu);
}

/* There are no counters. */
bool exit_rdpmc(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	vcpu_events_raise_gp(vcpu);
	return true;
}

/* Devices of the control guest may look at memory past the caches. */
bool exit_wbinvd(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	if (vcpu->vm->is_control) {
		wbinvd();
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}

/* Dropping dirty lines would drop other guests' writes and our own. */
bool exit_invd(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	return exit_wbinvd(vcpu, exit);
}

/* The next entry looks again at what can be taken. */
bool exit_interrupt_window(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	return exit_ignore(vcpu, exit);
}

bool exit_nmi_window(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	return exit_ignore(vcpu, exit);
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

	(void)exit;
	if ((state->sregs.cr4 & CR4_OSXSAVE) == 0) {
		return undefined(vcpu);
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
