/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
/* The virtual LAPIC by itself: priorities, service, LVT, errors. One rule a test. */
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

/* ---- reset state ---- */

static void vlapic_reset_has_the_architectural_values(void **state)
{
	struct vcpu *vcpu = &fake_vcpus[1];

	(void)state;
	assert_int_equal(xapic_read(vcpu, VLAPIC_ID), 1U << 24);
	assert_int_equal(xapic_read(vcpu, VLAPIC_VERSION) & 0xff, 0x14);
	assert_int_equal(xapic_read(vcpu, VLAPIC_VERSION) >> 16, 5);
	assert_int_equal(xapic_read(vcpu, VLAPIC_SVR), 0xff);
	assert_int_equal(xapic_read(vcpu, VLAPIC_DFR), UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_LDR), 0);
	for (unsigned at = VLAPIC_LVT_TIMER; at <= VLAPIC_LVT_ERROR; at += 16) {
		assert_int_equal(xapic_read(vcpu, at), VLAPIC_LVT_MASK);
	}
}

static void vlapic_base_names_the_boot_processor(void **state)
{
	(void)state;
	assert_true((fake_vcpus[0].arch.vlapic.base_msr & APIC_BASE_BSP) != 0);
	assert_true((fake_vcpus[1].arch.vlapic.base_msr & APIC_BASE_BSP) == 0);
}

static void vlapic_ids_are_the_guests_own(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(xapic_read(&fake_vcpus[i], VLAPIC_ID) >> 24, i);
		xapic_write(&fake_vcpus[i], VLAPIC_ID, 0x55U << 24);
		assert_int_equal(xapic_read(&fake_vcpus[i], VLAPIC_ID) >> 24, i);
	}
}

static void vlapic_init_reset_keeps_base_and_id(void **state)
{
	struct vcpu *vcpu = enabled(1);
	uint64_t base;

	(void)state;
	x2apic_enter(vcpu);
	x2apic_write(vcpu, VLAPIC_TPR, 0x50);
	vlapic_post(vcpu, 0x80, false);
	base = vcpu->arch.vlapic.base_msr;
	vlapic_reset(vcpu, true);
	assert_int_equal(vcpu->arch.vlapic.base_msr, base);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_ID), 1);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_LDR), 2);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_TPR), 0);
	assert_int_equal(x2apic_read(vcpu, VLAPIC_SVR), 0xff);
	assert_int_equal(pending(vcpu), -1);
}

static void vlapic_reset_ends_level_vectors_in_flight(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x61, true);
	assert_int_equal(taken(vcpu), 0x61);
	vlapic_post(vcpu, 0x51, true);
	vlapic_reset(vcpu, true);
	assert_int_equal(fake_ended_count, 2);
}

static void vlapic_with_a_large_id_starts_in_x2apic_mode(void **state)
{
	(void)state;
	fake_vm_drop();
	fake_vm_make(1, 300, 1);
	assert_int_equal(x2apic_read(&fake_vcpus[0], VLAPIC_ID), 300);
}

static void vlapic_id_twice_is_refused(void **state)
{
	struct vcpu *vcpu = &fake_vcpus[2];

	(void)state;
	vcpu->vm = &fake_vm;
	assert_int_not_equal(vlapic_init(vcpu, 1), 0);
}

/* ---- requests and priorities ---- */

static void vlapic_posted_vector_becomes_a_request(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	assert_true(vlapic_has_posted(vcpu));
	assert_int_equal(pending(vcpu), 0x41);
	assert_true(is_set(vcpu, VLAPIC_IRR, 0x41));
	assert_false(is_set(vcpu, VLAPIC_ISR, 0x41));
}

static void vlapic_accept_moves_the_request_into_service(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	assert_int_equal(taken(vcpu), 0x41);
	assert_false(is_set(vcpu, VLAPIC_IRR, 0x41));
	assert_true(is_set(vcpu, VLAPIC_ISR, 0x41));
	assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0x40);
	assert_false(vlapic_has_posted(vcpu));
}

static void vlapic_owner_is_notified_once_until_it_folds(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	vlapic_post(vcpu, 0x42, false);
	assert_int_equal(fake_notified[0], 1);
	vlapic_sync(vcpu);
	vlapic_post(vcpu, 0x43, false);
	assert_int_equal(fake_notified[0], 2);
}

