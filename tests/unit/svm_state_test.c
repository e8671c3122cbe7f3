/* SPDX-License-Identifier: GPL-2.0-only */
/* vcpu_state's registers to the VMCB and back. */
/* arch: x86 */
/* sources: arch/x86/svm_state.c */
#include "arch/svm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mitigation.h"
#include "arch/msr.h"
#include "arch/vmcb.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"

uint64_t svm_cr4_always = CR4_MCE;

static struct cpu cpu;
static struct vcpu vcpu;
static struct vcpu_state guest;
static struct vmcb vmcb;

uint32_t svm_features, mitigation_work;

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

uint8_t vlapic_cr8_read(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&vmcb, 0, sizeof(vmcb));
	vcpu.arch.state = &guest;
	vcpu.arch.svm.vmcb = &vmcb;
	return 0;
}

static uint64_t efer_after_exit(uint64_t efer, uint64_t cr0)
{
	vmcb.save.efer = efer | EFER_SVME;
	vmcb.save.cr0 = cr0;
	guest.valid = 0;
	svm_state_get(&vcpu, STATE_SREGS);
	return guest.sregs.efer;
}

static void svm_state_hides_svme_and_keeps_it_set(void **state)
{
	(void)state;
	assert_int_equal(efer_after_exit(EFER_NXE, 0), EFER_NXE);
	svm_state_set(&vcpu, STATE_SREGS);
	assert_int_equal(vmcb.save.efer, EFER_NXE | EFER_SVME);
}

static void svm_state_has_lma_where_the_exit_lost_it(void **state)
{
	(void)state;
	assert_int_equal(efer_after_exit(EFER_LME, CR0_PE | CR0_PG), EFER_LME | EFER_LMA);
	assert_int_equal(efer_after_exit(EFER_LME | EFER_LMA, CR0_PE | CR0_PG),
			 EFER_LME | EFER_LMA);
	assert_int_equal(efer_after_exit(EFER_LME, CR0_PE), EFER_LME);
	assert_int_equal(efer_after_exit(0, CR0_PE | CR0_PG), 0);
}

static void svm_state_reads_no_group_that_is_valid_already(void **state)
{
	(void)state;
	guest.valid = STATE_SREGS;
	guest.sregs.cr3 = 1;
	vmcb.save.cr3 = 2;
	svm_state_get(&vcpu, STATE_SREGS);
	assert_int_equal(guest.sregs.cr3, 1);
}

/* QEMU's TCG ignores G_PAT: nothing else would notice. APM2 15.15.3 "VMCB Clean Field", NP. */
static void svm_state_gives_the_guests_pat_to_the_cpu(void **state)
{
	(void)state;
	guest.msrs.pat =
		UINT64_C(0x0407050600070106); /* as Linux has it: entry 1 combines writes */
	guest.dirty = STATE_MSR;
	vmcb.control.clean = (uint32_t)VMCB_CLEAN_ALL;
	svm_state_set(&vcpu, STATE_MSR);
	assert_int_equal(vmcb.save.pat, UINT64_C(0x0407050600070106));
	assert_int_equal(vmcb.control.clean & VMCB_CLEAN_NESTED, 0);
	assert_int_equal(guest.dirty, 0);
}

static void svm_state_keeps_machine_checks_on_where_the_guest_has_them_off(void **state)
{
	(void)state;
	for (uint64_t own = 0; own <= CR4_MCE; own += CR4_MCE) {
		guest.sregs.cr4 = CR4_PAE | own;
		svm_state_set(&vcpu, STATE_SREGS);
		assert_int_equal(vmcb.save.cr4, CR4_PAE | CR4_MCE);
		guest.valid = 0;
		guest.sregs.cr4 = 0;
		svm_state_get(&vcpu, STATE_SREGS);
		assert_int_equal(guest.sregs.cr4, CR4_PAE | own);
	}
}

static uint8_t mitigate(uint32_t work, uint64_t spec_ctrl, uint32_t features)
{
	mitigation_work = work;
	svm_features = features;
	guest.msrs.spec_ctrl = spec_ctrl;
	svm_state_set(&vcpu, STATE_MSR);
	return vcpu.arch.mitigate;
}

static void svm_state_exchanges_spec_ctrl_only_where_the_vmcb_does_not(void **state)
{
	(void)state;
	assert_int_equal(mitigate(0, 0, 0), 0);
	assert_int_equal(mitigate(0, 1, 0), MITIGATE_SPEC_CTRL);
	assert_int_equal(mitigate(0, 1, (uint32_t)SVM_CPUID_SPEC_CTRL), 0);
	assert_int_equal(vmcb.save.spec_ctrl, 1);
	assert_int_equal(mitigate(MITIGATE_VERW | MITIGATE_IBPB_SWITCH, 1, 0),
			 MITIGATE_SPEC_CTRL | MITIGATE_VERW);
}

/* Whatever they are in memory: a walk reads them. */
static void pae_paging_has_no_registers(void **state)
{
	(void)state;
	assert_true(svm_state_paging_load(&vcpu, &guest.sregs));
	memset(guest.sregs.pdptes, 0x77, sizeof(guest.sregs.pdptes));
	svm_state_get(&vcpu, STATE_SREGS);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(guest.sregs.pdptes[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(svm_state_hides_svme_and_keeps_it_set, setup),
		cmocka_unit_test_setup(svm_state_has_lma_where_the_exit_lost_it, setup),
		cmocka_unit_test_setup(svm_state_reads_no_group_that_is_valid_already, setup),
		cmocka_unit_test_setup(svm_state_gives_the_guests_pat_to_the_cpu, setup),
		cmocka_unit_test_setup(
			svm_state_keeps_machine_checks_on_where_the_guest_has_them_off, setup),
		cmocka_unit_test_setup(svm_state_exchanges_spec_ctrl_only_where_the_vmcb_does_not,
				       setup),
		cmocka_unit_test_setup(pae_paging_has_no_registers, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
