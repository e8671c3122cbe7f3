/* SPDX-License-Identifier: GPL-2.0-only */
/* Events to the VMCB and back: EVENTINJ, EXITINTINFO, windows, TPR, and the way out of an NMI. */
/* arch: x86 */
/* sources: arch/x86/svm_event.c arch/x86/svm_nmi.c arch/x86/vcpu_events.c arch/x86/tcg.c */
#include "arch/svm_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "arch/lapic.h"
#include "arch/tcg.h"

#define NO_VECTOR (-1)
#define DR6_BS    BIT(14)
#define IRET_RIP  0x5000

static struct vcpu vcpu;
static struct vcpu_state guest;
static struct vmcb vmcb;
static uint8_t lapic_page[PAGE_SIZE] __attribute__((aligned(16)));
static int lapic_vector;
static unsigned kicks, cr8;

int vlapic_pending(struct vcpu *owner)
{
	(void)owner;
	return lapic_vector;
}

int vlapic_injectable(struct vcpu *owner)
{
	return owner->arch.vlapic.by_hardware ? -1 : lapic_vector;
}

void vlapic_accept(struct vcpu *owner, uint8_t vector)
{
	(void)owner, (void)vector;
	lapic_vector = NO_VECTOR;
}

uint8_t vlapic_cr8_read(struct vcpu *owner)
{
	return (uint8_t)(vlapic_get(&owner->arch.vlapic, VLAPIC_TPR) >> 4);
}

void vlapic_cr8_write(struct vcpu *owner, uint8_t value)
{
	(void)owner;
	cr8 = value;
}

uint32_t lapic_id(void)
{
	return 3;
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
	assert_int_equal(apic_id, 3);
	assert_int_equal(vector, LAPIC_VECTOR_KICK);
	kicks++;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&vmcb, 0, sizeof(vmcb));
	memset(lapic_page, 0, sizeof(lapic_page));
	vcpu.arch.state = &guest;
	vcpu.arch.svm.vmcb = &vmcb;
	vcpu.arch.vlapic.page = lapic_page;
	vmcb.control.virtual_interrupt = VMCB_V_INTR_MASKING;
	vmcb.control.clean = (uint32_t)VMCB_CLEAN_ALL;
	vmcb.save.cr0 = CR0_PE | CR0_PG;
	vmcb.save.dr6 = 0xffff0ff0;
	guest.rip = 0x1000;
	guest.rflags = RFLAGS_RES1 | RFLAGS_IF;
	tcg_is_host = false;
	lapic_vector = NO_VECTOR;
	kicks = 0;
	cr8 = 99;
	return 0;
}

static uint64_t event_word(uint64_t type, uint8_t vector)
{
	return VMCB_EVENT_VALID | field_set(VMCB_EVENT_TYPE, type) | vector;
}

/* An entry as svm_run() makes it. What is not due must change nothing: it is done all the same. */
static void enter(void)
{
	struct vmcb before = vmcb;

	vcpu.arch.vlapic.irr_words = lapic_vector != NO_VECTOR;
	if (svm_event_is_due(&vcpu)) {
		svm_event_inject(&vcpu);
		return;
	}
	before.control.event = 0;
	svm_event_inject(&vcpu);
	assert_memory_equal(&vmcb, &before, sizeof(vmcb));
}

/* The guest was left at that RIP, for that reason, with that event in delivery. */
static void leave(uint64_t code, uint64_t rip, uint64_t in_delivery)
{
	vmcb.control.exit_code = code;
	vmcb.control.exit_event = in_delivery;
	guest.rip = rip;
	vcpu.arch.events.interrupt_shadow = false;
	if (svm_event_is_left(&vcpu)) {
		svm_event_collect(&vcpu);
	}
}

static bool intercepts_iret(void)
{
	return (vmcb.control.intercept_1 & VMCB_1_IRET) != 0;
}

/* ---- injection ---- */