static void vlapic_highest_vector_comes_first(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x31, false);
	vlapic_post(vcpu, 0xf1, false);
	vlapic_post(vcpu, 0x91, false);
	assert_int_equal(taken(vcpu), 0xf1);
	assert_int_equal(taken(vcpu), -1);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(taken(vcpu), 0x91);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(taken(vcpu), 0x31);
}

static void vlapic_higher_class_interrupts_a_lower_one(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	assert_int_equal(taken(vcpu), 0x41);
	vlapic_post(vcpu, 0x4f, false);
	assert_int_equal(taken(vcpu), -1);
	vlapic_post(vcpu, 0x51, false);
	assert_int_equal(taken(vcpu), 0x51);
	assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0x50);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0x40);
	assert_int_equal(taken(vcpu), -1);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(taken(vcpu), 0x4f);
}

static void vlapic_all_legal_vectors_go_through(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	for (unsigned vector = 16; vector < 256; vector++) {
		vlapic_post(vcpu, (uint8_t)vector, false);
		assert_int_equal(taken(vcpu), vector);
		xapic_write(vcpu, VLAPIC_EOI, 0);
		assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0);
	}
}

static void vlapic_tpr_holds_back_its_class_and_below(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_TPR, 0x50);
	vlapic_post(vcpu, 0x5f, false);
	assert_int_equal(pending(vcpu), -1);
	xapic_write(vcpu, VLAPIC_TPR, 0x4f);
	assert_int_equal(pending(vcpu), 0x5f);
}

/* A vCPU in HLT with interrupts off and a vector in IRR was woken again and again, on its core
 * alone. */
static void vlapic_vector_that_was_folded_wakes_nobody(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	assert_true(vlapic_has_posted(vcpu));
	vlapic_sync(vcpu);
	assert_false(vlapic_has_posted(vcpu));
	assert_int_equal(pending(vcpu), 0x41);
}

static void vlapic_ppr_is_tpr_when_its_class_is_at_least_that_in_service(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	assert_int_equal(taken(vcpu), 0x41);
	xapic_write(vcpu, VLAPIC_TPR, 0x47);
	assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0x47);
	xapic_write(vcpu, VLAPIC_TPR, 0x3f);
	assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0x40);
}

static void vlapic_cr8_is_the_class_of_tpr(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_TPR, 0x57);
	assert_int_equal(vlapic_cr8_read(vcpu), 5);
	vlapic_cr8_write(vcpu, 9);
	assert_int_equal(xapic_read(vcpu, VLAPIC_TPR), 0x90);
	assert_int_equal(xapic_read(vcpu, VLAPIC_PPR), 0x90);
}

static void vlapic_eoi_without_service_does_nothing(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(pending(vcpu), 0x41);
}

/* ---- level and edge ---- */

static void vlapic_level_vector_sets_tmr_and_its_eoi_is_told(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x71, true);
	assert_int_equal(taken(vcpu), 0x71);
	assert_true(is_set(vcpu, VLAPIC_TMR, 0x71));
	assert_int_equal(fake_ended_count, 0);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(fake_ended_count, 1);
	assert_int_equal(fake_ended, 0x71);
}

static void vlapic_edge_vector_clears_tmr_and_its_eoi_is_not_told(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x71, true);
	assert_int_equal(taken(vcpu), 0x71);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	vlapic_post(vcpu, 0x71, false);
	assert_int_equal(taken(vcpu), 0x71);
	assert_false(is_set(vcpu, VLAPIC_TMR, 0x71));
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(fake_ended_count, 1);
}

static void vlapic_x2apic_eoi_is_told_too(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	x2apic_enter(vcpu);
	vlapic_post(vcpu, 0xa1, true);
	assert_int_equal(taken(vcpu), 0xa1);
	x2apic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(fake_ended, 0xa1);
}

/* ---- virtual-interrupt delivery ---- */

/* What the CPU does: from IRR to ISR, PPR as it follows. SDM3 30.2.2 "Virtual-Interrupt Delivery".
 */
