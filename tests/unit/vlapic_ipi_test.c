/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
/* Messages between virtual LAPICs: who is meant, what it does, and the map of IDs. */
#include "tests/unit/vlapic_fake.h"

#define VECTOR 0x60U

static int setup(void **state)
{
	(void)state;
	fake_vm_make(4, 0, 1);
	for (uint32_t i = 0; i < 4; i++) {
		(void)enabled(i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_drop();
	return 0;
}

static void remake(uint32_t count, uint32_t first, uint32_t step)
{
	fake_vm_drop();
	fake_vm_make(count, first, step);
	for (uint32_t i = 0; i < count; i++) {
		(void)enabled(i);
	}
}

/* A bit for each vCPU that has the vector pending. */
static uint32_t receivers(void)
{
	uint32_t map = 0;

	for (uint32_t i = 0; i < fake_vm.vcpu_count; i++) {
		if (taken(&fake_vcpus[i]) == VECTOR) {
			map |= 1U << i;
			vlapic_end(&fake_vcpus[i]);
		}
	}
	return map;
}

/* An xAPIC IPI from vCPU 0. */
static uint32_t sent(uint32_t destination, uint32_t low)
{
	xapic_write(&fake_vcpus[0], VLAPIC_ICR_HIGH, destination << 24);
	xapic_write(&fake_vcpus[0], VLAPIC_ICR, low);
	return receivers();
}

static uint32_t sent_x2apic(uint32_t destination, uint32_t low)
{
	x2apic_write(&fake_vcpus[0], VLAPIC_ICR, (uint64_t)destination << 32 | low);
	return receivers();
}

static void all_x2apic(void)
{
	for (uint32_t i = 0; i < fake_vm.vcpu_count; i++) {
		x2apic_enter(&fake_vcpus[i]);
	}
}

#define LOGICAL      (1U << 11)
#define TO_SELF      (1U << 18)
#define TO_ALL       (2U << 18)
#define TO_OTHERS    (3U << 18)
#define MODE(m)      ((uint32_t)(m) << 8)
#define LEVEL_ASSERT (BIT(15) | BIT(14))

/* ---- destinations ---- */

static void ipi_physical_reaches_one(void **state)
{
	(void)state;
	assert_int_equal(sent(2, VECTOR), BIT(2));
	assert_int_equal(sent(0, VECTOR), BIT(0));
	assert_int_equal(sent(9, VECTOR), 0);
}

static void ipi_physical_broadcast_reaches_all(void **state)
{
	(void)state;
	assert_int_equal(sent(0xff, VECTOR), 0xf);
}

static void ipi_shorthands_reach_self_all_and_others(void **state)
{
	(void)state;
	assert_int_equal(sent(3, TO_SELF | VECTOR), BIT(0));
	assert_int_equal(sent(3, TO_ALL | VECTOR), 0xf);
	assert_int_equal(sent(3, TO_OTHERS | VECTOR), 0xe);
}

static void ipi_flat_logical_reaches_the_bits(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		xapic_write(&fake_vcpus[i], VLAPIC_LDR, 1U << (24 + i));
	}
	assert_int_equal(sent(0x5, LOGICAL | VECTOR), 0x5);
	assert_int_equal(sent(0xff, LOGICAL | VECTOR), 0xf);
	assert_int_equal(sent(0x10, LOGICAL | VECTOR), 0);
}

static void ipi_cluster_logical_reaches_members_of_the_cluster(void **state)
{
	static const uint32_t ids[] = { 0x11, 0x12, 0x21, 0x28 };

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		xapic_write(&fake_vcpus[i], VLAPIC_DFR, 0);
		xapic_write(&fake_vcpus[i], VLAPIC_LDR, ids[i] << 24);
	}
	assert_int_equal(sent(0x13, LOGICAL | VECTOR), 0x3);
	assert_int_equal(sent(0x29, LOGICAL | VECTOR), 0xc);
	assert_int_equal(sent(0x31, LOGICAL | VECTOR), 0);
	assert_int_equal(sent(0xff, LOGICAL | VECTOR), 0xf);
}

