/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which processor needs what. APM2 3.2.9 "Speculation Control MSRs", APM3 E.4 "Extended Feature
 * Function Numbers", AMD's "Software Techniques for Managing Speculation", SDM4
 * "IA32_ARCH_CAPABILITIES".
 */
#include "arch/cpuid.h"
#include "arch/mitigation.h"
#include "arch/msr.h"

const struct mitigation_source mitigation_features[FEATURE_COUNT] = {
	[FEATURE_SMEP] = { 0x7, CPUID_EBX, 7 },
	[FEATURE_SMAP] = { 0x7, CPUID_EBX, 20 },
	[FEATURE_UMIP] = { 0x7, CPUID_ECX, 2 },
	[FEATURE_IBPB] = { 0x80000008, CPUID_EBX, 12 },
	[FEATURE_IBPB_INTEL] = { 0x7, CPUID_EDX, 26 },
	[FEATURE_AUTO_IBRS] = { 0x80000021, CPUID_EAX, 8 },
	[FEATURE_BTC_NO] = { 0x80000008, CPUID_EBX, 29 },
	[FEATURE_IBPB_TYPES] = { 0x80000021, CPUID_EAX, 28 },
	[FEATURE_SRSO_NO] = { 0x80000021, CPUID_EAX, 29 },
	[FEATURE_BP_REDUCE] = { 0x80000021, CPUID_EAX, 31 },
	[FEATURE_LFENCE] = { 0x80000021, CPUID_EAX, 2 },
	[FEATURE_VERW_CLEAR] = { 0x80000021, CPUID_EAX, 5 },
	[FEATURE_TSA_SQ_NO] = { 0x80000021, CPUID_ECX, 1 },
	[FEATURE_TSA_L1_NO] = { 0x80000021, CPUID_ECX, 2 },
	[FEATURE_SSBD] = { 0x80000008, CPUID_EBX, 24 },
	[FEATURE_SSB_NO] = { 0x80000008, CPUID_EBX, 26 },
	[FEATURE_MD_CLEAR] = { 0x7, CPUID_EDX, 10 },
	[FEATURE_L1D_FLUSH] = { 0x7, CPUID_EDX, 28 },
	[FEATURE_THREADS] = { 0x8000001e, CPUID_EBX, 8 },
	[FEATURE_RDCL_NO] = { 0, 0, 0 },
	[FEATURE_IBRS_ALL] = { 0, 0, 1 },
};

#define HAS(name)             .needs = (uint32_t)BIT(FEATURE_##name)
#define ON(name)              .generations = (uint8_t)GENERATION_##name
#define DOES(text)            .kind = MITIGATED, .answer = (text)
#define SAFE(text)            .kind = NOT_AFFECTED, .answer = (text)
#define OPEN(text)            .kind = NOT_MITIGATED, .answer = (text)
#define WORK(name)            .work = (uint8_t)MITIGATE_##name
#define SET(register_, bits_) .msr = MSR_##register_, .bits = (uint32_t)(bits_)
#define NOTHING               SAFE("by design")
#define NO_IBPB               OPEN("no IBPB, old microcode")

