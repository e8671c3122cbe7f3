/* SPDX-License-Identifier: GPL-2.0-only */
/* From the VMCB's exit fields to a vcpu_exit. */
/* arch: x86 */
/* sources: arch/x86/svm_decode.c */
#include "arch/svm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmcb.h"
#include "arch/x86_exit.h"
#include "core/vcpu.h"

uint32_t svm_features;

static struct vcpu vcpu;
static struct vcpu_state guest;
static struct vmcb vmcb;
static unsigned irets;

void svm_nmi_iret(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	irets++;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&vmcb, 0, sizeof(vmcb));
	vcpu.arch.state = &guest;
	vcpu.arch.svm.vmcb = &vmcb;
	guest.rip = 0x401000;
	svm_features = 0;
	irets = 0;
	return 0;
}

static struct vcpu_exit decode(uint64_t code, uint64_t info1, uint64_t info2)
{
	struct vcpu_exit exit;

	memset(&exit, 0xee, sizeof(exit)); /* nothing may be left of the last one */
	vmcb.control.exit_code = code;
	vmcb.control.exit_info1 = info1;
	vmcb.control.exit_info2 = info2;
	svm_decode(&vcpu, &exit);
	return exit;
}

static void expect_arch(uint64_t code, enum x86_exit expected)
{
	struct vcpu_exit exit = decode(code, 0, 0);

	assert_int_equal(exit.kind, EXIT_ARCH);
	assert_int_equal(exit.arch_code, expected);
}

static void expect_kind(uint64_t code, enum exit_kind expected)
{
	assert_int_equal(decode(code, 0, 0).kind, expected);
}

static void instructions_have_their_handlers(void **state)
{
	(void)state;
	expect_arch(SVM_EXIT_CPUID, X86_EXIT_CPUID);
	expect_arch(SVM_EXIT_XSETBV, X86_EXIT_XSETBV);
	expect_arch(SVM_EXIT_INVD, X86_EXIT_INVD);
	expect_arch(SVM_EXIT_WBINVD, X86_EXIT_WBINVD);
	expect_arch(SVM_EXIT_RDPMC, X86_EXIT_RDPMC);
	expect_arch(SVM_EXIT_RSM, X86_EXIT_RSM);
	expect_arch(SVM_EXIT_MONITOR, X86_EXIT_MONITOR);
	expect_arch(SVM_EXIT_MWAIT, X86_EXIT_MONITOR);
	expect_arch(SVM_EXIT_MWAIT_CONDITIONAL, X86_EXIT_MONITOR);
	expect_arch(SVM_EXIT_TASK_SWITCH, X86_EXIT_TASK_SWITCH);
}

static void every_vm_instruction_is_undefined(void **state)
{
	static const uint64_t codes[] = { SVM_EXIT_VMRUN,   SVM_EXIT_VMLOAD,  SVM_EXIT_VMSAVE,
					  SVM_EXIT_STGI,    SVM_EXIT_CLGI,    SVM_EXIT_SKINIT,
					  SVM_EXIT_INVLPGA, SVM_EXIT_INVLPGB, SVM_EXIT_TLBSYNC,
					  SVM_EXIT_RDPRU,   SVM_EXIT_MCOMMIT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		expect_arch(codes[i], X86_EXIT_VM_INSTRUCTION);
	}
}

static void physical_events_are_taken_by_the_host(void **state)
{
	(void)state;
	expect_kind(SVM_EXIT_INTR, EXIT_IRQ);
	expect_kind(SVM_EXIT_NMI, EXIT_IRQ);
}

static void halt_pause_and_shutdown_are_core_exits(void **state)
{
	(void)state;
	expect_kind(SVM_EXIT_HLT, EXIT_HALT);
	expect_kind(SVM_EXIT_PAUSE, EXIT_PAUSE);
	expect_kind(SVM_EXIT_SHUTDOWN, EXIT_TRIPLE_FAULT);
}