static void ipi_logical_without_a_legal_model_reaches_nobody(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[1], VLAPIC_LDR, 1U << 24);
	xapic_write(&fake_vcpus[1], VLAPIC_DFR, 0x50000000);
	assert_int_equal(sent(0x1, LOGICAL | VECTOR), 0);
}

static void ipi_x2apic_physical_has_32_bits(void **state)
{
	(void)state;
	remake(4, 0x200, 1);
	assert_int_equal(sent_x2apic(0x202, VECTOR), BIT(2));
	assert_int_equal(sent_x2apic(0x2, VECTOR), 0);
	assert_int_equal(sent_x2apic(0xff, VECTOR), 0);
	assert_int_equal(sent_x2apic(UINT32_MAX, VECTOR), 0xf);
}

static void ipi_x2apic_logical_reaches_members_of_the_cluster(void **state)
{
	(void)state;
	remake(4, 0xe, 1); /* IDs e, f, 10, 11 */
	all_x2apic();
	assert_int_equal(sent_x2apic(0x0000c000, LOGICAL | VECTOR), 0x3);
	assert_int_equal(sent_x2apic(0x00010003, LOGICAL | VECTOR), 0xc);
	assert_int_equal(sent_x2apic(0x00010002, LOGICAL | VECTOR), 0x8);
	assert_int_equal(sent_x2apic(0x00020001, LOGICAL | VECTOR), 0);
	assert_int_equal(sent_x2apic(UINT32_MAX, LOGICAL | VECTOR), 0xf);
}

static void ipi_x2apic_self_register_reaches_self(void **state)
{
	(void)state;
	all_x2apic();
	x2apic_write(&fake_vcpus[0], VLAPIC_SELF_IPI, VECTOR);
	assert_int_equal(fake_notified[0], 0); /* its owner is here */
	assert_int_equal(receivers(), BIT(0));
}

static void ipi_icr_reads_back_and_is_never_busy(void **state)
{
	(void)state;
	(void)sent(2, VECTOR | BIT(12));
	assert_int_equal(xapic_read(&fake_vcpus[0], VLAPIC_ICR), VECTOR);
	assert_int_equal(xapic_read(&fake_vcpus[0], VLAPIC_ICR_HIGH), 2U << 24);
	all_x2apic();
	(void)sent_x2apic(3, VECTOR);
	assert_int_equal(x2apic_read(&fake_vcpus[0], VLAPIC_ICR), UINT64_C(3) << 32 | VECTOR);
}

static void ipi_high_half_alone_sends_nothing(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[0], VLAPIC_ICR_HIGH, 2U << 24);
	assert_int_equal(receivers(), 0);
}

/* ---- who takes it ---- */

static void ipi_to_a_disabled_apic_is_lost(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[1], VLAPIC_SVR, 0xff);
	assert_true(vlapic_base_write(&fake_vcpus[2], VLAPIC_BASE_DEFAULT));
	assert_int_equal(sent(0, TO_OTHERS | VECTOR), BIT(3));
}

static void ipi_lowest_priority_reaches_exactly_one_of_those_named(void **state)
{
	uint32_t seen = 0;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		xapic_write(&fake_vcpus[i], VLAPIC_LDR, 1U << (24 + i));
	}
	for (uint32_t vector = 0x60; vector < 0x68; vector++) {
		uint32_t map = 0;

		xapic_write(&fake_vcpus[0], VLAPIC_ICR_HIGH, 0x0e000000);
		xapic_write(&fake_vcpus[0], VLAPIC_ICR, MODE(VLAPIC_LOWEST) | LOGICAL | vector);
		for (uint32_t i = 0; i < 4; i++) {
			map |= taken(&fake_vcpus[i]) == (int)vector ? 1U << i : 0;
			vlapic_end(&fake_vcpus[i]);
		}
		assert_int_equal(__builtin_popcount(map), 1);
		seen |= map;
	}
	assert_int_equal(seen, 0xe);
}

static void ipi_lowest_priority_leaves_out_who_does_not_accept(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[1], VLAPIC_SVR, 0xff);
	xapic_write(&fake_vcpus[2], VLAPIC_SVR, 0xff);
	xapic_write(&fake_vcpus[3], VLAPIC_SVR, 0xff);
	assert_int_equal(sent(0xff, MODE(VLAPIC_LOWEST) | VECTOR), BIT(0));
	xapic_write(&fake_vcpus[0], VLAPIC_SVR, 0xff);
	assert_int_equal(sent(0xff, MODE(VLAPIC_LOWEST) | VECTOR), 0);
}

