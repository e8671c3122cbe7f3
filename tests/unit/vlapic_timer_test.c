/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
/* The virtual LAPIC's timer: modes, counts, masks. A tick is a nanosecond before division. */
#include "tests/unit/vlapic_fake.h"

#define VECTOR              0xec
#define BY_1                0xbU
#define BY_2                0x0U
#define BY_128              0xaU
#define PERIODIC            (1U << 17)
#define DEADLINE            (2U << 17)
#define DEADLINE_MODE_ENTRY (DEADLINE | VECTOR)

static struct vcpu *vcpu;

static int setup(void **state)
{
	(void)state;
	fake_vm_make(1, 0, 1);
	vcpu = enabled(0);
	xapic_write(vcpu, VLAPIC_DIVIDE, BY_1);
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VECTOR);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_drop();
	return 0;
}

static bool ticks(void)
{
	bool is_due = taken(vcpu) == VECTOR;

	if (is_due) {
		xapic_write(vcpu, VLAPIC_EOI, 0);
	}
	return is_due;
}

static void timer_one_shot_fires_once_when_its_count_is_over(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 100000);
	fake_advance(99999);
	assert_false(ticks());
	fake_advance(1);
	assert_true(ticks());
	fake_advance(1000000);
	assert_false(ticks());
}

static void timer_expiry_notifies_the_owner(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(1000);
	assert_int_equal(fake_notified[0], 1);
	assert_true(vlapic_has_posted(vcpu));
}

static void timer_current_count_goes_down_to_zero(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 1000);
	fake_advance(400);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 600);
	fake_advance(599);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 1);
	fake_advance(1);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 0);
	fake_advance(1000);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 0);
}

static void timer_divides_by_every_setting(void **state)
{
	static const struct {
		uint32_t setting, divisor;
	} settings[] = { { 0x0, 2 },  { 0x1, 4 },  { 0x2, 8 },   { 0x3, 16 },
			 { 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		xapic_write(vcpu, VLAPIC_DIVIDE, settings[i].setting);
		xapic_write(vcpu, VLAPIC_INITIAL, 1000);
		fake_advance(1000 * settings[i].divisor - 1);
		assert_false(ticks());
		fake_advance(1);
		assert_true(ticks());
	}
}

static void timer_zero_count_stops_it(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	xapic_write(vcpu, VLAPIC_INITIAL, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 0);
	fake_advance(10000);
	assert_false(ticks());
}

static void timer_longest_count_does_not_overflow(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_DIVIDE, BY_128);
	xapic_write(vcpu, VLAPIC_INITIAL, UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), UINT32_MAX);
	fake_advance(UINT64_C(0xffffffff) * 128 - 1);
	assert_false(ticks());
	fake_advance(1);
	assert_true(ticks());
}

static void timer_new_count_replaces_the_old_one(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(900);
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(900);
	assert_false(ticks());
	fake_advance(100);
	assert_true(ticks());
}

static void timer_stale_firing_is_not_taken_for_the_new_count(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(1000); /* the handler has run, the owner has not looked */
	assert_true(vcpu->arch.vlapic.timer_due);
	assert_true(ticks());
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	vcpu->arch.vlapic.timer_due = true;
	vlapic_notify(vcpu);
	assert_false(ticks());
	fake_advance(1000);
	assert_true(ticks());
}

static void timer_periodic_keeps_its_rhythm(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, PERIODIC | VECTOR);
	xapic_write(vcpu, VLAPIC_INITIAL, 1000000);
	for (unsigned i = 0; i < 5; i++) {
		fake_advance(999999);
		assert_false(ticks());
		fake_advance(1);
		assert_true(ticks());
	}
}

static void timer_periodic_late_owner_does_not_shift_the_rhythm(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, PERIODIC | VECTOR);
	xapic_write(vcpu, VLAPIC_INITIAL, 1000000);
	fake_advance(3400000);
	assert_true(ticks());
	assert_false(ticks());
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 600000);
	fake_advance(600000);
	assert_true(ticks());
}

static void timer_periodic_current_count_wraps(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, PERIODIC | VLAPIC_LVT_MASK | VECTOR);
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(2300);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 700);
}

