/* SPDX-License-Identifier: GPL-2.0-only */
/* What holds events back over entries and exits: shadows of STI and MOV SS, single steps behind
 * them, NMIs. */
/* arch: x86 */
/* sources: arch/x86/vmx_run.c arch/x86/vmx_event.c arch/x86/vmx_decode.c */
/* sources: arch/x86/vmx_check_guest.c arch/x86/vcpu_events.c */
#include "tests/unit/vmx_processor.h"

/* ---- interruptibility: SDM3 27.3.1.5 ---- */

static void shadow_of_an_exit_stays_what_it_was(void **state)
{
	(void)state;
	run_until(STI, RFLAGS_IF);
	assert_true(vcpu.arch.events.interrupt_shadow);
	run_until(MOV_SS, RFLAGS_IF);
	assert_int_equal(hardware.entered_interruptibility, STI);
	run_until(MOV_SS, 0);
	assert_int_equal(hardware.entered_interruptibility, MOV_SS);
	run_until(0, 0);
	assert_int_equal(hardware.entered_interruptibility, MOV_SS);
	assert_false(vcpu.arch.events.interrupt_shadow);
	(void)run();
	assert_int_equal(hardware.entered_interruptibility, 0);
}

static void shadow_that_stays_is_not_written_again(void **state)
{
	(void)state;
	run_until(STI, RFLAGS_IF);
	vmcs_fake_count();
	run_until(STI, RFLAGS_IF);
	assert_int_equal(vmcs_fake_written[VMCS_GUEST_INTERRUPTIBILITY], 0);
}

/* The instruction in it was emulated. */
static void shadow_ends_with_an_emulated_instruction(void **state)
{
	(void)state;
	run_until(STI, RFLAGS_IF);
	vcpu.arch.events.interrupt_shadow = false;
	run_until(0, RFLAGS_IF);
	assert_int_equal(hardware.entered_interruptibility, 0);
}

/* STI's with IF clear is refused: an image may say both. */
static void shadow_with_if_clear_is_that_of_mov_ss(void **state)
{
	(void)state;
	vcpu.arch.events.interrupt_shadow = true;
	guest.rflags = RFLAGS_RES1;
	run_until(0, 0);
	assert_int_equal(hardware.entered_interruptibility, MOV_SS);
	run_until(STI, RFLAGS_IF);
	guest.rflags &= ~RFLAGS_IF;
	run_until(0, 0);
	assert_int_equal(hardware.entered_interruptibility, MOV_SS);
}

static void shadow_with_if_set_is_that_of_sti(void **state)
{
	(void)state;
	vcpu.arch.events.interrupt_shadow = true;
	run_until(0, RFLAGS_IF);
	assert_int_equal(hardware.entered_interruptibility, STI);
}

static void interrupt_waits_for_the_shadows_end(void **state)
{
	(void)state;
	run_until(STI, RFLAGS_IF);
	lapic_vector = 0x41;
	vcpu.arch.vlapic.irr_words = 2;
	run_until(0, RFLAGS_IF);
	assert_int_equal(hardware.event, 0);
	assert_int_equal(vmcs_read(VMCS_PROC_CONTROLS), PROC_INTERRUPT_WINDOW);
	run_until(0, RFLAGS_IF);
	assert_int_equal(hardware.event, VMCS_EVENT_VALID | 0x41);
	assert_int_equal(vmcs_read(VMCS_PROC_CONTROLS), 0);
}

/* ---- single steps ---- */

static void step_is_pending_behind_a_shadow_with_tf(void **state)
{
	(void)state;
	run_until(MOV_SS, RFLAGS_TF);
	run_until(0, RFLAGS_TF);
	assert_int_equal(hardware.entered_pending_debug, BS);
	vcpu.arch.events.interrupt_shadow = true;
	run_until(0, RFLAGS_TF);
	assert_int_equal(hardware.entered_pending_debug, BS);
}

static void no_step_is_pending_without_tf(void **state)
{
	(void)state;
	run_until(MOV_SS, RFLAGS_TF);
	guest.rflags &= ~RFLAGS_TF;
	run_until(0, 0);
	assert_int_equal(hardware.entered_pending_debug, 0);
}

/* Its trap was raised instead, by the end of the emulation. */
static void no_step_is_pending_where_emulation_ended_the_shadow(void **state)
{
	(void)state;
	run_until(MOV_SS, RFLAGS_TF);
	vcpu.arch.events.interrupt_shadow = false;
	run_until(0, RFLAGS_TF);
	assert_int_equal(hardware.entered_pending_debug, 0);
}

