/* SPDX-License-Identifier: GPL-2.0-only */
/* What a vCPU is given next: priorities, exceptions on top of others, masks, shadows, windows. */
/* arch: x86 */
/* sources: arch/x86/vcpu_events.c */
#include "arch/vcpu_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/vcpu.h"

#define NO_VECTOR (-1)

static struct vcpu vcpu;
static struct vcpu_state guest;
static int lapic_vector; /* what the vLAPIC offers */
static int accepted;

int vlapic_pending(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	return lapic_vector;
}

int vlapic_injectable(struct vcpu *owner)
{
	return owner->arch.vlapic.by_hardware ? -1 : lapic_vector;
}

void vlapic_accept(struct vcpu *owner, uint8_t vector)
{
	assert_ptr_equal(owner, &vcpu);
	assert_int_equal(vector, lapic_vector);
	accepted = vector;
	lapic_vector = NO_VECTOR;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	vcpu.arch.state = &guest;
	guest.rflags = RFLAGS_RES1 | RFLAGS_IF;
	lapic_vector = NO_VECTOR;
	accepted = NO_VECTOR;
	return 0;
}

static struct vcpu_windows windows;

static struct vcpu_event next(void)
{
	struct vcpu_event event;

	vcpu_events_next(&vcpu, &event, &windows);
	return event;
}

static void expect_next(enum vcpu_event_kind kind, uint8_t vector)
{
	struct vcpu_event event = next();

	assert_int_equal(event.kind, kind);
	if (kind != EVENT_NONE) {
		assert_int_equal(event.vector, vector);
	}
}

static void in_delivery(enum vcpu_event_kind kind, uint8_t vector)
{
	vcpu_events_requeue(&vcpu, &(struct vcpu_event){ .kind = kind, .vector = vector });
}

static void nothing_pending_injects_nothing(void **state)
{
	(void)state;
	expect_next(EVENT_NONE, 0);
	assert_false(windows.interrupt);
	assert_false(windows.nmi);
}

/* ---- interrupts ---- */

static void interrupt_is_accepted_when_injected(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	expect_next(EVENT_INTERRUPT, 0x41);
	assert_int_equal(accepted, 0x41);
	assert_false(windows.interrupt);
	expect_next(EVENT_NONE, 0);
}

static void interrupt_that_the_cpu_delivers_is_not_injected_but_ends_a_halt(void **state)
{
	(void)state;
	lapic_vector = 0x40;
	vcpu.arch.vlapic.by_hardware = true;
	assert_true(vcpu_events_deliverable(&vcpu));
	expect_next(EVENT_NONE, 0);
	assert_false(windows.interrupt);
	assert_int_equal(accepted, NO_VECTOR);
}

static void interrupt_waits_for_if_with_a_window(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	guest.rflags &= ~RFLAGS_IF;
	expect_next(EVENT_NONE, 0);
	assert_true(windows.interrupt);
	assert_int_equal(accepted, NO_VECTOR);
	guest.rflags |= RFLAGS_IF;
	expect_next(EVENT_INTERRUPT, 0x41);
}

static void interrupt_waits_for_the_shadow(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	vcpu.arch.events.interrupt_shadow = true;
	expect_next(EVENT_NONE, 0);
	assert_true(windows.interrupt);
}

static void interrupt_behind_another_event_asks_for_a_window(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	vcpu_events_raise_ud(&vcpu);
	expect_next(EVENT_EXCEPTION, VECTOR_UD);
	assert_true(windows.interrupt);
	assert_int_equal(accepted, NO_VECTOR);
}

static void interrupted_delivery_is_given_again_before_a_newer_interrupt(void **state)
{
	(void)state;
	in_delivery(EVENT_INTERRUPT, 0x31);
	lapic_vector = 0x91;
	expect_next(EVENT_INTERRUPT, 0x31);
	assert_int_equal(accepted, NO_VECTOR); /* 31h was accepted the first time */
	assert_true(windows.interrupt);
	expect_next(EVENT_INTERRUPT, 0x91);
}

/* ---- NMI ---- */

