/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hypervisor requires of AMD-V, in words. */
#include "arch/svm.h"

#include "arch/msr.h"
#include "arch/vmcb.h"

bool svm_check(const struct svm_facts *facts, const char **missing)
{
	if (!facts->has_svm) {
		*missing = NULL;
	} else if ((facts->vm_cr & VM_CR_SVMDIS) != 0) {
		*missing =
			"AMD-V, which the CPU has but the firmware has turned off (VM_CR.SVMDIS): "
			"enable SVM in the firmware's setup";
	} else if ((facts->features & SVM_CPUID_NESTED_PAGING) == 0) {
		*missing = "nested paging (CPUID 8000000A EDX[0])";
	} else if (facts->asids < 2) {
		*missing = "address space identifiers (CPUID 8000000A EBX is below 2)";
	} else {
		return true;
	}
	return false;
}
