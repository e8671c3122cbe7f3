/* SPDX-License-Identifier: GPL-2.0-only */
/* Events to the VMCS and back: injection, IDT-vectoring, windows, NMIs, TPR. */
/* arch: x86 */
/* sources: arch/x86/vmx_event.c arch/x86/vcpu_events.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include "arch/msr.h"
#include "arch/vlapic_regs.h"
#include "core/vcpu.h"

#define NO_VECTOR (-1)
#define DR6_BS    BIT(14)
#define DR7_GD    BIT(13)
#define OWN_PROC  (PROC_HLT_EXIT | PROC_TPR_SHADOW) /* of bits that events do not touch */

static struct vcpu vcpu;
static struct vcpu_state guest;
static uint8_t lapic_page[PAGE_SIZE] __attribute__((aligned(16)));
static int lapic_vector;    /* that can be taken */
static int highest_request; /* whatever holds it back */
static unsigned tpr_writes;
static uint64_t cpu_cr2, cpu_dr6;

/* ---- the vLAPIC and the CPU ---- */

int vlapic_pending(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	return lapic_vector;
}

int vlapic_injectable(struct vcpu *owner)
{
	return owner->arch.vlapic.by_hardware ? NO_VECTOR : vlapic_pending(owner);
}

void vlapic_accept(struct vcpu *owner, uint8_t vector)
{
	(void)owner;
	assert_int_equal(vector, lapic_vector);
	lapic_vector = NO_VECTOR;
}

int vlapic_highest_request(const struct vlapic *vlapic)
{
	assert_ptr_equal(vlapic, &vcpu.arch.vlapic);
	return highest_request;
}

void vlapic_tpr_write(struct vlapic *vlapic, uint8_t value)
{
	vlapic_put(vlapic, VLAPIC_TPR, value);
	tpr_writes++;
}

uint64_t vmx_live_cr2(void)
{
	return cpu_cr2;
}

void vmx_live_deliver(uint8_t vector, uint64_t payload)
{
	if (vector == VECTOR_PF) {
		cpu_cr2 = payload;
	} else if (vector == VECTOR_DB) {
		cpu_dr6 |= payload;
	}
}

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(lapic_page, 0, sizeof(lapic_page));
	vcpu.arch.state = &guest;
	vcpu.arch.vlapic.page = lapic_page;
	vcpu.arch.vmx.proc = (uint32_t)OWN_PROC;
	vmcs_fake_set(VMCS_PROC_CONTROLS, OWN_PROC);
	vmcs_fake_set(VMCS_GUEST_CR0, CR0_PE | CR0_PG);
	vmcs_fake_set(VMCS_GUEST_DR7, 0x400);
	guest.rflags = RFLAGS_RES1 | RFLAGS_IF;
	lapic_vector = highest_request = NO_VECTOR;
	tpr_writes = 0;
	cpu_cr2 = 0xbad;
	cpu_dr6 = 0xffff0ff0;
	return 0;
}

/* What the guest has in its TPR, or what it makes of it while it runs. */
static void set_tpr(uint8_t tpr)
{
	vlapic_put(&vcpu.arch.vlapic, VLAPIC_TPR, tpr);
}

static void request(int vector)
{
	highest_request = vector;
	vcpu.arch.vlapic.irr_words = vector >= 0;
}

/* An entry: what is injected, or 0. The processor would refuse a threshold above VTPR's class:
 * SDM3 27.2.1.1. */
static uint64_t enter(void)
{
	vmx_event_inject(&vcpu);
	assert_in_range(vmcs_read(VMCS_TPR_THRESHOLD), 0,
			vlapic_get(&vcpu.arch.vlapic, VLAPIC_TPR) >> 4);
	assert_int_equal(vmcs_read(VMCS_TPR_THRESHOLD), vcpu.arch.vmx.tpr_threshold);
	assert_int_equal(vmcs_read(VMCS_PROC_CONTROLS), vcpu.arch.vmx.proc);
	assert_int_equal(vcpu.arch.vmx.proc & OWN_PROC, OWN_PROC);
	return vmcs_read(VMCS_ENTRY_EVENT);
}

