/* SPDX-License-Identifier: GPL-2.0-only */
/* The policy of model-specific registers. Those that are read from the machine are looked up only.
 */
/* arch: x86 */
/* sources: arch/x86/exit_msr.c arch/x86/exit_msr_table.c */
#include "arch/exit_msr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpuid.h"
#include "arch/exit_cr.h"
#include "arch/msr.h"
#include "arch/mtrr.h"
#include "arch/virt.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"
#include "core/vm.h"

#define MTRR_VALUE UINT64_C(0xc0000000)

static struct cpu cpu;
static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static struct cpuid_table answers;
static uint32_t amd_speculation, amd_extended;
static unsigned tsc_changes, skips, faults;
static uint64_t lapic_base, deadline, x2apic_value;
static uint32_t x2apic_msr, mce_msr;

const struct virt_ops *virt;

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

uint32_t cpuid_get(const struct cpuid_table *table, uint32_t leaf, enum cpuid_register reg)
{
	assert_ptr_equal(table, &answers);
	if (leaf == 0x80000021 && reg == CPUID_EAX) {
		return amd_extended;
	}
	return leaf == 0x80000008 && reg == CPUID_EBX ? amd_speculation : 0;
}

bool exit_cr_set_efer(struct vcpu_sregs *sregs, uint64_t value, uint64_t allowed)
{
	if ((value & ~allowed) != 0) {
		return false;
	}
	sregs->efer = value;
	return true;
}

bool mtrr_get(uint32_t msr, uint64_t *value)
{
	*value = MTRR_VALUE + msr;
	return true;
}

void vlapic_tsc_changed(struct vcpu *owner)
{
	(void)owner;
	tsc_changes++;
}

bool vlapic_base_write(struct vcpu *owner, uint64_t value)
{
	(void)owner;
	lapic_base = value;
	return value != 0;
}

uint64_t vlapic_tsc_deadline_read(struct vcpu *owner)
{
	(void)owner;
	return deadline;
}

void vlapic_tsc_deadline_write(struct vcpu *owner, uint64_t value)
{
	(void)owner;
	deadline = value;
}

bool vmce_read(struct vcpu *owner, uint32_t msr, uint64_t *value)
{
	(void)owner;
	*value = msr;
	return true;
}

bool vmce_write(struct vcpu *owner, uint32_t msr, uint64_t value)
{
	(void)owner, (void)value;
	mce_msr = msr;
	return true;
}

bool vlapic_msr_read(struct vcpu *owner, uint32_t msr, uint64_t *value)
{
	(void)owner;
	x2apic_msr = msr;
	*value = x2apic_value;
	return msr == 0x802;
}

bool vlapic_msr_write(struct vcpu *owner, uint32_t msr, uint64_t value)
{
	(void)owner;
	x2apic_msr = msr;
	x2apic_value = value;
	return msr == 0x80b;
}

void arch_vcpu_skip_insn(struct vcpu *owner)
{
	(void)owner;
	skips++;
}

void vcpu_events_raise_gp(struct vcpu *owner)
{
	(void)owner;
	faults++;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&cpu, 0, sizeof(cpu));
	vm.arch.cpuid = &answers;
	answers.efer = EFER_SCE | EFER_LME | EFER_NXE;
	answers.vendor = 0;
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	guest.valid = STATE_ALL;
	amd_speculation = amd_extended = 0;
	tsc_changes = skips = faults = 0;
	return 0;
}

static uint64_t read_msr(uint32_t msr)
{
	uint64_t value = 0;

	assert_true(exit_msr_read(&vcpu, msr, &value));
	return value;
}

static void expect_write(uint32_t msr, uint64_t value)
{
	assert_true(exit_msr_write(&vcpu, msr, value));
}

static void expect_no_write(uint32_t msr, uint64_t value)
{
	assert_false(exit_msr_write(&vcpu, msr, value));
}

static void expect_nothing_there(uint32_t msr)
{
	uint64_t value;

	assert_false(exit_msr_read(&vcpu, msr, &value));
	assert_false(exit_msr_write(&vcpu, msr, 0));
}

