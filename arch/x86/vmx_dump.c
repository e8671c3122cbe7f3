/* SPDX-License-Identifier: GPL-2.0-only */
/* What only the VMCS knows, for arch_vcpu_dump(). */
#include "arch/vmx.h"

#include "arch/vmcs.h"
#include "core/log.h"
#include "core/vcpu.h"

typedef unsigned long long ull;

static ull field(enum vmcs_field of)
{
	return vmcs_read(of);
}

void vmx_dump(struct vcpu *vcpu)
{
	log(LOG_INFO, "  exit %#llx qualification %#llx event %#llx in delivery %#llx length %llu",
	    field(VMCS_EXIT_REASON), field(VMCS_EXIT_QUALIFICATION), field(VMCS_EXIT_EVENT),
	    field(VMCS_IDT_EVENT), field(VMCS_EXIT_LENGTH));
	log(LOG_INFO, "  controls pin %llx proc %llx %llx exit %llx entry %llx exceptions %llx",
	    field(VMCS_PIN_CONTROLS), field(VMCS_PROC_CONTROLS), field(VMCS_PROC2_CONTROLS),
	    field(VMCS_EXIT_CONTROLS), field(VMCS_ENTRY_CONTROLS), field(VMCS_EXCEPTIONS));
	log(LOG_INFO, "  event %#llx blocked %llx pending debug %llx activity %llu threshold %llu",
	    field(VMCS_ENTRY_EVENT), field(VMCS_GUEST_INTERRUPTIBILITY),
	    field(VMCS_GUEST_PENDING_DEBUG), field(VMCS_GUEST_ACTIVITY), field(VMCS_TPR_THRESHOLD));
	log(LOG_INFO, "  real cr0 %llx cr4 %llx, vpid %u ept %#llx physical %#llx linear %#llx",
	    field(VMCS_GUEST_CR0), field(VMCS_GUEST_CR4), vcpu->arch.vmx.vpid.id,
	    field(VMCS_EPT_POINTER), field(VMCS_GUEST_PHYSICAL), field(VMCS_GUEST_LINEAR));
}