/* The exit, with what was in delivery: the processor has cleared the entry's event. */
static void leave_during(uint64_t reason, uint64_t in_delivery)
{
	vmcs_fake_set(VMCS_ENTRY_EVENT, vmcs_read(VMCS_ENTRY_EVENT) & ~VMCS_EVENT_VALID);
	vmcs_fake_set(VMCS_IDT_EVENT, in_delivery);
	vmx_event_collect(&vcpu, reason);
}

static void leave(uint64_t reason)
{
	leave_during(reason, 0);
}

static uint64_t word(uint64_t type, uint8_t vector)
{
	return VMCS_EVENT_VALID | field_set(VMCS_EVENT_TYPE, type) | vector;
}

static bool is_valid(uint64_t event)
{
	return (event & VMCS_EVENT_VALID) != 0;
}

static bool has_window(uint64_t bit)
{
	return (vmcs_read(VMCS_PROC_CONTROLS) & bit) != 0;
}

/* ---- injection ---- */

static void nothing_is_injected_where_nothing_is_pending(void **state)
{
	(void)state;
	vmcs_fake_count();
	assert_int_equal(enter(), 0);
	assert_int_equal(vmcs_fake_writes, 0);
}

static void interrupt_is_injected_by_its_vector(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	assert_int_equal(enter(), 0x80000041);
	assert_int_equal(lapic_vector, NO_VECTOR);
}

static void nmi_is_injected_as_one(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	assert_int_equal(enter(), 0x80000202);
	assert_true(vcpu.arch.vmx.gives_nmi);
	leave(VMX_EXIT_CPUID);
	enter();
	assert_false(vcpu.arch.vmx.gives_nmi);
}

static void exception_takes_its_error_code_along(void **state)
{
	(void)state;
	vcpu_events_raise(&vcpu, VECTOR_GP, true, 0x1234);
	assert_int_equal(enter(), 0x80000b0d);
	assert_int_equal(vmcs_read(VMCS_ENTRY_ERROR), 0x1234);
}

static void exception_without_an_error_code_has_none(void **state)
{
	(void)state;
	vcpu_events_raise_ud(&vcpu);
	assert_int_equal(enter(), 0x80000306);
	assert_int_equal(vmcs_fake_written[VMCS_ENTRY_ERROR], 0);
}

/* The processor refuses an error code with CR0.PE clear: SDM3 27.2.1.3. */
static void real_mode_pushes_no_error_code(void **state)
{
	(void)state;
	vmcs_fake_set(VMCS_GUEST_CR0, CR0_ET);
	vcpu_events_raise(&vcpu, VECTOR_GP, true, 0);
	assert_int_equal(enter(), 0x8000030d);
	assert_int_equal(vmcs_fake_written[VMCS_ENTRY_ERROR], 0);
}

static void page_fault_leaves_its_address_in_cr2(void **state)
{
	(void)state;
	vcpu_events_raise_pf(&vcpu, 6, 0x7fff1234);
	assert_int_equal(enter(), 0x80000b0e);
	assert_int_equal(vmcs_read(VMCS_ENTRY_ERROR), 6);
	assert_int_equal(cpu_cr2, 0x7fff1234);
}

static void debug_exception_leaves_its_causes_and_clears_general_detect(void **state)
{
	(void)state;
	vmcs_fake_set(VMCS_GUEST_DR7, 0x400 | DR7_GD);
	vcpu_events_raise_db(&vcpu, DR6_BS);
	assert_int_equal(enter(), 0x80000301);
	assert_int_equal(cpu_dr6, 0xffff0ff0 | DR6_BS);
	assert_int_equal(vmcs_read(VMCS_GUEST_DR7), 0x400);
}

