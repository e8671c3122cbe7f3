/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest in 64-bit mode in the fake VMCS, which the processor would enter. */
#pragma once

#include "tests/unit/vmcs_fake.h"

#include "arch/msr.h"
#include "arch/vcpu_state.h"
#include "arch/vmx.h"

#define VMX_GUEST_CR0 (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

static inline void vmx_guest_segment(unsigned segment, uint64_t rights, uint64_t limit)
{
	vmcs_fake_set(VMCS_GUEST_ES + 2 * segment, 8 * segment);
	vmcs_fake_set(VMCS_GUEST_ES_RIGHTS + 2 * segment, rights);
	vmcs_fake_set(VMCS_GUEST_ES_LIMIT + 2 * segment, limit);
}

static inline void vmx_guest_make(void)
{
	vmx_facts.cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG;
	vmx_facts.cr0_fixed1 = UINT32_MAX;
	vmx_facts.cr4_fixed0 = CR4_VMXE;
	vmx_facts.cr4_fixed1 = UINT64_C(0x3727ff);
	vmcs_fake_set(VMCS_ENTRY_CONTROLS, ENTRY_LONG_MODE | ENTRY_LOAD_EFER);
	vmcs_fake_set(VMCS_GUEST_CR0, VMX_GUEST_CR0);
	vmcs_fake_set(VMCS_GUEST_CR4, CR4_PAE | CR4_VMXE | CR4_MCE);
	vmcs_fake_set(VMCS_GUEST_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
	vmcs_fake_set(VMCS_GUEST_DR7, 0x400);
	for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++) {
		vmx_guest_segment(i, 0xc093, UINT32_MAX);
	}
	vmx_guest_segment(SEGMENT_CS, 0xa09b, UINT32_MAX);
	vmx_guest_segment(SEGMENT_LDTR, VMCS_RIGHTS_UNUSABLE, 0);
	vmx_guest_segment(SEGMENT_TR, 0x8b, 0x67);
	vmcs_fake_set(VMCS_GUEST_RIP, UINT64_C(0xffffffff81000000));
	vmcs_fake_set(VMCS_GUEST_RFLAGS, RFLAGS_RES1 | RFLAGS_IF);
	vmcs_fake_set(VMCS_LINK, UINT64_MAX);
}