static void nothing_leaves_the_field_invalid(void **state)
{
	(void)state;
	vmcb.control.event = event_word(VMCB_EVENT_TYPE_INTR, 0x20);
	enter();
	assert_int_equal(vmcb.control.event, 0);
}

static void interrupt_is_injected_by_its_vector(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_INTR, 0x41));
}

static void exception_takes_its_error_code_along(void **state)
{
	(void)state;
	vcpu_events_raise(&vcpu, VECTOR_GP, true, 0x1234);
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_EXCEPTN, VECTOR_GP) |
						     VMCB_EVENT_HAS_ERROR | UINT64_C(0x1234) << 32);
}

static void real_mode_pushes_no_error_code(void **state)
{
	(void)state;
	vmcb.save.cr0 = CR0_ET;
	vcpu_events_raise(&vcpu, VECTOR_GP, true, 0);
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_EXCEPTN, VECTOR_GP));
}

static void debug_exception_writes_its_causes_and_clears_general_detect(void **state)
{
	(void)state;
	vmcb.save.dr7 = 0x400 | BIT(13);
	vcpu_events_raise_db(&vcpu, DR6_BS);
	enter();
	assert_int_equal(vmcb.save.dr6, 0xffff0ff0 | DR6_BS);
	assert_int_equal(vmcb.save.dr7, 0x400);
	assert_int_equal(vmcb.control.clean & VMCB_CLEAN_DR, 0);
}

/* ---- what was in delivery ---- */

static void interrupted_delivery_is_injected_again(void **state)
{
	uint64_t word = event_word(VMCB_EVENT_TYPE_EXCEPTN, VECTOR_NP) | VMCB_EVENT_HAS_ERROR |
			UINT64_C(0x18) << 32;

	(void)state;
	leave(SVM_EXIT_NPF, 0x1000, word);
	enter();
	assert_int_equal(vmcb.control.event, word);
	leave(SVM_EXIT_INTR, 0x2000, 0);
	enter();
	assert_int_equal(vmcb.control.event, 0);
}

/* QEMU leaves the injected event there with VALID clear. */
static void event_without_valid_is_no_event(void **state)
{
	(void)state;
	leave(SVM_EXIT_CPUID, 0x1000, event_word(VMCB_EVENT_TYPE_INTR, 0x41) & ~VMCB_EVENT_VALID);
	enter();
	assert_int_equal(vmcb.control.event, 0);
}

static void soft_events_are_left_to_their_instruction(void **state)
{
	(void)state;
	leave(SVM_EXIT_NPF, 0x1000, event_word(VMCB_EVENT_TYPE_SOFT, 0x80));
	enter();
	assert_int_equal(vmcb.control.event, 0);
	leave(SVM_EXIT_NPF, 0x1000, event_word(VMCB_EVENT_TYPE_EXCEPTN, VECTOR_BP));
	enter();
	assert_int_equal(vmcb.control.event, 0);
}

/* ---- windows and TPR ---- */

static void waiting_interrupt_opens_a_window_that_closes_again(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	guest.rflags &= ~RFLAGS_IF;
	enter();
	assert_true((vmcb.control.virtual_interrupt & VMCB_V_IRQ) != 0);
	assert_true((vmcb.control.virtual_interrupt & VMCB_V_IGNORE_TPR) != 0);
	assert_true((vmcb.control.intercept_1 & VMCB_1_VINTR) != 0);
	/* QEMU aborts on a CR8 write now. */
	assert_true((vmcb.control.intercept_cr & VMCB_CR_WRITE(8)) != 0);
	guest.rflags |= RFLAGS_IF;
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_INTR, 0x41));
	assert_int_equal(vmcb.control.virtual_interrupt, VMCB_V_INTR_MASKING);
	assert_int_equal(vmcb.control.intercept_1 & VMCB_1_VINTR, 0);
}

static void window_opens_again_when_the_hardware_took_it_away(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	guest.rflags &= ~RFLAGS_IF;
	enter();
	vmcb.control.virtual_interrupt &= ~VMCB_V_IRQ;
	enter();
	assert_true((vmcb.control.virtual_interrupt & VMCB_V_IRQ) != 0);
	assert_true((vmcb.control.intercept_1 & VMCB_1_VINTR) != 0);
}