static void ipi_with_an_illegal_vector_is_not_sent(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[0], VLAPIC_ICR, TO_ALL | 15);
	assert_int_equal(fake_notified[1], 0);
	xapic_write(&fake_vcpus[0], VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(&fake_vcpus[0], VLAPIC_ESR), VLAPIC_ESR_SEND_VECTOR);
}

/* ---- NMI, INIT, start-up ---- */

static void ipi_nmi_becomes_a_request(void **state)
{
	(void)state;
	(void)sent(1, MODE(VLAPIC_NMI));
	assert_int_equal(fake_vcpus[1].arch.requests, REQUEST_NMI);
	assert_int_equal(fake_notified[1], 1);
	assert_int_equal(pending(&fake_vcpus[1]), -1);
}

static void ipi_init_and_startup_become_requests(void **state)
{
	(void)state;
	(void)sent(1, MODE(VLAPIC_INIT) | (uint32_t)LEVEL_ASSERT);
	assert_int_equal(fake_vcpus[1].arch.requests, REQUEST_INIT);
	(void)sent(1, MODE(VLAPIC_SIPI) | 0x9a);
	assert_int_equal(fake_vcpus[1].arch.requests,
			 REQUEST_INIT | REQUEST_SIPI | field_set(REQUEST_SIPI_VECTOR, 0x9a));
}

static void ipi_init_deassertion_does_nothing(void **state)
{
	(void)state;
	(void)sent(1, MODE(VLAPIC_INIT) | (uint32_t)BIT(15));
	assert_int_equal(fake_vcpus[1].arch.requests, 0);
}

static void ipi_second_startup_does_not_replace_the_first(void **state)
{
	(void)state;
	(void)sent(1, MODE(VLAPIC_SIPI) | 0x11);
	(void)sent(1, MODE(VLAPIC_SIPI) | 0x22);
	assert_int_equal(field_get(REQUEST_SIPI_VECTOR, fake_vcpus[1].arch.requests), 0x11);
}

static void ipi_init_cancels_a_startup_before_it(void **state)
{
	(void)state;
	(void)sent(1, MODE(VLAPIC_SIPI) | 0x11);
	(void)sent(1, MODE(VLAPIC_INIT) | (uint32_t)LEVEL_ASSERT);
	assert_int_equal(fake_vcpus[1].arch.requests, REQUEST_INIT);
}

static void ipi_startup_reaches_a_software_disabled_apic(void **state)
{
	(void)state;
	xapic_write(&fake_vcpus[1], VLAPIC_SVR, 0xff);
	(void)sent(1, MODE(VLAPIC_SIPI) | 0x11);
	assert_true((fake_vcpus[1].arch.requests & REQUEST_SIPI) != 0);
}

static void ipi_smi_and_reserved_modes_do_nothing(void **state)
{
	(void)state;
	(void)sent(1, MODE(VLAPIC_SMI));
	(void)sent(1, MODE(3) | VECTOR);
	(void)sent(1, MODE(VLAPIC_EXTINT) | VECTOR);
	assert_int_equal(fake_vcpus[1].arch.requests, 0);
	assert_int_equal(fake_notified[1], 0);
}

/* ---- from devices ---- */

static void device_message_reports_who_took_it(void **state)
{
	struct vlapic_message message = { .destination = 1, .vector = VECTOR };

	(void)state;
	assert_int_equal(vlapic_deliver(&fake_vm, &message), 1);
	assert_int_equal(receivers(), BIT(1));
	message.destination = 9;
	assert_int_equal(vlapic_deliver(&fake_vm, &message), 0);
	message.destination = 0xff;
	assert_int_equal(vlapic_deliver(&fake_vm, &message), 4);
}

