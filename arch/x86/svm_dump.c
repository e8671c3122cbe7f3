/* SPDX-License-Identifier: GPL-2.0-only */
/* What only the VMCB knows, for arch_vcpu_dump(). */
#include "arch/svm.h"

#include "arch/vmcb.h"
#include "core/log.h"
#include "core/vcpu.h"

typedef unsigned long long ull;

void svm_dump(struct vcpu *vcpu)
{
	const struct vmcb_control *control = &vcpu->arch.svm.vmcb->control;

	log(LOG_INFO, "  exit %#llx info %#llx %#llx in delivery %#llx next rip %#llx",
	    (ull)control->exit_code, (ull)control->exit_info1, (ull)control->exit_info2,
	    (ull)control->exit_event, (ull)control->next_rip);
	log(LOG_INFO, "  intercepts cr %x dr %x exceptions %x %x %x %x", control->intercept_cr,
	    control->intercept_dr, control->intercept_exception, control->intercept_1,
	    control->intercept_2, control->intercept_3);
	log(LOG_INFO, "  event %#llx vintr %#llx shadow %llx asid %u tlb %u clean %x",
	    (ull)control->event, (ull)control->virtual_interrupt, (ull)control->interrupt_state,
	    control->asid, control->tlb_control, control->clean);
	log(LOG_INFO, "  nested cr3 %#llx tsc offset %#llx", (ull)control->nested_cr3,
	    (ull)control->tsc_offset);
}