static void nmi_comes_before_interrupts_and_masks_itself(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	vcpu.arch.events.nmi_pending = true;
	expect_next(EVENT_NMI, VECTOR_NMI);
	assert_true(vcpu.arch.events.nmi_masked);
	assert_true(windows.interrupt);
	assert_false(windows.nmi);
}

static void nmi_ignores_if(void **state)
{
	(void)state;
	guest.rflags &= ~RFLAGS_IF;
	vcpu.arch.events.nmi_pending = true;
	expect_next(EVENT_NMI, VECTOR_NMI);
}

static void second_nmi_waits_for_the_first_to_end(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	expect_next(EVENT_NMI, VECTOR_NMI);
	vcpu.arch.events.nmi_pending = true;
	expect_next(EVENT_NONE, 0);
	assert_true(windows.nmi);
	vcpu.arch.events.nmi_masked = false;
	expect_next(EVENT_NMI, VECTOR_NMI);
}

static void interrupts_are_taken_inside_an_nmi_handler(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_masked = true;
	lapic_vector = 0x41;
	expect_next(EVENT_INTERRUPT, 0x41);
}

static void nmi_waits_for_the_shadow_with_a_window(void **state)
{
	(void)state;
	vcpu.arch.events.interrupt_shadow = true;
	vcpu.arch.events.nmi_pending = true;
	expect_next(EVENT_NONE, 0);
	assert_true(windows.nmi);
}

static void nmi_whose_delivery_was_interrupted_is_given_again_though_masked(void **state)
{
	(void)state;
	in_delivery(EVENT_NMI, VECTOR_NMI);
	assert_true(vcpu.arch.events.nmi_masked);
	expect_next(EVENT_NMI, VECTOR_NMI);
	expect_next(EVENT_NONE, 0);
}

/* Behind the exception that came in its delivery: the handler may be in one. */
static void nmi_whose_delivery_was_interrupted_waits_for_a_shadow(void **state)
{
	(void)state;
	in_delivery(EVENT_NMI, VECTOR_NMI);
	vcpu_events_raise_ud(&vcpu);
	expect_next(EVENT_EXCEPTION, VECTOR_UD);
	vcpu.arch.events.interrupt_shadow = true;
	expect_next(EVENT_NONE, 0);
	assert_true(windows.nmi);
	vcpu.arch.events.interrupt_shadow = false;
	expect_next(EVENT_NMI, VECTOR_NMI);
	assert_true(vcpu.arch.events.nmi_masked);
	expect_next(EVENT_NONE, 0);
}

/* ---- exceptions ---- */

static void exception_carries_error_and_payload(void **state)
{
	struct vcpu_event event;

	(void)state;
	vcpu_events_raise_pf(&vcpu, 0x6, 0xdead000);
	event = next();
	assert_int_equal(event.kind, EVENT_EXCEPTION);
	assert_int_equal(event.vector, VECTOR_PF);
	assert_true(event.has_error);
	assert_int_equal(event.error, 0x6);
	assert_int_equal(event.payload, 0xdead000);
}

static void exception_comes_before_nmi_which_asks_for_a_window(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	vcpu_events_raise_gp(&vcpu);
	expect_next(EVENT_EXCEPTION, VECTOR_GP);
	assert_true(windows.nmi);
	assert_false(vcpu.arch.events.nmi_masked);
	expect_next(EVENT_NMI, VECTOR_NMI);
}

static void exception_in_an_interrupts_delivery_goes_first_and_keeps_it(void **state)
{
	(void)state;
	in_delivery(EVENT_INTERRUPT, 0x31);
	vcpu_events_raise(&vcpu, VECTOR_NP, true, 0x18a);
	expect_next(EVENT_EXCEPTION, VECTOR_NP);
	assert_true(windows.interrupt);
	guest.rflags &= ~RFLAGS_IF; /* its handler has an interrupt gate */
	expect_next(EVENT_NONE, 0);
	assert_true(windows.interrupt);
	guest.rflags |= RFLAGS_IF;
	expect_next(EVENT_INTERRUPT, 0x31);
}