static void timer_shortest_period_does_not_storm_the_host(void **state)
{
	unsigned count = 0;

	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, PERIODIC | VECTOR);
	xapic_write(vcpu, VLAPIC_INITIAL, 1);
	for (unsigned i = 0; i < 1000; i++) {
		fake_advance(1000);
		count += ticks();
	}
	assert_in_range(count, 10, 60);
}

static void timer_masked_never_interrupts_nor_arms_the_host(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VLAPIC_LVT_MASK | VECTOR);
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	assert_false(timer_is_armed(&vcpu->arch.vlapic.timer));
	fake_advance(500);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 500);
	fake_advance(500);
	assert_false(ticks());
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VECTOR);
	assert_false(ticks());
}

static void timer_unmasked_in_time_interrupts(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VLAPIC_LVT_MASK | VECTOR);
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(999);
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VECTOR);
	assert_false(ticks());
	fake_advance(1);
	assert_true(ticks());
}

static void timer_masked_after_expiry_has_interrupted(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_now += 1000; /* the host's timer is late */
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VLAPIC_LVT_MASK | VECTOR);
	assert_true(ticks());
}

static void timer_divisor_change_keeps_the_count(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	fake_advance(400);
	xapic_write(vcpu, VLAPIC_DIVIDE, BY_2);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 600);
	fake_advance(1199);
	assert_false(ticks());
	fake_advance(1);
	assert_true(ticks());
}

static void timer_divide_register_keeps_only_its_bits(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_DIVIDE, UINT32_MAX);
	assert_int_equal(xapic_read(vcpu, VLAPIC_DIVIDE), 0xb);
}

static void timer_illegal_vector_is_an_error(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_LVT_TIMER, 5);
	xapic_write(vcpu, VLAPIC_INITIAL, 100);
	fake_advance(100);
	assert_int_equal(taken(vcpu), -1);
	xapic_write(vcpu, VLAPIC_ESR, 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_ESR), VLAPIC_ESR_RECEIVE_VECTOR);
}

static void timer_stops_with_init(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	vlapic_reset(vcpu, true);
	assert_false(timer_is_armed(&vcpu->arch.vlapic.timer));
	(void)enabled(0);
	fake_advance(2000);
	assert_false(ticks());
}

/* ---- TSC deadline: 2 TSC ticks a nanosecond here ---- */

static void deadline_mode(void)
{
	xapic_write(vcpu, VLAPIC_LVT_TIMER, DEADLINE_MODE_ENTRY);
}

static void deadline_fires_once_not_before_its_time_and_reads_zero(void **state)
{
	uint64_t deadline;

	(void)state;
	deadline_mode();
	deadline = tsc_read() + 20001;
	vlapic_tsc_deadline_write(vcpu, deadline);
	assert_int_equal(vlapic_tsc_deadline_read(vcpu), deadline);
	fake_advance(10000);
	assert_false(ticks());
	assert_true(tsc_read() < deadline);
	fake_advance(1);
	assert_true(tsc_read() >= deadline);
	assert_true(ticks());
	assert_int_equal(vlapic_tsc_deadline_read(vcpu), 0);
	fake_advance(100000);
	assert_false(ticks());
}

static void deadline_in_the_past_fires_at_once(void **state)
{
	(void)state;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, 1);
	assert_true(ticks());
	assert_int_equal(vlapic_tsc_deadline_read(vcpu), 0);
}

static void deadline_zero_disarms(void **state)
{
	(void)state;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, tsc_read() + 2000);
	vlapic_tsc_deadline_write(vcpu, 0);
	fake_advance(5000);
	assert_false(ticks());
}

static void deadline_at_the_end_of_time_does_not_overflow(void **state)
{
	(void)state;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, UINT64_MAX);
	assert_false(ticks());
	assert_true(timer_is_armed(&vcpu->arch.vlapic.timer));
	assert_true(vcpu->arch.vlapic.timer.deadline > fake_now + BIT(50));
}

static void deadline_is_in_the_guests_tsc(void **state)
{
	(void)state;
	vcpu->arch.state->tsc.offset = (uint64_t)-1000;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, tsc_read() - 1000 + 2000);
	fake_advance(999);
	assert_false(ticks());
	fake_advance(2);
	assert_true(ticks());
}

