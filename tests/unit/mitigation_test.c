/* SPDX-License-Identifier: GPL-2.0-only */
/* Which processor gets which mitigation, and that the documentation says the same. */
/* arch: x86 */
/* sources: arch/x86/mitigation.c arch/x86/mitigation_table.c */
#include "arch/mitigation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpuid.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/option.h"
#include "core/panic.h"

#define HAS(name) BIT(FEATURE_##name)

struct cpu *arch_cpu_self(void)
{
	return NULL;
}

bool option_is(const char *key, const char *value)
{
	(void)key, (void)value;
	return false;
}

void log(enum log_level level, const char *format, ...)
{
	(void)level, (void)format;
}

noreturn void panic(const char *format, ...)
{
	fprintf(stderr, "%s\n", format);
	abort();
}

static uint32_t work(uint64_t generation, uint64_t features)
{
	struct mitigation_facts facts = { generation, features };

	return mitigation_work_of(&facts);
}

static void a_processor_with_old_microcode_gets_what_needs_none(void **state)
{
	(void)state;
	assert_int_equal(work(GENERATION_ZEN1, HAS(SMEP) | HAS(SMAP)), MITIGATE_DIVIDE);
	assert_int_equal(work(GENERATION_ZEN3, 0), 0);
}

static void zen1_and_zen2_forget_branches_at_each_exit(void **state)
{
	uint32_t exits = MITIGATE_IBPB_EXIT | MITIGATE_RETURNS | MITIGATE_IBPB_SWITCH;

	(void)state;
	assert_int_equal(work(GENERATION_ZEN1, HAS(IBPB)), exits | MITIGATE_DIVIDE);
	assert_int_equal(work(GENERATION_ZEN2, HAS(IBPB)), exits);
}

static void zen4_needs_ibpb_for_its_returns_in_spite_of_automatic_ibrs(void **state)
{
	uint64_t zen4 = HAS(IBPB) | HAS(BTC_NO) | HAS(AUTO_IBRS) | HAS(IBPB_TYPES);

	(void)state;
	assert_int_equal(work(GENERATION_ZEN3, zen4), MITIGATE_IBPB_EXIT | MITIGATE_IBPB_SWITCH);
	assert_int_equal(work(GENERATION_ZEN3, zen4 | HAS(VERW_CLEAR)),
			 MITIGATE_IBPB_EXIT | MITIGATE_IBPB_SWITCH | MITIGATE_VERW);
	assert_int_equal(work(GENERATION_ZEN3, zen4 | HAS(VERW_CLEAR) | HAS(TSA_SQ_NO)),
			 MITIGATE_IBPB_EXIT | MITIGATE_IBPB_SWITCH | MITIGATE_VERW);
	assert_int_equal(
		work(GENERATION_ZEN3, zen4 | HAS(VERW_CLEAR) | HAS(TSA_SQ_NO) | HAS(TSA_L1_NO)),
		MITIGATE_IBPB_EXIT | MITIGATE_IBPB_SWITCH);
}

static void zen5_has_no_work_at_exits(void **state)
{
	(void)state;
	assert_int_equal(work(GENERATION_ZEN5, HAS(IBPB) | HAS(AUTO_IBRS) | HAS(BP_REDUCE)),
			 MITIGATE_IBPB_SWITCH);
}

static void intel_flushes_what_its_capabilities_do_not_exclude(void **state)
{
	uint64_t old = HAS(IBPB) | HAS(MD_CLEAR) | HAS(L1D_FLUSH);

	(void)state;
	assert_int_equal(work(GENERATION_INTEL, old), MITIGATE_IBPB_EXIT | MITIGATE_RETURNS |
							      MITIGATE_IBPB_SWITCH | MITIGATE_VERW |
							      MITIGATE_L1D);
	assert_int_equal(work(GENERATION_INTEL, old | HAS(IBRS_ALL) | HAS(RDCL_NO)),
			 MITIGATE_RETURNS | MITIGATE_IBPB_SWITCH | MITIGATE_VERW);
}