/* QEMU writes 32 bits of ones, hardware 64. */
static void invalid_state_is_recognised_in_both_widths(void **state)
{
	(void)state;
	expect_kind(UINT64_C(0x00000000ffffffff), EXIT_INVALID);
	expect_kind(UINT64_MAX, EXIT_INVALID);
}

static void invalid_exit_tells_what_the_hardware_did(void **state)
{
	static const uint64_t codes[] = { SVM_EXIT_INVALID, SVM_EXIT_PUSHF };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vcpu_exit exit = decode(codes[i], 0x11, 0x22);

		assert_int_equal(exit.raw.code, codes[i]);
		assert_int_equal(exit.raw.info1, 0x11);
		assert_int_equal(exit.raw.info2, 0x22);
	}
}

static void task_switch_names_the_task(void **state)
{
	(void)state;
	assert_int_equal(decode(SVM_EXIT_TASK_SWITCH, 0x28, 0).raw.info1, 0x28);
}

static void what_is_not_intercepted_stops_the_guest(void **state)
{
	static const uint64_t codes[] = { SVM_EXIT_CR_READ,         SVM_EXIT_RDTSC,
					  SVM_EXIT_PUSHF,           SVM_EXIT_SWINT,
					  SVM_EXIT_INVLPG,          SVM_EXIT_FERR_FREEZE,
					  SVM_EXIT_EFER_WRITE_TRAP, SVM_EXIT_CR_WRITE_TRAP,
					  SVM_EXIT_INVPCID,         SVM_EXIT_CODES,
					  SVM_EXIT_NPF + 1,         0x7777 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		expect_kind(codes[i], EXIT_INVALID);
	}
}

static void msr_exits_tell_reads_from_writes(void **state)
{
	(void)state;
	assert_int_equal(decode(SVM_EXIT_MSR, 0, 0).arch_code, X86_EXIT_RDMSR);
	assert_int_equal(decode(SVM_EXIT_MSR, 1, 0).arch_code, X86_EXIT_WRMSR);
}

static void vmmcall_is_a_hypercall_in_kernel_mode_only(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	expect_kind(SVM_EXIT_VMMCALL, EXIT_HYPERCALL);
	vmcb.save.cpl = 3;
	exit = decode(SVM_EXIT_VMMCALL, 0, 0);
	assert_int_equal(exit.kind, EXIT_ARCH);
	assert_int_equal(exit.arch_code, X86_EXIT_VM_INSTRUCTION);
}

/* ---- ports ---- */

static void port_read_is_decoded(void **state)
{
	/* IN AL, 60h */
	struct vcpu_exit exit = decode(SVM_EXIT_IOIO, 0x00600011, 0x401002);

	(void)state;
	assert_int_equal(exit.kind, EXIT_PORT);
	assert_int_equal(exit.port.access.address, 0x60);
	assert_int_equal(exit.port.access.size, 1);
	assert_false(exit.port.access.is_write);
	assert_false(exit.port.is_string);
	assert_int_equal(vcpu.arch.insn_size, 2);
}

static void string_port_write_is_decoded(void **state)
{
	/* REP OUTSD to CF8h */
	struct vcpu_exit exit = decode(SVM_EXIT_IOIO, 0x0cf8004c, 0x401002);

	(void)state;
	assert_int_equal(exit.port.access.address, 0xcf8);
	assert_int_equal(exit.port.access.size, 4);
	assert_true(exit.port.access.is_write);
	assert_true(exit.port.is_string);
}

/* ---- nested page faults ---- */

static void nested_fault_is_decoded(void **state)
{
	struct vcpu_exit exit =
		decode(SVM_EXIT_NPF, SVM_NPF_WRITE | SVM_NPF_PRESENT | BIT(32), 0xfec00010);

	(void)state;
	assert_int_equal(exit.kind, EXIT_STAGE2);
	assert_int_equal(exit.stage2.address.value, 0xfec00010);
	assert_true(exit.stage2.is_write);
	assert_true(exit.stage2.is_present);
	assert_false(exit.stage2.is_fetch);
	assert_false(exit.stage2.is_walk);
}