/* The guest's TSC is shifted by it too: it reads the same on all CPUs. */
static void deadline_does_not_depend_on_the_cpus_own_offset(void **state)
{
	(void)state;
	fake_cpu.arch.tsc_offset = 500;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, fake_now * fake_tsc_per_ns + 2000);
	fake_cpu.arch.tsc_offset = 0;
	fake_advance(999);
	assert_false(ticks());
	fake_advance(2);
	assert_true(ticks());
}

static void deadline_follows_a_change_of_the_tsc(void **state)
{
	(void)state;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, tsc_read() + 2000);
	vcpu->arch.state->tsc.offset = 1500;
	vlapic_tsc_changed(vcpu);
	fake_advance(251);
	assert_true(ticks());
}

static void deadline_is_ignored_in_other_modes(void **state)
{
	(void)state;
	vlapic_tsc_deadline_write(vcpu, tsc_read() + 10);
	assert_int_equal(vlapic_tsc_deadline_read(vcpu), 0);
	fake_advance(1000);
	assert_false(ticks());
}

static void deadline_mode_ignores_the_initial_count(void **state)
{
	(void)state;
	deadline_mode();
	xapic_write(vcpu, VLAPIC_INITIAL, 100);
	assert_int_equal(xapic_read(vcpu, VLAPIC_INITIAL), 0);
	assert_int_equal(xapic_read(vcpu, VLAPIC_CURRENT), 0);
	fake_advance(1000);
	assert_false(ticks());
}

static void deadline_is_disarmed_by_a_change_of_mode(void **state)
{
	(void)state;
	deadline_mode();
	vlapic_tsc_deadline_write(vcpu, tsc_read() + 2000);
	xapic_write(vcpu, VLAPIC_LVT_TIMER, VECTOR);
	deadline_mode();
	assert_int_equal(vlapic_tsc_deadline_read(vcpu), 0);
	fake_advance(5000);
	assert_false(ticks());
}

static void deadline_mode_stops_a_running_count(void **state)
{
	(void)state;
	xapic_write(vcpu, VLAPIC_INITIAL, 1000);
	deadline_mode();
	fake_advance(5000);
	assert_false(ticks());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timer_one_shot_fires_once_when_its_count_is_over),
		TEST(timer_expiry_notifies_the_owner),
		TEST(timer_current_count_goes_down_to_zero),
		TEST(timer_divides_by_every_setting),
		TEST(timer_zero_count_stops_it),
		TEST(timer_longest_count_does_not_overflow),
		TEST(timer_new_count_replaces_the_old_one),
		TEST(timer_stale_firing_is_not_taken_for_the_new_count),
		TEST(timer_periodic_keeps_its_rhythm),
		TEST(timer_periodic_late_owner_does_not_shift_the_rhythm),
		TEST(timer_periodic_current_count_wraps),
		TEST(timer_shortest_period_does_not_storm_the_host),
		TEST(timer_masked_never_interrupts_nor_arms_the_host),
		TEST(timer_unmasked_in_time_interrupts),
		TEST(timer_masked_after_expiry_has_interrupted),
		TEST(timer_divisor_change_keeps_the_count),
		TEST(timer_divide_register_keeps_only_its_bits),
		TEST(timer_illegal_vector_is_an_error),
		TEST(timer_stops_with_init),
		TEST(deadline_fires_once_not_before_its_time_and_reads_zero),
		TEST(deadline_in_the_past_fires_at_once),
		TEST(deadline_zero_disarms),
		TEST(deadline_at_the_end_of_time_does_not_overflow),
		TEST(deadline_is_in_the_guests_tsc),
		TEST(deadline_does_not_depend_on_the_cpus_own_offset),
		TEST(deadline_follows_a_change_of_the_tsc),
		TEST(deadline_is_ignored_in_other_modes),
		TEST(deadline_mode_ignores_the_initial_count),
		TEST(deadline_is_disarmed_by_a_change_of_mode),
		TEST(deadline_mode_stops_a_running_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