/* The vLAPIC has it in service already: it would never come, and block all below. */
static void interrupted_exception_keeps_the_interrupt_behind_it(void **state)
{
	(void)state;
	in_delivery(EVENT_INTERRUPT, 0x41);
	vcpu_events_raise(&vcpu, VECTOR_AC, true, 0);
	expect_next(EVENT_EXCEPTION, VECTOR_AC);
	in_delivery(EVENT_EXCEPTION, VECTOR_AC);
	expect_next(EVENT_EXCEPTION, VECTOR_AC);
	assert_true(windows.interrupt);
	expect_next(EVENT_INTERRUPT, 0x41);
	expect_next(EVENT_NONE, 0);
}

static void interrupted_nmi_keeps_the_interrupt_behind_it(void **state)
{
	(void)state;
	in_delivery(EVENT_INTERRUPT, 0x41);
	guest.rflags &= ~RFLAGS_IF;
	vcpu.arch.events.nmi_pending = true;
	expect_next(EVENT_NMI, VECTOR_NMI);
	in_delivery(EVENT_NMI, VECTOR_NMI);
	expect_next(EVENT_NMI, VECTOR_NMI);
	assert_true(vcpu.arch.events.nmi_masked);
	guest.rflags |= RFLAGS_IF;
	expect_next(EVENT_INTERRUPT, 0x41);
	expect_next(EVENT_NONE, 0);
}

static void soft_event_is_dropped_when_its_delivery_faults(void **state)
{
	(void)state;
	in_delivery(EVENT_SOFT_INTERRUPT, 0x80);
	vcpu_events_raise_gp(&vcpu);
	expect_next(EVENT_EXCEPTION, VECTOR_GP);
	expect_next(EVENT_NONE, 0);
}

/* ---- two exceptions: APM2 8.2.9 ---- */

struct pair {
	uint8_t first, second;
	int becomes; /* a vector, or TRIPLE */
};

#define TRIPLE (-1)

static const struct pair pairs[] = {
	/* benign, then anything */
	{ VECTOR_DB, VECTOR_GP, VECTOR_GP },
	{ VECTOR_UD, VECTOR_PF, VECTOR_PF },
	{ VECTOR_AC, VECTOR_NP, VECTOR_NP },
	{ VECTOR_NM, VECTOR_UD, VECTOR_UD },
	/* contributory */
	{ VECTOR_DE, VECTOR_DE, VECTOR_DF },
	{ VECTOR_GP, VECTOR_GP, VECTOR_DF },
	{ VECTOR_TS, VECTOR_NP, VECTOR_DF },
	{ VECTOR_SS, VECTOR_GP, VECTOR_DF },
	{ VECTOR_GP, VECTOR_PF, VECTOR_PF },
	{ VECTOR_GP, VECTOR_DB, VECTOR_DB },
	/* page fault */
	{ VECTOR_PF, VECTOR_PF, VECTOR_DF },
	{ VECTOR_PF, VECTOR_GP, VECTOR_DF },
	{ VECTOR_PF, VECTOR_UD, VECTOR_UD },
	/* double fault */
	{ VECTOR_DF, VECTOR_GP, TRIPLE },
	{ VECTOR_DF, VECTOR_PF, TRIPLE },
	{ VECTOR_DF, VECTOR_DB, VECTOR_DB },
};

static void expect_becomes(const struct pair *pair)
{
	if (pair->becomes == TRIPLE) {
		assert_true(vcpu.arch.events.triple_fault);
		expect_next(EVENT_NONE, 0);
		return;
	}
	assert_false(vcpu.arch.events.triple_fault);
	expect_next(EVENT_EXCEPTION, (uint8_t)pair->becomes);
	expect_next(EVENT_NONE, 0); /* the first is gone: its instruction raises it again */
}

static void exceptions_in_delivery_combine(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		setup(state);
		in_delivery(EVENT_EXCEPTION, pairs[i].first);
		vcpu_events_raise(&vcpu, pairs[i].second, false, 0);
		expect_becomes(&pairs[i]);
	}
}

static void exceptions_raised_in_one_exit_combine(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		setup(state);
		vcpu_events_raise(&vcpu, pairs[i].first, false, 0);
		vcpu_events_raise(&vcpu, pairs[i].second, false, 0);
		expect_becomes(&pairs[i]);
	}
}

