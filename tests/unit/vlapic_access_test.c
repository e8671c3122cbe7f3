/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
/* How a guest reaches its virtual LAPIC: modes, register rules of both forms. One rule a test. */
#include "tests/unit/vlapic_fake.h"

static int setup(void **state)
{
	(void)state;
	fake_vm_make(2, 0, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_drop();
	return 0;
}

/* ---- IA32_APIC_BASE ---- */

#define OFF    VLAPIC_BASE_DEFAULT
#define XAPIC  (OFF | APIC_BASE_ENABLE)
#define X2APIC (XAPIC | APIC_BASE_X2APIC)

static void vlapic_base_allows_the_legal_transitions(void **state)
{
	struct vcpu *vcpu = &fake_vcpus[0];

	(void)state;
	assert_true(vlapic_base_write(vcpu, XAPIC));
	assert_true(vlapic_base_write(vcpu, OFF));
	assert_true(vlapic_base_write(vcpu, OFF));
	assert_true(vlapic_base_write(vcpu, XAPIC));
	assert_true(vlapic_base_write(vcpu, X2APIC));
	assert_true(vlapic_base_write(vcpu, X2APIC));
	assert_true(vlapic_base_write(vcpu, OFF));
}

static void vlapic_base_refuses_x2apic_to_xapic(void **state)
{
	(void)state;
	x2apic_enter(&fake_vcpus[0]);
	assert_false(vlapic_base_write(&fake_vcpus[0], XAPIC));
	assert_true(vlapic_is_x2apic(&fake_vcpus[0].arch.vlapic));
}

static void vlapic_base_refuses_off_to_x2apic(void **state)
{
	(void)state;
	assert_true(vlapic_base_write(&fake_vcpus[0], OFF));
	assert_false(vlapic_base_write(&fake_vcpus[0], X2APIC));
}

static void vlapic_base_refuses_x2apic_without_enable(void **state)
{
	(void)state;
	assert_false(vlapic_base_write(&fake_vcpus[0], OFF | APIC_BASE_X2APIC));
}

static void vlapic_base_refuses_reserved_bits_and_other_addresses(void **state)
{
	(void)state;
	assert_false(vlapic_base_write(&fake_vcpus[0], XAPIC | BIT(9)));
	assert_false(vlapic_base_write(&fake_vcpus[0], XAPIC | BIT(60)));
	assert_false(vlapic_base_write(&fake_vcpus[0], XAPIC + PAGE_SIZE));
}

static void vlapic_base_keeps_the_boot_processor_bit(void **state)
{
	(void)state;
	assert_true(vlapic_base_write(&fake_vcpus[1], XAPIC | APIC_BASE_BSP));
	assert_true((fake_vcpus[1].arch.vlapic.base_msr & APIC_BASE_BSP) == 0);
}

static void vlapic_base_off_loses_what_was_set_up(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_LDR, 1U << 24);
	assert_true(vlapic_base_write(vcpu, OFF));
	assert_true(vlapic_base_write(vcpu, XAPIC));
	assert_int_equal(xapic_read(vcpu, VLAPIC_SVR), 0xff);
	assert_int_equal(xapic_read(vcpu, VLAPIC_LDR), 0);
}

static void vlapic_x2apic_entry_keeps_state_and_derives_the_logical_id(void **state)
{
	struct vcpu *vcpu;

	(void)state;
	fake_vm_drop();
	fake_vm_make(1, 0x35, 1);
	vcpu = enabled(0);
	xapic_write(vcpu, VLAPIC_LVT_LINT1, VLAPIC_LVT_MASK | 0x33);
	x2apic_enter(vcpu);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_SVR), 0x1ff);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_LVT_LINT1), VLAPIC_LVT_MASK | 0x33);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_ID), 0x35);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_LDR), 3U << 16 | 1U << 5);
}