static void nested_fault_on_the_apic_page_has_its_own_exit(void **state)
{
	struct vcpu_exit exit = decode(SVM_EXIT_NPF, SVM_NPF_WRITE | BIT(32), 0xfee000b0);

	(void)state;
	assert_int_equal(exit.kind, EXIT_ARCH);
	assert_int_equal(exit.arch_code, X86_EXIT_APIC_PAGE);
	assert_int_equal(exit.stage2.address.value, 0xfee000b0);
	assert_true(exit.stage2.is_write);
}

static void nested_fault_of_a_table_walk_is_told(void **state)
{
	(void)state;
	assert_true(decode(SVM_EXIT_NPF, SVM_NPF_WALK, 0x1000).stage2.is_walk);
	assert_true(decode(SVM_EXIT_NPF, SVM_NPF_FETCH, 0x1000).stage2.is_fetch);
}

/* What is queued for later does not make it one: an interrupt may wait behind a handler. */
static void nested_fault_of_a_delivery_is_told(void **state)
{
	(void)state;
	vcpu.arch.events.injected.kind = EVENT_INTERRUPT;
	assert_false(decode(SVM_EXIT_NPF, 0, 0x1000).stage2.is_delivery);
	vmcb.control.exit_event = VMCB_EVENT_VALID;
	assert_true(decode(SVM_EXIT_NPF, 0, 0x1000).stage2.is_delivery);
}

static void fetched_bytes_are_used_only_where_cpuid_has_them(void **state)
{
	(void)state;
	vmcb.control.byte_count = 3;
	memcpy(vmcb.control.bytes, "\x89\x07\x90", 3);
	(void)decode(SVM_EXIT_NPF, 0, 0x1000);
	assert_int_equal(vcpu.arch.fetched.count, 0);
	svm_features = SVM_CPUID_DECODE;
	(void)decode(SVM_EXIT_NPF, 0, 0x1000);
	assert_int_equal(vcpu.arch.fetched.count, 3);
	assert_memory_equal(vcpu.arch.fetched.bytes, "\x89\x07\x90", 3);
	(void)decode(SVM_EXIT_CPUID, 0, 0);
	assert_int_equal(vcpu.arch.fetched.count, 0);
}

/* ---- control registers ---- */

static void control_register_write_names_register_and_source(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	svm_features = SVM_CPUID_DECODE;
	exit = decode(SVM_EXIT_CR_WRITE + 4, SVM_CR_INFO_MOV | 11, 0);
	assert_int_equal(exit.arch_code, X86_EXIT_CR_WRITE);
	assert_int_equal(exit.control.number, 4);
	assert_int_equal(exit.control.reg, 11);
	assert_true(exit.control.is_decoded);
	exit = decode(SVM_EXIT_CR0_SELECTIVE, SVM_CR_INFO_MOV | 3, 0);
	assert_int_equal(exit.control.number, 0);
	assert_int_equal(exit.control.reg, 3);
}

static void control_register_write_without_assists_is_left_to_the_decoder(void **state)
{
	(void)state;
	assert_false(decode(SVM_EXIT_CR_WRITE + 8, SVM_CR_INFO_MOV | 1, 0).control.is_decoded);
	svm_features = SVM_CPUID_DECODE;
	/* LMSW */
	assert_false(decode(SVM_EXIT_CR0_SELECTIVE, 0, 0).control.is_decoded);
}

static void debug_register_accesses_exit_alike(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		expect_arch(SVM_EXIT_DR_READ + n, X86_EXIT_DR_ACCESS);
		expect_arch(SVM_EXIT_DR_WRITE + n, X86_EXIT_DR_ACCESS);
	}
}

/* ---- exceptions ---- */