/* An interrupt's vector may be an exception's: nothing of that is done for it. */
static void interrupt_at_an_exceptions_vector_has_no_payload(void **state)
{
	static const uint8_t vectors[] = { VECTOR_DB, VECTOR_PF };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		vcpu.arch.events.injected =
			(struct vcpu_event){ .kind = EVENT_INTERRUPT, .vector = vectors[i] };
		assert_int_equal(enter(), word(VMCS_EVENT_INTERRUPT, vectors[i]));
		assert_int_equal(cpu_cr2, 0xbad);
		assert_int_equal(cpu_dr6, 0xffff0ff0);
		leave(VMX_EXIT_CPUID);
	}
}

/* ---- windows ---- */

static void waiting_interrupt_opens_a_window_that_closes_again(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	guest.rflags &= ~RFLAGS_IF;
	assert_false(is_valid(enter()));
	assert_true(has_window(PROC_INTERRUPT_WINDOW));
	assert_false(has_window(PROC_NMI_WINDOW));
	leave(VMX_EXIT_INTERRUPT_WINDOW);
	guest.rflags |= RFLAGS_IF;
	assert_int_equal(enter(), word(VMCS_EVENT_INTERRUPT, 0x41));
	assert_false(has_window(PROC_INTERRUPT_WINDOW));
}

static void shadow_opens_the_interrupt_window_too(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	vcpu.arch.events.interrupt_shadow = true;
	assert_false(is_valid(enter()));
	assert_true(has_window(PROC_INTERRUPT_WINDOW));
}

static void window_that_is_open_is_not_written_again(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	guest.rflags &= ~RFLAGS_IF;
	enter();
	leave(VMX_EXIT_CPUID);
	vmcs_fake_count();
	enter();
	assert_int_equal(vmcs_fake_writes, 0);
}

static void second_nmi_waits_for_the_window(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	vcpu.arch.events.nmi_masked = true;
	assert_false(is_valid(enter()));
	assert_true(has_window(PROC_NMI_WINDOW));
	leave(VMX_EXIT_NMI_WINDOW);
	vcpu.arch.events.nmi_masked = false; /* as GUEST_INTERRUPTIBILITY says */
	assert_int_equal(enter(), word(VMCS_EVENT_NMI, VECTOR_NMI));
	assert_false(has_window(PROC_NMI_WINDOW));
}

static void interrupt_behind_an_exception_comes_right_after_its_delivery(void **state)
{
	(void)state;
	lapic_vector = 0x41;
	vcpu_events_raise_ud(&vcpu);
	assert_int_equal(enter(), word(VMCS_EVENT_EXCEPTION, VECTOR_UD));
	assert_true(has_window(PROC_INTERRUPT_WINDOW));
}

static void nmi_behind_an_exception_comes_right_after_its_delivery(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	vcpu_events_raise_ud(&vcpu);
	assert_int_equal(enter(), word(VMCS_EVENT_EXCEPTION, VECTOR_UD));
	assert_true(has_window(PROC_NMI_WINDOW));
}

/* ---- what was in delivery ---- */

static void interrupted_delivery_of_an_exception_is_done_again(void **state)
{
	uint64_t event = word(VMCS_EVENT_EXCEPTION, VECTOR_NP) | VMCS_EVENT_HAS_ERROR;

	(void)state;
	vmcs_fake_set(VMCS_IDT_ERROR, 0x18);
	leave_during(VMX_EXIT_EPT_VIOLATION, event);
	vmcs_fake_set(VMCS_IDT_ERROR, 0);
	assert_int_equal(enter(), event);
	assert_int_equal(vmcs_read(VMCS_ENTRY_ERROR), 0x18);
	leave(VMX_EXIT_INTERRUPT);
	assert_false(is_valid(enter()));
}

static void interrupted_delivery_of_an_interrupt_is_done_again(void **state)
{
	(void)state;
	leave_during(VMX_EXIT_EPT_VIOLATION, word(VMCS_EVENT_INTERRUPT, 0x41));
	lapic_vector = 0x99;
	assert_int_equal(enter(), word(VMCS_EVENT_INTERRUPT, 0x41));
	assert_true(has_window(PROC_INTERRUPT_WINDOW)); /* the other one */
}