static void deliver_by_hardware(struct vcpu *vcpu, uint8_t vector)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	unsigned at = vector / 32 * 16;
	uint32_t bit = (uint32_t)BIT(vector % 32);

	vlapic_put(vlapic, VLAPIC_IRR + at, vlapic_get(vlapic, VLAPIC_IRR + at) & ~bit);
	vlapic_put(vlapic, VLAPIC_ISR + at, vlapic_get(vlapic, VLAPIC_ISR + at) | bit);
	vlapic_put(vlapic, VLAPIC_PPR, vector & VLAPIC_PRIORITY);
}

static void vlapic_refresh_finds_what_the_cpu_delivered(void **state)
{
	struct vcpu *vcpu = enabled(0);
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	(void)state;
	x2apic_enter(vcpu);
	vlapic->by_hardware = true;
	vlapic_post(vcpu, 0x41, false);
	vlapic_post(vcpu, 0x62, false);
	vlapic_sync(vcpu);
	assert_int_equal(vlapic_highest_request(vlapic), 0x62);
	assert_int_equal(vlapic_injectable(vcpu), -1);
	assert_int_equal(vlapic_pending(vcpu), 0x62);
	deliver_by_hardware(vcpu, 0x62);
	vlapic_refresh(vlapic, false);
	assert_int_equal(vlapic_in_service(vlapic), 0x62);
	assert_int_equal(vlapic_highest_request(vlapic), 0x41);
	assert_int_equal(vlapic_pending(vcpu), -1); /* below what is in service */
}

static void vlapic_refresh_of_nothing_leaves_nothing(void **state)
{
	struct vcpu *vcpu = enabled(0);
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	vlapic_sync(vcpu);
	memset(vlapic->page + VLAPIC_IRR, 0, 0x80); /* delivered and ended */
	vlapic_put(vlapic, VLAPIC_SELF_IPI, 0x41);
	vlapic_refresh(vlapic, true);
	assert_int_equal(vlapic_highest_request(vlapic), -1);
	assert_int_equal(vlapic_in_service(vlapic), -1);
	assert_int_equal(vlapic_get(vlapic, VLAPIC_SELF_IPI), 0);
}

static void vlapic_eoi_by_the_cpu_is_told_of_levels_alone(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x71, true);
	vlapic_post(vcpu, 0x72, false);
	vlapic_sync(vcpu);
	vlapic_ended(vcpu, 0x72);
	assert_int_equal(fake_ended_count, 0);
	vlapic_ended(vcpu, 0x71);
	assert_int_equal(fake_ended, 0x71);
}

static void vlapic_edge_is_posted_to_the_cpu_that_takes_it(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	fake_cpu.arch.apic_id = 9;
	fake_ipi_count = 0;
	fake_notified[0] = 0;
	vcpu->arch.vlapic.posting_cpu = 1;
	vlapic_post(vcpu, 0x41, false);
	vlapic_post(vcpu, 0x42, false); /* while ON is set there has been an interrupt */
	assert_int_equal(fake_ipi_count, 1);
	assert_int_equal(fake_ipi_apic_id, 9);
	assert_int_equal(fake_ipi_vector, LAPIC_VECTOR_POSTED);
	assert_int_equal(fake_notified[0], 0);
	vcpu->arch.vlapic.posting_cpu = 0;
	assert_int_equal(taken(vcpu), 0x42);
}

static void vlapic_level_and_illegal_vectors_are_the_owners_to_take(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	fake_ipi_count = 0;
	fake_notified[0] = 0;
	vcpu->arch.vlapic.posting_cpu = 1;
	vlapic_post(vcpu, 0x51, true);
	assert_int_equal(fake_notified[0], 1);
	vlapic_sync(vcpu);
	vlapic_post(vcpu, 3, false);
	assert_int_equal(fake_notified[0], 2);
	assert_int_equal(fake_ipi_count, 0);
	vcpu->arch.vlapic.posting_cpu = 0;
}

/* ---- software disable ---- */

static void vlapic_software_disabled_takes_no_vectors(void **state)
{
	struct vcpu *vcpu = &fake_vcpus[0];

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	assert_int_equal(pending(vcpu), -1);
	(void)enabled(0);
	assert_int_equal(pending(vcpu), -1);
}

static void vlapic_refused_level_vector_counts_as_ended(void **state)
{
	(void)state;
	vlapic_post(&fake_vcpus[0], 0x41, true);
	assert_int_equal(pending(&fake_vcpus[0]), -1);
	assert_int_equal(fake_ended, 0x41);
}