static void vlapic_page_is_not_there_when_off_or_in_x2apic_mode(void **state)
{
	struct access access = { .vcpu = &fake_vcpus[0], .offset = VLAPIC_ID, .size = 4 };

	(void)state;
	x2apic_enter(&fake_vcpus[0]);
	assert_int_equal(vlapic_region(NULL, &access), REGION_ONES);
	assert_true(vlapic_base_write(&fake_vcpus[0], OFF));
	assert_int_equal(vlapic_region(NULL, &access), REGION_ONES);
}

static void vlapic_msrs_fault_in_xapic_mode(void **state)
{
	uint64_t value;

	(void)state;
	assert_false(vlapic_msr_read(&fake_vcpus[0], MSR_X2APIC + 2, &value));
	assert_false(vlapic_msr_write(&fake_vcpus[0], MSR_X2APIC + 8, 0));
}

/* ---- x2APIC register rules ---- */

static bool can_read(struct vcpu *vcpu, unsigned at)
{
	uint64_t value;

	return vlapic_msr_read(vcpu, MSR_X2APIC + at / 16, &value);
}

static bool can_write(struct vcpu *vcpu, unsigned at, uint64_t value)
{
	return vlapic_msr_write(vcpu, MSR_X2APIC + at / 16, value);
}

static void vlapic_x2apic_reads_of_write_only_registers_fault(void **state)
{
	(void)state;
	x2apic_enter(&fake_vcpus[0]);
	assert_false(can_read(&fake_vcpus[0], VLAPIC_EOI));
	assert_false(can_read(&fake_vcpus[0], VLAPIC_SELF_IPI));
}

static void vlapic_x2apic_writes_of_read_only_registers_fault(void **state)
{
	static const unsigned registers[] = {
		VLAPIC_ID,  VLAPIC_VERSION, VLAPIC_PPR, VLAPIC_LDR,
		VLAPIC_ISR, VLAPIC_TMR,     VLAPIC_IRR, VLAPIC_CURRENT
	};

	(void)state;
	x2apic_enter(&fake_vcpus[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
		assert_false(can_write(&fake_vcpus[0], registers[i], 0));
		assert_true(can_read(&fake_vcpus[0], registers[i]));
	}
}

static void vlapic_x2apic_registers_that_do_not_exist_fault(void **state)
{
	static const unsigned registers[] = { 0x000,      0x010, 0x040, VLAPIC_APR,      VLAPIC_RRR,
					      VLAPIC_DFR, 0x290, 0x2f0, VLAPIC_ICR_HIGH, 0x3a0 };

	(void)state;
	x2apic_enter(&fake_vcpus[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
		assert_false(can_read(&fake_vcpus[0], registers[i]));
		assert_false(can_write(&fake_vcpus[0], registers[i], 0));
	}
	assert_false(can_read(&fake_vcpus[0], 0x400));
	assert_false(can_write(&fake_vcpus[0], 0xff0, 0));
}

static void vlapic_x2apic_reserved_bits_fault(void **state)
{
	struct vcpu *vcpu = &fake_vcpus[0];

	(void)state;
	x2apic_enter(vcpu);
	assert_false(can_write(vcpu, VLAPIC_EOI, 1));
	assert_false(can_write(vcpu, VLAPIC_ESR, 1));
	assert_false(can_write(vcpu, VLAPIC_TPR, 0x100));
	assert_false(can_write(vcpu, VLAPIC_SVR, BIT(12)));
	assert_false(can_write(vcpu, VLAPIC_LVT_TIMER, BIT(19)));
	assert_false(can_write(vcpu, VLAPIC_LVT_ERROR, BIT(8)));
	assert_false(can_write(vcpu, VLAPIC_INITIAL, BIT(32)));
	assert_false(can_write(vcpu, VLAPIC_DIVIDE, BIT(2)));
	assert_false(can_write(vcpu, VLAPIC_SELF_IPI, 0x100));
	assert_false(can_write(vcpu, VLAPIC_ICR, BIT(20)));
}

/* ---- xAPIC accesses ---- */

static void vlapic_xapic_unknown_register_sets_esr(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	assert_int_equal(xapic_read(vcpu, 0x040), 0);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR), VLAPIC_ESR_REGISTER);
}

