/* SPDX-License-Identifier: GPL-2.0-only */
/* Control-register writes as a processor checks them. */
/* arch: x86 */
/* sources: arch/x86/exit_cr.c */
#include "arch/exit_cr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpuid.h"
#include "arch/insn.h"
#include "arch/msr.h"
#include "arch/operand.h"
#include "arch/virt.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/err.h"
#include "core/vcpu.h"
#include "core/vm.h"

#define LONG_EFER (EFER_LME | EFER_LMA)
#define ALLOWED   (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_PCIDE | CR4_OSXSAVE)

static struct vcpu_sregs sregs;

/* ---- a vCPU for the exits ---- */

static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static struct cpuid_table cpuid_answers = { .cr4 = ALLOWED };
static struct insn insn;
static unsigned skips, faults, tpr;
static unsigned loads;
static bool table_is_bad;

static bool paging_load(struct vcpu *owner, struct vcpu_sregs *next)
{
	assert_ptr_equal(owner, &vcpu);
	loads++;
	next->pdptes[0] = next->cr3 | PDPTE_PRESENT;
	return !table_is_bad;
}

static const struct virt_ops ops = { .paging_load = paging_load };
const struct virt_ops *virt = &ops;

int x86_exit_fetch(struct vcpu *owner, struct insn *to)
{
	(void)owner;
	*to = insn;
	return 0;
}

bool x86_exit_resume(const struct vcpu *owner)
{
	(void)owner;
	return true;
}

int operand_read(struct vcpu *owner, const struct insn *from, unsigned size, uint64_t *value)
{
	(void)owner, (void)from;
	assert_int_equal(size, 2);
	*value = 0xfffe; /* all but PE */
	return 0;
}

void vcpu_events_raise_gp(struct vcpu *owner)
{
	(void)owner;
	faults++;
}

void arch_vcpu_skip_insn(struct vcpu *owner)
{
	(void)owner;
	skips++;
}

void vlapic_cr8_write(struct vcpu *owner, uint8_t value)
{
	(void)owner;
	tpr = value;
}

/* 64-bit kernel mode. */
static int setup(void **state)
{
	(void)state;
	memset(&guest, 0, sizeof(guest));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&insn, 0, sizeof(insn));
	vm.arch.cpuid = &cpuid_answers;
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	guest.valid = STATE_ALL;
	guest.sregs.cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_WP;
	guest.sregs.cr4 = CR4_PAE;
	guest.sregs.efer = LONG_EFER;
	guest.sregs.segments[SEGMENT_CS].attributes = SEGMENT_L;
	sregs = guest.sregs;
	skips = faults = loads = 0;
	table_is_bad = false;
	tpr = 99;
	return 0;
}

static int setup_protected(void **state)
{
	setup(state);
	sregs.cr0 = CR0_PE | CR0_ET;
	sregs.cr4 = 0;
	sregs.efer = 0;
	sregs.segments[SEGMENT_CS].attributes = SEGMENT_DB;
	return 0;
}

static void expect_refused_cr0(uint64_t value)
{
	struct vcpu_sregs before = sregs;

	assert_false(exit_cr_set_cr0(&sregs, value));
	assert_memory_equal(&sregs, &before, sizeof(sregs));
}

/* ---- CR0 ---- */

static void paging_without_protection_is_refused(void **state)
{
	setup_protected(state);
	expect_refused_cr0(CR0_PG | CR0_ET);
}

static void write_through_without_caching_off_is_refused(void **state)
{
	setup_protected(state);
	expect_refused_cr0(CR0_PE | CR0_NW);
}

static void upper_half_of_cr0_is_reserved(void **state)
{
	(void)state;
	expect_refused_cr0(sregs.cr0 | BIT(32));
}

static void caching_is_never_turned_off(void **state)
{
	(void)state;
	assert_true(exit_cr_set_cr0(&sregs, sregs.cr0 | CR0_CD | CR0_NW));
	assert_int_equal(sregs.cr0 & (CR0_CD | CR0_NW), 0);
}

static void extension_type_can_not_be_cleared(void **state)
{
	(void)state;
	assert_true(exit_cr_set_cr0(&sregs, CR0_PE | CR0_PG));
	assert_true((sregs.cr0 & CR0_ET) != 0);
}

static void paging_turns_long_mode_on_and_off(void **state)
{
	setup_protected(state);
	sregs.efer = EFER_LME;
	sregs.cr4 = CR4_PAE;
	assert_true(exit_cr_set_cr0(&sregs, CR0_PE | CR0_PG));
	assert_int_equal(sregs.efer, LONG_EFER);
	assert_true(exit_cr_set_cr0(&sregs, CR0_PE));
	assert_int_equal(sregs.efer, EFER_LME);
}