static void task_priority_is_the_guests_cr8(void **state)
{
	(void)state;
	*(uint32_t *)(void *)(lapic_page + VLAPIC_TPR) = 0x50;
	enter();
	assert_int_equal(field_get(VMCB_V_TPR, vmcb.control.virtual_interrupt), 5);
	assert_true((vmcb.control.intercept_cr & VMCB_CR_WRITE(8)) != 0);
	leave(SVM_EXIT_CPUID, 0x1000, 0);
	assert_int_equal(cr8, 99);
	vmcb.control.virtual_interrupt ^= 5 ^ 9;
	leave(SVM_EXIT_CPUID, 0x1000, 0);
	assert_int_equal(cr8, 9);
}

/* While nothing waits the guest writes CR8 without an exit. */
static void cr8_written_without_an_exit_is_collected(void **state)
{
	(void)state;
	enter();
	assert_int_equal(vmcb.control.intercept_cr & VMCB_CR_WRITE(8), 0);
	vmcb.control.virtual_interrupt |= 7;
	leave(SVM_EXIT_CPUID, 0x1000, 0);
	assert_int_equal(cr8, 7);
	*(uint32_t *)(void *)(lapic_page + VLAPIC_TPR) = 0x70;
	enter();
	assert_true((vmcb.control.intercept_cr & VMCB_CR_WRITE(8)) != 0);
	*(uint32_t *)(void *)(lapic_page + VLAPIC_TPR) = 0;
	enter();
	assert_int_equal(vmcb.control.virtual_interrupt, VMCB_V_INTR_MASKING);
	assert_int_equal(vmcb.control.intercept_cr & VMCB_CR_WRITE(8), 0);
}

/* ---- on QEMU's TCG ---- */

static int setup_on_tcg(void **state)
{
	setup(state);
	tcg_is_host = true;
	lapic_vector = 0x41;
	return 0;
}

/* V_IRQ for the guest to take, and no window. */
static void assert_given(uint8_t vector)
{
	uint64_t word = vmcb.control.virtual_interrupt;

	assert_int_equal(vmcb.control.event, 0);
	assert_true((word & VMCB_V_IRQ) != 0 && (word & VMCB_V_IGNORE_TPR) != 0);
	assert_int_equal(field_get(VMCB_V_VECTOR, word), vector);
	assert_int_equal(vmcb.control.intercept_1 & VMCB_1_VINTR, 0);
	assert_int_equal(vmcb.control.intercept_cr & VMCB_CR_WRITE(8), 0);
	assert_int_equal(vmcb.control.clean & VMCB_CLEAN_TPR, 0);
}

static void tcg_takes_an_interrupt_as_v_irq(void **state)
{
	(void)state;
	enter();
	assert_given(0x41);
	vmcb.control.virtual_interrupt &= ~VMCB_V_IRQ;
	leave(SVM_EXIT_CPUID, 0x1000, 0);
	assert_int_equal(vmcb.control.virtual_interrupt, VMCB_V_INTR_MASKING);
	assert_int_equal(vcpu.arch.events.injected.kind, EVENT_NONE);
}

static void tcg_is_given_again_what_it_has_not_taken(void **state)
{
	(void)state;
	enter();
	leave(SVM_EXIT_INTR, 0x1000, 0);
	assert_int_equal(vmcb.control.virtual_interrupt, VMCB_V_INTR_MASKING);
	enter();
	assert_given(0x41);
}

/* A nested fault in the delivery: EXITINTINFO has the vector as an exception's, here #MF. */
static void tcg_makes_no_exception_of_an_interrupt_in_delivery(void **state)
{
	(void)state;
	lapic_vector = VECTOR_MF;
	enter();
	leave(SVM_EXIT_NPF, 0x1000, event_word(VMCB_EVENT_TYPE_EXCEPTN, VECTOR_MF));
	enter();
	assert_given(VECTOR_MF);
}