static void vlapic_software_disable_keeps_what_was_requested(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 0x41, false);
	vlapic_sync(vcpu);
	xapic_write(vcpu, VLAPIC_SVR, 0xff);
	assert_int_equal(pending(vcpu), 0x41);
}

static void vlapic_software_disable_masks_all_lvt_entries(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	for (unsigned at = VLAPIC_LVT_TIMER; at <= VLAPIC_LVT_ERROR; at += 16) {
		xapic_write(vcpu, at, 0x40);
		assert_int_equal(xapic_read(vcpu, at), 0x40);
	}
	xapic_write(vcpu, VLAPIC_SVR, 0xff);
	for (unsigned at = VLAPIC_LVT_TIMER; at <= VLAPIC_LVT_ERROR; at += 16) {
		assert_int_equal(xapic_read(vcpu, at), VLAPIC_LVT_MASK | 0x40);
		xapic_write(vcpu, at, 0x40);
		assert_int_equal(xapic_read(vcpu, at), VLAPIC_LVT_MASK | 0x40);
	}
}

static void vlapic_lvt_entries_keep_only_their_bits(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_LINT0, UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_LVT_LINT0), 0x1a7ff);
	xapic_write(vcpu, VLAPIC_LVT_ERROR, UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_LVT_ERROR), 0x100ff);
	xapic_write(vcpu, VLAPIC_LVT_TIMER, UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_LVT_TIMER), 0x700ff);
}

/* ---- errors ---- */

static void vlapic_esr_shows_errors_only_after_a_write(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	(void)xapic_read(vcpu, 0x050);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR), 0);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR), VLAPIC_ESR_REGISTER);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR), 0);
}

static void vlapic_posted_illegal_vector_is_an_error(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	vlapic_post(vcpu, 15, false);
	vlapic_post(vcpu, 0x41, false);
	assert_int_equal(taken(vcpu), 0x41);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	assert_int_equal(pending(vcpu), -1);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR), VLAPIC_ESR_RECEIVE_VECTOR);
}

static void vlapic_error_interrupts_once_until_esr_is_written(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_ERROR, 0xfe);
	(void)xapic_read(vcpu, 0x050);
	assert_int_equal(taken(vcpu), 0xfe);
	xapic_write(vcpu, VLAPIC_EOI, 0);
	(void)xapic_read(vcpu, 0x050);
	assert_int_equal(taken(vcpu), -1);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	(void)xapic_read(vcpu, 0x050);
	assert_int_equal(taken(vcpu), 0xfe);
}

static void vlapic_error_entry_with_an_illegal_vector_is_an_error_itself(void **state)
{
	struct vcpu *vcpu = enabled(0);

	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_ERROR, 3);
	(void)xapic_read(vcpu, 0x050);
	assert_int_equal(pending(vcpu), -1);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR),
			 VLAPIC_ESR_REGISTER | VLAPIC_ESR_RECEIVE_VECTOR);
}

/* ---- ExtINT ---- */

static int extint_vector = -1;
static unsigned extint_acknowledged;

static int extint_hook(void *context, bool acknowledge)
{
	assert_ptr_equal(context, &extint_vector);
	extint_acknowledged += acknowledge;
	return extint_vector;
}

static struct vcpu *with_extint(void)
{
	struct vcpu *vcpu = enabled(0);

	vcpu->arch.vlapic.extint = extint_hook;
	vcpu->arch.vlapic.extint_context = &extint_vector;
	extint_vector = 0x08;
	extint_acknowledged = 0;
	return vcpu;
}

static void vlapic_extint_comes_through_lint0(void **state)
{
	struct vcpu *vcpu = with_extint();

	(void)state;
	assert_int_equal(pending(vcpu), -1);
	xapic_write(vcpu, VLAPIC_LVT_LINT0, 7U << 8);
	vlapic_post(vcpu, 0xf0, false);
	assert_int_equal(taken(vcpu), 0x08);
	assert_int_equal(extint_acknowledged, 1);
	assert_false(is_set(vcpu, VLAPIC_ISR, 0x08));
	extint_vector = -1;
	assert_int_equal(taken(vcpu), 0xf0);
	assert_int_equal(extint_acknowledged, 1);
}

static void vlapic_extint_comes_through_an_apic_that_is_off(void **state)
{
	struct vcpu *vcpu = with_extint();

	(void)state;
	assert_true(vlapic_base_write(vcpu, VLAPIC_BASE_DEFAULT));
	assert_int_equal(taken(vcpu), 0x08);
}

