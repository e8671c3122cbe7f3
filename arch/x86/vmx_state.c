/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpu_state's groups to and from the VMCS, and to and from the registers that it has no place for:
 * vmx_live.c. GPRs, RIP and RFLAGS move with every entry: vmx_run.c.
 */
#include "arch/vmx.h"

#include "arch/mitigation.h"
#include "arch/msr.h"
#include "arch/vmcs.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"
#include "core/vm.h"

/* The others exit when they change, and read from the shadow. */
#define CR0_GUESTS_OWN (CR0_MP | CR0_TS)

/* ---- segments: SDM3 25.4.1 "Guest Register State" ---- */

static uint64_t rights_of(const struct segment *segment)
{
	uint64_t attributes = segment->attributes;

	return (attributes & VMCS_RIGHTS_LOW) | field_set(VMCS_RIGHTS_HIGH, attributes >> 8 & 0xf) |
	       ((attributes & SEGMENT_PRESENT) == 0 ? VMCS_RIGHTS_UNUSABLE : 0);
}

/* Of an unusable one the hardware leaves DPL, which is the CPL for SS, and nothing else of use. */
static uint16_t attributes_of(uint64_t rights)
{
	if ((rights & VMCS_RIGHTS_UNUSABLE) != 0) {
		return (uint16_t)(rights & SEGMENT_DPL);
	}
	return (uint16_t)((rights & VMCS_RIGHTS_LOW) | field_get(VMCS_RIGHTS_HIGH, rights) << 8);
}

static void segment_get(struct segment *segment, unsigned index)
{
	unsigned at = 2 * index;

	segment->selector = (uint16_t)vmcs_read(VMCS_GUEST_ES + at);
	segment->limit = (uint32_t)vmcs_read(VMCS_GUEST_ES_LIMIT + at);
	segment->base = vmcs_read(VMCS_GUEST_ES_BASE + at);
	segment->attributes = attributes_of(vmcs_read(VMCS_GUEST_ES_RIGHTS + at));
}

static void segment_set(const struct segment *segment, unsigned index)
{
	unsigned at = 2 * index;

	vmcs_write(VMCS_GUEST_ES + at, segment->selector);
	vmcs_write(VMCS_GUEST_ES_LIMIT + at, segment->limit);
	vmcs_write(VMCS_GUEST_ES_BASE + at, segment->base);
	vmcs_write(VMCS_GUEST_ES_RIGHTS + at, rights_of(segment));
}

static void tables_get(struct vcpu_sregs *sregs)
{
	sregs->gdtr = (struct segment){ .base = vmcs_read(VMCS_GUEST_GDTR_BASE),
					.limit = (uint32_t)vmcs_read(VMCS_GUEST_GDTR_LIMIT) };
	sregs->idtr = (struct segment){ .base = vmcs_read(VMCS_GUEST_IDTR_BASE),
					.limit = (uint32_t)vmcs_read(VMCS_GUEST_IDTR_LIMIT) };
}

static void tables_set(const struct vcpu_sregs *sregs)
{
	vmcs_write(VMCS_GUEST_GDTR_BASE, sregs->gdtr.base);
	vmcs_write(VMCS_GUEST_GDTR_LIMIT, sregs->gdtr.limit & UINT16_MAX);
	vmcs_write(VMCS_GUEST_IDTR_BASE, sregs->idtr.base);
	vmcs_write(VMCS_GUEST_IDTR_LIMIT, sregs->idtr.limit & UINT16_MAX);
}

/* ---- control registers ---- */

/* PE and PG are free with unrestricted guests: SDM3 27.3.1.1. Caching is governed by the guest's
 * page tables alone. */
static uint64_t real_cr0(uint64_t cr0)
{
	return (cr0 & ~(CR0_CD | CR0_NW)) | CR0_ET | (vmx_facts.cr0_fixed0 & ~(CR0_PE | CR0_PG));
}

/* A machine check while MCE is clear would shut the CPU down, with all that is on it. */
static uint64_t real_cr4(uint64_t cr4)
{
	return cr4 | vmx_facts.cr4_fixed0 | (vmcs_read(VMCS_HOST_CR4) & CR4_MCE);
}

static void controls_get(struct vcpu_sregs *sregs)
{
	sregs->cr0 = (vmcs_read(VMCS_CR0_SHADOW) & ~CR0_GUESTS_OWN) |
		     (vmcs_read(VMCS_GUEST_CR0) & CR0_GUESTS_OWN);
	sregs->cr3 = vmcs_read(VMCS_GUEST_CR3);
	sregs->cr4 = vmcs_read(VMCS_CR4_SHADOW);
	sregs->efer = vmcs_read(VMCS_GUEST_EFER);
}

static void controls_set(struct vcpu *vcpu, const struct vcpu_sregs *sregs)
{
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	uint32_t entry = vmx->entry & (uint32_t)~ENTRY_LONG_MODE;

	entry |= (sregs->efer & EFER_LMA) != 0 ? (uint32_t)ENTRY_LONG_MODE : 0;
	if (entry != vmx->entry) {
		vmx->entry = entry;
		vmcs_write(VMCS_ENTRY_CONTROLS, entry);
	}
	vmcs_write(VMCS_CR0_SHADOW, sregs->cr0);
	vmcs_write(VMCS_GUEST_CR0, real_cr0(sregs->cr0));
	vmcs_write(VMCS_GUEST_CR3, sregs->cr3);
	vmcs_write(VMCS_CR4_SHADOW, sregs->cr4);
	vmcs_write(VMCS_GUEST_CR4, real_cr4(sregs->cr4));
	vmcs_write(VMCS_GUEST_EFER, sregs->efer);
	vmx_paging_set(vcpu, sregs);
}