/* ---- the table ---- */

static void table_is_sorted_without_overlap(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < exit_msr_count; i++) {
		assert_true(exit_msr_table[i].first <= exit_msr_table[i].last);
		assert_true(i == 0 || exit_msr_table[i - 1].last < exit_msr_table[i].first);
	}
}

static void every_row_is_found_by_both_ends(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < exit_msr_count; i++) {
		assert_ptr_equal(exit_msr_find(exit_msr_table[i].first), &exit_msr_table[i]);
		assert_ptr_equal(exit_msr_find(exit_msr_table[i].last), &exit_msr_table[i]);
	}
	assert_null(exit_msr_find(0));
	assert_null(exit_msr_find(UINT32_MAX));
}

/* Nothing of the machine can be written from a guest. */
static void only_exchanged_registers_are_written_directly(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < exit_msr_count; i++) {
		const struct msr_policy *policy = &exit_msr_table[i];

		if (policy->write == MSR_WRITE_DIRECT) {
			assert_true(policy->direct);
			assert_int_not_equal(policy->read, MSR_READ_REAL);
		}
		if (policy->read == MSR_READ_REAL) {
			assert_true(policy->write == MSR_WRITE_DROP ||
				    policy->write == MSR_WRITE_FAULT);
			assert_false(policy->direct);
			assert_int_not_equal(policy->mask, 0);
		}
	}
}

static void mtrrs_are_read_as_they_were_at_boot_and_never_written(void **state)
{
	static const uint32_t msrs[] = { MSR_MTRR_PHYS_BASE0, MSR_MTRR_PHYS_BASE0 + 15,
					 MSR_MTRR_FIX_64K,    MSR_MTRR_FIX_16K_80,
					 MSR_MTRR_FIX_4K_F8,  MSR_MTRR_DEF_TYPE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		expect_write(msrs[i], 0x6);
		assert_int_equal(read_msr(msrs[i]), MTRR_VALUE + msrs[i]);
	}
}

static void unknown_and_hidden_registers_fault(void **state)
{
	(void)state;
	expect_nothing_there(0x12345678);
	expect_nothing_there(MSR_FEATURE_CONTROL);
	expect_nothing_there(MSR_MPERF);
	expect_nothing_there(MSR_APERF);
	expect_nothing_there(MSR_ARCH_CAPS);
	expect_nothing_there(MSR_XSS);
	expect_nothing_there(MSR_TSC_RATIO);
	expect_nothing_there(MSR_VM_CR);
	expect_nothing_there(MSR_VM_HSAVE_PA);
	expect_nothing_there(MSR_SVM_KEY);
	expect_nothing_there(MSR_OSVW_STATUS);
}

static void chipset_registers_are_filtered(void **state)
{
	(void)state;
	expect_write(MSR_NB_CFG, UINT64_MAX);
	assert_int_equal(read_msr(MSR_NB_CFG), 0);
	expect_write(MSR_MMIO_CFG_BASE, UINT64_MAX);
	assert_int_equal(read_msr(MSR_MMIO_CFG_BASE), 0);
}

static void machine_check_registers_are_the_virtual_twins(void **state)
{
	(void)state;
	mce_msr = 0;
	assert_int_equal(read_msr(MSR_MCG_CAP), MSR_MCG_CAP);
	expect_write(MSR_MC0_CTL + 1, 0);
	assert_int_equal(mce_msr, MSR_MC0_CTL + 1);
	expect_write(MSR_MC_LAST, 0);
	expect_nothing_there(MSR_MC_LAST + 1);
}

static void power_states_stay_the_firmwares(void **state)
{
	(void)state;
	expect_write(MSR_PSTATE_CTL, 7);
	expect_write(MSR_CSTATE_ADDRESS, 7);
	assert_int_equal(read_msr(MSR_CSTATE_ADDRESS), 0);
}

/* ---- what one vendor's processors have alone ---- */

#define VENDOR_AMD   0x68747541U /* "Auth" */
#define VENDOR_HYGON 0x6f677948U /* "Hygo" */

