/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID exits: the table's answer with the vCPU's own fields. The most frequent exit there is. */
#include "arch/x86_exit.h"

#include "arch/cpuid.h"
#include "arch/vcpu_regs.h"
#include "core/arch.h"
#include "core/string.h"
#include "core/vm.h"

#define LEAF1_OSXSAVE BIT(27)
#define LEAF7_OSPKE   BIT(4)
#define XSAVEC        BIT(1)

static bool cr4_has(struct vcpu *vcpu, uint64_t bit)
{
	return (vcpu_regs(vcpu, STATE_SREGS)->sregs.cr4 & bit) != 0;
}

static void fill_features(struct vcpu *vcpu, const struct cpuid_entry *entry, uint32_t *regs)
{
	if (entry->leaf == 1) {
		regs[CPUID_EBX] |=
			(uint32_t)field_set(BITS(31, 24), vcpu->arch.vlapic.apic_id & 0xff);
		regs[CPUID_ECX] &= (uint32_t)~LEAF1_OSXSAVE;
		regs[CPUID_ECX] |= cr4_has(vcpu, CR4_OSXSAVE) ? (uint32_t)LEAF1_OSXSAVE : 0;
	} else {
		regs[CPUID_ECX] &= (uint32_t)~LEAF7_OSPKE;
		regs[CPUID_ECX] |= cr4_has(vcpu, CR4_PKE) ? (uint32_t)LEAF7_OSPKE : 0;
	}
}

static void fill_xsave(struct vcpu *vcpu, const struct cpuid_entry *entry, uint32_t *regs)
{
	const struct cpuid_table *table = vcpu->vm->arch.cpuid;

	if (table->xcr0 == 0) {
		return;
	}
	if (entry->subleaf == 0) {
		regs[CPUID_EBX] = cpuid_xsave_size(table, vcpu->arch.state->xcr0, false);
	} else if ((regs[CPUID_EAX] & XSAVEC) != 0) {
		regs[CPUID_EBX] = cpuid_xsave_size(table, vcpu->arch.state->xcr0, true);
	}
}

/* One core of one thread each; node 0. */
static void fill_ids(struct vcpu *vcpu, uint32_t *regs)
{
	regs[CPUID_EAX] = vcpu->arch.vlapic.apic_id;
	regs[CPUID_EBX] = vcpu->arch.vlapic.apic_id & 0xff;
}

static void fill(struct vcpu *vcpu, const struct cpuid_entry *entry, uint32_t *regs)
{
	switch (entry->leaf) {
	case 0x01:
	case 0x07:
		fill_features(vcpu, entry, regs);
		break;
	case 0x0b:
		regs[CPUID_EDX] = vcpu->arch.vlapic.apic_id;
		break;
	case 0x0d:
		fill_xsave(vcpu, entry, regs);
		break;
	default: /* 8000001e */
		fill_ids(vcpu, regs);
		break;
	}
}

/* No entry: all zeroes. Past leaf B's last level, its number and the ID are told all the same. */
static void answer_missing(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
	uint64_t *gpr = vcpu->arch.state->gpr;
	bool is_topology = leaf == 0xb;

	gpr[GPR_RAX] = 0;
	gpr[GPR_RBX] = 0;
	gpr[GPR_RCX] = is_topology ? subleaf & 0xff : 0;
	gpr[GPR_RDX] = is_topology ? vcpu->arch.vlapic.apic_id : 0;
}

static void answer(struct vcpu *vcpu, const uint32_t *regs)
{
	uint64_t *gpr = vcpu->arch.state->gpr;

	gpr[GPR_RAX] = regs[CPUID_EAX];
	gpr[GPR_RBX] = regs[CPUID_EBX];
	gpr[GPR_RCX] = regs[CPUID_ECX];
	gpr[GPR_RDX] = regs[CPUID_EDX];
}

static void answer_dynamic(struct vcpu *vcpu, const struct cpuid_entry *entry)
{
	uint32_t regs[CPUID_REGISTERS];

	memcpy(regs, entry->regs, sizeof(regs));
	fill(vcpu, entry, regs);
	answer(vcpu, regs);
}

bool exit_cpuid(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint32_t leaf = (uint32_t)vcpu->arch.state->gpr[GPR_RAX];
	uint32_t subleaf = (uint32_t)vcpu->arch.state->gpr[GPR_RCX];
	const struct cpuid_entry *entry = cpuid_find(vcpu->vm->arch.cpuid, leaf, subleaf);

	(void)exit;
	if (entry == NULL) {
		answer_missing(vcpu, leaf, subleaf);
	} else if (entry->is_dynamic) {
		answer_dynamic(vcpu, entry);
	} else {
		answer(vcpu, entry->regs);
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}
