/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is done against a processor's speculation: one table, keyed on CPUID's and
 * ARCH_CAPABILITIES' bits and on the generation where the manuals name it; docs/mitigations.md
 * shows it.
 */
#pragma once

#include "core/bits.h"

struct vcpu;

/* Bits of what is known of a processor: mitigation_features[] says where each comes from. */
enum mitigation_feature {
	FEATURE_SMEP,
	FEATURE_SMAP,
	FEATURE_UMIP,
	FEATURE_IBPB,
	FEATURE_IBPB_INTEL,
	FEATURE_AUTO_IBRS,
	FEATURE_BTC_NO,
	FEATURE_IBPB_TYPES,
	FEATURE_SRSO_NO,
	FEATURE_BP_REDUCE,
	FEATURE_LFENCE,
	FEATURE_VERW_CLEAR,
	FEATURE_TSA_SQ_NO,
	FEATURE_TSA_L1_NO,
	FEATURE_SSBD,
	FEATURE_SSB_NO,
	FEATURE_MD_CLEAR,
	FEATURE_L1D_FLUSH,
	FEATURE_THREADS,
	FEATURE_RDCL_NO, /* from here on: of ARCH_CAPABILITIES */
	FEATURE_IBRS_ALL,
	FEATURE_COUNT,
};

/* Where CPUID has it, in subleaf 0; or the MSR ARCH_CAPABILITIES. */
struct mitigation_source {
	uint32_t leaf; /* 0: the MSR */
	uint8_t reg;   /* enum cpuid_register */
	uint8_t bit;
};
extern const struct mitigation_source mitigation_features[FEATURE_COUNT];

/* Processors, as far as the table tells them apart. Zen 3 is all of family 19h, with Zen 4. */
#define GENERATION_AMD_OLD BIT(0)
#define GENERATION_ZEN1    BIT(1)
#define GENERATION_ZEN2    BIT(2)
#define GENERATION_ZEN3    BIT(3)
#define GENERATION_ZEN5    BIT(4)
#define GENERATION_INTEL   BIT(5)
#define GENERATION_AMD     BITS(4, 0)
#define GENERATION_ANY     BITS(5, 0)

struct mitigation_facts {
	uint64_t generation; /* one bit */
	uint64_t features;   /* BIT(enum mitigation_feature) */
};

/* Work of the world switch, in vcpu->arch.mitigate; and of a change of vCPU. */
#define MITIGATE_SPEC_CTRL   BIT(0) /* exchange it: the guest's is not 0 */
#define MITIGATE_IBPB_EXIT   BIT(1)
#define MITIGATE_RETURNS     BIT(2) /* fill the return stack after an exit */
#define MITIGATE_VERW        BIT(3) /* before an entry */
#define MITIGATE_IBPB_SWITCH BIT(4)
#define MITIGATE_DIVIDE      BIT(5) /* on a change of vCPU */
#define MITIGATE_L1D         BIT(6) /* before an entry */
#define MITIGATE_WORLD       (BITS(3, 1) | MITIGATE_L1D)

enum mitigation_kind { NOT_AFFECTED, MITIGATED, NOT_MITIGATED };

/* The first row of a problem that fits a processor is its answer. */
struct mitigation_row {
	const char *problem;
	const char *answer;
	uint32_t needs; /* all of these features */
	uint8_t generations;
	uint8_t kind; /* enum mitigation_kind */
	uint8_t work;
	uint32_t msr; /* set these bits on each CPU; 0: none */
	uint32_t bits;
};
extern const struct mitigation_row mitigation_rows[];
extern const uint32_t mitigation_row_count;

/* The generation of a processor by leaf 0's EBX and leaf 1's EAX. Pure. */
uint64_t mitigation_generation(uint32_t vendor, uint32_t signature);

/* Whether the row is a processor's answer, if none before it of its problem was. Pure. */
bool mitigation_fits(const struct mitigation_row *row, const struct mitigation_facts *facts);

/* The work of all answers. Pure. */
uint32_t mitigation_work_of(const struct mitigation_facts *facts);

/* MITIGATE_ bits of this machine; const after mitigation_cpu_enable() of the boot CPU. */
extern uint32_t mitigation_work;

/* Sets this CPU's own registers. On the boot CPU, which is first, it decides for all, and logs. */
void mitigation_cpu_enable(bool is_boot_cpu);

/* The vCPU is loaded on this CPU: what the one before has left in it is no help, and no word. */
void mitigation_switch(const struct vcpu *vcpu);
