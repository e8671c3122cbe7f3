/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries on VT-x of the fixture's vCPU, a copy of it: the processor refuses none because of its
 * events. Its segments, tables and addresses are not looked at, they are an image's own to spoil.
 * Defines functions.
 */
/* arch: x86 */
#pragma once

#include "tests/fuzz/quiet_log.h"
#include "tests/unit/image_fixture.h"
#include "tests/unit/vmx_guest.h"

#include "arch/bochs.h"
#include "arch/mce.h"
#include "arch/vmx_insn.h"

#define ENTRIES    4 /* in delivery, raised, an NMI, an interrupt */
#define EXIT_CPUID 10

struct vmx_facts vmx_facts;
struct vmx_controls vmx_controls;
uint64_t epoch_count;
bool bochs_is_host;

static struct vcpu vmx_entry_vcpu;
static struct vcpu_state vmx_entry_state;
static uint8_t vmx_entry_lapic[PAGE_SIZE];

/* ---- what stands around it ---- */

void vmx_state_set(struct vcpu *vcpu, uint64_t groups)
{
	vcpu->arch.state->dirty &= ~groups;
}

void vmx_tlb_prepare(struct cpu *cpu, struct vcpu *vcpu)
{
	(void)cpu, (void)vcpu;
}

void vmx_decode(struct vcpu *vcpu, uint64_t reason, struct vcpu_exit *exit)
{
	(void)vcpu, (void)reason, (void)exit;
}

uint64_t vmx_live_cr2(void)
{
	return 0;
}

void vmx_live_deliver(uint8_t vector, uint64_t payload)
{
	(void)vector;
	require(payload <= UINT32_MAX || vector == VECTOR_PF);
}

void vmx_apic_give(struct vcpu *vcpu)
{
	(void)vcpu;
}

void vmx_apic_take(struct vcpu *vcpu)
{
	(void)vcpu;
}

bool vmx_apic_posts(void)
{
	return false;
}

void vmx_nmi_take(void)
{
}

void mce_exit(struct vcpu *vcpu)
{
	(void)vcpu;
}

void arch_vcpu_dump(struct vcpu *vcpu)
{
	(void)vcpu;
}

void bochs_take_interrupts(const struct vcpu_state *state)
{
	(void)state;
}

/* ---- the processor ---- */

/* It leaves the guest at its first instruction: shadows stay. */
bool vmx_enter(struct vcpu_state *state, bool launched)
{
	uint64_t event = vmcs_read(VMCS_ENTRY_EVENT);

	(void)state, (void)launched;
	require(vmx_broken_rule() == NULL);
	vmcs_fake_set(VMCS_ENTRY_EVENT, event & ~VMCS_EVENT_VALID);
	if ((event & VMCS_EVENT_VALID) != 0 &&
	    field_get(VMCS_EVENT_TYPE, event) == VMCS_EVENT_NMI) {
		vmcs_fake_set(VMCS_GUEST_INTERRUPTIBILITY,
			      vmcs_read(VMCS_GUEST_INTERRUPTIBILITY) | VMCS_BLOCKED_BY_NMI);
	}
	vmcs_fake_set(VMCS_EXIT_REASON, EXIT_CPUID);
	return false;
}

bool vmx_enter_mitigated(struct vcpu_state *state, bool launched, uint32_t work)
{
	(void)work;
	return vmx_enter(state, launched);
}

/* In real mode, or in protected mode without paging. */
static inline void vmx_entry_vmcs(const struct vcpu_state *state)
{
	vmcs_fake_clear();
	vmx_guest_make();
	vmcs_fake_set(VMCS_ENTRY_CONTROLS, ENTRY_LOAD_EFER);
	vmcs_fake_set(VMCS_GUEST_EFER, 0);
	vmcs_fake_set(VMCS_GUEST_CR0, CR0_ET | CR0_NE | (state->sregs.cr0 & CR0_PE));
	vmx_guest_segment(SEGMENT_CS, 0xc09b, UINT32_MAX);
}

/* All else is the image's: it is put there as vcpu_image_put() does. */
static inline void vmx_entry_require(void)
{
	struct vcpu *vcpu = &vmx_entry_vcpu;
	struct vcpu_exit exit;

	*vcpu = fake_vcpu;
	vmx_entry_state = fake_state;
	memcpy(vmx_entry_lapic, vcpu->arch.vlapic.page, PAGE_SIZE);
	vcpu->arch.state = &vmx_entry_state;
	vcpu->arch.vlapic.page = vmx_entry_lapic;
	vcpu->arch.vmx = (struct vmx_vcpu){ 0 };
	vmx_entry_state.rip = 0;
	vmx_entry_state.rflags &= ~RFLAGS_VM;
	vmx_entry_vmcs(&vmx_entry_state);
	vmx_run_blocking_set(vcpu);
	for (unsigned i = 0; i < ENTRIES; i++) {
		vmx_run(vcpu, &exit);
	}
}
