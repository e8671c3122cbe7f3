/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries and exits against a processor that is a function: what it is given, what is taken from
 * it, and that nothing is written that has not changed. */
/* arch: x86 */
/* sources: arch/x86/vmx_run.c arch/x86/vmx_event.c arch/x86/vmx_decode.c */
/* sources: arch/x86/vmx_check_guest.c arch/x86/vcpu_events.c */
#include "tests/unit/vmx_processor.h"

/* ---- entries ---- */

static void entry_is_launched_once_and_resumed_then(void **state)
{
	(void)state;
	(void)run();
	(void)run();
	(void)run();
	assert_int_equal(entries, 3);
	assert_int_equal(tlb_prepared, 3);
}

static void entry_writes_rip_alone_where_nothing_else_has_changed(void **state)
{
	(void)state;
	(void)run();
	vmcs_fake_count();
	guest.rip += 2;
	(void)run();
	assert_int_equal(vmcs_fake_writes, 1);
	assert_int_equal(vmcs_fake_written[VMCS_GUEST_RIP], 1);
}

static void changed_registers_are_given(void **state)
{
	(void)state;
	(void)run();
	guest.gpr[GPR_RSP] = 0x7000;
	guest.rflags |= RFLAGS_CF;
	guest.rip = 0x1234;
	vmcs_fake_count();
	hardware.reason = VMX_EXIT_ENTRY_FAILED; /* so that the VMCS stays as it was */
	(void)run();
	assert_int_equal(vmcs_read(VMCS_GUEST_RSP), 0x7000);
	assert_int_equal(vmcs_read(VMCS_GUEST_RFLAGS), RFLAGS_RES1 | RFLAGS_IF | RFLAGS_CF);
	assert_int_equal(vmcs_read(VMCS_GUEST_RIP), 0x1234);
	assert_int_equal(vmcs_fake_writes, 3);
}

static void dirty_groups_are_set_before_the_entry(void **state)
{
	(void)state;
	guest.dirty = STATE_SREGS | STATE_TSC | STATE_GPR;
	(void)run();
	assert_int_equal(groups_set & (STATE_SREGS | STATE_TSC), STATE_SREGS | STATE_TSC);
	groups_set = 0;
	guest.dirty = STATE_GPR;
	(void)run();
	assert_int_equal(groups_set, 0);
}

static void mitigations_have_an_entry_of_their_own(void **state)
{
	(void)state;
	(void)run();
	assert_int_equal(hardware.work, 0);
	vcpu.arch.mitigate = 9;
	(void)run();
	assert_int_equal(hardware.work, 9);
}

static void debug_registers_exit_until_they_are_the_vcpus(void **state)
{
	(void)state;
	vcpu.arch.debug_live = false;
	(void)run();
	assert_int_equal(vmcs_read(VMCS_PROC_CONTROLS), PROC_MOV_DR_EXIT);
	vmcs_fake_count();
	(void)run();
	assert_int_equal(vmcs_fake_written[VMCS_PROC_CONTROLS], 0);
	vcpu.arch.debug_live = true;
	(void)run();
	assert_int_equal(vmcs_read(VMCS_PROC_CONTROLS), 0);
	assert_int_equal(vcpu.arch.vmx.proc, 0);
}

/* ---- exits ---- */

static void exit_leaves_registers_and_only_what_is_known_valid(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	hardware.rip = 0x401000;
	hardware.rsp = 0x7fff0000;
	hardware.rflags = RFLAGS_RES1 | RFLAGS_ZF;
	exit = run();
	assert_int_equal(exit.kind, EXIT_ARCH);
	assert_int_equal(guest.rip, 0x401000);
	assert_int_equal(guest.gpr[GPR_RSP], 0x7fff0000);
	assert_int_equal(guest.rflags, RFLAGS_RES1 | RFLAGS_ZF);
	assert_int_equal(guest.valid,
			 STATE_GPR | STATE_XSAVE | STATE_LAPIC | STATE_TSC | STATE_MCE);
	assert_int_equal(guest.dirty, 0);
}

/* Bits above the reason's 16, as of an exit from an enclave, are no part of it. */
static void reason_has_16_bits(void **state)
{
	(void)state;
	hardware.reason = CPUID | BIT(27);
	assert_int_equal(run().kind, EXIT_ARCH);
	assert_int_equal(vcpu.arch.insn_cause, CPUID);
}

