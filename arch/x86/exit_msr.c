/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and writes of model-specific registers by the policy of exit_msr_table.c. */
#include "arch/exit_msr.h"

#include "arch/cpuid.h"
#include "arch/exit_cr.h"
#include "arch/mtrr.h"
#include "arch/vcpu_regs.h"
#include "arch/vmce.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/vm.h"

#define SPEC_CTRL_IBRS  BIT(0)
#define SPEC_CTRL_STIBP BIT(1)
#define SPEC_CTRL_SSBD  BIT(2)
#define SPEC_CTRL_PSFD  BIT(7)

#define PAT_TYPES 8

const struct msr_policy *exit_msr_find(uint32_t msr)
{
	uint32_t low = 0, high = exit_msr_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (exit_msr_table[middle].last < msr) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < exit_msr_count && exit_msr_table[low].first <= msr ? &exit_msr_table[low]
									: NULL;
}

static uint64_t *state_field(struct vcpu *vcpu, uint32_t offset)
{
	struct vcpu_state *state = vcpu_regs(vcpu, STATE_MSR);

	return (uint64_t *)(void *)((char *)&state->msrs + offset);
}

/* ---- time ---- */

static uint64_t host_tsc(void)
{
	return rdtsc() - arch_cpu_self()->arch.tsc_offset;
}

static void tsc_move(struct vcpu *vcpu, uint64_t by)
{
	struct vcpu_state *state = vcpu->arch.state;

	state->tsc.offset += by;
	state->tsc.adjust += by;
	state->dirty |= STATE_TSC;
	vlapic_tsc_changed(vcpu);
}

static void tsc_write(struct vcpu *vcpu, uint64_t value)
{
	tsc_move(vcpu, value - (host_tsc() + vcpu->arch.state->tsc.offset));
}

/* ---- speculation control: as far as CPUID offers it ---- */

static uint64_t spec_ctrl_bits(const struct cpuid_table *table)
{
	uint32_t amd = cpuid_get(table, 0x80000008, CPUID_EBX);
	uint32_t intel = cpuid_get(table, 7, CPUID_EDX);
	uint64_t bits = 0;

	bits |= (amd & BIT(14)) != 0 || (intel & BIT(26)) != 0 ? SPEC_CTRL_IBRS : 0;
	bits |= (amd & BIT(15)) != 0 || (intel & BIT(27)) != 0 ? SPEC_CTRL_STIBP : 0;
	bits |= (amd & BIT(24)) != 0 || (intel & BIT(31)) != 0 ? SPEC_CTRL_SSBD : 0;
	bits |= (amd & BIT(28)) != 0 ? SPEC_CTRL_PSFD : 0;
	return bits;
}

static bool spec_ctrl_write(struct vcpu *vcpu, uint64_t value)
{
	uint64_t allowed = spec_ctrl_bits(vcpu->vm->arch.cpuid);

	if (allowed == 0 || (value & ~allowed) != 0) {
		return false;
	}
	vcpu_regs(vcpu, STATE_MSR)->msrs.spec_ctrl = value;
	vcpu->arch.state->dirty |= STATE_MSR;
	return true;
}

static uint64_t command_bits(const struct cpuid_table *table, uint32_t msr)
{
	uint32_t amd = cpuid_get(table, 0x80000008, CPUID_EBX);
	uint32_t intel = cpuid_get(table, 7, CPUID_EDX);
	uint64_t bits;

	if (msr == MSR_FLUSH_CMD) {
		return (intel & BIT(28)) != 0 ? FLUSH_CMD_L1D : 0;
	}
	bits = (amd & BIT(12)) != 0 || (intel & BIT(26)) != 0 ? PRED_CMD_IBPB : 0;
	bits |= (cpuid_get(table, 0x80000021, CPUID_EAX) & BIT(27)) != 0 ? PRED_CMD_SBPB : 0;
	return bits;
}

/* Commands act on the core at once, while the guest is on it. */
static bool command_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	uint64_t allowed = command_bits(vcpu->vm->arch.cpuid, msr);

	if (allowed == 0 || (value & ~allowed) != 0) {
		return false;
	}
	return value == 0 || wrmsr_safe(msr, value) == 0;
}

/* ---- the others with a function ---- */

/* APM2 7.8.1 "PAT Register": 2 and 3 are reserved types, 7 and above as well. */
static bool pat_is_valid(uint64_t value)
{
	for (unsigned i = 0; i < PAT_TYPES; i++) {
		uint64_t type = value >> i * 8 & 0xff;

		if (type > 7 || type == 2 || type == 3) {
			return false;
		}
	}
	return true;
}

static bool pat_write(struct vcpu *vcpu, uint64_t value)
{
	if (!pat_is_valid(value)) {
		return false;
	}
	vcpu_regs(vcpu, STATE_MSR)->msrs.pat = value;
	vcpu->arch.state->dirty |= STATE_MSR;
	return true;
}

static bool tsc_aux_write(struct vcpu *vcpu, uint64_t value)
{
	if (value > UINT32_MAX || wrmsr_safe(MSR_TSC_AUX, value) != 0) {
		return false;
	}
	vcpu->arch.state->msrs.tsc_aux = value;
	return true;
}

static bool efer_write(struct vcpu *vcpu, uint64_t value)
{
	struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);

	if (!exit_cr_set_efer(&state->sregs, value, vcpu->vm->arch.cpuid->efer)) {
		return false;
	}
	state->dirty |= STATE_SREGS;
	vcpu->arch.flush = true;
	return true;
}

