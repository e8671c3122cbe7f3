/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ASIDs: tags that keep one vCPU's TLB entries from another's, on one CPU. A vCPU that comes from
 * another CPU, or whose entries are stale, gets a new one; when they are used up, all of the CPU's
 * TLB is flushed and they are given out again. APM2 15.16 "TLB Control".
 */
#include "arch/svm.h"

#include "arch/vmcb.h"
#include "core/cpu.h"

void svm_asid_init(struct svm_cpu *cpu, uint32_t asids)
{
	cpu->asid_max = asids - 1;
	cpu->asid_next = 1;
	cpu->asid_generation = 1;
	cpu->asid_flush = true; /* whatever a hypervisor before us left under them */
}

static void asid_assign(struct cpu *cpu, struct svm_vcpu *vcpu)
{
	struct svm_cpu *svm = &cpu->arch.svm;

	if (svm->asid_next > svm->asid_max) {
		svm->asid_next = 1;
		svm->asid_generation++;
		svm->asid_flush = true;
	}
	vcpu->asid = svm->asid_next++;
	vcpu->asid_cpu = cpu->index;
	vcpu->asid_generation = svm->asid_generation;
}

struct svm_asid svm_asid_select(struct cpu *cpu, struct svm_vcpu *vcpu, bool flush)
{
	struct svm_cpu *svm = &cpu->arch.svm;
	struct svm_asid answer = { .tlb_control = VMCB_TLB_KEEP };
	bool owned = svm_asid_is_current(svm, cpu->index, vcpu);

	if (owned && flush && (svm_features & SVM_CPUID_FLUSH_ASID) != 0) {
		answer.tlb_control = VMCB_TLB_FLUSH_ASID;
	} else if (!owned || flush) {
		asid_assign(cpu, vcpu);
	}
	if (svm->asid_flush) {
		svm->asid_flush = false;
		answer.tlb_control = VMCB_TLB_FLUSH_ALL;
	}
	answer.asid = vcpu->asid;
	return answer;
}