/* ---- groups ---- */

static void sregs_get(struct vcpu *vcpu, struct vcpu_sregs *sregs)
{
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		segment_get(&sregs->segments[i], i);
	}
	tables_get(sregs);
	controls_get(sregs);
	vmx_paging_get(sregs);
	sregs->cr8 = vlapic_cr8_read(vcpu);
	sregs->cpl = (uint8_t)field_get(SEGMENT_DPL, sregs->segments[SEGMENT_SS].attributes);
}

static void sregs_set(struct vcpu *vcpu, const struct vcpu_sregs *sregs)
{
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		segment_set(&sregs->segments[i], i);
	}
	tables_set(sregs);
	controls_set(vcpu, sregs);
}

static void msrs_get(struct vcpu_msrs *msrs)
{
	msrs->sysenter_cs = vmcs_read(VMCS_GUEST_SYSENTER_CS);
	msrs->sysenter_esp = vmcs_read(VMCS_GUEST_SYSENTER_ESP);
	msrs->sysenter_eip = vmcs_read(VMCS_GUEST_SYSENTER_EIP);
}

static void msrs_set(struct vcpu *vcpu, const struct vcpu_msrs *msrs)
{
	vmcs_write(VMCS_GUEST_SYSENTER_CS, msrs->sysenter_cs);
	vmcs_write(VMCS_GUEST_SYSENTER_ESP, msrs->sysenter_esp);
	vmcs_write(VMCS_GUEST_SYSENTER_EIP, msrs->sysenter_eip);
	vmcs_write(VMCS_GUEST_PAT, msrs->pat);
	vcpu->arch.mitigate = (uint8_t)((mitigation_work & MITIGATE_WORLD) |
					(msrs->spec_ctrl != 0 ? MITIGATE_SPEC_CTRL : 0));
}

void vmx_state_get(struct vcpu *vcpu, uint64_t groups)
{
	struct vcpu_state *state = vcpu->arch.state;

	groups &= ~state->valid;
	if ((groups & STATE_SREGS) != 0) {
		sregs_get(vcpu, &state->sregs);
	}
	if ((groups & STATE_MSR) != 0) {
		msrs_get(&state->msrs);
	}
	if ((groups & STATE_DEBUG) != 0) {
		state->debug.dr7 = vmcs_read(VMCS_GUEST_DR7);
	}
	if ((groups & STATE_EVENTS) != 0) {
		vmx_run_blocking_get(vcpu);
	}
	vmx_live_get(state, groups);
	/* Of events the VMCS' part follows the others, and RFLAGS: it is asked for each time. */
	state->valid |= groups & ~STATE_EVENTS;
}

static void set_vmcs(struct vcpu *vcpu, uint64_t groups)
{
	struct vcpu_state *state = vcpu->arch.state;

	if ((groups & STATE_SREGS) != 0) {
		sregs_set(vcpu, &state->sregs);
	}
	if ((groups & STATE_MSR) != 0) {
		msrs_set(vcpu, &state->msrs);
	}
	if ((groups & STATE_DEBUG) != 0) {
		vmcs_write(VMCS_GUEST_DR7, state->debug.dr7);
	}
	if ((groups & STATE_EVENTS) != 0) {
		vmx_run_blocking_set(vcpu);
	}
	if ((groups & STATE_TSC) != 0) {
		vmcs_write(VMCS_TSC_OFFSET, state->tsc.offset - arch_cpu_self()->arch.tsc_offset);
	}
}

void vmx_state_set(struct vcpu *vcpu, uint64_t groups)
{
	set_vmcs(vcpu, groups);
	vmx_live_set(vcpu->arch.state, groups);
	vcpu->arch.state->dirty &= ~groups;
	vcpu->arch.state->valid &= ~(groups & STATE_EVENTS);
}

void vmx_state_init(struct vcpu *vcpu)
{
	vmcs_write(VMCS_CR0_MASK, ~CR0_GUESTS_OWN);
	vmcs_write(VMCS_CR4_MASK, UINT64_MAX);
	vmcs_write(VMCS_GUEST_RSP, 0);
	vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_RES1);
	vcpu->arch.vmx.rsp = 0;
	vcpu->arch.vmx.rflags = RFLAGS_RES1;
	set_vmcs(vcpu, STATE_ALL & ~STATE_EVENTS); /* a new VMCS blocks nothing */
	vcpu->arch.state->dirty = STATE_ALL;
}

/* ---- load and put ---- */

void vmx_state_load(struct vcpu *vcpu)
{
	const struct vcpu_state *state = vcpu->arch.state;

	vmx_live_set(state, STATE_ALL);
}

/* What is dirty was changed here, and the registers do not know it yet. */
void vmx_state_put(struct vcpu *vcpu)
{
	struct vcpu_state *state = vcpu->arch.state;

	vmx_live_get(state, ~state->dirty);
}