static void misc_enable_is_a_constant_on_intel(void **state)
{
	(void)state;
	answers.vendor = CPUID_VENDOR_INTEL;
	/* Fast strings; no branch trace store, no event-based sampling: SDM4 2.1. */
	assert_int_equal(read_msr(0x1a0), BIT(0) | BIT(11) | BIT(12));
	expect_write(0x1a0, 0);
	assert_int_equal(read_msr(0x1a0), BIT(0) | BIT(11) | BIT(12));
}

static void misc_enable_is_no_register_elsewhere(void **state)
{
	static const uint32_t vendors[] = { VENDOR_AMD, VENDOR_HYGON };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		answers.vendor = vendors[i];
		expect_nothing_there(0x1a0);
	}
}

static void amds_registers_are_none_on_intel(void **state)
{
	unsigned rows = 0;

	(void)state;
	answers.vendor = CPUID_VENDOR_INTEL;
	for (uint32_t i = 0; i < exit_msr_count; i++) {
		const struct msr_policy *policy = &exit_msr_table[i];

		if (policy->first >= 0xc0010000) {
			assert_int_equal(policy->vendor, MSR_OF_AMD);
			expect_nothing_there(policy->first);
			expect_nothing_there(policy->last);
			rows++;
		}
	}
	assert_in_range(rows, 10, exit_msr_count);
	expect_nothing_there(MSR_HWCR);
	expect_nothing_there(MSR_PERF_CTL0);
	expect_nothing_there(MSR_PATCH_LOADER);
}

static void amds_registers_are_there_on_amd(void **state)
{
	static const uint32_t vendors[] = { VENDOR_AMD, VENDOR_HYGON };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		answers.vendor = vendors[i];
		assert_int_equal(read_msr(MSR_HWCR), BIT(24));
		expect_write(MSR_HWCR, 0);
		assert_int_equal(read_msr(MSR_PERF_CTR0 + 3), 0);
		expect_write(MSR_PATCH_LOADER, 0);
	}
}

static void common_registers_are_there_on_both(void **state)
{
	static const uint32_t vendors[] = { VENDOR_AMD, CPUID_VENDOR_INTEL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		answers.vendor = vendors[i];
		expect_write(MSR_PAT, UINT64_C(0x0007010600070106));
		expect_write(MSR_STAR, 5);
		assert_int_equal(read_msr(MSR_STAR), 5);
		expect_write(MSR_EFER, EFER_NXE);
		assert_int_equal(read_msr(MSR_MTRR_DEF_TYPE), MTRR_VALUE + MSR_MTRR_DEF_TYPE);
		/* The hypervisor's own: VT-x' capabilities, AMD-V's registers. */
		expect_nothing_there(MSR_VMX_BASIC);
		expect_nothing_there(MSR_VMX_TRUE_PIN + 3);
		expect_nothing_there(MSR_VM_CR);
	}
}

/* A map of the VM's opens a register to the guest without a look at the vendor. */
static void registers_of_one_vendor_are_never_opened(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < exit_msr_count; i++) {
		assert_true(exit_msr_table[i].vendor == MSR_OF_ALL || !exit_msr_table[i].direct);
	}
}

/* ---- time ---- */

static void tsc_write_moves_offset_and_adjust_alike(void **state)
{
	uint64_t now;

	(void)state;
	expect_write(MSR_TSC, 0);
	assert_int_equal(guest.tsc.offset, guest.tsc.adjust);
	now = read_msr(MSR_TSC);
	assert_true(now < UINT64_C(1) << 40);
	assert_true((guest.dirty & STATE_TSC) != 0);
	assert_int_equal(tsc_changes, 1);
}

static void tsc_adjust_moves_the_tsc_by_the_difference(void **state)
{
	(void)state;
	guest.tsc.offset = 1000;
	guest.tsc.adjust = 300;
	expect_write(MSR_TSC_ADJUST, 500);
	assert_int_equal(guest.tsc.offset, 1200);
	assert_int_equal(read_msr(MSR_TSC_ADJUST), 500);
	expect_write(MSR_TSC_ADJUST, 0);
	assert_int_equal(guest.tsc.offset, 700);
}

