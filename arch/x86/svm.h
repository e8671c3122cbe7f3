/* SPDX-License-Identifier: GPL-2.0-only */
/* AMD-V: the vendor half of a CPU and of a vCPU. The VMCB itself is a secret page (vmcb.h). */
#pragma once

#include "arch/tlb_tag.h"

struct cpu;
struct vcpu;
struct vcpu_event;
struct vcpu_exit;
struct vcpu_sregs;
struct vcpu_state;
struct vcpu_windows;
struct vmcb;

struct svm_cpu {
	hpa_t host_save; /* VM_HSAVE_PA page */
	hpa_t host_vmcb; /* where VMSAVE keeps the host's FS, GS, TR, LDTR, SYSCALL and SYSENTER
			    state */
	struct tlb_tags asids;
};

struct svm_vcpu {
	struct vmcb *vmcb; /* the secret slot's address: only while loaded */
	struct tlb_tag asid;
	uint64_t cr4_forced; /* bits of the VMCB's CR4 that are not the guest's */
	/* svm_nmi.c: */
	bool nmi_armed; /* something of it is to be undone, or looked at after the exit */
	bool iret_seen; /* the IRET at iret_rip is about to end the NMI handler */
	bool stepping;  /* entered with TF set by us, at step_rip */
	bool step_done; /* this #DB exit is that step's, and nothing else */
	uint64_t iret_rip, step_rip, step_rflags, step_dr6;
};

/* What CPUID and VM_CR say about this core's SVM; see svm_check(). */
struct svm_facts {
	bool has_svm;
	uint64_t vm_cr;
	uint32_t asids;    /* CPUID 8000000A EBX */
	uint32_t features; /* CPUID 8000000A EDX */
};

/* True when it has all that is required; else *missing says what it lacks and, if it can be helped,
 * how. Pure. */
must_check bool svm_check(const struct svm_facts *facts, const char **missing);

/* CPUID 8000000A EDX of the boot CPU; const after cpu_enable there. */
extern uint32_t svm_features;

/* The VMCB's clean bits that it honours: 0 where it has none. */
extern uint32_t svm_clean;

/* The bits of CR4 that are set while guests run: MCE, where the CPU has it. Const after cpu_enable.
 */
extern uint64_t svm_cr4_always;

/* svm_enter.asm: the world switch. Enters the guest of that VMCB with *state's GPRs (RAX and RSP
 * are the VMCB's), and returns at its #VMEXIT. */
void svm_enter(struct vcpu_state *state, hpa_t guest_vmcb, hpa_t host_vmcb);
/* The same with work: MITIGATE_ bits. */
void svm_enter_mitigated(struct vcpu_state *state, hpa_t guest_vmcb, hpa_t host_vmcb,
			 uint32_t work);
extern const char svm_enter_end[];

/* svm_run.c */
void svm_run(struct vcpu *vcpu, struct vcpu_exit *exit);

/* svm_decode.c: the VMCB's exit fields to *exit. */
void svm_decode(struct vcpu *vcpu, struct vcpu_exit *exit);

/* svm_nmi.c: when the guest can take its next NMI: before an entry, at an exit for IRET, after each
 * exit. */
void svm_nmi_prepare(struct vcpu *vcpu, const struct vcpu_event *event,
		     const struct vcpu_windows *windows);
void svm_nmi_iret(struct vcpu *vcpu);
void svm_nmi_collect(struct vcpu *vcpu);

/* svm_state.c */
void svm_state_get(struct vcpu *vcpu, uint64_t groups);
void svm_state_set(struct vcpu *vcpu, uint64_t groups);
bool svm_state_paging_load(struct vcpu *vcpu, struct vcpu_sregs *sregs); /* virt_ops' */

/* svm_dump.c */
void svm_dump(struct vcpu *vcpu);