/* MOV SS from a watched address, and an exit before the next instruction is done: its trap comes
 * behind that one. B0 and "enabled breakpoint". */
static void breakpoint_that_mov_ss_holds_back_is_kept(void **state)
{
	const uint64_t hit = BIT(12) | BIT(0);

	(void)state;
	hardware.interruptibility = MOV_SS;
	hardware.pending_debug = hit;
	(void)run();
	(void)run();
	assert_int_equal(hardware.entered_pending_debug, hit);
	guest.rflags |= RFLAGS_TF;
	(void)run();
	assert_int_equal(hardware.entered_pending_debug, hit | BS);
	vcpu.arch.events.interrupt_shadow = false; /* it was emulated */
	(void)run();
	assert_int_equal(hardware.entered_pending_debug, hit);
}

/* A trap that TPR's exit has found pending is the processor's to deliver. */
static void what_is_pending_without_a_shadow_is_left_alone(void **state)
{
	(void)state;
	hardware.reason = VMX_EXIT_TPR;
	hardware.pending_debug = BS;
	hardware.rflags |= RFLAGS_TF;
	(void)run();
	vmcs_fake_count();
	(void)run();
	assert_int_equal(hardware.entered_pending_debug, BS);
	assert_int_equal(vmcs_fake_written[VMCS_GUEST_PENDING_DEBUG], 0);
}

/* ---- out of the VMCS, and into another one ---- */

#define HIT (PENDING_DEBUG_ENABLED | BIT(0))

/* As another vCPU's VMCS has it when this one's state is put into it. */
static void move_to(uint64_t interruptibility, uint64_t pending)
{
	vmx_run_blocking_get(&vcpu);
	vcpu.arch.vmx.interruptibility = (uint32_t)interruptibility;
	vmcs_fake_set(VMCS_GUEST_INTERRUPTIBILITY, interruptibility);
	vmcs_fake_set(VMCS_GUEST_PENDING_DEBUG, pending);
	vmx_run_blocking_set(&vcpu);
	(void)run();
}

/* STI's would let the breakpoint's trap come before the next instruction. */
static void shadow_of_mov_ss_and_its_breakpoint_move(void **state)
{
	static const uint64_t others[] = { 0, STI, MOV_SS, NMI };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		for (uint64_t step = 0; step <= BS; step += BS) {
			guest.rflags = hardware.rflags =
				RFLAGS_RES1 | RFLAGS_IF | (step != 0 ? RFLAGS_TF : 0);
			hardware.interruptibility = MOV_SS;
			hardware.pending_debug = HIT | step;
			(void)run();
			move_to(others[i], BS | BIT(3));
			assert_int_equal(vcpu.arch.events.pending_debug, HIT | step);
			assert_int_equal(hardware.entered_interruptibility, MOV_SS);
			assert_int_equal(hardware.entered_pending_debug, HIT | step);
		}
	}
}

static void shadow_of_sti_moves(void **state)
{
	(void)state;
	run_until(STI, RFLAGS_IF);
	move_to(MOV_SS, 0);
	assert_false(vcpu.arch.events.debug_shadow);
	assert_int_equal(hardware.entered_interruptibility, STI);
}

/* The step's trap was raised instead; the breakpoint's is still to come. */
static void breakpoint_behind_an_emulated_instruction_moves(void **state)
{
	(void)state;
	run_until(MOV_SS, RFLAGS_IF | RFLAGS_TF);
	vmcs_fake_set(VMCS_GUEST_PENDING_DEBUG, HIT | BS);
	vcpu.arch.events.interrupt_shadow = false;
	move_to(MOV_SS, BS);
	assert_int_equal(vcpu.arch.events.pending_debug, HIT);
	assert_int_equal(hardware.entered_interruptibility, 0);
	assert_int_equal(hardware.entered_pending_debug, HIT);
}

static void step_that_tprs_exit_has_found_moves(void **state)
{
	(void)state;
	hardware.reason = VMX_EXIT_TPR;
	hardware.pending_debug = BS;
	hardware.rflags |= RFLAGS_TF;
	(void)run();
	move_to(MOV_SS, 0);
	assert_int_equal(hardware.entered_interruptibility, 0);
	assert_int_equal(hardware.entered_pending_debug, BS);
}

/* ---- NMIs ---- */