/* Another fault before it is given again may not take its address. */
static void interrupted_page_fault_keeps_its_address(void **state)
{
	(void)state;
	cpu_cr2 = 0x12345000;
	leave_during(VMX_EXIT_EPT_VIOLATION,
		     word(VMCS_EVENT_EXCEPTION, VECTOR_PF) | VMCS_EVENT_HAS_ERROR);
	cpu_cr2 = 0xbad;
	assert_int_equal(enter(), 0x80000b0e);
	assert_int_equal(cpu_cr2, 0x12345000);
}

static void interrupted_nmi_is_given_again_and_masks(void **state)
{
	(void)state;
	leave_during(VMX_EXIT_EPT_VIOLATION, word(VMCS_EVENT_NMI, VECTOR_NMI));
	assert_true(vcpu.arch.events.nmi_masked);
	vcpu.arch.events.nmi_pending = true; /* a second one */
	assert_int_equal(enter(), word(VMCS_EVENT_NMI, VECTOR_NMI));
	assert_true(vcpu.arch.vmx.gives_nmi);
	assert_true(has_window(PROC_NMI_WINDOW));
}

/* RIP is still at INT n, INT3, INTO, INT1: the instruction does it again. */
static void soft_events_are_left_to_their_instruction(void **state)
{
	static const uint8_t types[] = { VMCS_EVENT_SOFT_INTERRUPT, VMCS_EVENT_ICEBP,
					 VMCS_EVENT_SOFT_EXCEPTION };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		leave_during(VMX_EXIT_EPT_VIOLATION, word(types[i], VECTOR_BP));
		assert_false(is_valid(enter()));
	}
}

static void event_without_valid_is_no_event(void **state)
{
	(void)state;
	leave_during(VMX_EXIT_CPUID, word(VMCS_EVENT_INTERRUPT, 0x41) & ~VMCS_EVENT_VALID);
	assert_false(is_valid(enter()));
}

/* A machine check stopped the entry, and the processor has left the field as it was: SDM3 27.8. */
static void event_of_an_entry_that_was_none_is_given_again(void **state)
{
	uint64_t event;

	(void)state;
	vcpu_events_raise_pf(&vcpu, 6, 0x1234);
	event = enter();
	vmx_event_take_back(&vcpu);
	assert_int_equal(vmcs_read(VMCS_ENTRY_EVENT), 0);
	vmcs_fake_set(VMCS_ENTRY_ERROR, 0);
	cpu_cr2 = 0xbad;
	assert_int_equal(enter(), event);
	assert_int_equal(vmcs_read(VMCS_ENTRY_ERROR), 6);
	assert_int_equal(cpu_cr2, 0x1234);
	leave(VMX_EXIT_CPUID);
	vmcs_fake_count();
	vmx_event_take_back(&vcpu);
	assert_int_equal(vmcs_fake_writes, 0);
	assert_false(is_valid(enter()));
}

/* ---- IRET that faults: SDM3 28.2.3 "Information for VM Exits Due to Vectored Events" ---- */

static bool masked_after(uint64_t reason, uint64_t exit_event, uint64_t qualification,
			 uint64_t in_delivery)
{
	vcpu.arch.events = (struct vcpu_events){ 0 };
	vmcs_fake_set(VMCS_EXIT_EVENT, exit_event);
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, qualification);
	leave_during(reason, in_delivery);
	return vcpu.arch.events.nmi_masked;
}

static void iret_that_faults_leaves_nmis_blocked(void **state)
{
	const uint64_t unblocked = VMCS_EVENT_NMI_UNBLOCKED;
	const uint64_t ac = word(VMCS_EVENT_EXCEPTION, VECTOR_AC);

	(void)state;
	assert_true(masked_after(VMX_EXIT_EXCEPTION, ac | unblocked, 0, 0));
	assert_false(masked_after(VMX_EXIT_EXCEPTION, ac, 0, 0));
	/* Undefined for a double fault. */
	assert_false(masked_after(VMX_EXIT_EXCEPTION,
				  word(VMCS_EVENT_EXCEPTION, VECTOR_DF) | unblocked, 0, 0));
}

