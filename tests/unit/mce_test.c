/* SPDX-License-Identifier: GPL-2.0-only */
/* Which machine checks the machine can go on after. */
/* arch: x86 */
/* sources: arch/x86/mce.c */
#include "arch/mce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/idt.h"
#include "arch/lapic.h"
#include "arch/vmce.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/symbols.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "tests/unit/log_capture.h"

#define GUEST true
#define HERE  false
#define RIPV  MCG_STATUS_RIPV
#define EIPV  MCG_STATUS_EIPV
#define MCIP  MCG_STATUS_MCIP
#define BAD   (MC_STATUS_VALID | MC_STATUS_UC)
#define BOTH  (MCE_RAS_OVERFLOW | MCE_RAS_CONTAINS)

static struct cpu cpu;
struct vm *vm_control;
static struct vcpu vcpus[3], *table[] = { &vcpus[0], NULL, &vcpus[1], &vcpus[2] };
static struct vcpu *given;
static struct mce_record given_record;

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	(void)address, (void)offset;
	return NULL;
}

void trap_frame_set(const struct trap_frame *frame)
{
	(void)frame;
}

void lapic_kick_self(void)
{
}

void vmce_give(struct vcpu *vcpu, const struct mce_record *record)
{
	given = vcpu;
	given_record = *record;
}

static void the_severity_follows_from_status_and_place(void **state)
{
	static const struct {
		uint64_t mcg_status, status;
		bool in_guest;
		uint32_t ras;
		bool is_fatal;
	} rows[] = {
		/* The processor's own state. */
		{ MCIP | RIPV, BAD | MC_STATUS_PCC, GUEST, BOTH, true },
		{ MCIP | RIPV, BAD | MC_STATUS_PCC, HERE, BOTH, true },
		/* Not corrected: the guest's to decide, where it ran. */
		{ MCIP | RIPV, BAD, GUEST, 0, false },
		{ MCIP | EIPV, BAD, GUEST, BOTH, false },
		{ MCIP | RIPV | EIPV, BAD, GUEST, BOTH, false },
		/* Here only where it is contained and not ours. */
		{ MCIP | RIPV, BAD, HERE, BOTH, false },
		{ MCIP | RIPV, BAD, HERE, MCE_RAS_OVERFLOW, true },
		{ MCIP | RIPV | EIPV, BAD, HERE, BOTH, true },
		{ MCIP, BAD, HERE, BOTH, true },
		/* Nobody has used it. */
		{ MCIP | RIPV, BAD | MC_STATUS_DEFERRED, HERE, 0, false },
		{ MCIP | RIPV, MC_STATUS_VALID | MC_STATUS_DEFERRED, HERE, 0, false },
		/* One was lost that may have been worse. */
		{ MCIP | RIPV, BAD | MC_STATUS_OVER, GUEST, MCE_RAS_CONTAINS, true },
		{ MCIP | RIPV, BAD | MC_STATUS_OVER, GUEST, BOTH, false },
		{ MCIP | RIPV, MC_STATUS_VALID | MC_STATUS_OVER, HERE, 0, false },
		/* Corrected, or nothing at all: another CPU's, that was told to all. */
		{ MCIP | RIPV, MC_STATUS_VALID, HERE, 0, false },
		{ MCIP | RIPV, 0, HERE, 0, false },
		{ MCIP, 0, HERE, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mce_record record = { .mcg_status = rows[i].mcg_status,
					     .status = rows[i].status };

		if (mce_is_fatal(&record, rows[i].in_guest, rows[i].ras) != rows[i].is_fatal) {
			fail_msg("row %zu", i);
		}
	}
}

static void expect_given(uint32_t index, const struct vcpu *vcpu)
{
	cpu.index = index;
	cpu.arch.mce = (struct mce_record){ .bank = index, .status = BAD };
	cpu.arch.mce_is_due = true;
	given = NULL;
	mce_forward(&cpu);
	assert_ptr_equal(given, vcpu);
	assert_false(cpu.arch.mce_is_due);
	assert_true(vcpu == NULL || given_record.bank == index);
}

static void a_record_goes_to_one_vcpu_that_runs(void **state)
{
	static struct vm vm = { .vcpus = table, .vcpu_count = ARRAY_SIZE(table) };

	(void)state;
	expect_given(0, NULL); /* no guest yet: it is in the log */
	assert_true(log_has("machine check: bank 0 status 0xa0"));
	vm_control = &vm;
	vcpus[0].home = vcpus[1].home = vcpus[2].home = UINT32_MAX;
	expect_given(0, NULL);
	vcpus[1].home = 0;
	vcpus[2].home = 0;
	expect_given(0, &vcpus[1]);
	expect_given(5, &vcpus[1]);
	vcpus[2].home = 5;
	expect_given(5, &vcpus[2]);
	given = NULL;
	mce_forward(&cpu);
	assert_null(given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_severity_follows_from_status_and_place),
		cmocka_unit_test(a_record_goes_to_one_vcpu_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
