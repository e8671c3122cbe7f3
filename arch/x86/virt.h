/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vendor seam: what SVM and VMX do differently. Chosen once, before the second CPU starts,
 * never changed. Policy (CPUID, MSRs, ports, control registers) is not here: it exists once, in
 * exit_*.c.
 */
#pragma once

#include "core/types.h"

struct cpu;
struct vcpu;
struct vcpu_sregs;
struct vcpu_exit;
struct vm;
struct pt_format;

struct virt_ops {
	const char *name;
	/* True when this CPU has all that is required; else *missing names what it lacks ("nested
	 * paging (CPUID 8000000A EDX[0])"): NULL where it is not this vendor's at all. */
	bool (*probe)(const char **missing);
	int (*cpu_enable)(struct cpu *cpu);
	void (*cpu_disable)(struct cpu *cpu);
	int (*vm_init)(struct vm *vm); /* with bitmaps that intercept all MSRs */
	void (*vm_fini)(struct vm *vm);
	int (*vcpu_init)(struct vcpu *vcpu);
	void (*vcpu_fini)(struct vcpu *vcpu);
	/* Also of one that is loaded already, when its state was set: the CPU's own registers
	 * follow. */
	void (*vcpu_load)(struct vcpu *vcpu);
	void (*vcpu_put)(struct vcpu *vcpu);
	/* Injects what vcpu_events_next() says, enters, returns at the exit with GPR valid and the
	 * exit decoded. */
	void (*run)(struct vcpu *vcpu, struct vcpu_exit *exit);
	/* Brings groups up to date in vcpu_state from the VMCB or VMCS; and the other way, for the
	 * dirty ones. */
	void (*state_get)(struct vcpu *vcpu, uint64_t groups);
	void (*state_set)(struct vcpu *vcpu, uint64_t groups);
	/* Long mode was turned on in *sregs, or PAE paging, or its table is to be looked at again:
	 * checks what this vendor's processors do, and loads what they keep. False: #GP. */
	bool (*paging_load)(struct vcpu *vcpu, struct vcpu_sregs *sregs);
	void (*dump)(struct vcpu *vcpu);
	/* Opens or closes ports and MSRs to the guest in its bitmaps. */
	void (*port_intercept)(struct vm *vm, uint16_t port, bool intercept);
	void (*msr_intercept)(struct vm *vm, uint32_t msr, bool read, bool write);
	const struct pt_format *(*stage2_format)(void);
	uint64_t pending_debug; /* bits of vcpu_events' that it has; 0: nor kinds of shadows */
};

/* A bit of a map of ports or MSRs. */
static inline void virt_map_assign(uint8_t *map, uint32_t bit, bool value)
{
	uint8_t mask = (uint8_t)(1U << bit % 8);

	map[bit / 8] = value ? map[bit / 8] | mask : map[bit / 8] & (uint8_t)~mask;
}

extern const struct virt_ops virt_svm, virt_vmx;

/* The chosen one; NULL before virt_select(). */
extern const struct virt_ops *virt;

/* Picks the vendor by probe(); refuses to start with what is missing by name. Boot CPU. */
void virt_select(void);