static void iret_with_an_ept_violation_leaves_nmis_blocked(void **state)
{
	(void)state;
	assert_true(masked_after(VMX_EXIT_EPT_VIOLATION, 0, VMX_EPT_NMI_UNBLOCKED, 0));
	assert_false(masked_after(VMX_EXIT_EPT_VIOLATION, 0, VMX_EPT_WRITE, 0));
	/* What is left of an older exit, or means something else there. */
	assert_false(
		masked_after(VMX_EXIT_CPUID, VMCS_EVENT_NMI_UNBLOCKED, VMX_EPT_NMI_UNBLOCKED, 0));
	assert_false(masked_after(VMX_EXIT_EPT_VIOLATION, VMCS_EVENT_NMI_UNBLOCKED, 0, 0));
}

/* The bit is undefined where an event was in delivery. */
static void unblocking_is_not_looked_at_during_a_delivery(void **state)
{
	const uint64_t event = word(VMCS_EVENT_INTERRUPT, 0x41);

	(void)state;
	assert_false(masked_after(VMX_EXIT_EPT_VIOLATION, 0, VMX_EPT_NMI_UNBLOCKED, event));
	assert_false(masked_after(VMX_EXIT_EXCEPTION,
				  word(VMCS_EVENT_EXCEPTION, VECTOR_AC) | VMCS_EVENT_NMI_UNBLOCKED,
				  0, event));
}

/* ---- TPR ---- */

static void threshold_is_the_class_of_what_tpr_holds_back(void **state)
{
	(void)state;
	request(0x41);
	set_tpr(0x50);
	enter();
	assert_int_equal(vmcs_read(VMCS_TPR_THRESHOLD), 4);
	set_tpr(0x4f); /* the same class holds it back as well */
	enter();
	assert_int_equal(vmcs_read(VMCS_TPR_THRESHOLD), 4);
}

static void threshold_is_never_above_tpr(void **state)
{
	(void)state;
	for (int vector = 0x10; vector < 0x100; vector += 5) {
		for (unsigned tpr = 0; tpr < 0x100; tpr++) {
			request(vector);
			set_tpr((uint8_t)tpr);
			enter(); /* looks */
			assert_int_equal(vcpu.arch.vmx.tpr_threshold != 0,
					 (unsigned)vector >> 4 <= tpr >> 4);
		}
	}
}

static void threshold_goes_with_the_request(void **state)
{
	(void)state;
	request(0x41);
	set_tpr(0x50);
	enter();
	request(NO_VECTOR);
	enter();
	assert_int_equal(vmcs_read(VMCS_TPR_THRESHOLD), 0);
	vmcs_fake_count();
	enter();
	assert_int_equal(vmcs_fake_written[VMCS_TPR_THRESHOLD], 0);
}

static void tpr_that_the_guest_changed_is_folded_once(void **state)
{
	(void)state;
	set_tpr(0x20);
	enter();
	leave(VMX_EXIT_CPUID);
	assert_int_equal(tpr_writes, 0);
	set_tpr(0x90);
	leave(VMX_EXIT_TPR);
	assert_int_equal(tpr_writes, 1);
	assert_int_equal(vlapic_get(&vcpu.arch.vlapic, VLAPIC_TPR), 0x90);
	leave(VMX_EXIT_CPUID);
	assert_int_equal(tpr_writes, 1);
}

static void tpr_is_folded_beside_an_event_in_delivery(void **state)
{
	(void)state;
	set_tpr(0x90);
	leave_during(VMX_EXIT_EPT_VIOLATION, word(VMCS_EVENT_INTERRUPT, 0x41));
	assert_int_equal(tpr_writes, 1);
	assert_int_equal(vcpu.arch.events.injected.kind, EVENT_INTERRUPT);
}