static void long_mode_needs_pae_and_a_legacy_code_segment(void **state)
{
	setup_protected(state);
	sregs.efer = EFER_LME;
	expect_refused_cr0(CR0_PE | CR0_PG);
	sregs.cr4 = CR4_PAE;
	sregs.segments[SEGMENT_CS].attributes = SEGMENT_L;
	expect_refused_cr0(CR0_PE | CR0_PG);
}

static void paging_stays_on_in_64_bit_mode(void **state)
{
	(void)state;
	expect_refused_cr0(CR0_PE | CR0_ET);
	sregs.segments[SEGMENT_CS].attributes = SEGMENT_DB; /* compatibility mode */
	assert_true(exit_cr_set_cr0(&sregs, CR0_PE | CR0_ET));
	assert_int_equal(sregs.efer, EFER_LME);
}

static void paging_stays_on_while_there_are_pcids(void **state)
{
	(void)state;
	sregs.cr4 |= CR4_PCIDE;
	sregs.segments[SEGMENT_CS].attributes = SEGMENT_DB;
	expect_refused_cr0(CR0_PE | CR0_ET);
}

/* ---- CR4 ---- */

static void bits_that_cpuid_does_not_offer_are_reserved(void **state)
{
	(void)state;
	assert_true(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_SMEP, ALLOWED));
	assert_int_equal(sregs.cr4, CR4_PAE | CR4_SMEP);
	assert_false(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_VMXE, ALLOWED));
	assert_false(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_LA57, ALLOWED));
	assert_false(exit_cr_set_cr4(&sregs, CR4_PAE | BIT(40), ALLOWED));
	assert_int_equal(sregs.cr4, CR4_PAE | CR4_SMEP);
}

static void long_mode_keeps_pae(void **state)
{
	(void)state;
	assert_false(exit_cr_set_cr4(&sregs, 0, ALLOWED));
	setup_protected(state);
	sregs.cr4 = CR4_PAE;
	assert_true(exit_cr_set_cr4(&sregs, 0, ALLOWED));
}

static void pcids_need_long_mode_and_pcid_zero(void **state)
{
	(void)state;
	sregs.cr3 = 0x1001;
	assert_false(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_PCIDE, ALLOWED));
	sregs.cr3 = 0x1000;
	assert_true(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_PCIDE, ALLOWED));
	sregs.cr3 = 0x1001; /* on already: any PCID will do */
	assert_true(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_PCIDE | CR4_PGE, ALLOWED));
	setup_protected(state);
	assert_false(exit_cr_set_cr4(&sregs, CR4_PAE | CR4_PCIDE, ALLOWED));
}

/* ---- EFER ---- */

static void svme_can_not_be_set(void **state)
{
	(void)state;
	assert_false(exit_cr_set_efer(&sregs, LONG_EFER | EFER_SVME, EFER_LME | EFER_NXE));
	assert_true(exit_cr_set_efer(&sregs, LONG_EFER | EFER_NXE, EFER_LME | EFER_NXE));
	assert_int_equal(sregs.efer, LONG_EFER | EFER_NXE);
}

static void long_mode_enable_is_fixed_while_paging(void **state)
{
	(void)state;
	assert_false(exit_cr_set_efer(&sregs, EFER_LMA, EFER_LME));
	setup_protected(state);
	assert_true(exit_cr_set_efer(&sregs, EFER_LME, EFER_LME));
}

static void long_mode_active_is_read_only(void **state)
{
	setup_protected(state);
	assert_false(exit_cr_set_efer(&sregs, EFER_LMA, EFER_LME));
	setup(state);
	assert_true(exit_cr_set_efer(&sregs, LONG_EFER, EFER_LME));
}

/* ---- the exit ---- */

static bool write_control(uint8_t number, uint64_t value)
{
	struct vcpu_exit exit = { .control = { .number = number, .reg = 7, .is_decoded = true } };

	guest.gpr[7] = value;
	return exit_cr_write(&vcpu, &exit);
}

static void refused_write_faults_and_stays_at_the_instruction(void **state)
{
	(void)state;
	assert_true(write_control(4, CR4_PAE | CR4_VMXE));
	assert_int_equal(faults, 1);
	assert_int_equal(skips, 0);
	assert_int_equal(guest.dirty, 0);
}

