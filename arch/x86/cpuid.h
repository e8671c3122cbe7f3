/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What guests are told by CPUID: a table a VM, made at its creation from the machine's answers by
 * one static policy, so that no exit ever executes CPUID. Fields of a single vCPU (its APIC ID,
 * what depends on its CR4 and XCR0) are filled in at the exit. APM3 appendix E, SDM2 "CPUID".
 */
#pragma once

#include "core/types.h"

struct vcpu;
struct vm;

#define CPUID_VENDOR_INTEL 0x756e6547U /* EBX of leaf 0: "Genu" */

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX, CPUID_REGISTERS };

struct cpuid_entry {
	uint32_t leaf, subleaf;
	uint32_t regs[CPUID_REGISTERS];
	bool has_subleaf; /* the leaf looks at ECX */
	bool is_dynamic;  /* has fields of the vCPU */
};

#define CPUID_ENTRIES_MAX 96
#define CPUID_RANGES      4  /* basic, extended, KVM's, ours */
#define CPUID_RANGE_SIZE  40 /* leaves of each */

#define CPUID_LEAF_KVM 0x40000000U
#define CPUID_LEAF_OWN 0x40000100U
#define CPUID_LEAF_EXT 0x80000000U

struct cpuid_table {
	uint32_t count;
	struct cpuid_entry entries[CPUID_ENTRIES_MAX]; /* sorted by leaf, then subleaf */
	uint8_t index[CPUID_RANGES][CPUID_RANGE_SIZE]; /* first entry of a leaf + 1; 0: none */
	/* What follows from it for control registers: */
	uint64_t cr4, efer, xcr0; /* bits that guests may set */
	unsigned physical_bits;
	uint32_t vendor; /* EBX of leaf 0 */
};

struct cpuid_topology {
	uint32_t vcpu_count;
	bool is_control;
};

/* Allocates vm->arch.cpuid and fills it on this machine. Boot CPU, at VM creation. */
must_check int cpuid_vm_init(struct vm *vm);

/* The machine's answers, unchanged, of the leaves that the policy knows. */
void cpuid_read_host(struct cpuid_table *table);

/*
 * Makes a table of the machine's answers into a guest's. xcr0: extended state that the hypervisor
 * can switch. Pure.
 */
void cpuid_apply_policy(struct cpuid_table *table, const struct cpuid_topology *topology,
			uint64_t xcr0);

/* A leaf that guests have. */
struct cpuid_policy {
	uint32_t leaf, subleaf;
	bool has_subleaf, is_dynamic;
	uint32_t keep[CPUID_REGISTERS]; /* bits of the machine's answer that guests see */
	uint32_t set[CPUID_REGISTERS];  /* bits that they always see */
};
extern const struct cpuid_policy cpuid_policies[];
extern const uint32_t cpuid_policy_count;

/* Adds an entry, in order; asserts that there is room: the policy is ours. */
struct cpuid_entry *cpuid_add(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf);

/* The entry of a leaf, or NULL: all zeroes. */
const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
				     uint32_t subleaf);

/* A register of an entry, 0 where there is none. */
uint32_t cpuid_get(const struct cpuid_table *table, uint32_t leaf, enum cpuid_register reg);

/* Size of the XSAVE area for these components. Pure. */
uint32_t cpuid_xsave_size(const struct cpuid_table *table, uint64_t xcr0, bool compacted);