/* The TSC of a CPU that could not be corrected is offset_of_cpu ahead of the boot CPU's. */
static void tsc_is_the_same_on_a_skewed_cpu(void **state)
{
	uint64_t before, after;

	(void)state;
	before = read_msr(MSR_TSC);
	cpu.arch.tsc_offset = UINT64_C(1) << 50;
	after = read_msr(MSR_TSC);
	assert_true(before - after > UINT64_C(1) << 49 && before - after < UINT64_C(1) << 51);
}

/* ---- the others ---- */

static void apic_registers_are_the_virtual_apics(void **state)
{
	(void)state;
	vcpu.arch.vlapic.base_msr = 0xfee00900;
	assert_int_equal(read_msr(MSR_APIC_BASE), 0xfee00900);
	expect_write(MSR_APIC_BASE, 0xfee00d00);
	assert_int_equal(lapic_base, 0xfee00d00);
	expect_no_write(MSR_APIC_BASE, 0);
	x2apic_value = 42;
	assert_int_equal(read_msr(0x802), 42);
	expect_write(0x80b, 0);
	expect_nothing_there(0x8ff);
	assert_int_equal(x2apic_msr, 0x8ff);
	expect_write(MSR_TSC_DEADLINE, 777);
	assert_int_equal(read_msr(MSR_TSC_DEADLINE), 777);
}

static void memory_types_of_the_pat_are_checked(void **state)
{
	(void)state;
	expect_write(MSR_PAT, UINT64_C(0x0007010600070106));
	assert_int_equal(read_msr(MSR_PAT), UINT64_C(0x0007010600070106));
	assert_true((guest.dirty & STATE_MSR) != 0);
	expect_no_write(MSR_PAT, 2);
	expect_no_write(MSR_PAT, UINT64_C(3) << 56);
	expect_no_write(MSR_PAT, 8);
	expect_no_write(MSR_PAT, 0x86);
}

static void efer_is_checked_and_flushes(void **state)
{
	(void)state;
	expect_write(MSR_EFER, EFER_NXE);
	assert_int_equal(read_msr(MSR_EFER), EFER_NXE);
	assert_true(vcpu.arch.flush);
	expect_no_write(MSR_EFER, EFER_SVME);
}

static void speculation_control_needs_its_cpuid_bits(void **state)
{
	uint64_t value;

	(void)state;
	assert_false(exit_msr_read(&vcpu, MSR_SPEC_CTRL, &value));
	expect_no_write(MSR_SPEC_CTRL, 0);
	expect_no_write(MSR_PRED_CMD, 0);
	expect_no_write(MSR_FLUSH_CMD, 0);
	amd_speculation = (uint32_t)(BIT(12) | BIT(14));
	expect_write(MSR_SPEC_CTRL, BIT(0));
	assert_int_equal(read_msr(MSR_SPEC_CTRL), BIT(0));
	expect_no_write(MSR_SPEC_CTRL, BIT(1)); /* STIBP is not offered */
	expect_write(MSR_PRED_CMD, 0);
	expect_no_write(MSR_PRED_CMD, BIT(1));
	assert_false(exit_msr_read(&vcpu, MSR_PRED_CMD, &value));
}

/* Linux writes them where CPUID has them: they were #GP. */
static void speculation_control_has_ssbd_psfd_and_sbpb(void **state)
{
	(void)state;
	amd_speculation = (uint32_t)BIT(24);
	expect_write(MSR_SPEC_CTRL, BIT(2));
	expect_no_write(MSR_SPEC_CTRL, BIT(7));
	amd_speculation = (uint32_t)BIT(28);
	expect_write(MSR_SPEC_CTRL, BIT(7));
	expect_no_write(MSR_PRED_CMD, 0);
	amd_extended = (uint32_t)BIT(27);
	expect_write(MSR_PRED_CMD, 0);
	expect_no_write(MSR_PRED_CMD, BIT(0) | BIT(7));
}