bool exit_msr_is_valid(const struct vm *vm, const struct vcpu_msrs *msrs)
{
	return pat_is_valid(msrs->pat) && msrs->tsc_aux <= UINT32_MAX &&
	       (msrs->spec_ctrl & ~spec_ctrl_bits(vm->arch.cpuid)) == 0 &&
	       (msrs->debugctl & exit_msr_find(MSR_DEBUGCTL)->reserved) == 0;
}

static bool read_function(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case MSR_TSC:
		*value = host_tsc() + vcpu->arch.state->tsc.offset;
		return true;
	case MSR_APIC_BASE:
		*value = vcpu->arch.vlapic.base_msr;
		return true;
	case MSR_TSC_ADJUST:
		*value = vcpu->arch.state->tsc.adjust;
		return true;
	case MSR_SPEC_CTRL:
		*value = vcpu->arch.state->msrs.spec_ctrl;
		return spec_ctrl_bits(vcpu->vm->arch.cpuid) != 0;
	case MSR_TSC_DEADLINE:
		*value = vlapic_tsc_deadline_read(vcpu);
		return true;
	case MSR_EFER:
		*value = vcpu_regs(vcpu, STATE_SREGS)->sregs.efer;
		return true;
	default:
		return msr < MSR_X2APIC ? vmce_read(vcpu, msr, value)
					: vlapic_msr_read(vcpu, msr, value);
	}
}

static bool write_function(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	switch (msr) {
	case MSR_TSC:
		tsc_write(vcpu, value);
		return true;
	case MSR_APIC_BASE:
		return vlapic_base_write(vcpu, value);
	case MSR_TSC_ADJUST:
		tsc_move(vcpu, value - vcpu->arch.state->tsc.adjust);
		return true;
	case MSR_SPEC_CTRL:
		return spec_ctrl_write(vcpu, value);
	case MSR_PRED_CMD:
	case MSR_FLUSH_CMD:
		return command_write(vcpu, msr, value);
	case MSR_PAT:
		return pat_write(vcpu, value);
	case MSR_TSC_DEADLINE:
		vlapic_tsc_deadline_write(vcpu, value);
		return true;
	case MSR_EFER:
		return efer_write(vcpu, value);
	case MSR_TSC_AUX:
		return tsc_aux_write(vcpu, value);
	default:
		return msr < MSR_X2APIC ? vmce_write(vcpu, msr, value)
					: vlapic_msr_write(vcpu, msr, value);
	}
}

static bool is_of_vendor(const struct vcpu *vcpu, const struct msr_policy *policy)
{
	bool is_intel = vcpu->vm->arch.cpuid->vendor == CPUID_VENDOR_INTEL;

	return policy->vendor == MSR_OF_ALL || is_intel == (policy->vendor == MSR_OF_INTEL);
}

/* EOI and IPIs: most of what a guest that runs writes. They need no search. */
static bool is_x2apic(uint32_t msr)
{
	return msr - MSR_X2APIC <= MSR_X2APIC_LAST - MSR_X2APIC;
}

bool exit_msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	const struct msr_policy *policy = exit_msr_find(msr);

	if (policy == NULL || !is_of_vendor(vcpu, policy)) {
		return false;
	}
	switch ((enum msr_read)policy->read) {
	case MSR_READ_FAULT:
		return false;
	case MSR_READ_REAL:
		/* Every CPU of the vendor has them, but not every emulator. */
		if (rdmsr_safe(msr, value) != 0) {
			*value = 0;
		}
		*value &= policy->mask;
		return true;
	case MSR_READ_MTRR:
		return mtrr_get(msr, value);
	case MSR_READ_STATE:
		*value = *state_field(vcpu, policy->offset);
		return true;
	case MSR_READ_CONST:
		*value = policy->value;
		return true;
	case MSR_READ_FUNCTION:
		return read_function(vcpu, msr, value);
	}
	return false;
}

static bool state_write(struct vcpu *vcpu, const struct msr_policy *policy, uint64_t value)
{
	if ((value & policy->reserved) != 0) {
		return false;
	}
	*state_field(vcpu, policy->offset) = value;
	vcpu->arch.state->dirty |= STATE_MSR;
	return true;
}

bool exit_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	const struct msr_policy *policy;

	if (is_x2apic(msr)) {
		return vlapic_msr_write(vcpu, msr, value);
	}
	policy = exit_msr_find(msr);
	if (policy == NULL || !is_of_vendor(vcpu, policy)) {
		return false;
	}
	switch ((enum msr_write)policy->write) {
	case MSR_WRITE_FAULT:
		return false;
	case MSR_WRITE_STATE:
	case MSR_WRITE_DIRECT:
		return state_write(vcpu, policy, value);
	case MSR_WRITE_DROP:
		return true;
	case MSR_WRITE_FUNCTION:
		return write_function(vcpu, msr, value);
	}
	return false;
}

bool exit_rdmsr(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint32_t msr = (uint32_t)vcpu->arch.state->gpr[GPR_RCX];
	uint64_t value;

	(void)exit;
	if (!exit_msr_read(vcpu, msr, &value)) {
		vcpu_events_raise_gp(vcpu);
		return true;
	}
	vcpu_regs_set_pair(vcpu, value);
	arch_vcpu_skip_insn(vcpu);
	return true;
}

bool exit_wrmsr(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint32_t msr = (uint32_t)vcpu->arch.state->gpr[GPR_RCX];

	(void)exit;
	if (!exit_msr_write(vcpu, msr, vcpu_regs_pair(vcpu))) {
		vcpu_events_raise_gp(vcpu);
		return true;
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}