static void nmi_that_was_an_exit_is_taken_once(void **state)
{
	(void)state;
	hardware.reason = VMX_EXIT_EXCEPTION;
	vmcs_fake_set(VMCS_EXIT_EVENT, VMCS_EVENT_VALID | VMCS_EVENT_NMI << 8 | VECTOR_NMI);
	assert_int_equal(run().kind, EXIT_IRQ);
	assert_int_equal(nmis_taken, 1);
	hardware.reason = CPUID; /* its word is still there */
	(void)run();
	assert_int_equal(nmis_taken, 1);
	hardware.reason = VMX_EXIT_EXCEPTION;
	vmcs_fake_set(VMCS_EXIT_EVENT, VMCS_EVENT_VALID | VMCS_EVENT_EXCEPTION << 8 | VECTOR_AC);
	assert_int_equal(run().kind, EXIT_ARCH);
	assert_int_equal(nmis_taken, 1);
}

static bool is_irq_pending(unsigned vector)
{
	return (cpu.arch.irq_pending[vector / 64] >> vector % 64 & 1) != 0;
}

/* Where exits acknowledge interrupts, the IDT never sees them. */
static void acknowledged_interrupt_is_recorded(void **state)
{
	(void)state;
	apic_posts = true;
	hardware.reason = VMX_EXIT_INTERRUPT;
	vmcs_fake_set(VMCS_EXIT_EVENT, VMCS_EVENT_VALID | 0x73);
	assert_int_equal(run().kind, EXIT_IRQ);
	assert_true(is_irq_pending(0x73));
	cpu.arch.irq_pending[1] = 0;
	vmcs_fake_set(VMCS_EXIT_EVENT, 0x73); /* spurious */
	(void)run();
	hardware.reason = CPUID;
	vmcs_fake_set(VMCS_EXIT_EVENT, VMCS_EVENT_VALID | 0x73); /* an older one's */
	(void)run();
	assert_false(is_irq_pending(0x73));
}

static void interrupt_that_is_pending_is_left_to_the_idt(void **state)
{
	(void)state;
	hardware.reason = VMX_EXIT_INTERRUPT;
	vmcs_fake_set(VMCS_EXIT_EVENT, VMCS_EVENT_VALID | 0x73);
	assert_int_equal(run().kind, EXIT_IRQ);
	assert_false(is_irq_pending(0x73));
}

/* SDM3 27.9: the guest did not run, and can go on. */
static void machine_check_during_an_entry_is_the_machines(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	(void)run();
	hardware.reason = VMX_EXIT_ENTRY_FAILED | VMX_EXIT_MACHINE_CHECK;
	guest.rip = 0x1234;
	exit = run();
	assert_int_equal(exit.kind, EXIT_NONE);
	assert_int_equal(mces, 1);
	assert_int_equal(dumps, 0);
	assert_int_equal(guest.rip, 0x1234);
	hardware.reason = CPUID;
	(void)run();
	assert_int_equal(entries, 2);
}

/* It is still in the VMCS, where blocking by NMI would have the next entry refused. */
static void nmi_of_an_entry_that_was_none_is_given_again(void **state)
{
	(void)state;
	vcpu.arch.events.nmi_pending = true;
	hardware.reason = VMX_EXIT_ENTRY_FAILED | VMX_EXIT_MACHINE_CHECK;
	(void)run();
	hardware.reason = CPUID;
	run_until(NMI, RFLAGS_IF);
	assert_int_equal(hardware.event, VMCS_EVENT_VALID | VMCS_EVENT_NMI << 8 | VECTOR_NMI);
	assert_int_equal(hardware.entered_interruptibility, 0);
	run_until(NMI, RFLAGS_IF);
	assert_int_equal(hardware.event & VMCS_EVENT_VALID, 0);
}