static void debugctl_keeps_what_is_defined(void **state)
{
	(void)state;
	expect_write(MSR_DEBUGCTL, BITS(1, 0));
	assert_int_equal(read_msr(MSR_DEBUGCTL), BITS(1, 0));
	expect_no_write(MSR_DEBUGCTL, BIT(6));
}

/* ---- the exits ---- */

static void exits_move_edx_eax(void **state)
{
	struct vcpu_exit exit = { 0 };

	(void)state;
	guest.gpr[GPR_RCX] = UINT64_C(0xffffffff00000000) | MSR_TSC_DEADLINE;
	guest.gpr[GPR_RAX] = UINT64_C(0xaaaaaaaa55667788);
	guest.gpr[GPR_RDX] = UINT64_C(0xbbbbbbbb11223344);
	assert_true(exit_wrmsr(&vcpu, &exit));
	assert_int_equal(deadline, UINT64_C(0x1122334455667788));
	guest.gpr[GPR_RAX] = guest.gpr[GPR_RDX] = UINT64_MAX;
	assert_true(exit_rdmsr(&vcpu, &exit));
	assert_int_equal(guest.gpr[GPR_RAX], 0x55667788);
	assert_int_equal(guest.gpr[GPR_RDX], 0x11223344);
	assert_int_equal(skips, 2);
}

static void refused_access_faults_and_changes_nothing(void **state)
{
	struct vcpu_exit exit = { 0 };

	(void)state;
	guest.gpr[GPR_RCX] = 0xdead;
	guest.gpr[GPR_RAX] = guest.gpr[GPR_RDX] = 7;
	assert_true(exit_rdmsr(&vcpu, &exit));
	assert_true(exit_wrmsr(&vcpu, &exit));
	assert_int_equal(faults, 2);
	assert_int_equal(skips, 0);
	assert_int_equal(guest.gpr[GPR_RAX], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(table_is_sorted_without_overlap, setup),
		cmocka_unit_test_setup(every_row_is_found_by_both_ends, setup),
		cmocka_unit_test_setup(only_exchanged_registers_are_written_directly, setup),
		cmocka_unit_test_setup(mtrrs_are_read_as_they_were_at_boot_and_never_written,
				       setup),
		cmocka_unit_test_setup(unknown_and_hidden_registers_fault, setup),
		cmocka_unit_test_setup(chipset_registers_are_filtered, setup),
		cmocka_unit_test_setup(machine_check_registers_are_the_virtual_twins, setup),
		cmocka_unit_test_setup(power_states_stay_the_firmwares, setup),
		cmocka_unit_test_setup(misc_enable_is_a_constant_on_intel, setup),
		cmocka_unit_test_setup(misc_enable_is_no_register_elsewhere, setup),
		cmocka_unit_test_setup(amds_registers_are_none_on_intel, setup),
		cmocka_unit_test_setup(amds_registers_are_there_on_amd, setup),
		cmocka_unit_test_setup(common_registers_are_there_on_both, setup),
		cmocka_unit_test_setup(registers_of_one_vendor_are_never_opened, setup),
		cmocka_unit_test_setup(tsc_write_moves_offset_and_adjust_alike, setup),
		cmocka_unit_test_setup(tsc_adjust_moves_the_tsc_by_the_difference, setup),
		cmocka_unit_test_setup(tsc_is_the_same_on_a_skewed_cpu, setup),
		cmocka_unit_test_setup(apic_registers_are_the_virtual_apics, setup),
		cmocka_unit_test_setup(memory_types_of_the_pat_are_checked, setup),
		cmocka_unit_test_setup(efer_is_checked_and_flushes, setup),
		cmocka_unit_test_setup(speculation_control_needs_its_cpuid_bits, setup),
		cmocka_unit_test_setup(speculation_control_has_ssbd_psfd_and_sbpb, setup),
		cmocka_unit_test_setup(debugctl_keeps_what_is_defined, setup),
		cmocka_unit_test_setup(exits_move_edx_eax, setup),
		cmocka_unit_test_setup(refused_access_faults_and_changes_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