/* By problem; in each, what comes first is what does more, and the last row fits the rest. */
const struct mitigation_row mitigation_rows[] = {
	{ "user code", ON(ANY), HAS(SMEP), DOES("SMEP") },
	{ "user code", ON(ANY), OPEN("no SMEP") },
	{ "user data", ON(ANY), HAS(SMAP), DOES("SMAP") },
	{ "user data", ON(ANY), OPEN("no SMAP") },
	{ "user SGDT", ON(ANY), HAS(UMIP), DOES("UMIP") },
	{ "user SGDT", ON(ANY), OPEN("no UMIP") },
	{ "spectre v1", ON(ANY), DOES("guests' indices are clamped") },
	{ "LFENCE", ON(INTEL), SAFE("it serialises") },
	{ "LFENCE", ON(ANY), HAS(LFENCE), SAFE("it serialises") },
	{ "LFENCE", ON(ANY), DOES("DE_CFG"), SET(DE_CFG, BIT(1)) },
	{ "spectre v2", ON(AMD), HAS(AUTO_IBRS), DOES("automatic IBRS"), SET(EFER, EFER_AIBRSE) },
	{ "spectre v2", ON(INTEL), HAS(IBRS_ALL), DOES("IBRS"), SET(SPEC_CTRL, BIT(0)) },
	{ "spectre v2", ON(ANY), HAS(IBPB), DOES("IBPB at exit"), WORK(IBPB_EXIT) },
	{ "spectre v2", ON(ANY), NO_IBPB },
	{ "retbleed", ON(INTEL), HAS(IBRS_ALL), SAFE("IBRS") },
	{ "retbleed", ON(ZEN3), NOTHING },
	{ "retbleed", ON(ZEN5), NOTHING },
	{ "retbleed", ON(ANY), HAS(BTC_NO), NOTHING },
	{ "retbleed", ON(ANY), HAS(IBPB), DOES("IBPB at exit"), WORK(IBPB_EXIT) },
	{ "retbleed", ON(ANY), NO_IBPB },
	{ "return stack", ON(AMD), HAS(AUTO_IBRS), DOES("automatic IBRS") },
	{ "return stack", ON(ANY), HAS(IBPB), DOES("filled at exit"), WORK(RETURNS) },
	{ "return stack", ON(ANY), NO_IBPB },
	{ "SRSO", ON(INTEL), NOTHING },
	{ "SRSO", ON(AMD_OLD), NOTHING },
	{ "SRSO", ON(ANY), HAS(SRSO_NO), NOTHING },
	{ "SRSO", ON(ANY), HAS(BP_REDUCE), DOES("BP_CFG"), SET(BP_CFG, BIT(4)) },
	{ "SRSO", ON(ANY), HAS(IBPB_TYPES), DOES("IBPB at exit"), WORK(IBPB_EXIT) },
	{ "SRSO", ON(ZEN1), HAS(IBPB), DOES("IBPB at exit"), WORK(IBPB_EXIT) },
	{ "SRSO", ON(ZEN2), HAS(IBPB), DOES("IBPB at exit"), WORK(IBPB_EXIT) },
	{ "SRSO", ON(ANY), OPEN("IBPB leaves branch types, old microcode") },
	{ "guest to guest", ON(ANY), HAS(IBPB), DOES("IBPB between vCPUs"), WORK(IBPB_SWITCH) },
	{ "guest to guest", ON(ANY), NO_IBPB },
	{ "SMT", ON(INTEL), OPEN("they run any guest") },
	{ "SMT", ON(ANY), HAS(THREADS), OPEN("they run any guest") },
	{ "SMT", ON(ANY), SAFE("one a core") },
	{ "SSB", ON(ANY), HAS(SSB_NO), NOTHING },
	{ "SSB", ON(ANY), HAS(SSBD), DOES("guests have SSBD") },
	{ "SSB", ON(ANY), OPEN("no SSBD") },
	{ "TSA", ON(ANY), .needs = BIT(FEATURE_TSA_SQ_NO) | BIT(FEATURE_TSA_L1_NO), NOTHING },
	{ "TSA", ON(ZEN3), HAS(VERW_CLEAR), DOES("VERW at entry"), WORK(VERW) },
	{ "TSA", ON(ZEN3), OPEN("VERW clears nothing, old microcode") },
	{ "TSA", ON(ANY), NOTHING },
	{ "MDS", ON(AMD), NOTHING },
	{ "MDS", ON(ANY), HAS(MD_CLEAR), DOES("VERW at entry"), WORK(VERW) },
	{ "MDS", ON(ANY), OPEN("VERW clears nothing, old microcode") },
	{ "L1TF", ON(AMD), NOTHING },
	{ "L1TF", ON(ANY), HAS(RDCL_NO), NOTHING },
	{ "L1TF", ON(ANY), HAS(L1D_FLUSH), DOES("flush at entry"), WORK(L1D) },
	{ "L1TF", ON(ANY), OPEN("no flush, old microcode") },
	{ "DIV0", ON(ZEN1), DOES("divides between vCPUs"), WORK(DIVIDE) },
	{ "DIV0", ON(ANY), NOTHING },
	{ "zenbleed", ON(ZEN2), DOES("DE_CFG"), SET(DE_CFG, BIT(9)) },
	{ "zenbleed", ON(ANY), NOTHING },
};

const uint32_t mitigation_row_count = ARRAY_SIZE(mitigation_rows);
