/* SPDX-License-Identifier: GPL-2.0-only */
/* Control-register writes: CR0 (but TS and MP alone), CR4, CR8. CR2 and CR3 are not intercepted. */
#include "arch/exit_cr.h"

#include "arch/cpuid.h"
#include "arch/guest_walk.h"
#include "arch/insn.h"
#include "arch/operand.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/err.h"
#include "core/string.h"
#include "core/vm.h"

#define CR0_LMSW BITS(3, 0)

/* The bits whose change makes the processor drop all TLB entries: APM2 5.5.2 "TLB Management". */
#define CR4_FLUSH (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE)

/* Those with which it looks at PAE's first table: SDM3 4.4.1 "PDPTE Registers". */
#define CR0_LOADS (CR0_PG | CR0_CD | CR0_NW)
#define CR4_LOADS (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP)

#define CR3_PCID BITS(11, 0)

static bool paging_is_valid(const struct vcpu_sregs *sregs, uint64_t cr0)
{
	bool code_is_long = (sregs->segments[SEGMENT_CS].attributes & SEGMENT_L) != 0;

	if ((cr0 & CR0_PG) == 0) {
		/* 64-bit mode is left by way of compatibility mode: RIP would be too wide. */
		return (sregs->cr4 & CR4_PCIDE) == 0 && !vcpu_regs_is_long(sregs);
	}
	if ((cr0 & CR0_PE) == 0) {
		return false;
	}
	if ((sregs->cr0 & CR0_PG) == 0 && (sregs->efer & EFER_LME) != 0) {
		return (sregs->cr4 & CR4_PAE) != 0 && !code_is_long;
	}
	return true;
}

bool exit_cr_set_cr0(struct vcpu_sregs *sregs, uint64_t value)
{
	bool paging = (value & CR0_PG) != 0;

	if (value > UINT32_MAX || (value & (CR0_NW | CR0_CD)) == CR0_NW ||
	    !paging_is_valid(sregs, value)) {
		return false;
	}
	sregs->efer &= ~EFER_LMA;
	if (paging && (sregs->efer & EFER_LME) != 0) {
		sregs->efer |= EFER_LMA;
	}
	/* Reserved bits below 32 are ignored; caching is not the guest's to turn off. */
	sregs->cr0 = (value & (CR0_PG | CR0_AM | CR0_WP | BITS(5, 0))) | CR0_ET;
	return true;
}

bool exit_cr_set_cr4(struct vcpu_sregs *sregs, uint64_t value, uint64_t allowed)
{
	bool is_long = (sregs->efer & EFER_LMA) != 0;

	if ((value & ~allowed) != 0 || (is_long && (value & CR4_PAE) == 0)) {
		return false;
	}
	if ((value & CR4_PCIDE) != 0 && (sregs->cr4 & CR4_PCIDE) == 0 &&
	    (!is_long || (sregs->cr3 & CR3_PCID) != 0)) {
		return false;
	}
	sregs->cr4 = value;
	return true;
}

bool exit_cr_set_efer(struct vcpu_sregs *sregs, uint64_t value, uint64_t allowed)
{
	/* LMA may be written back as it is. */
	if ((value & ~(allowed | EFER_LMA)) != 0 || ((value ^ sregs->efer) & EFER_LMA) != 0) {
		return false;
	}
	if (((value ^ sregs->efer) & EFER_LME) != 0 && (sregs->cr0 & CR0_PG) != 0) {
		return false;
	}
	sregs->efer = value;
	return true;
}

/* PAE's first table, and long mode that a write turns on: the vendor's part of the checks. */
static bool paging_load(struct vcpu *vcpu, struct vcpu_sregs *next, uint64_t changes)
{
	if (!vcpu_regs_is_pae(next)) {
		memset(next->pdptes, 0, sizeof(next->pdptes));
		changes &= (next->efer & EFER_LMA) != 0 ? CR0_PG : 0;
	}
	return changes == 0 || virt->paging_load(vcpu, next);
}