static void device_message_with_an_illegal_vector_is_taken_by_nobody(void **state)
{
	struct vlapic_message message = { .destination = 1, .vector = 3, .is_level = true };

	(void)state;
	assert_int_equal(vlapic_deliver(&fake_vm, &message), 0);
	assert_int_equal(pending(&fake_vcpus[1]), -1);
	xapic_write(&fake_vcpus[1], VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(&fake_vcpus[1], VLAPIC_ESR), VLAPIC_ESR_RECEIVE_VECTOR);
	vlapic_reset(&fake_vcpus[1], true);
	assert_int_equal(fake_ended_count, 0);
}

static void device_message_with_8_bit_logical_destination_reaches_x2apics(void **state)
{
	struct vlapic_message message = { .destination = 0x6,
					  .is_logical = true,
					  .vector = VECTOR };

	(void)state;
	all_x2apic();
	assert_int_equal(vlapic_deliver(&fake_vm, &message), 2);
	assert_int_equal(receivers(), 0x6);
}

static void device_message_target_is_the_first_named(void **state)
{
	struct vlapic_message message = { .destination = 2 };

	(void)state;
	assert_ptr_equal(vlapic_target(&fake_vm, &message), &fake_vcpus[2]);
	message.destination = 7;
	assert_null(vlapic_target(&fake_vm, &message));
	message.destination = 0xff;
	assert_ptr_equal(vlapic_target(&fake_vm, &message), &fake_vcpus[0]);
}

/* ---- the map ---- */

static void map_finds_sparse_and_colliding_ids(void **state)
{
	(void)state;
	remake(FAKE_VCPUS, 0, 0x1000);
	for (uint32_t i = 0; i < FAKE_VCPUS; i++) {
		assert_ptr_equal(vlapic_map_find(&fake_vm, i * 0x1000), &fake_vcpus[i]);
		assert_null(vlapic_map_find(&fake_vm, i * 0x1000 + 1));
	}
	assert_null(vlapic_map_find(&fake_vm, UINT32_MAX));
}

static void map_grows_and_keeps_everybody(void **state)
{
	static struct vcpu many[1024];

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].arch.vlapic.apic_id = 100 + 3 * i;
		assert_int_equal(vlapic_map_add(&fake_vm, &many[i]), 0);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++) {
		assert_ptr_equal(vlapic_map_find(&fake_vm, 100 + 3 * i), &many[i]);
		assert_null(vlapic_map_find(&fake_vm, 101 + 3 * i));
	}
	assert_ptr_equal(vlapic_map_find(&fake_vm, 3), &fake_vcpus[3]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ipi_physical_reaches_one),
		TEST(ipi_physical_broadcast_reaches_all),
		TEST(ipi_shorthands_reach_self_all_and_others),
		TEST(ipi_flat_logical_reaches_the_bits),
		TEST(ipi_cluster_logical_reaches_members_of_the_cluster),
		TEST(ipi_logical_without_a_legal_model_reaches_nobody),
		TEST(ipi_x2apic_physical_has_32_bits),
		TEST(ipi_x2apic_logical_reaches_members_of_the_cluster),
		TEST(ipi_x2apic_self_register_reaches_self),
		TEST(ipi_icr_reads_back_and_is_never_busy),
		TEST(ipi_high_half_alone_sends_nothing),
		TEST(ipi_to_a_disabled_apic_is_lost),
		TEST(ipi_lowest_priority_reaches_exactly_one_of_those_named),
		TEST(ipi_lowest_priority_leaves_out_who_does_not_accept),
		TEST(ipi_with_an_illegal_vector_is_not_sent),
		TEST(ipi_nmi_becomes_a_request),
		TEST(ipi_init_and_startup_become_requests),
		TEST(ipi_init_deassertion_does_nothing),
		TEST(ipi_second_startup_does_not_replace_the_first),
		TEST(ipi_init_cancels_a_startup_before_it),
		TEST(ipi_startup_reaches_a_software_disabled_apic),
		TEST(ipi_smi_and_reserved_modes_do_nothing),
		TEST(device_message_reports_who_took_it),
		TEST(device_message_with_an_illegal_vector_is_taken_by_nobody),
		TEST(device_message_with_8_bit_logical_destination_reaches_x2apics),
		TEST(device_message_target_is_the_first_named),
		TEST(map_finds_sparse_and_colliding_ids),
		TEST(map_grows_and_keeps_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
