/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of an emulated instruction, and how long it was. */
#include "arch/insn.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"

#define DR6_BS BIT(14)

static void skip(struct vcpu *vcpu, uint8_t size)
{
	struct vcpu_state *state = vcpu->arch.state;
	uint64_t rip = state->rip + size;

	/* Above 4 GiB there is only 64-bit code; below, RIP wraps at 4 GiB in all other modes. */
	if (unlikely(rip > UINT32_MAX) && rip <= UINT32_MAX + UINT64_C(15) &&
	    !vcpu_regs_is_long(&vcpu_regs(vcpu, STATE_SREGS)->sregs)) {
		rip = (uint32_t)rip;
	}
	state->rip = rip;
	state->rflags &= ~RFLAGS_RF;
	vcpu->arch.events.interrupt_shadow = false;
	if (unlikely((state->rflags & RFLAGS_TF) != 0)) {
		vcpu_events_raise_db(vcpu, DR6_BS);
	}
}

/* For CPUs that do not tell: decoded once, then remembered. 0: the guest got a fault instead. */
static uint8_t insn_size(struct vcpu *vcpu)
{
	uint64_t rip = vcpu->arch.state->rip, cr3 = vcpu->arch.insn_cr3;
	uint32_t cause = vcpu->arch.insn_cause;
	uint8_t size = insn_cache_find(&vcpu->arch.insn_cache, rip, cr3, cause);
	struct insn insn;

	if (size != 0) {
		return size;
	}
	if (x86_exit_fetch(vcpu, &insn) != 0) {
		return 0;
	}
	insn_cache_store(&vcpu->arch.insn_cache,
			 &(struct insn_cache_entry){ rip, cr3, cause, insn.length });
	return insn.length;
}

void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	uint8_t size = vcpu->arch.insn_size != 0 ? vcpu->arch.insn_size : insn_size(vcpu);

	if (size != 0) {
		skip(vcpu, size);
	}
}
