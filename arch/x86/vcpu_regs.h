/* SPDX-License-Identifier: GPL-2.0-only */
/* What exit handlers do with a loaded vCPU's registers: groups on demand, GPRs by size. */
#pragma once

#include "arch/msr.h"
#include "arch/virt.h"
#include "core/vcpu.h"

/* Brings the groups up to date in vcpu->arch.state. */
static inline struct vcpu_state *vcpu_regs(struct vcpu *vcpu, uint64_t groups)
{
	struct vcpu_state *state = vcpu->arch.state;

	if ((state->valid & groups) != groups) {
		virt->state_get(vcpu, groups);
	}
	return state;
}

/* The answer of instructions that return in EDX:EAX; the upper halves become 0. */
static inline void vcpu_regs_set_pair(struct vcpu *vcpu, uint64_t value)
{
	vcpu->arch.state->gpr[GPR_RAX] = (uint32_t)value;
	vcpu->arch.state->gpr[GPR_RDX] = value >> 32;
}

static inline uint64_t vcpu_regs_pair(const struct vcpu *vcpu)
{
	const uint64_t *gpr = vcpu->arch.state->gpr;

	return (uint32_t)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
}

/* All ones in the lowest size bytes: 1 to 8. */
static inline uint64_t vcpu_regs_mask(unsigned size)
{
	return UINT64_MAX >> (64 - 8 * size);
}

static inline uint64_t vcpu_regs_read(const struct vcpu *vcpu, unsigned reg, unsigned size)
{
	return vcpu->arch.state->gpr[reg] & vcpu_regs_mask(size);
}

/* Writes as the processor does: 4 bytes clear the upper half, 1 and 2 keep the rest. */
static inline void vcpu_regs_write(struct vcpu *vcpu, unsigned reg, unsigned size, uint64_t value)
{
	uint64_t *gpr = &vcpu->arch.state->gpr[reg];

	if (size == 1) {
		*gpr = (*gpr & ~UINT64_C(0xff)) | (uint8_t)value;
	} else if (size == 2) {
		*gpr = (*gpr & ~UINT64_C(0xffff)) | (uint16_t)value;
	} else {
		*gpr = value & vcpu_regs_mask(size);
	}
}

/* Protected mode, where segments have types: not real, not virtual-8086 mode. SREGS are valid. */
static inline bool vcpu_regs_has_descriptors(const struct vcpu *vcpu)
{
	const struct vcpu_state *state = vcpu->arch.state;

	return (state->sregs.cr0 & CR0_PE) != 0 && (state->rflags & RFLAGS_VM) == 0;
}

static inline bool vcpu_regs_is_pae(const struct vcpu_sregs *sregs)
{
	return (sregs->cr0 & CR0_PG) != 0 && (sregs->cr4 & CR4_PAE) != 0 &&
	       (sregs->efer & EFER_LMA) == 0;
}

/* SDM3 4.4.1 "PDPTE Registers": what the processor loads, for it looks at present ones alone. */
static inline bool vcpu_regs_pdpte_is_valid(uint64_t entry, unsigned physical_bits)
{
	return (entry & PDPTE_PRESENT) == 0 ||
	       ((entry & PDPTE_RESERVED) == 0 && entry >> physical_bits == 0);
}

/* 64-bit code, not compatibility mode. */
static inline bool vcpu_regs_is_long(const struct vcpu_sregs *sregs)
{
	return (sregs->efer & EFER_LMA) != 0 &&
	       (sregs->segments[SEGMENT_CS].attributes & SEGMENT_L) != 0;
}