static void tcg_has_the_window_closed_before_it_takes_the_interrupt(void **state)
{
	(void)state;
	guest.rflags &= ~RFLAGS_IF;
	enter();
	assert_true((vmcb.control.intercept_1 & VMCB_1_VINTR) != 0);
	guest.rflags |= RFLAGS_IF;
	leave(SVM_EXIT_VINTR, 0x1000, 0);
	assert_int_equal(vcpu.arch.events.injected.kind, EVENT_NONE);
	enter();
	assert_given(0x41);
}

/* A higher one came between the entry that gave 41h and its being taken. */
static void tcg_leaves_the_guest_right_behind_an_injected_interrupt(void **state)
{
	(void)state;
	enter();
	leave(SVM_EXIT_INTR, 0x1000, 0);
	lapic_vector = 0xf1;
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_INTR, 0x41));
	assert_true((vmcb.control.intercept_1 & VMCB_1_VINTR) != 0);
	assert_int_equal(kicks, 1);
}

static void tcg_has_an_interrupt_injected_where_another_event_waits(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	vcpu.arch.events.nmi_masked = true;
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_INTR, 0x41));
	assert_int_equal(vmcb.control.virtual_interrupt, VMCB_V_INTR_MASKING);
}

/* ---- entries and exits that can pass all this by ---- */

static int no_vector(void *context, bool acknowledge)
{
	(void)context, (void)acknowledge;
	return NO_VECTOR;
}

static void nothing_is_due_at_most_entries(void **state)
{
	(void)state;
	assert_false(svm_event_is_due(&vcpu));
	vcpu.arch.events.interrupt_shadow = true;
	assert_false(svm_event_is_due(&vcpu));
}

static void whatever_waits_is_due(void **state)
{
	struct vcpu_events *events = &vcpu.arch.events;

	(void)state;
	events->injected.kind = EVENT_INTERRUPT;
	assert_true(svm_event_is_due(&vcpu));
	events->injected.kind = EVENT_NONE;
	events->exception.kind = EVENT_EXCEPTION;
	assert_true(svm_event_is_due(&vcpu));
	events->exception.kind = EVENT_NONE;
	events->nmi_pending = true;
	assert_true(svm_event_is_due(&vcpu));
	events->nmi_pending = false;
	events->nmi_masked = true;
	assert_true(svm_event_is_due(&vcpu));
	events->nmi_masked = false;
	vcpu.arch.vlapic.irr_words = 2;
	assert_true(svm_event_is_due(&vcpu));
	vcpu.arch.vlapic.irr_words = 0;
	vcpu.arch.vlapic.extint = no_vector;
	assert_true(svm_event_is_due(&vcpu));
	vcpu.arch.vlapic.extint = NULL;
	assert_false(svm_event_is_due(&vcpu));
}

static void whatever_is_to_be_taken_back_is_due(void **state)
{
	(void)state;
	vcpu.arch.svm.nmi_armed = true;
	assert_true(svm_event_is_due(&vcpu));
	vcpu.arch.svm.nmi_armed = false;
	vmcb.control.virtual_interrupt |= VMCB_V_IRQ;
	assert_true(svm_event_is_due(&vcpu));
	vmcb.control.virtual_interrupt = VMCB_V_INTR_MASKING | 1;
	assert_true(svm_event_is_due(&vcpu));
}

static void nothing_is_left_at_most_exits(void **state)
{
	(void)state;
	assert_false(svm_event_is_left(&vcpu));
	vmcb.control.exit_event = event_word(VMCB_EVENT_TYPE_INTR, 0x41);
	assert_true(svm_event_is_left(&vcpu));
}

/* ---- NMI ---- */

static void nmi_delivered(void)
{
	vcpu.arch.events.nmi_pending = true;
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_NMI, VECTOR_NMI));
}