static bool cr0_write_guest(struct vcpu *vcpu, uint64_t value)
{
	struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);
	struct vcpu_sregs next = state->sregs;
	uint64_t old = next.cr0;

	if (!exit_cr_set_cr0(&next, value) ||
	    !paging_load(vcpu, &next, (old ^ value) & CR0_LOADS)) {
		return false;
	}
	state->sregs = next;
	state->dirty |= STATE_SREGS;
	vcpu->arch.flush |= ((old ^ next.cr0) & (CR0_PG | CR0_WP)) != 0;
	return true;
}

static bool cr4_write_guest(struct vcpu *vcpu, uint64_t value)
{
	struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);
	struct vcpu_sregs next = state->sregs;
	uint64_t old = next.cr4;

	if (!exit_cr_set_cr4(&next, value, vcpu->vm->arch.cpuid->cr4) ||
	    !paging_load(vcpu, &next, (old ^ value) & CR4_LOADS)) {
		return false;
	}
	state->sregs = next;
	state->dirty |= STATE_SREGS;
	vcpu->arch.flush |= ((old ^ value) & CR4_FLUSH) != 0;
	return true;
}

static bool cr8_write_guest(struct vcpu *vcpu, uint64_t value)
{
	if (value > 15) {
		return false;
	}
	vlapic_cr8_write(vcpu, (uint8_t)value);
	return true;
}

static bool control_write(struct vcpu *vcpu, unsigned number, uint64_t value)
{
	switch (number) {
	case 0:
		return cr0_write_guest(vcpu, value);
	case 4:
		return cr4_write_guest(vcpu, value);
	default:
		return cr8_write_guest(vcpu, value);
	}
}

/* MOV's source is 32 bits wide outside of 64-bit mode. */
static uint64_t mov_source(struct vcpu *vcpu, unsigned reg)
{
	const struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);
	uint64_t value = state->gpr[reg];

	return vcpu_regs_is_long(&state->sregs) ? value : (uint32_t)value;
}

/* LMSW sets the lowest four bits, but can not clear PE. */
static int lmsw_source(struct vcpu *vcpu, const struct insn *insn, uint64_t *value)
{
	uint64_t cr0 = vcpu_regs(vcpu, STATE_SREGS)->sregs.cr0, source = 0;
	int err = 0;

	if (insn->has_memory) {
		err = operand_read(vcpu, insn, 2, &source);
	} else {
		source = vcpu->arch.state->gpr[insn->reg];
	}
	*value = (cr0 & ~(CR0_LMSW & ~CR0_PE)) | (source & CR0_LMSW);
	return err;
}

/* The instruction's own account, where the hardware gave none: number, value and length. */
static int decode(struct vcpu *vcpu, unsigned *number, uint64_t *value)
{
	struct insn insn;
	int err = x86_exit_fetch(vcpu, &insn);

	if (err != 0) {
		return err;
	}
	vcpu->arch.insn_size = insn.length;
	switch ((unsigned)insn.op) {
	case INSN_MOV_TO_CR:
		if (insn.control == 2 || insn.control == 3) {
			return -E_BUSY; /* as below: these do not exit */
		}
		*number = insn.control;
		*value = mov_source(vcpu, insn.reg);
		return 0;
	case INSN_LMSW:
		*number = 0;
		return lmsw_source(vcpu, &insn, value);
	case INSN_CLTS:
		*number = 0;
		*value = vcpu_regs(vcpu, STATE_SREGS)->sregs.cr0 & ~CR0_TS;
		return 0;
	default: /* another vCPU has changed the code meanwhile: it is run again */
		return -E_BUSY;
	}
}

bool exit_cr_write(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	unsigned number = exit->control.number;
	uint64_t value;

	if (exit->control.is_decoded) {
		value = mov_source(vcpu, exit->control.reg);
	} else if (decode(vcpu, &number, &value) != 0) {
		return x86_exit_resume(vcpu);
	}
	if (!control_write(vcpu, number, value)) {
		vcpu_events_raise_gp(vcpu);
		return true;
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}