static void blocking_by_nmi_is_the_guests_mask(void **state)
{
	(void)state;
	run_until(NMI, RFLAGS_IF);
	assert_true(vcpu.arch.events.nmi_masked);
	run_until(0, RFLAGS_IF);
	assert_int_equal(hardware.entered_interruptibility, NMI);
	assert_false(vcpu.arch.events.nmi_masked);
	vcpu.arch.events.nmi_masked = true;
	run_until(NMI, RFLAGS_IF);
	assert_int_equal(hardware.entered_interruptibility, NMI);
}

/* The processor blocks by the delivery, and refuses an NMI that is blocked before. */
static void nmi_is_given_without_blocking(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	run_until(NMI, RFLAGS_IF);
	assert_int_equal(hardware.event, VMCS_EVENT_VALID | VMCS_EVENT_NMI << 8 | VECTOR_NMI);
	assert_int_equal(hardware.entered_interruptibility, 0);
	run_until(NMI, RFLAGS_IF);
	assert_int_equal(hardware.event & VMCS_EVENT_VALID, 0);
	assert_int_equal(hardware.entered_interruptibility, NMI);
}

/* An EPT violation in its delivery: blocked already by the processor's account. */
static void nmi_that_was_interrupted_is_given_again(void **state)
{
	(void)state;
	hardware.reason = VMX_EXIT_EPT_VIOLATION;
	vmcs_fake_set(VMCS_IDT_EVENT, VMCS_EVENT_VALID | VMCS_EVENT_NMI << 8 | VECTOR_NMI);
	run_until(NMI, RFLAGS_IF);
	vmcs_fake_set(VMCS_IDT_EVENT, 0);
	hardware.reason = CPUID;
	run_until(NMI, RFLAGS_IF);
	assert_int_equal(hardware.event, VMCS_EVENT_VALID | VMCS_EVENT_NMI << 8 | VECTOR_NMI);
	assert_int_equal(hardware.entered_interruptibility, 0);
}

/* Its IRET faulted: what it had unblocked is blocked again. */
static void faulting_iret_is_entered_with_nmis_blocked(void **state)
{
	(void)state;
	hardware.reason = VMX_EXIT_EPT_VIOLATION;
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, VMX_EPT_NMI_UNBLOCKED);
	run_until(0, 0);
	hardware.reason = CPUID;
	vcpu.arch.events.nmi_pending = true;
	run_until(NMI, 0);
	assert_int_equal(hardware.event & VMCS_EVENT_VALID, 0);
	assert_int_equal(hardware.entered_interruptibility, NMI);
	assert_int_equal(vmcs_read(VMCS_PROC_CONTROLS), PROC_NMI_WINDOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(shadow_of_an_exit_stays_what_it_was, setup),
		cmocka_unit_test_setup(shadow_that_stays_is_not_written_again, setup),
		cmocka_unit_test_setup(shadow_ends_with_an_emulated_instruction, setup),
		cmocka_unit_test_setup(shadow_with_if_clear_is_that_of_mov_ss, setup),
		cmocka_unit_test_setup(shadow_with_if_set_is_that_of_sti, setup),
		cmocka_unit_test_setup(interrupt_waits_for_the_shadows_end, setup),
		cmocka_unit_test_setup(step_is_pending_behind_a_shadow_with_tf, setup),
		cmocka_unit_test_setup(no_step_is_pending_without_tf, setup),
		cmocka_unit_test_setup(no_step_is_pending_where_emulation_ended_the_shadow, setup),
		cmocka_unit_test_setup(breakpoint_that_mov_ss_holds_back_is_kept, setup),
		cmocka_unit_test_setup(what_is_pending_without_a_shadow_is_left_alone, setup),
		cmocka_unit_test_setup(shadow_of_mov_ss_and_its_breakpoint_move, setup),
		cmocka_unit_test_setup(shadow_of_sti_moves, setup),
		cmocka_unit_test_setup(breakpoint_behind_an_emulated_instruction_moves, setup),
		cmocka_unit_test_setup(step_that_tprs_exit_has_found_moves, setup),
		cmocka_unit_test_setup(blocking_by_nmi_is_the_guests_mask, setup),
		cmocka_unit_test_setup(nmi_is_given_without_blocking, setup),
		cmocka_unit_test_setup(nmi_that_was_interrupted_is_given_again, setup),
		cmocka_unit_test_setup(faulting_iret_is_entered_with_nmis_blocked, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