static void vlapic_xapic_small_reads_give_their_bytes(void **state)
{
	struct access access = { .vcpu = &fake_vcpus[1], .offset = VLAPIC_ID + 3, .size = 1 };

	(void)state;
	assert_int_equal(vlapic_region(NULL, &access), REGION_DONE);
	assert_int_equal(access.value, 1);
}

static void vlapic_xapic_unaligned_and_small_writes_are_dropped(void **state)
{
	struct access access = { .vcpu = &fake_vcpus[0],
				 .offset = VLAPIC_TPR,
				 .size = 1,
				 .is_write = true,
				 .value = 0x20 };

	(void)state;
	assert_int_equal(vlapic_region(NULL, &access), REGION_DONE);
	access.offset = VLAPIC_TPR + 4;
	access.size = 4;
	assert_int_equal(vlapic_region(NULL, &access), REGION_DONE);
	assert_int_equal(xapic_read(&fake_vcpus[0], VLAPIC_TPR), 0);
}

static void vlapic_any_access_of_the_page_is_answered(void **state)
{
	(void)state;
	for (unsigned offset = 0; offset < PAGE_SIZE; offset++) {
		for (unsigned i = 0; i < 8; i++) {
			struct access access = { .vcpu = &fake_vcpus[0],
						 .offset = offset,
						 .size = (uint8_t)(1U << i % 4),
						 .is_write = i >= 4,
						 .value = UINT64_MAX };

			assert_int_equal(vlapic_region(NULL, &access), REGION_DONE);
		}
	}
}

static void vlapic_ldr_and_dfr_keep_only_their_bits(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[0], VLAPIC_LDR, UINT32_MAX);
	assert_int_equal(xapic_read(&fake_vcpus[0], VLAPIC_LDR), 0xff000000);
	xapic_write(&fake_vcpus[0], VLAPIC_DFR, 0);
	assert_int_equal(xapic_read(&fake_vcpus[0], VLAPIC_DFR), 0x0fffffff);
}

static void vlapic_read_only_registers_keep_their_value_in_xapic_mode(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_VERSION, 0);
	xapic_write(vcpu, VLAPIC_IRR + 0x20, UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_VERSION), VLAPIC_VERSION_VALUE);
	assert_int_equal(pending(vcpu), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vlapic_base_allows_the_legal_transitions),
		TEST(vlapic_base_refuses_x2apic_to_xapic),
		TEST(vlapic_base_refuses_off_to_x2apic),
		TEST(vlapic_base_refuses_x2apic_without_enable),
		TEST(vlapic_base_refuses_reserved_bits_and_other_addresses),
		TEST(vlapic_base_keeps_the_boot_processor_bit),
		TEST(vlapic_base_off_loses_what_was_set_up),
		TEST(vlapic_x2apic_entry_keeps_state_and_derives_the_logical_id),
		TEST(vlapic_page_is_not_there_when_off_or_in_x2apic_mode),
		TEST(vlapic_msrs_fault_in_xapic_mode),
		TEST(vlapic_x2apic_reads_of_write_only_registers_fault),
		TEST(vlapic_x2apic_writes_of_read_only_registers_fault),
		TEST(vlapic_x2apic_registers_that_do_not_exist_fault),
		TEST(vlapic_x2apic_reserved_bits_fault),
		TEST(vlapic_xapic_unknown_register_sets_esr),
		TEST(vlapic_xapic_small_reads_give_their_bytes),
		TEST(vlapic_xapic_unaligned_and_small_writes_are_dropped),
		TEST(vlapic_any_access_of_the_page_is_answered),
		TEST(vlapic_ldr_and_dfr_keep_only_their_bits),
		TEST(vlapic_read_only_registers_keep_their_value_in_xapic_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
