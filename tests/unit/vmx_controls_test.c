/* SPDX-License-Identifier: GPL-2.0-only */
/* Which controls are chosen by what a processor can do, and which processors are refused. */
/* arch: x86 */
/* sources: arch/x86/vmx_controls.c */
#include "arch/vmx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "arch/vmcs.h"

#define ALL  (UINT64_C(0xffffffff) << 32)
#define LOCK FEATURE_CONTROL_LOCK
#define ON   FEATURE_CONTROL_VMX

/* Bits that are 1 in all processors: SDM3 A.3 to A.5, with the TRUE registers. */
#define PIN_DEFAULT1   UINT64_C(0x00000016)
#define PROC_DEFAULT1  UINT64_C(0x04006172)
#define EXIT_DEFAULT1  UINT64_C(0x00036dfb)
#define ENTRY_DEFAULT1 UINT64_C(0x000011fb)

#define EPT_FIT                                                                             \
	(VMX_EPT_LEVELS_4 | VMX_EPT_WB | VMX_EPT_2M | VMX_EPT_INVEPT | VMX_EPT_INVEPT_ONE | \
	 VMX_EPT_INVEPT_ALL | VMX_EPT_INVVPID)

static const struct vmx_facts fit = {
	.has_vmx = true,
	.feature_control = LOCK | ON,
	.allowed = { [VMX_PIN] = ALL | PIN_DEFAULT1,
		     [VMX_PROC] = ALL | PROC_DEFAULT1,
		     [VMX_EXIT] = ALL | EXIT_DEFAULT1,
		     [VMX_ENTRY] = ALL | ENTRY_DEFAULT1,
		     [VMX_PROC2] = ALL },
	.ept_vpid = EPT_FIT,
};

static struct vmx_controls controls;

static const char *refusal(const struct vmx_facts *facts)
{
	const char *missing = "not set";

	memset(&controls, 0xee, sizeof(controls));
	return vmx_check(facts, &controls, &missing) ? NULL : missing;
}

static void expect_taken(const struct vmx_facts *facts)
{
	const char *missing;

	assert_true(vmx_check(facts, &controls, &missing));
}

static void expect_refused(const struct vmx_facts *facts, const char *word)
{
	const char *missing = refusal(facts);

	assert_non_null(missing);
	assert_non_null(strstr(missing, word));
}

static const struct vmx_control *row_of(enum vmx_register reg, uint64_t bit)
{
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		if (vmx_control_table[i].reg == reg && BIT(vmx_control_table[i].bit) == bit) {
			return &vmx_control_table[i];
		}
	}
	return NULL;
}

static enum vmx_need need_of(enum vmx_register reg, uint64_t bit)
{
	const struct vmx_control *row = row_of(reg, bit);

	assert_non_null(row);
	return row->need;
}

static bool is_on(enum vmx_register reg, uint32_t bit)
{
	return (controls.values[reg] >> bit & 1) != 0;
}

/* ---- the table ---- */

static void no_bit_stands_twice_and_each_is_one_of_32(void **state)
{
	uint32_t seen[VMX_REGISTERS] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];

		assert_in_range(row->reg, VMX_PIN, VMX_PROC2);
		assert_in_range(row->bit, 0, 31);
		assert_in_range(row->need, VMX_REQUIRED, VMX_NEVER);
		assert_int_equal(seen[row->reg] >> row->bit & 1, 0);
		assert_true(strlen(row->name) > 3);
		seen[row->reg] |= UINT32_C(1) << row->bit;
	}
}

/* The number in a name is the bit's, so that people find it in the manual. */
static void names_have_the_number_of_their_bit(void **state)
{
	unsigned named = 0;

	(void)state;
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];
		const char *number = strstr(row->name, "control ");

		if (number != NULL) {
			assert_int_equal(strtoul(number + strlen("control "), NULL, 10), row->bit);
			named++;
		}
	}
	assert_in_range(named, 20, vmx_control_count);
}

