/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of an emulated instruction, and how long it was. */
#include "arch/insn.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"

#define DR6_BS BIT(14)

static void advance(struct vcpu *vcpu, uint64_t rip)
{
	struct vcpu_state *state = vcpu->arch.state;

	state->rip = rip;
	state->rflags &= ~RFLAGS_RF;
	vcpu->arch.events.interrupt_shadow = false;
	if (unlikely((state->rflags & RFLAGS_TF) != 0)) {
		vcpu_events_raise_db(vcpu, DR6_BS);
	}
}

/* Above 4 GiB there is only 64-bit code; below, RIP wraps at 4 GiB in all other modes. */
never_inline static void advance_over_4g(struct vcpu *vcpu, uint64_t rip)
{
	bool is_long = vcpu_regs_is_long(&vcpu_regs(vcpu, STATE_SREGS)->sregs);

	advance(vcpu, is_long ? rip : (uint32_t)rip);
}

static void skip(struct vcpu *vcpu, uint8_t size)
{
	uint64_t rip = vcpu->arch.state->rip + size;

	if (unlikely(rip > UINT32_MAX) && rip <= UINT32_MAX + UINT64_C(15)) {
		advance_over_4g(vcpu, rip);
	} else {
		advance(vcpu, rip);
	}
}

/* Decoded once, then remembered. Where that fails, the guest got a fault instead. */
never_inline static void skip_decoded(struct vcpu *vcpu)
{
	struct insn_cache_entry entry = { .rip = vcpu->arch.state->rip,
					  .cr3 = vcpu->arch.insn_cr3,
					  .cause = vcpu->arch.insn_cause };
	struct insn insn;

	if (x86_exit_fetch(vcpu, &insn) == 0) {
		entry.size = insn.length;
		insn_cache_store(&vcpu->arch.insn_cache, &entry);
		skip(vcpu, insn.length);
	}
}

/* Most CPUs tell the size; for the others the cache remembers it. */
void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	uint8_t size = vcpu->arch.insn_size;

	if (size == 0) {
		size = insn_cache_find(&vcpu->arch.insn_cache, vcpu->arch.state->rip,
				       vcpu->arch.insn_cr3, vcpu->arch.insn_cause);
	}
	if (unlikely(size == 0)) {
		skip_decoded(vcpu);
	} else {
		skip(vcpu, size);
	}
}