/* The handler's IRET is about to run. */
static void handler_returns(void)
{
	leave(SVM_EXIT_IRET, IRET_RIP, 0);
	svm_nmi_iret(&vcpu);
}

static void nmi_intercepts_iret_until_it_has_run(void **state)
{
	(void)state;
	nmi_delivered();
	assert_true(intercepts_iret());
	leave(SVM_EXIT_CPUID, 0x4000, 0);
	enter();
	assert_true(intercepts_iret());
	handler_returns();
	enter();
	assert_false(intercepts_iret());
	leave(SVM_EXIT_INTR, IRET_RIP, 0); /* it has not run yet */
	assert_true(vcpu.arch.events.nmi_masked);
	enter();
	leave(SVM_EXIT_INTR, 0x1000, 0);
	assert_false(vcpu.arch.events.nmi_masked);
}

/* INIT makes the vCPU's events new, and knows nothing of the IRET that was about to run. */
static void init_before_the_handlers_iret_unmasks_no_later_nmi(void **state)
{
	(void)state;
	nmi_delivered();
	handler_returns();
	memset(&vcpu.arch.events, 0, sizeof(vcpu.arch.events));
	guest.rip = 0xfff0;
	nmi_delivered();
	assert_true(intercepts_iret());
	leave(SVM_EXIT_CPUID, 0x4000, 0);
	assert_true(vcpu.arch.events.nmi_masked);
}

static void nmi_that_waits_for_iret_is_stepped_in(void **state)
{
	(void)state;
	nmi_delivered();
	vcpu.arch.events.nmi_pending = true;
	handler_returns();
	guest.rflags = RFLAGS_RES1;
	enter();
	assert_true((guest.rflags & RFLAGS_TF) != 0);
	assert_int_equal(vmcb.control.event, 0);
	/* IRET has loaded the interrupted code's flags. */
	guest.rflags = RFLAGS_RES1 | RFLAGS_IF;
	vmcb.save.dr6 = 0xffff0ff0 | DR6_BS;
	leave(SVM_EXIT_EXCEPTION + VECTOR_DB, 0x1000, 0);
	assert_true(vcpu.arch.svm.step_done);
	assert_int_equal(guest.rflags, RFLAGS_RES1 | RFLAGS_IF);
	assert_int_equal(vmcb.save.dr6, 0xffff0ff0); /* the guest sees nothing of it */
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_NMI, VECTOR_NMI));
}

static void step_that_did_not_happen_leaves_no_trace(void **state)
{
	(void)state;
	nmi_delivered();
	vcpu.arch.events.nmi_pending = true;
	handler_returns();
	guest.rflags = RFLAGS_RES1;
	enter();
	leave(SVM_EXIT_INTR, IRET_RIP, 0);
	assert_int_equal(guest.rflags, RFLAGS_RES1);
	assert_false(vcpu.arch.svm.step_done);
	assert_int_equal(vmcb.save.dr6, 0xffff0ff0);
}

static void guests_own_single_step_is_not_lost(void **state)
{
	(void)state;
	nmi_delivered();
	vcpu.arch.events.nmi_pending = true;
	handler_returns();
	guest.rflags = RFLAGS_RES1 | RFLAGS_TF;
	enter();
	vmcb.save.dr6 = 0xffff0ff0 | DR6_BS;
	leave(SVM_EXIT_EXCEPTION + VECTOR_DB, 0x1000, 0);
	assert_false(vcpu.arch.svm.step_done);
	assert_int_equal(vmcb.save.dr6, 0xffff0ff0 | DR6_BS);
}

static void breakpoint_during_the_step_is_the_guests(void **state)
{
	(void)state;
	nmi_delivered();
	vcpu.arch.events.nmi_pending = true;
	handler_returns();
	enter();
	vmcb.save.dr6 = 0xffff0ff0 | DR6_BS | BIT(1);
	leave(SVM_EXIT_EXCEPTION + VECTOR_DB, 0x1000, 0);
	assert_false(vcpu.arch.svm.step_done);
	assert_int_equal(vmcb.save.dr6, 0xffff0ff0 | BIT(1));
}