/* What keeps the machine the hypervisor's: a row that goes missing would not be missed elsewhere.
 */
static void isolation_is_required(void **state)
{
	static const struct {
		enum vmx_register reg;
		uint64_t bit;
	} rows[] = {
		{ VMX_PIN, PIN_INTERRUPT_EXIT },  { VMX_PIN, PIN_NMI_EXIT },
		{ VMX_PIN, PIN_VIRTUAL_NMI },     { VMX_PROC, PROC_SECONDARY },
		{ VMX_PROC, PROC_IO_MAPS },       { VMX_PROC, PROC_MSR_MAPS },
		{ VMX_PROC, PROC_HLT_EXIT },      { VMX_PROC, PROC_MWAIT_EXIT },
		{ VMX_PROC, PROC_MONITOR_EXIT },  { VMX_PROC, PROC_RDPMC_EXIT },
		{ VMX_PROC, PROC_TPR_SHADOW },    { VMX_PROC, PROC_TSC_OFFSET },
		{ VMX_PROC2, PROC2_EPT },         { VMX_PROC2, PROC2_UNRESTRICTED },
		{ VMX_PROC2, PROC2_WBINVD_EXIT }, { VMX_EXIT, EXIT_HOST_64 },
		{ VMX_EXIT, EXIT_LOAD_EFER },     { VMX_EXIT, EXIT_LOAD_PAT },
		{ VMX_EXIT, EXIT_SAVE_DEBUG },    { VMX_ENTRY, ENTRY_LOAD_EFER },
		{ VMX_ENTRY, ENTRY_LOAD_PAT },    { VMX_ENTRY, ENTRY_LOAD_DEBUG },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(need_of(rows[i].reg, rows[i].bit), VMX_REQUIRED);
	}
}

static void what_changes_while_guests_run_is_switched(void **state)
{
	(void)state;
	assert_int_equal(need_of(VMX_PROC, PROC_INTERRUPT_WINDOW), VMX_SWITCHED);
	assert_int_equal(need_of(VMX_PROC, PROC_NMI_WINDOW), VMX_SWITCHED);
	assert_int_equal(need_of(VMX_PROC, PROC_MOV_DR_EXIT), VMX_SWITCHED);
	assert_int_equal(need_of(VMX_ENTRY, ENTRY_LONG_MODE), VMX_SWITCHED);
}

/* What nothing here is prepared for: an exit without a handler, state that nobody exchanges. */
static void what_nobody_handles_is_never_on(void **state)
{
	(void)state;
	assert_int_equal(need_of(VMX_PROC, PROC_MONITOR_TRAP), VMX_NEVER);
	assert_int_equal(need_of(VMX_PROC, PROC_CR3_LOAD_EXIT), VMX_NEVER);
	assert_int_equal(need_of(VMX_PROC2, PROC2_VMFUNC), VMX_NEVER);
	assert_int_equal(need_of(VMX_PROC2, PROC2_SHADOW), VMX_NEVER);
	assert_int_equal(need_of(VMX_PROC2, PROC2_XSAVES), VMX_NEVER);
	assert_int_equal(need_of(VMX_PROC2, PROC2_APIC_ACCESS), VMX_NEVER);
	assert_int_equal(need_of(VMX_ENTRY, ENTRY_SMM), VMX_NEVER);
}

/* ---- choosing ---- */

static void fit_machine_is_taken(void **state)
{
	(void)state;
	assert_null(refusal(&fit));
}

static void each_row_is_on_or_off_as_it_needs(void **state)
{
	(void)state;
	expect_taken(&fit);
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];
		bool wants = row->need == VMX_REQUIRED || row->need == VMX_WANTED;

		assert_int_equal(is_on(row->reg, row->bit), wants);
	}
}