static bool lint1_is_nmi(struct vcpu *vcpu)
{
	vcpu->arch.events.nmi_pending = false;
	vlapic_lint1(vcpu);
	return vcpu->arch.events.nmi_pending;
}

static void vlapic_lint1_is_an_nmi_where_the_guest_says_so(void **state)
{
	struct vcpu *vcpu = &fake_vcpus[0];
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	(void)state;
	vlapic_put(vlapic, VLAPIC_LVT_LINT1, field_set(VLAPIC_LVT_MODE, VLAPIC_NMI));
	assert_true(lint1_is_nmi(vcpu));
	vlapic_put(vlapic, VLAPIC_LVT_LINT1,
		   VLAPIC_LVT_MASK | field_set(VLAPIC_LVT_MODE, VLAPIC_NMI));
	assert_false(lint1_is_nmi(vcpu));
	vlapic_put(vlapic, VLAPIC_LVT_LINT1, UINT64_C(0x40)); /* a fixed vector */
	assert_false(lint1_is_nmi(vcpu));
	assert_true(vlapic_base_write(vcpu, VLAPIC_BASE_DEFAULT)); /* off: the pin of the core */
	assert_true(lint1_is_nmi(vcpu));
}

/* ---- migration ---- */

static void vlapic_load_takes_the_timer_along(void **state)
{
	(void)state;
	vlapic_load(&fake_vcpus[0]);
	assert_int_equal(fake_moved, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vlapic_reset_has_the_architectural_values),
		TEST(vlapic_base_names_the_boot_processor),
		TEST(vlapic_ids_are_the_guests_own),
		TEST(vlapic_init_reset_keeps_base_and_id),
		TEST(vlapic_reset_ends_level_vectors_in_flight),
		TEST(vlapic_with_a_large_id_starts_in_x2apic_mode),
		TEST(vlapic_id_twice_is_refused),
		TEST(vlapic_posted_vector_becomes_a_request),
		TEST(vlapic_accept_moves_the_request_into_service),
		TEST(vlapic_owner_is_notified_once_until_it_folds),
		TEST(vlapic_highest_vector_comes_first),
		TEST(vlapic_higher_class_interrupts_a_lower_one),
		TEST(vlapic_all_legal_vectors_go_through),
		TEST(vlapic_tpr_holds_back_its_class_and_below),
		TEST(vlapic_vector_that_was_folded_wakes_nobody),
		TEST(vlapic_ppr_is_tpr_when_its_class_is_at_least_that_in_service),
		TEST(vlapic_cr8_is_the_class_of_tpr),
		TEST(vlapic_eoi_without_service_does_nothing),
		TEST(vlapic_level_vector_sets_tmr_and_its_eoi_is_told),
		TEST(vlapic_edge_vector_clears_tmr_and_its_eoi_is_not_told),
		TEST(vlapic_x2apic_eoi_is_told_too),
		TEST(vlapic_refresh_finds_what_the_cpu_delivered),
		TEST(vlapic_refresh_of_nothing_leaves_nothing),
		TEST(vlapic_eoi_by_the_cpu_is_told_of_levels_alone),
		TEST(vlapic_edge_is_posted_to_the_cpu_that_takes_it),
		TEST(vlapic_level_and_illegal_vectors_are_the_owners_to_take),
		TEST(vlapic_software_disabled_takes_no_vectors),
		TEST(vlapic_refused_level_vector_counts_as_ended),
		TEST(vlapic_software_disable_keeps_what_was_requested),
		TEST(vlapic_software_disable_masks_all_lvt_entries),
		TEST(vlapic_lvt_entries_keep_only_their_bits),
		TEST(vlapic_esr_shows_errors_only_after_a_write),
		TEST(vlapic_posted_illegal_vector_is_an_error),
		TEST(vlapic_error_interrupts_once_until_esr_is_written),
		TEST(vlapic_error_entry_with_an_illegal_vector_is_an_error_itself),
		TEST(vlapic_extint_comes_through_lint0),
		TEST(vlapic_extint_comes_through_an_apic_that_is_off),
		TEST(vlapic_lint1_is_an_nmi_where_the_guest_says_so),
		TEST(vlapic_load_takes_the_timer_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