static void generations_are_told_by_family_and_model(void **state)
{
	const uint32_t amd = 0x68747541;

	(void)state;
	assert_int_equal(mitigation_generation(amd, 0x00600f20), GENERATION_AMD_OLD);
	assert_int_equal(mitigation_generation(amd, 0x00800f12), GENERATION_ZEN1);
	assert_int_equal(mitigation_generation(amd, 0x00850f00), GENERATION_ZEN1);
	assert_int_equal(mitigation_generation(amd, 0x00830f10), GENERATION_ZEN2);
	assert_int_equal(mitigation_generation(0x6f677948, 0x00900f02), GENERATION_ZEN1);
	assert_int_equal(mitigation_generation(amd, 0x00a00f11), GENERATION_ZEN3);
	assert_int_equal(mitigation_generation(amd, 0x00b00f20), GENERATION_ZEN5);
	assert_int_equal(mitigation_generation(CPUID_VENDOR_INTEL, 0x000306c3), GENERATION_INTEL);
}

/* Else a machine could find no answer, which is a panic. */
static void every_problem_has_an_answer_for_every_processor(void **state)
{
	(void)state;
	for (unsigned generation = 0; generation <= 5; generation++) {
		(void)work(BIT(generation), 0);
	}
	for (uint32_t i = 0; i < mitigation_row_count; i++) {
		assert_int_equal(mitigation_rows[i].needs >> FEATURE_COUNT, 0);
	}
}

/* ---- docs/mitigations.md ---- */

static void add_processors(char *line, uint64_t generations)
{
	static const char *const names[] = { "before Zen", "Zen 1", "Zen 2",
					     "Zen 3, 4",   "Zen 5", "Intel" };
	const char *comma = "";

	if (generations == GENERATION_ANY || generations == GENERATION_AMD) {
		strcat(line, generations == GENERATION_ANY ? "all" : "AMD");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if ((generations & BIT(i)) != 0) {
			strcat(strcat(line, comma), names[i]);
			comma = ", ";
		}
	}
}

static void add_bits(char *line, uint32_t needs)
{
	const char *comma = "";

	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		const struct mitigation_source *source = &mitigation_features[i];
		char text[64];

		if ((needs & BIT(i)) == 0) {
			continue;
		}
		if (source->leaf == 0) {
			snprintf(text, sizeof(text), "ARCH_CAPABILITIES[%u]", source->bit);
		} else {
			snprintf(text, sizeof(text), "%X E%cX[%u]", source->leaf,
				 "ABCD"[source->reg], source -> bit);
		}
		strcat(strcat(line, comma), text);
		comma = ", ";
	}
}

static void format_row(char *line, const struct mitigation_row *row)
{
	static const char *const kinds[] = { "not affected: ", "", "**not mitigated**: " };
	char text[64];

	sprintf(line, "| %s | ", row->problem);
	add_processors(line, row->generations);
	strcat(line, " | ");
	add_bits(line, row->needs);
	strcat(strcat(strcat(line, " | "), kinds[row->kind]), row->answer);
	if (row->msr != 0) {
		snprintf(text, sizeof(text), ": MSR %X[%u]", row->msr, bits_lowest(row->bits));
		strcat(line, text);
	}
	strcat(line, " |\n");
}

static void the_documentation_has_the_table(void **state)
{
	FILE *file = fopen("docs/mitigations.md", "r");
	char line[512], expected[512];
	uint32_t at = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (line[0] != '|' || strncmp(line, "|---", 4) == 0 ||
		    strncmp(line, "| problem", 9) == 0) {
			continue;
		}
		assert_in_range(at, 0, mitigation_row_count - 1);
		format_row(expected, &mitigation_rows[at++]);
		assert_string_equal(line, expected);
	}
	fclose(file);
	assert_int_equal(at, mitigation_row_count);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_processor_with_old_microcode_gets_what_needs_none),
		cmocka_unit_test(zen1_and_zen2_forget_branches_at_each_exit),
		cmocka_unit_test(zen4_needs_ibpb_for_its_returns_in_spite_of_automatic_ibrs),
		cmocka_unit_test(zen5_has_no_work_at_exits),
		cmocka_unit_test(intel_flushes_what_its_capabilities_do_not_exclude),
		cmocka_unit_test(generations_are_told_by_family_and_model),
		cmocka_unit_test(every_problem_has_an_answer_for_every_processor),
		cmocka_unit_test(the_documentation_has_the_table),
	};
	char line[512];

	for (uint32_t i = 0;
	     argc > 1 && strcmp(argv[1], "--table") == 0 && i < mitigation_row_count; i++) {
		format_row(line, &mitigation_rows[i]);
		fputs(line, stdout);
	}
	return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
