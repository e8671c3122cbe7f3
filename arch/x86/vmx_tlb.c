/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an entry has to drop of the TLB. SDM3 29.4 "Caching Translation Information": linear and
 * combined mappings have the VPID as their tag, guest-physical and combined ones the EPT pointer.
 */
#include "arch/ept.h"
#include "arch/vmcs.h"
#include "arch/vmx_insn.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/vcpu.h"
#include "core/vm.h"

/* By the pointer, not the VPID. A vCPU that is new on this CPU may find there what is older than
 * its own generation. */
static void ept_flush(const struct stage2 *stage2)
{
	bool by_pointer = (vmx_facts.ept_vpid & VMX_EPT_INVEPT_ONE) != 0;

	assert(invept(by_pointer ? VMX_INVALIDATE_ONE : VMX_INVALIDATE_ALL, ept_pointer(stage2)));
}

/* Without VPIDs entries and exits flush linear and combined mappings by themselves. */
never_inline static void tlb_change(struct cpu *cpu, struct vcpu *vcpu, uint64_t generation)
{
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	bool is_stale = generation != vcpu->arch.tlb_generation;
	bool is_new = !tlb_tag_is_current(&cpu->arch.vmx.vpids, cpu->index, &vmx->vpid);
	enum tlb_flush flush = tlb_tag_select(&cpu->arch.vmx.vpids, cpu->index, &vmx->vpid,
					      vcpu->arch.flush || is_stale, true);

	vcpu->arch.flush = false;
	vcpu->arch.tlb_generation = generation;
	if (vmx_has(VMX_PROC2, PROC2_VPID)) {
		vmcs_write(VMCS_VPID, vmx->vpid.id);
		assert(flush == TLB_KEEP ||
		       invvpid(flush == TLB_FLUSH_TAG ? VMX_INVALIDATE_ONE : VMX_INVALIDATE_ALL,
			       vmx->vpid.id));
	}
	if (is_new || is_stale) {
		ept_flush(&vcpu->vm->stage2[0]);
	}
}

void vmx_tlb_prepare(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t generation = atomic_load(&vcpu->vm->stage2[0].generation);

	if (vcpu->arch.flush || generation != vcpu->arch.tlb_generation ||
	    !tlb_tag_is_current(&cpu->arch.vmx.vpids, cpu->index, &vcpu->arch.vmx.vpid)) {
		tlb_change(cpu, vcpu, generation);
	}
}