static void changed_paging_flushes(void **state)
{
	(void)state;
	assert_true(write_control(4, CR4_PAE | CR4_PGE));
	assert_int_equal(skips, 1);
	assert_true(vcpu.arch.flush);
	assert_int_equal(guest.dirty, STATE_SREGS);
	vcpu.arch.flush = false;
	assert_true(write_control(4, CR4_PAE | CR4_PGE | CR4_OSXSAVE));
	assert_false(vcpu.arch.flush);
}

static void task_priority_goes_to_the_apic(void **state)
{
	(void)state;
	assert_true(write_control(8, 9));
	assert_int_equal(tpr, 9);
	assert_true(write_control(8, 16));
	assert_int_equal(faults, 1);
	assert_int_equal(tpr, 9);
}

static void undecoded_move_is_read_from_the_instruction(void **state)
{
	struct vcpu_exit exit = { .control = { .number = 0 } };

	(void)state;
	insn = (struct insn){ .op = INSN_MOV_TO_CR, .control = 4, .reg = 11, .length = 4 };
	guest.gpr[11] = CR4_PAE | CR4_SMEP;
	assert_true(exit_cr_write(&vcpu, &exit));
	assert_int_equal(guest.sregs.cr4, CR4_PAE | CR4_SMEP);
	assert_int_equal(vcpu.arch.insn_size, 4);
}

/* It was taken for one of CR8. */
static void a_write_that_became_one_of_cr3_is_run_again(void **state)
{
	struct vcpu_exit exit = { .control = { .number = 0 } };

	(void)state;
	insn = (struct insn){ .op = INSN_MOV_TO_CR, .control = 3, .length = 3 };
	assert_true(exit_cr_write(&vcpu, &exit));
	assert_int_equal(skips, 0);
	assert_int_equal(faults, 0);
	assert_int_equal(tpr, 99);
}

static void lmsw_sets_but_does_not_clear_protection(void **state)
{
	struct vcpu_exit exit = { .control = { .number = 0 } };

	(void)state;
	insn = (struct insn){ .op = INSN_LMSW, .has_memory = true, .length = 3 };
	assert_true(exit_cr_write(&vcpu, &exit));
	assert_int_equal(guest.sregs.cr0,
			 CR0_PG | CR0_WP | CR0_ET | CR0_PE | CR0_MP | CR0_EM | CR0_TS);
}

static void moves_outside_of_64_bit_mode_are_32_bits_wide(void **state)
{
	(void)state;
	guest.sregs.segments[SEGMENT_CS].attributes = SEGMENT_DB;
	assert_true(write_control(4, UINT64_C(0xdeadbeef00000000) | CR4_PAE | CR4_SMEP));
	assert_int_equal(faults, 0);
	assert_int_equal(guest.sregs.cr4, CR4_PAE | CR4_SMEP);
}

/* ---- PAE paging's first table: SDM3 4.4.1 ---- */

#define PAE_CR0 (CR0_PE | CR0_PG | CR0_ET)

static void setup_pae(void)
{
	setup(NULL);
	guest.sregs.cr0 = PAE_CR0;
	guest.sregs.cr3 = 0x5000;
	guest.sregs.efer = 0;
	guest.sregs.segments[SEGMENT_CS].attributes = SEGMENT_DB;
}

static void pae_paging_that_is_turned_on_has_its_table_loaded(void **state)
{
	(void)state;
	setup_pae();
	guest.sregs.cr0 = CR0_PE | CR0_ET;
	assert_true(write_control(0, PAE_CR0));
	assert_int_equal(loads, 1);
	assert_int_equal(guest.sregs.cr0, PAE_CR0);
	assert_int_equal(guest.sregs.pdptes[0], 0x5001);
	assert_int_equal(skips, 1);
}

static void bad_table_of_pae_paging_faults_and_changes_nothing(void **state)
{
	struct vcpu_sregs before;

	(void)state;
	setup_pae();
	table_is_bad = true;
	guest.sregs.cr0 = CR0_PE | CR0_ET;
	before = guest.sregs;
	assert_true(write_control(0, PAE_CR0));
	assert_memory_equal(&guest.sregs, &before, sizeof(before));
	guest.sregs.cr0 = PAE_CR0;
	guest.sregs.cr4 = 0;
	before = guest.sregs;
	assert_true(write_control(4, CR4_PAE));
	assert_memory_equal(&guest.sregs, &before, sizeof(before));
	assert_int_equal(faults, 2);
	assert_int_equal(skips, 0);
	assert_int_equal(guest.dirty, 0);
	assert_false(vcpu.arch.flush);
}