static void nmi_in_a_shadow_is_stepped_in_and_tf_taken_back(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	vcpu.arch.events.interrupt_shadow = true;
	enter();
	assert_true((guest.rflags & RFLAGS_TF) != 0);
	vmcb.save.dr6 = 0xffff0ff0 | DR6_BS;
	leave(SVM_EXIT_EXCEPTION + VECTOR_DB, 0x1003, 0);
	assert_int_equal(guest.rflags & RFLAGS_TF, 0);
	assert_true(vcpu.arch.svm.step_done);
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_NMI, VECTOR_NMI));
}

static void nmi_behind_an_exception_comes_right_after_its_delivery(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	vcpu_events_raise_ud(&vcpu);
	enter();
	assert_int_equal(vmcb.control.event, event_word(VMCB_EVENT_TYPE_EXCEPTN, VECTOR_UD));
	assert_int_equal(kicks, 1);
	assert_int_equal(guest.rflags & RFLAGS_TF, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_leaves_the_field_invalid, setup),
		cmocka_unit_test_setup(interrupt_is_injected_by_its_vector, setup),
		cmocka_unit_test_setup(exception_takes_its_error_code_along, setup),
		cmocka_unit_test_setup(real_mode_pushes_no_error_code, setup),
		cmocka_unit_test_setup(debug_exception_writes_its_causes_and_clears_general_detect,
				       setup),
		cmocka_unit_test_setup(interrupted_delivery_is_injected_again, setup),
		cmocka_unit_test_setup(event_without_valid_is_no_event, setup),
		cmocka_unit_test_setup(soft_events_are_left_to_their_instruction, setup),
		cmocka_unit_test_setup(waiting_interrupt_opens_a_window_that_closes_again, setup),
		cmocka_unit_test_setup(window_opens_again_when_the_hardware_took_it_away, setup),
		cmocka_unit_test_setup(task_priority_is_the_guests_cr8, setup),
		cmocka_unit_test_setup(cr8_written_without_an_exit_is_collected, setup),
		cmocka_unit_test_setup(tcg_takes_an_interrupt_as_v_irq, setup_on_tcg),
		cmocka_unit_test_setup(tcg_is_given_again_what_it_has_not_taken, setup_on_tcg),
		cmocka_unit_test_setup(tcg_makes_no_exception_of_an_interrupt_in_delivery,
				       setup_on_tcg),
		cmocka_unit_test_setup(tcg_has_the_window_closed_before_it_takes_the_interrupt,
				       setup_on_tcg),
		cmocka_unit_test_setup(tcg_leaves_the_guest_right_behind_an_injected_interrupt,
				       setup_on_tcg),
		cmocka_unit_test_setup(tcg_has_an_interrupt_injected_where_another_event_waits,
				       setup_on_tcg),
		cmocka_unit_test_setup(nothing_is_due_at_most_entries, setup),
		cmocka_unit_test_setup(whatever_waits_is_due, setup),
		cmocka_unit_test_setup(whatever_is_to_be_taken_back_is_due, setup),
		cmocka_unit_test_setup(nothing_is_left_at_most_exits, setup),
		cmocka_unit_test_setup(nmi_intercepts_iret_until_it_has_run, setup),
		cmocka_unit_test_setup(init_before_the_handlers_iret_unmasks_no_later_nmi, setup),
		cmocka_unit_test_setup(nmi_that_waits_for_iret_is_stepped_in, setup),
		cmocka_unit_test_setup(step_that_did_not_happen_leaves_no_trace, setup),
		cmocka_unit_test_setup(guests_own_single_step_is_not_lost, setup),
		cmocka_unit_test_setup(breakpoint_during_the_step_is_the_guests, setup),
		cmocka_unit_test_setup(nmi_in_a_shadow_is_stepped_in_and_tf_taken_back, setup),
		cmocka_unit_test_setup(nmi_behind_an_exception_comes_right_after_its_delivery,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
