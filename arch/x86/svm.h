/* SPDX-License-Identifier: GPL-2.0-only */
/* AMD-V: the vendor half of a CPU and of a vCPU. The VMCB itself is a secret page (vmcb.h). */
#pragma once

#include "core/types.h"

struct vmcb;

struct svm_cpu {
	hpa_t host_save; /* VM_HSAVE_PA page */
	hpa_t host_vmcb; /* where VMSAVE keeps the host's FS, GS, TR, LDTR, SYSCALL and SYSENTER
			    state */
	uint32_t asid_next, asid_max;
	uint64_t asid_generation;
};

struct svm_vcpu {
	struct vmcb *vmcb; /* the secret slot's address: only while loaded */
	uint32_t asid; /* of (vCPU, address space) on cpu asid_cpu in generation asid_generation */
	uint32_t asid_cpu;
	uint64_t asid_generation;
	bool nmi_window; /* IRET is intercepted */
};