static void exception_carries_its_vector(void **state)
{
	struct vcpu_exit exit = decode(SVM_EXIT_EXCEPTION + VECTOR_AC, 0, 0);

	(void)state;
	assert_int_equal(exit.arch_code, X86_EXIT_EXCEPTION);
	assert_int_equal(exit.raw.code, VECTOR_AC);
}

static void own_single_step_is_not_the_guests(void **state)
{
	(void)state;
	vcpu.arch.svm.step_done = true;
	expect_kind(SVM_EXIT_EXCEPTION + VECTOR_DB, EXIT_NONE);
	expect_arch(SVM_EXIT_EXCEPTION + VECTOR_DB, X86_EXIT_EXCEPTION);
}

static void iret_is_done_with_here(void **state)
{
	(void)state;
	expect_kind(SVM_EXIT_IRET, EXIT_NONE);
	assert_int_equal(irets, 1);
}

/* ---- instruction sizes ---- */

static uint8_t insn_size(uint64_t code)
{
	(void)decode(code, 0, 0);
	return vcpu.arch.insn_size;
}

static void next_rip_is_used_only_where_cpuid_has_it(void **state)
{
	(void)state;
	vmcb.control.next_rip = 0x401003;
	assert_int_equal(insn_size(SVM_EXIT_CPUID), 0);
	svm_features = SVM_CPUID_NEXT_RIP;
	assert_int_equal(insn_size(SVM_EXIT_CPUID), 3);
}

static void next_rip_that_is_no_instructions_end_is_ignored(void **state)
{
	(void)state;
	svm_features = SVM_CPUID_NEXT_RIP;
	vmcb.control.next_rip = 0;
	assert_int_equal(insn_size(SVM_EXIT_NPF), 0);
	vmcb.control.next_rip = 0x401010;
	assert_int_equal(insn_size(SVM_EXIT_INTR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(instructions_have_their_handlers, setup),
		cmocka_unit_test_setup(every_vm_instruction_is_undefined, setup),
		cmocka_unit_test_setup(physical_events_are_taken_by_the_host, setup),
		cmocka_unit_test_setup(halt_pause_and_shutdown_are_core_exits, setup),
		cmocka_unit_test_setup(invalid_state_is_recognised_in_both_widths, setup),
		cmocka_unit_test_setup(invalid_exit_tells_what_the_hardware_did, setup),
		cmocka_unit_test_setup(task_switch_names_the_task, setup),
		cmocka_unit_test_setup(what_is_not_intercepted_stops_the_guest, setup),
		cmocka_unit_test_setup(msr_exits_tell_reads_from_writes, setup),
		cmocka_unit_test_setup(vmmcall_is_a_hypercall_in_kernel_mode_only, setup),
		cmocka_unit_test_setup(port_read_is_decoded, setup),
		cmocka_unit_test_setup(string_port_write_is_decoded, setup),
		cmocka_unit_test_setup(nested_fault_is_decoded, setup),
		cmocka_unit_test_setup(nested_fault_on_the_apic_page_has_its_own_exit, setup),
		cmocka_unit_test_setup(nested_fault_of_a_table_walk_is_told, setup),
		cmocka_unit_test_setup(nested_fault_of_a_delivery_is_told, setup),
		cmocka_unit_test_setup(fetched_bytes_are_used_only_where_cpuid_has_them, setup),
		cmocka_unit_test_setup(control_register_write_names_register_and_source, setup),
		cmocka_unit_test_setup(
			control_register_write_without_assists_is_left_to_the_decoder, setup),
		cmocka_unit_test_setup(debug_register_accesses_exit_alike, setup),
		cmocka_unit_test_setup(exception_carries_its_vector, setup),
		cmocka_unit_test_setup(own_single_step_is_not_the_guests, setup),
		cmocka_unit_test_setup(iret_is_done_with_here, setup),
		cmocka_unit_test_setup(next_rip_is_used_only_where_cpuid_has_it, setup),
		cmocka_unit_test_setup(next_rip_that_is_no_instructions_end_is_ignored, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