static void double_fault_has_error_code_zero(void **state)
{
	struct vcpu_event event;

	(void)state;
	vcpu_events_raise(&vcpu, VECTOR_NP, true, 0x55);
	vcpu_events_raise(&vcpu, VECTOR_GP, true, 0x66);
	event = next();
	assert_int_equal(event.vector, VECTOR_DF);
	assert_true(event.has_error);
	assert_int_equal(event.error, 0);
}

static void exception_in_delivery_comes_before_everything(void **state)
{
	(void)state;
	in_delivery(EVENT_EXCEPTION, VECTOR_PF);
	vcpu.arch.events.nmi_pending = true;
	lapic_vector = 0x41;
	expect_next(EVENT_EXCEPTION, VECTOR_PF);
	expect_next(EVENT_NMI, VECTOR_NMI);
	expect_next(EVENT_INTERRUPT, 0x41);
}

/* ---- what ends a HLT ---- */

static void halt_ends_only_with_what_can_be_delivered(void **state)
{
	(void)state;
	assert_false(vcpu_events_deliverable(&vcpu));
	lapic_vector = 0x41;
	assert_true(vcpu_events_deliverable(&vcpu));
	guest.rflags &= ~RFLAGS_IF;
	assert_false(vcpu_events_deliverable(&vcpu));
	vcpu.arch.events.nmi_pending = true;
	assert_true(vcpu_events_deliverable(&vcpu));
	vcpu.arch.events.nmi_masked = true;
	assert_false(vcpu_events_deliverable(&vcpu));
	vcpu_events_raise_db(&vcpu, BIT(14));
	assert_true(vcpu_events_deliverable(&vcpu));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_pending_injects_nothing, setup),
		cmocka_unit_test_setup(interrupt_is_accepted_when_injected, setup),
		cmocka_unit_test_setup(
			interrupt_that_the_cpu_delivers_is_not_injected_but_ends_a_halt, setup),
		cmocka_unit_test_setup(interrupt_waits_for_if_with_a_window, setup),
		cmocka_unit_test_setup(interrupt_waits_for_the_shadow, setup),
		cmocka_unit_test_setup(interrupt_behind_another_event_asks_for_a_window, setup),
		cmocka_unit_test_setup(interrupted_delivery_is_given_again_before_a_newer_interrupt,
				       setup),
		cmocka_unit_test_setup(nmi_comes_before_interrupts_and_masks_itself, setup),
		cmocka_unit_test_setup(nmi_ignores_if, setup),
		cmocka_unit_test_setup(second_nmi_waits_for_the_first_to_end, setup),
		cmocka_unit_test_setup(interrupts_are_taken_inside_an_nmi_handler, setup),
		cmocka_unit_test_setup(nmi_waits_for_the_shadow_with_a_window, setup),
		cmocka_unit_test_setup(
			nmi_whose_delivery_was_interrupted_is_given_again_though_masked, setup),
		cmocka_unit_test_setup(nmi_whose_delivery_was_interrupted_waits_for_a_shadow,
				       setup),
		cmocka_unit_test_setup(exception_carries_error_and_payload, setup),
		cmocka_unit_test_setup(exception_comes_before_nmi_which_asks_for_a_window, setup),
		cmocka_unit_test_setup(exception_in_an_interrupts_delivery_goes_first_and_keeps_it,
				       setup),
		cmocka_unit_test_setup(interrupted_exception_keeps_the_interrupt_behind_it, setup),
		cmocka_unit_test_setup(interrupted_nmi_keeps_the_interrupt_behind_it, setup),
		cmocka_unit_test_setup(soft_event_is_dropped_when_its_delivery_faults, setup),
		cmocka_unit_test_setup(exceptions_in_delivery_combine, setup),
		cmocka_unit_test_setup(exceptions_raised_in_one_exit_combine, setup),
		cmocka_unit_test_setup(double_fault_has_error_code_zero, setup),
		cmocka_unit_test_setup(exception_in_delivery_comes_before_everything, setup),
		cmocka_unit_test_setup(halt_ends_only_with_what_can_be_delivered, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