static void bits_without_a_row_are_as_the_cpu_wants_them(void **state)
{
	(void)state;
	expect_taken(&fit);
	for (unsigned reg = 0; reg < VMX_REGISTERS; reg++) {
		for (uint32_t bit = 0; bit < 32; bit++) {
			if (row_of(reg, BIT(bit)) == NULL) {
				assert_int_equal(is_on(reg, bit), fit.allowed[reg] >> bit & 1);
			}
		}
	}
}

static void bits_that_are_always_1_are_kept(void **state)
{
	(void)state;
	expect_taken(&fit);
	assert_int_equal(controls.values[VMX_PIN] & PIN_DEFAULT1, PIN_DEFAULT1);
	assert_int_equal(controls.values[VMX_PROC] & PROC_DEFAULT1, PROC_DEFAULT1);
	assert_int_equal(controls.values[VMX_EXIT] & EXIT_DEFAULT1, EXIT_DEFAULT1);
	assert_int_equal(controls.values[VMX_ENTRY] & ENTRY_DEFAULT1, ENTRY_DEFAULT1);
}

static void each_bit_that_is_required_is_named_where_it_lacks(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];
		struct vmx_facts facts = fit;

		facts.allowed[row->reg] &= ~(BIT(row->bit) << 32);
		if (row->need == VMX_REQUIRED || row->need == VMX_SWITCHED) {
			assert_string_equal(refusal(&facts), row->name);
		} else {
			expect_taken(&facts);
			assert_false(is_on(row->reg, row->bit));
		}
	}
}

static void each_bit_that_must_be_0_is_named_where_the_cpu_insists(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];
		struct vmx_facts facts = fit;

		facts.allowed[row->reg] |= BIT(row->bit);
		if (row->need == VMX_NEVER || row->need == VMX_OFFERED ||
		    row->need == VMX_SWITCHED) {
			assert_string_equal(refusal(&facts), row->name);
		} else {
			expect_taken(&facts);
			assert_true(is_on(row->reg, row->bit));
		}
	}
}

/* Nobody has decided yet whether they are used. */
static void what_is_offered_is_told_and_off(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	expect_taken(&facts);
	assert_int_equal(controls.offered[VMX_PIN], PIN_POSTED);
	assert_int_equal(controls.offered[VMX_EXIT], EXIT_ACK);
	assert_int_equal(controls.offered[VMX_PROC2],
			 PROC2_X2APIC | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT);
	assert_int_equal(controls.offered[VMX_PROC] | controls.offered[VMX_ENTRY], 0);
	facts.allowed[VMX_PROC2] &= ~(PROC2_X2APIC << 32);
	memset(&controls, 0xee, sizeof(controls));
	expect_taken(&facts);
	assert_int_equal(controls.offered[VMX_PROC2],
			 PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT);
}

/* ---- what people are told ---- */

static void machine_without_vmx_is_left_to_the_other_vendor(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.has_vmx = false;
	assert_null(refusal(&facts));
	assert_false(vmx_check(&facts, &controls, &(const char *){ "" }));
}

static void vmx_locked_off_names_the_firmware(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.feature_control = LOCK;
	expect_refused(&facts, "firmware");
	facts.feature_control = LOCK | BIT(1); /* inside of SMX alone */
	expect_refused(&facts, "firmware");
}

/* vmx_cpu_enable() turns it on and locks it. */
static void vmx_that_is_not_locked_is_taken(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.feature_control = 0;
	expect_taken(&facts);
	facts.feature_control = ON;
	expect_taken(&facts);
}

/* Core 2: secondary controls, but no EPT, no VPIDs, no unrestricted guests; old PAT and EFER. */
static void core_2_is_told_of_ept_first(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.allowed[VMX_PROC2] = (PROC2_APIC_ACCESS | PROC2_WBINVD_EXIT | PROC2_TABLE_EXIT) << 32;
	facts.allowed[VMX_EXIT] &= ~((EXIT_LOAD_EFER | EXIT_LOAD_PAT) << 32);
	facts.allowed[VMX_PIN] &= ~(PIN_VIRTUAL_NMI << 32);
	facts.ept_vpid = 0;
	expect_refused(&facts, "EPT");
}

