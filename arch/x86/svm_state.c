/* SPDX-License-Identifier: GPL-2.0-only */
/* vcpu_state's groups to and from the VMCB's save area. GPRs move with every entry: svm_run.c. */
#include "arch/svm.h"

#include "arch/mitigation.h"
#include "arch/msr.h"
#include "arch/vmcb.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/string.h"
#include "core/vcpu.h"

static void segment_get(struct segment *to, const struct vmcb_segment *from)
{
	to->base = from->base;
	to->limit = from->limit;
	to->selector = from->selector;
	to->attributes = from->attributes;
}

static void segment_set(struct vmcb_segment *to, const struct segment *from)
{
	to->base = from->base;
	to->limit = from->limit;
	to->selector = from->selector;
	to->attributes = from->attributes;
}

static void sregs_get(struct vcpu_sregs *sregs, const struct vmcb_save *save)
{
	segment_get(&sregs->segments[SEGMENT_ES], &save->es);
	segment_get(&sregs->segments[SEGMENT_CS], &save->cs);
	segment_get(&sregs->segments[SEGMENT_SS], &save->ss);
	segment_get(&sregs->segments[SEGMENT_DS], &save->ds);
	segment_get(&sregs->segments[SEGMENT_FS], &save->fs);
	segment_get(&sregs->segments[SEGMENT_GS], &save->gs);
	segment_get(&sregs->segments[SEGMENT_LDTR], &save->ldtr);
	segment_get(&sregs->segments[SEGMENT_TR], &save->tr);
	segment_get(&sregs->gdtr, &save->gdtr);
	segment_get(&sregs->idtr, &save->idtr);
	sregs->cr0 = save->cr0;
	sregs->cr2 = save->cr2;
	sregs->cr3 = save->cr3;
	sregs->cr4 = save->cr4;
	/* LMA is what follows from the two others. Bochs changes it before the exit for a CR0 write
	 * that was to leave long mode. */
	sregs->efer = save->efer & ~(EFER_SVME | EFER_LMA);
	if ((save->cr0 & CR0_PG) != 0 && (save->efer & EFER_LME) != 0) {
		sregs->efer |= EFER_LMA;
	}
	sregs->cpl = save->cpl;
	memset(sregs->pdptes, 0, sizeof(sregs->pdptes));
}

/* The table's entries are read from memory by each walk, and a bad one has its fault there: APM2
 * 15.25.10 "Legacy PAE Mode". */
bool svm_state_paging_load(struct vcpu *vcpu, struct vcpu_sregs *sregs)
{
	(void)vcpu, (void)sregs;
	return true;
}

static void sregs_set(struct vmcb_save *save, const struct vcpu_sregs *sregs)
{
	segment_set(&save->es, &sregs->segments[SEGMENT_ES]);
	segment_set(&save->cs, &sregs->segments[SEGMENT_CS]);
	segment_set(&save->ss, &sregs->segments[SEGMENT_SS]);
	segment_set(&save->ds, &sregs->segments[SEGMENT_DS]);
	segment_set(&save->fs, &sregs->segments[SEGMENT_FS]);
	segment_set(&save->gs, &sregs->segments[SEGMENT_GS]);
	segment_set(&save->ldtr, &sregs->segments[SEGMENT_LDTR]);
	segment_set(&save->tr, &sregs->segments[SEGMENT_TR]);
	segment_set(&save->gdtr, &sregs->gdtr);
	segment_set(&save->idtr, &sregs->idtr);
	/* The guest's caching is governed by its page tables alone. */
	save->cr0 = (sregs->cr0 & ~(CR0_CD | CR0_NW)) | CR0_ET;
	save->cr2 = sregs->cr2;
	save->cr3 = sregs->cr3;
	/* A machine check while it is clear would shut the CPU down, with all that is on it. */
	save->cr4 = sregs->cr4 | svm_cr4_always;
	save->efer = sregs->efer | EFER_SVME;
	save->cpl = sregs->cpl;
}