/* It has a threshold of its own, and the vLAPIC is read anew after each exit. */
static void tpr_is_left_to_a_cpu_that_delivers_by_itself(void **state)
{
	(void)state;
	vcpu.arch.vlapic.by_hardware = true;
	request(0x41);
	set_tpr(0x50);
	assert_int_equal(enter(), 0);
	assert_int_equal(vmcs_read(VMCS_TPR_THRESHOLD), 0);
	assert_false(has_window(PROC_INTERRUPT_WINDOW));
	set_tpr(0x90);
	leave(VMX_EXIT_CPUID);
	assert_int_equal(tpr_writes, 0);
}

/* One that was in force when the mode changed would hold the entry up. */
static void threshold_goes_where_the_cpu_delivers_by_itself(void **state)
{
	(void)state;
	request(0x41);
	set_tpr(0x50);
	enter();
	vcpu.arch.vlapic.by_hardware = true;
	set_tpr(0);
	enter();
	assert_int_equal(vmcs_read(VMCS_TPR_THRESHOLD), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_injected_where_nothing_is_pending, setup),
		cmocka_unit_test_setup(interrupt_is_injected_by_its_vector, setup),
		cmocka_unit_test_setup(nmi_is_injected_as_one, setup),
		cmocka_unit_test_setup(exception_takes_its_error_code_along, setup),
		cmocka_unit_test_setup(exception_without_an_error_code_has_none, setup),
		cmocka_unit_test_setup(real_mode_pushes_no_error_code, setup),
		cmocka_unit_test_setup(page_fault_leaves_its_address_in_cr2, setup),
		cmocka_unit_test_setup(debug_exception_leaves_its_causes_and_clears_general_detect,
				       setup),
		cmocka_unit_test_setup(interrupt_at_an_exceptions_vector_has_no_payload, setup),
		cmocka_unit_test_setup(waiting_interrupt_opens_a_window_that_closes_again, setup),
		cmocka_unit_test_setup(shadow_opens_the_interrupt_window_too, setup),
		cmocka_unit_test_setup(window_that_is_open_is_not_written_again, setup),
		cmocka_unit_test_setup(second_nmi_waits_for_the_window, setup),
		cmocka_unit_test_setup(interrupt_behind_an_exception_comes_right_after_its_delivery,
				       setup),
		cmocka_unit_test_setup(nmi_behind_an_exception_comes_right_after_its_delivery,
				       setup),
		cmocka_unit_test_setup(interrupted_delivery_of_an_exception_is_done_again, setup),
		cmocka_unit_test_setup(interrupted_delivery_of_an_interrupt_is_done_again, setup),
		cmocka_unit_test_setup(interrupted_page_fault_keeps_its_address, setup),
		cmocka_unit_test_setup(interrupted_nmi_is_given_again_and_masks, setup),
		cmocka_unit_test_setup(soft_events_are_left_to_their_instruction, setup),
		cmocka_unit_test_setup(event_without_valid_is_no_event, setup),
		cmocka_unit_test_setup(event_of_an_entry_that_was_none_is_given_again, setup),
		cmocka_unit_test_setup(iret_that_faults_leaves_nmis_blocked, setup),
		cmocka_unit_test_setup(iret_with_an_ept_violation_leaves_nmis_blocked, setup),
		cmocka_unit_test_setup(unblocking_is_not_looked_at_during_a_delivery, setup),
		cmocka_unit_test_setup(threshold_is_the_class_of_what_tpr_holds_back, setup),
		cmocka_unit_test_setup(threshold_is_never_above_tpr, setup),
		cmocka_unit_test_setup(threshold_goes_with_the_request, setup),
		cmocka_unit_test_setup(tpr_that_the_guest_changed_is_folded_once, setup),
		cmocka_unit_test_setup(tpr_is_folded_beside_an_event_in_delivery, setup),
		cmocka_unit_test_setup(tpr_is_left_to_a_cpu_that_delivers_by_itself, setup),
		cmocka_unit_test_setup(threshold_goes_where_the_cpu_delivers_by_itself, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