/* What was written for it is what the VMCS holds, though there was no exit. */
static void registers_after_an_entry_that_was_none_are_known(void **state)
{
	uint64_t flags = guest.rflags;

	(void)state;
	guest.rflags |= RFLAGS_CF;
	guest.gpr[GPR_RSP] = 0x7000;
	vcpu.arch.events.nmi_masked = true;
	hardware.reason = VMX_EXIT_ENTRY_FAILED | VMX_EXIT_MACHINE_CHECK;
	(void)run();
	guest.rflags = flags; /* INIT */
	guest.gpr[GPR_RSP] = 0;
	vcpu.arch.events.nmi_masked = false;
	(void)run();
	assert_int_equal(vmcs_read(VMCS_GUEST_RFLAGS), flags);
	assert_int_equal(vmcs_read(VMCS_GUEST_RSP), 0);
	assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

static void failed_entry_stops_the_guest_and_says_why(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	hardware.fails = true;
	vmcs_fake_set(VMCS_INSTRUCTION_ERROR, 7);
	vmcs_fake_set(VMCS_EXIT_REASON, CPUID); /* an older exit's */
	exit = run();
	assert_int_equal(exit.kind, EXIT_INVALID);
	assert_int_equal(exit.raw.info1, 7);
	assert_int_equal(dumps, 1);
	assert_true(log_has("no rule is broken"));
	assert_false(vcpu.arch.vmx.launched);
}

static void refused_guest_is_stopped_with_the_rule_that_it_breaks(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	hardware.reason = VMX_EXIT_ENTRY_FAILED | VMX_EXIT_BAD_GUEST;
	vmcs_fake_set(VMCS_LINK, 0);
	exit = run();
	assert_int_equal(exit.kind, EXIT_INVALID);
	assert_int_equal(exit.raw.code, VMX_EXIT_ENTRY_FAILED | VMX_EXIT_BAD_GUEST);
	assert_true(log_has("link pointer"));
	assert_int_equal(dumps, 1);
}

/* ---- what makes an entry look at events ---- */

static int no_vector(void *context, bool acknowledge)
{
	(void)context, (void)acknowledge;
	return NO_VECTOR;
}

/* It is given, or the fields of windows and TPR are brought up to date, before the entry. */
static bool looks(void)
{
	uint8_t tpr = vcpu.arch.vmx.tpr;

	hardware.fails = true;
	(void)run();
	return vcpu.arch.vmx.tpr != tpr || vmcs_read(VMCS_ENTRY_EVENT) != 0 ||
	       vmcs_fake_written[VMCS_PROC_CONTROLS] != 0 ||
	       vmcs_fake_written[VMCS_TPR_THRESHOLD] != 0;
}

static void whatever_waits_is_looked_at(void **state)
{
	struct vcpu_events *events = &vcpu.arch.events;

	(void)state;
	assert_false(looks());
	events->injected = (struct vcpu_event){ .kind = EVENT_INTERRUPT, .vector = 0x30 };
	assert_true(looks());
	setup(state);
	events->exception = (struct vcpu_event){ .kind = EVENT_EXCEPTION, .vector = VECTOR_UD };
	assert_true(looks());
	setup(state);
	events->nmi_pending = true;
	assert_true(looks());
	setup(state);
	lapic_vector = 0x41;
	vcpu.arch.vlapic.irr_words = 2;
	assert_true(looks());
	setup(state);
	lapic_vector = 0x30; /* the 8259's */
	vcpu.arch.vlapic.extint = no_vector;
	assert_true(looks());
	setup(state);
	vlapic_put(&vcpu.arch.vlapic, VLAPIC_TPR, 0x20);
	assert_true(looks());
}

static void what_is_to_be_taken_back_is_looked_at(void **state)
{
	(void)state;
	vcpu.arch.vmx.proc = (uint32_t)PROC_INTERRUPT_WINDOW;
	assert_true(looks());
	setup(state);
	vcpu.arch.vmx.proc = (uint32_t)PROC_NMI_WINDOW;
	assert_true(looks());
	setup(state);
	vcpu.arch.vmx.tpr_threshold = 4;
	assert_true(looks());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(entry_is_launched_once_and_resumed_then, setup),
		cmocka_unit_test_setup(entry_writes_rip_alone_where_nothing_else_has_changed,
				       setup),
		cmocka_unit_test_setup(changed_registers_are_given, setup),
		cmocka_unit_test_setup(dirty_groups_are_set_before_the_entry, setup),
		cmocka_unit_test_setup(mitigations_have_an_entry_of_their_own, setup),
		cmocka_unit_test_setup(debug_registers_exit_until_they_are_the_vcpus, setup),
		cmocka_unit_test_setup(exit_leaves_registers_and_only_what_is_known_valid, setup),
		cmocka_unit_test_setup(reason_has_16_bits, setup),
		cmocka_unit_test_setup(nmi_that_was_an_exit_is_taken_once, setup),
		cmocka_unit_test_setup(acknowledged_interrupt_is_recorded, setup),
		cmocka_unit_test_setup(interrupt_that_is_pending_is_left_to_the_idt, setup),
		cmocka_unit_test_setup(machine_check_during_an_entry_is_the_machines, setup),
		cmocka_unit_test_setup(nmi_of_an_entry_that_was_none_is_given_again, setup),
		cmocka_unit_test_setup(registers_after_an_entry_that_was_none_are_known, setup),
		cmocka_unit_test_setup(failed_entry_stops_the_guest_and_says_why, setup),
		cmocka_unit_test_setup(refused_guest_is_stopped_with_the_rule_that_it_breaks,
				       setup),
		cmocka_unit_test_setup(whatever_waits_is_looked_at, setup),
		cmocka_unit_test_setup(what_is_to_be_taken_back_is_looked_at, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