/* A table that memory has lost meanwhile harms no other write. */
static void table_of_pae_paging_is_loaded_by_some_writes_alone(void **state)
{
	static const struct {
		uint64_t number, value, loads;
	} rows[] = {
		{ 0, PAE_CR0 | CR0_WP, 0 },   { 0, PAE_CR0 | CR0_TS | CR0_NE | CR0_AM, 0 },
		{ 0, PAE_CR0 | CR0_CD, 1 },   { 0, PAE_CR0 | CR0_CD | CR0_NW, 1 },
		{ 0, CR0_PE | CR0_ET, 0 },    { 4, CR4_PAE | CR4_OSXSAVE, 0 },
		{ 4, CR4_PAE | CR4_PGE, 1 },  { 4, CR4_PAE | CR4_PSE, 1 },
		{ 4, CR4_PAE | CR4_SMEP, 1 }, { 4, 0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		setup_pae();
		assert_true(write_control((uint8_t)rows[i].number, rows[i].value));
		assert_int_equal(loads, rows[i].loads);
		assert_int_equal(skips, 1);
	}
}

static void long_mode_that_is_turned_on_is_the_vendors_to_refuse(void **state)
{
	struct vcpu_sregs before;

	(void)state;
	setup_pae();
	guest.sregs.cr0 = CR0_PE | CR0_ET;
	guest.sregs.efer = EFER_LME;
	before = guest.sregs;
	table_is_bad = true;
	assert_true(write_control(0, PAE_CR0));
	assert_memory_equal(&guest.sregs, &before, sizeof(before));
	assert_int_equal(faults, 1);
	table_is_bad = false;
	assert_true(write_control(0, PAE_CR0));
	assert_int_equal(loads, 2);
	assert_int_equal(guest.sregs.efer, LONG_EFER);
	assert_true(write_control(0, PAE_CR0 | CR0_WP));
	assert_int_equal(loads, 2);
}

static void other_paging_has_no_such_table(void **state)
{
	(void)state;
	table_is_bad = true;
	assert_true(write_control(4, CR4_PAE | CR4_PGE)); /* long mode */
	setup_pae();
	table_is_bad = true;
	guest.sregs.pdptes[3] = 0x7001;
	assert_true(write_control(4, CR4_PSE)); /* 32-bit paging */
	assert_int_equal(loads + faults, 0);
	assert_int_equal(guest.sregs.pdptes[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(paging_without_protection_is_refused, setup),
		cmocka_unit_test_setup(write_through_without_caching_off_is_refused, setup),
		cmocka_unit_test_setup(upper_half_of_cr0_is_reserved, setup),
		cmocka_unit_test_setup(caching_is_never_turned_off, setup),
		cmocka_unit_test_setup(extension_type_can_not_be_cleared, setup),
		cmocka_unit_test_setup(paging_turns_long_mode_on_and_off, setup),
		cmocka_unit_test_setup(long_mode_needs_pae_and_a_legacy_code_segment, setup),
		cmocka_unit_test_setup(paging_stays_on_in_64_bit_mode, setup),
		cmocka_unit_test_setup(paging_stays_on_while_there_are_pcids, setup),
		cmocka_unit_test_setup(bits_that_cpuid_does_not_offer_are_reserved, setup),
		cmocka_unit_test_setup(long_mode_keeps_pae, setup),
		cmocka_unit_test_setup(pcids_need_long_mode_and_pcid_zero, setup),
		cmocka_unit_test_setup(svme_can_not_be_set, setup),
		cmocka_unit_test_setup(long_mode_enable_is_fixed_while_paging, setup),
		cmocka_unit_test_setup(long_mode_active_is_read_only, setup),
		cmocka_unit_test_setup(refused_write_faults_and_stays_at_the_instruction, setup),
		cmocka_unit_test_setup(changed_paging_flushes, setup),
		cmocka_unit_test_setup(task_priority_goes_to_the_apic, setup),
		cmocka_unit_test_setup(undecoded_move_is_read_from_the_instruction, setup),
		cmocka_unit_test_setup(a_write_that_became_one_of_cr3_is_run_again, setup),
		cmocka_unit_test_setup(lmsw_sets_but_does_not_clear_protection, setup),
		cmocka_unit_test_setup(moves_outside_of_64_bit_mode_are_32_bits_wide, setup),
		cmocka_unit_test(pae_paging_that_is_turned_on_has_its_table_loaded),
		cmocka_unit_test(bad_table_of_pae_paging_faults_and_changes_nothing),
		cmocka_unit_test(table_of_pae_paging_is_loaded_by_some_writes_alone),
		cmocka_unit_test(long_mode_that_is_turned_on_is_the_vendors_to_refuse),
		cmocka_unit_test(other_paging_has_no_such_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