/* Nehalem has EPT, but runs no real mode in it. */
static void nehalem_is_told_of_unrestricted_guests(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.allowed[VMX_PROC2] &= ~(PROC2_UNRESTRICTED << 32);
	facts.allowed[VMX_PIN] &= ~(PIN_TIMER << 32);
	expect_refused(&facts, "unrestricted");
}

static void first_processors_are_told_of_secondary_controls(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.allowed[VMX_PROC] &= ~(PROC_SECONDARY << 32);
	facts.allowed[VMX_PROC2] = 0;
	expect_refused(&facts, "secondary");
}

/* ---- EPT and VPIDs ---- */

static void what_ept_lacks_is_named(void **state)
{
	static const struct {
		uint64_t without;
		const char *word;
	} rows[] = {
		{ VMX_EPT_LEVELS_4, "four levels" },
		{ VMX_EPT_WB, "write-back" },
		{ VMX_EPT_2M, "2 MiB" },
		{ VMX_EPT_INVEPT, "INVEPT" },
		{ VMX_EPT_INVEPT_ONE | VMX_EPT_INVEPT_ALL, "INVEPT" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vmx_facts facts = fit;

		facts.ept_vpid &= ~rows[i].without;
		expect_refused(&facts, rows[i].word);
	}
}

static void one_kind_of_invept_is_enough(void **state)
{
	struct vmx_facts facts = fit;

	(void)state;
	facts.ept_vpid = EPT_FIT & ~VMX_EPT_INVEPT_ONE;
	expect_taken(&facts);
	facts.ept_vpid = EPT_FIT & ~VMX_EPT_INVEPT_ALL;
	expect_taken(&facts);
}

static void vpids_that_can_not_be_flushed_are_not_used(void **state)
{
	static const uint64_t bits[] = { BIT(32), VMX_EPT_INVVPID_ONE, VMX_EPT_INVVPID_ALL };

	(void)state;
	expect_taken(&fit);
	assert_true((controls.values[VMX_PROC2] & PROC2_VPID) != 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
		struct vmx_facts facts = fit;

		facts.ept_vpid &= ~bits[i];
		expect_taken(&facts);
		assert_int_equal(controls.values[VMX_PROC2] & PROC2_VPID, 0);
		assert_true((controls.values[VMX_PROC2] & PROC2_EPT) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_bit_stands_twice_and_each_is_one_of_32),
		cmocka_unit_test(names_have_the_number_of_their_bit),
		cmocka_unit_test(isolation_is_required),
		cmocka_unit_test(what_changes_while_guests_run_is_switched),
		cmocka_unit_test(what_nobody_handles_is_never_on),
		cmocka_unit_test(fit_machine_is_taken),
		cmocka_unit_test(each_row_is_on_or_off_as_it_needs),
		cmocka_unit_test(bits_without_a_row_are_as_the_cpu_wants_them),
		cmocka_unit_test(bits_that_are_always_1_are_kept),
		cmocka_unit_test(each_bit_that_is_required_is_named_where_it_lacks),
		cmocka_unit_test(each_bit_that_must_be_0_is_named_where_the_cpu_insists),
		cmocka_unit_test(what_is_offered_is_told_and_off),
		cmocka_unit_test(machine_without_vmx_is_left_to_the_other_vendor),
		cmocka_unit_test(vmx_locked_off_names_the_firmware),
		cmocka_unit_test(vmx_that_is_not_locked_is_taken),
		cmocka_unit_test(core_2_is_told_of_ept_first),
		cmocka_unit_test(nehalem_is_told_of_unrestricted_guests),
		cmocka_unit_test(first_processors_are_told_of_secondary_controls),
		cmocka_unit_test(what_ept_lacks_is_named),
		cmocka_unit_test(one_kind_of_invept_is_enough),
		cmocka_unit_test(vpids_that_can_not_be_flushed_are_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
