/* SPDX-License-Identifier: GPL-2.0-only */
/* Machines that are refused, each with what it lacks. */
/* arch: x86 */
/* sources: arch/x86/svm_check.c */
#include "arch/svm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "arch/vmcb.h"

static const struct svm_facts fit = { .has_svm = true,
				      .asids = 16,
				      .features = SVM_CPUID_NESTED_PAGING };

static void expect_refused(struct svm_facts facts, const char *word)
{
	const char *missing = NULL;

	assert_false(svm_check(&facts, &missing));
	assert_non_null(missing);
	assert_non_null(strstr(missing, word));
}

static void fit_machine_is_taken(void **state)
{
	const char *missing = NULL;

	(void)state;
	assert_true(svm_check(&fit, &missing));
	assert_null(missing);
}

static void locked_key_without_disable_is_taken(void **state)
{
	struct svm_facts facts = fit;
	const char *missing;

	(void)state;
	facts.vm_cr = VM_CR_LOCK;
	assert_true(svm_check(&facts, &missing));
}

/* virt_select() names both vendors' when there is none. */
static void machine_without_svm_is_left_to_the_other_vendor(void **state)
{
	const char *missing = "";

	(void)state;
	assert_false(svm_check(&(struct svm_facts){ 0 }, &missing));
	assert_null(missing);
}

static void svm_locked_off_names_the_firmware(void **state)
{
	struct svm_facts facts = fit;

	(void)state;
	facts.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK;
	expect_refused(facts, "firmware");
	facts.vm_cr = VM_CR_SVMDIS;
	expect_refused(facts, "firmware");
}

static void missing_nested_paging_is_named(void **state)
{
	struct svm_facts facts = fit;

	(void)state;
	facts.features = 0;
	expect_refused(facts, "nested paging");
}

static void too_few_asids_are_named(void **state)
{
	struct svm_facts facts = fit;

	(void)state;
	facts.asids = 1;
	expect_refused(facts, "identifiers");
	facts.asids = 0;
	expect_refused(facts, "identifiers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fit_machine_is_taken),
		cmocka_unit_test(locked_key_without_disable_is_taken),
		cmocka_unit_test(machine_without_svm_is_left_to_the_other_vendor),
		cmocka_unit_test(svm_locked_off_names_the_firmware),
		cmocka_unit_test(missing_nested_paging_is_named),
		cmocka_unit_test(too_few_asids_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
