/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine's processors need against their speculation, found once on the boot CPU. What
 * needs what is mitigation_table.c's; work at entries and exits is mitigation.inc's.
 */
#include "arch/mitigation.h"

#include "arch/cpuid.h"
#include "arch/msr.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/option.h"
#include "core/panic.h"
#include "core/string.h"

#define CPUID_EDX_ARCH_CAPS BIT(29) /* of leaf 7 */

#define FAMILY_LOW  BITS(11, 8) /* of leaf 1 EAX: APM3 E.3.2 "Function 1h" */
#define MODEL_HIGH  BITS(19, 16)
#define FAMILY_HIGH BITS(27, 20)

uint32_t mitigation_work;

/* Const after init. */
static struct mitigation_facts facts;
static bool is_off;

/* ---- decisions ---- */

bool mitigation_fits(const struct mitigation_row *row, const struct mitigation_facts *of)
{
	return (row->generations & of->generation) != 0 && (row->needs & ~of->features) == 0;
}

/* The row that is the answer to the problem of *at; moves *at to the next problem. The last row of
 * each fits everything. */
static const struct mitigation_row *answer_next(const struct mitigation_facts *of, uint32_t *at)
{
	const struct mitigation_row *first = &mitigation_rows[*at], *answer = NULL;

	for (; *at < mitigation_row_count; (*at)++) {
		const struct mitigation_row *row = &mitigation_rows[*at];

		if (strcmp(row->problem, first->problem) != 0) {
			break;
		}
		answer = answer == NULL && mitigation_fits(row, of) ? row : answer;
	}
	assert(answer != NULL);
	return answer;
}

uint32_t mitigation_work_of(const struct mitigation_facts *of)
{
	uint32_t work = 0;

	for (uint32_t at = 0; at < mitigation_row_count;) {
		work |= answer_next(of, &at)->work;
	}
	return work;
}

/* ---- the machine ---- */

uint64_t mitigation_generation(uint32_t vendor, uint32_t signature)
{
	uint64_t family = field_get(FAMILY_LOW, signature);
	uint64_t model = field_get(MODEL_HIGH, signature);

	if (vendor == CPUID_VENDOR_INTEL) {
		return GENERATION_INTEL;
	}
	family += family == 0xf ? field_get(FAMILY_HIGH, signature) : 0;
	if (family < 0x17) {
		return GENERATION_AMD_OLD;
	}
	if (family == 0x17) { /* models 00 to 2f, and 50 to 5f */
		return model < 3 || model == 5 ? GENERATION_ZEN1 : GENERATION_ZEN2;
	}
	return family == 0x18   ? GENERATION_ZEN1 /* Hygon's */
	       : family == 0x19 ? GENERATION_ZEN3
				: GENERATION_ZEN5;
}

static bool has_feature(const struct mitigation_source *source)
{
	uint32_t leaf = source->leaf == 0 ? 7 : source->leaf;
	struct cpuid answer = { 0 };
	uint64_t capabilities;

	if (cpuid(leaf & 0x80000000, 0).eax >= leaf) {
		answer = cpuid(leaf, 0);
	}
	if (source->leaf == 0) {
		return (answer.edx & CPUID_EDX_ARCH_CAPS) != 0 &&
		       rdmsr_safe(MSR_ARCH_CAPS, &capabilities) == 0 &&
		       (capabilities & BIT(source->bit)) != 0;
	}
	return ((&answer.eax)[source->reg] & BIT(source->bit)) != 0;
}

static void read_facts(void)
{
	facts.generation = mitigation_generation(cpuid(0, 0).ebx, cpuid(1, 0).eax);
	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		facts.features |= has_feature(&mitigation_features[i]) ? BIT(i) : 0;
	}
	if ((facts.features & BIT(FEATURE_IBPB_INTEL)) != 0) {
		facts.features |= BIT(FEATURE_IBPB); /* the same command */
	}
}

/* A register may be there and keep nothing, under another hypervisor. */
static bool set_register(const struct mitigation_row *row)
{
	uint64_t value = 0;

	return row->msr == 0 ||
	       (rdmsr_safe(row->msr, &value) == 0 && wrmsr_safe(row->msr, value | row->bits) == 0 &&
		rdmsr_safe(row->msr, &value) == 0 && (value & row->bits) != 0);
}

/* What does not concern this processor is nothing to read about at every boot. */
static void report(const struct mitigation_row *row, bool is_set)
{
	static const char *const kinds[] = { [NOT_AFFECTED] = "not affected, ",
					     [MITIGATED] = "",
					     [NOT_MITIGATED] = "not mitigated: " };

	log(row->kind == NOT_AFFECTED ? LOG_DEBUG : LOG_INFO, "mitigation: %s: %s%s%s",
	    row->problem, is_set ? kinds[row->kind] : kinds[NOT_MITIGATED], row->answer,
	    is_set ? "" : " can not be set");
}

static void check_cr4(void)
{
	uint64_t wanted = (facts.features & BIT(FEATURE_SMEP)) != 0 ? CR4_SMEP : 0;

	wanted |= (facts.features & BIT(FEATURE_SMAP)) != 0 ? CR4_SMAP : 0;
	wanted |= (facts.features & BIT(FEATURE_UMIP)) != 0 ? CR4_UMIP : 0;
	assert((cr4_read() & wanted) == wanted);
}

void mitigation_cpu_enable(bool is_boot_cpu)
{
	if (is_boot_cpu) {
		read_facts();
		is_off = option_is("mitigations", "off");
		mitigation_work = is_off ? 0 : mitigation_work_of(&facts);
	}
	check_cr4();
	for (uint32_t at = 0; !is_off && at < mitigation_row_count;) {
		const struct mitigation_row *row = answer_next(&facts, &at);
		bool is_set = set_register(row);

		if (is_boot_cpu) {
			report(row, is_set);
		}
	}
	if (is_off && is_boot_cpu) {
		log(LOG_INFO, "mitigation: none, as mitigations=off says");
	}
}

/* A division overwrites what the divider keeps of the last one: AMD-SB-7008. */
static void divide(void)
{
	asm volatile("divl %2" : : "a"(0), "d"(0), "r"(1) : "cc");
}

void mitigation_switch(const struct vcpu *vcpu)
{
	struct cpu *cpu = arch_cpu_self();

	if (cpu->arch.last_vcpu == vcpu) {
		return;
	}
	cpu->arch.last_vcpu = vcpu;
	if ((mitigation_work & MITIGATE_IBPB_SWITCH) != 0) {
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	}
	if ((mitigation_work & MITIGATE_DIVIDE) != 0) {
		divide();
	}
}