static void msrs_get(struct vcpu_msrs *msrs, const struct vmcb_save *save)
{
	msrs->star = save->star;
	msrs->lstar = save->lstar;
	msrs->cstar = save->cstar;
	msrs->sfmask = save->sfmask;
	msrs->kernel_gs_base = save->kernel_gs_base;
	msrs->sysenter_cs = save->sysenter_cs;
	msrs->sysenter_esp = save->sysenter_esp;
	msrs->sysenter_eip = save->sysenter_eip;
}

static void msrs_set(struct vmcb_save *save, const struct vcpu_msrs *msrs)
{
	save->star = msrs->star;
	save->lstar = msrs->lstar;
	save->cstar = msrs->cstar;
	save->sfmask = msrs->sfmask;
	save->kernel_gs_base = msrs->kernel_gs_base;
	save->sysenter_cs = msrs->sysenter_cs;
	save->sysenter_esp = msrs->sysenter_esp;
	save->sysenter_eip = msrs->sysenter_eip;
	save->pat = msrs->pat;
	save->spec_ctrl = msrs->spec_ctrl;
}

/* SPEC_CTRL is ours to exchange where the VMCB has none; the hypervisor's own is 0. */
static uint8_t mitigate(const struct vcpu_msrs *msrs)
{
	uint32_t work = mitigation_work & MITIGATE_WORLD;

	if (msrs->spec_ctrl != 0 && (svm_features & SVM_CPUID_SPEC_CTRL) == 0) {
		work |= MITIGATE_SPEC_CTRL;
	}
	return (uint8_t)work;
}

void svm_state_get(struct vcpu *vcpu, uint64_t groups)
{
	struct vcpu_state *state = vcpu->arch.state;
	const struct vmcb_save *save = &vcpu->arch.svm.vmcb->save;

	groups &= ~state->valid;
	if ((groups & STATE_SREGS) != 0) {
		sregs_get(&state->sregs, save);
		state->sregs.cr4 &= ~vcpu->arch.svm.cr4_forced;
		state->sregs.cr8 = vlapic_cr8_read(vcpu);
	}
	if ((groups & STATE_MSR) != 0) {
		msrs_get(&state->msrs, save);
	}
	if ((groups & STATE_DEBUG) != 0) {
		state->debug.dr6 = save->dr6;
		state->debug.dr7 = save->dr7;
	}
	state->valid |= groups;
}

void svm_state_set(struct vcpu *vcpu, uint64_t groups)
{
	struct vcpu_state *state = vcpu->arch.state;
	struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	uint64_t changed = 0;

	if ((groups & STATE_SREGS) != 0) {
		sregs_set(&vmcb->save, &state->sregs);
		vcpu->arch.svm.cr4_forced = vmcb->save.cr4 & ~state->sregs.cr4;
		changed |= VMCB_CLEAN_SEGMENTS | VMCB_CLEAN_TABLES | VMCB_CLEAN_CR | VMCB_CLEAN_CR2;
	}
	if ((groups & STATE_MSR) != 0) {
		msrs_set(&vmcb->save, &state->msrs);
		vcpu->arch.mitigate = mitigate(&state->msrs);
		changed |= VMCB_CLEAN_NESTED;
	}
	if ((groups & STATE_DEBUG) != 0) {
		vmcb->save.dr6 = state->debug.dr6;
		vmcb->save.dr7 = state->debug.dr7;
		changed |= VMCB_CLEAN_DR;
	}
	if ((groups & STATE_TSC) != 0) {
		vmcb->control.tsc_offset = state->tsc.offset - arch_cpu_self()->arch.tsc_offset;
		changed |= VMCB_CLEAN_INTERCEPTS;
	}
	vmcb->control.clean &= (uint32_t)~changed;
	state->dirty &= ~groups;
}
