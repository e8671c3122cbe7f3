/* SPDX-License-Identifier: GPL-2.0-only */
/* What the processor keeps of a guest's paging beside its control registers: PAE's top entries. */
#include "arch/vmx.h"

#include "arch/cpuid.h"
#include "arch/vcpu_regs.h"
#include "arch/vmcs.h"
#include "core/string.h"
#include "core/vm.h"
#include "mm/guest_mem.h"

#define TYPE_BUSY_TSS 11 /* not of 16 bits */

#define PDPTES     4
#define CR3_PDPTES BITS(31, 5)

/*
 * Of PAE paging the four entries of the first table are registers, which the processor loads with
 * CR3: where we have turned it on, that is ours to do. SDM3 4.4.1 "PDPTE Registers".
 */
static void pdptes_read(struct vcpu *vcpu, uint64_t cr3, uint64_t entries[PDPTES])
{
	if (guest_mem_read(&vcpu->vm->stage2[0], gpa(cr3 & CR3_PDPTES), entries,
			   PDPTES * sizeof(*entries)) != 0) {
		memset(entries, 0xff, PDPTES * sizeof(*entries)); /* as where there is no memory */
	}
}

/*
 * Long mode wants a TSS of its own: SDM3 10.8.5 "Initializing IA-32e Mode", 27.3.1.2. Of PAE's
 * entries what is loaded is what was looked at: others may go on writing there.
 */
bool vmx_paging_load(struct vcpu *vcpu, struct vcpu_sregs *sregs)
{
	uint64_t entries[PDPTES];

	if ((sregs->efer & EFER_LMA) != 0) {
		return field_get(SEGMENT_TYPE, sregs->segments[SEGMENT_TR].attributes) ==
		       TYPE_BUSY_TSS;
	}
	pdptes_read(vcpu, sregs->cr3, entries);
	for (uint32_t i = 0; i < PDPTES; i++) {
		if (!vcpu_regs_pdpte_is_valid(entries[i], vcpu->vm->arch.cpuid->physical_bits)) {
			return false;
		}
	}
	memcpy(sregs->pdptes, entries, sizeof(entries));
	return true;
}

void vmx_paging_get(struct vcpu_sregs *sregs)
{
	bool is_pae = vcpu_regs_is_pae(sregs);

	for (uint32_t i = 0; i < PDPTES; i++) {
		sregs->pdptes[i] = is_pae ? vmcs_read(VMCS_GUEST_PDPTE + 2 * i) : 0;
	}
}

/* An image of a vendor that has no such registers: no instruction could fault any more. */
static void pdptes_make(struct vcpu *vcpu, uint64_t cr3, uint64_t entries[PDPTES])
{
	pdptes_read(vcpu, cr3, entries);
	for (uint32_t i = 0; i < PDPTES; i++) {
		if (!vcpu_regs_pdpte_is_valid(entries[i], vcpu->vm->arch.cpuid->physical_bits)) {
			entries[i] = 0;
		}
	}
}

void vmx_paging_set(struct vcpu *vcpu, const struct vcpu_sregs *sregs)
{
	uint64_t entries[PDPTES];

	if (!vcpu_regs_is_pae(sregs)) {
		return;
	}
	memcpy(entries, sregs->pdptes, sizeof(entries));
	if ((entries[0] | entries[1] | entries[2] | entries[3]) == 0) {
		pdptes_make(vcpu, sregs->cr3, entries);
	}
	for (uint32_t i = 0; i < PDPTES; i++) {
		vmcs_write(VMCS_GUEST_PDPTE + 2 * i, entries[i]);
	}
}
