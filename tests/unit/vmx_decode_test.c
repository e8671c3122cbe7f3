/* SPDX-License-Identifier: GPL-2.0-only */
/* From the VMCS' exit fields to a vcpu_exit. Numbers are SDM3 appendix C's, written out here. */
/* arch: x86 */
/* sources: arch/x86/vmx_decode.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include "arch/msr.h"
#include "arch/x86_exit.h"
#include "core/vcpu.h"

#define RIP      0x401000
#define LENGTH   3
#define CR3      0x12345000
#define RIGHTS_L BIT(13)

/* Of the reasons: */
#define EXCEPTION     0
#define TASK_SWITCH   9
#define CPUID         10
#define VMCALL        18
#define CR            28
#define IO            30
#define EPT_VIOLATION 48

static struct vcpu vcpu;
static struct vcpu_state guest;

static uint64_t trapped;

void vmx_apic_trapped(struct vcpu *owner, uint64_t reason)
{
	assert_ptr_equal(owner, &vcpu);
	trapped = reason;
}

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	trapped = 0;
	vcpu.arch.state = &guest;
	vcpu.arch.insn_size = 99;
	vcpu.arch.fetched.count = 5;
	guest.rip = RIP;
	vmcs_fake_set(VMCS_EXIT_LENGTH, LENGTH);
	vmcs_fake_set(VMCS_GUEST_CR3, CR3);
	return 0;
}

static struct vcpu_exit decode(uint64_t reason)
{
	struct vcpu_exit exit;

	memset(&exit, 0xee, sizeof(exit)); /* nothing may be left of the last one */
	vmx_decode(&vcpu, reason, &exit);
	assert_int_equal(vmcs_fake_writes, 0);
	assert_int_equal(vcpu.arch.insn_cause, reason);
	assert_int_equal(vcpu.arch.fetched.count, 0);
	return exit;
}

static struct vcpu_exit decode_qualified(uint64_t reason, uint64_t qualification)
{
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, qualification);
	return decode(reason);
}

/* ---- the table ---- */

#define LONG true  /* an instruction of known length */
#define NONE false /* none */

static const struct {
	uint32_t reason;
	bool has_length;
	enum exit_kind kind;
	enum x86_exit code;
} expected[] = {
	{ 0, NONE, EXIT_ARCH, X86_EXIT_EXCEPTION },
	{ 1, NONE, EXIT_IRQ, 0 },
	{ 2, NONE, EXIT_TRIPLE_FAULT, 0 },
	{ 3, NONE, EXIT_ARCH, X86_EXIT_INIT },
	{ 4, NONE, EXIT_ARCH, X86_EXIT_INIT },
	{ 5, NONE, EXIT_ARCH, X86_EXIT_SMI },
	{ 6, NONE, EXIT_ARCH, X86_EXIT_SMI },
	{ 7, NONE, EXIT_ARCH, X86_EXIT_INTERRUPT_WINDOW },
	{ 8, NONE, EXIT_ARCH, X86_EXIT_NMI_WINDOW },
	{ 9, NONE, EXIT_ARCH, X86_EXIT_TASK_SWITCH },
	{ 10, LONG, EXIT_ARCH, X86_EXIT_CPUID },
	{ 11, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* GETSEC */
	{ 12, LONG, EXIT_HALT, 0 },
	{ 13, LONG, EXIT_ARCH, X86_EXIT_INVD },
	{ 15, LONG, EXIT_ARCH, X86_EXIT_RDPMC },
	{ 17, LONG, EXIT_ARCH, X86_EXIT_RSM },
	{ 18, LONG, EXIT_HYPERCALL, 0 },
	{ 19, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMCLEAR */
	{ 20, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMLAUNCH */
	{ 21, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMPTRLD */
	{ 22, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMPTRST */
	{ 23, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMREAD */
	{ 24, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMRESUME */
	{ 25, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMWRITE */
	{ 26, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMXOFF */
	{ 27, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMXON */
	{ 28, LONG, EXIT_ARCH, X86_EXIT_CR_WRITE },
	{ 29, LONG, EXIT_ARCH, X86_EXIT_DR_ACCESS },
	{ 30, LONG, EXIT_PORT, 0 },
	{ 31, LONG, EXIT_ARCH, X86_EXIT_RDMSR },
	{ 32, LONG, EXIT_ARCH, X86_EXIT_WRMSR },
	{ 36, LONG, EXIT_ARCH, X86_EXIT_MONITOR }, /* MWAIT */
	{ 39, LONG, EXIT_ARCH, X86_EXIT_MONITOR },
	{ 40, NONE, EXIT_PAUSE, 0 },
	{ 43, NONE, EXIT_NONE, 0 }, /* TPR below the threshold: a trap */
	{ 45, NONE, EXIT_NONE, 0 }, /* virtualised EOI: a trap */
	{ 48, NONE, EXIT_STAGE2, 0 },
	{ 50, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* INVEPT */
	{ 52, NONE, EXIT_IRQ, 0 },                        /* preemption timer */
	{ 53, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* INVVPID */
	{ 54, LONG, EXIT_ARCH, X86_EXIT_WBINVD },
	{ 55, LONG, EXIT_ARCH, X86_EXIT_XSETBV },
	{ 56, NONE, EXIT_NONE, 0 },                       /* APIC write: a trap */
	{ 59, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* VMFUNC */
	{ 60, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* ENCLS */
	{ 63, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* XSAVES */
	{ 64, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* XRSTORS */
	{ 67, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* UMWAIT */
	{ 68, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* TPAUSE */
	{ 76, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* SEAMCALL */
	{ 77, LONG, EXIT_ARCH, X86_EXIT_VM_INSTRUCTION }, /* TDCALL */
};

static void each_reason_has_its_exit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		struct vcpu_exit exit = decode(expected[i].reason);

		assert_int_equal(exit.kind, expected[i].kind);
		assert_int_equal(exit.arch_code, expected[i].code);
	}
}

/* The length is undefined after other exits: SDM3 28.2.5. Then the decoder needs the address
 * space. */
static void length_is_taken_only_where_an_instruction_exited(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		setup(state);
		(void)decode(expected[i].reason);
		assert_int_equal(vcpu.arch.insn_size, expected[i].has_length ? LENGTH : 0);
		assert_int_equal(vcpu.arch.insn_cr3, expected[i].has_length ? 0 : CR3);
		assert_int_equal(guest.rip, RIP);
	}
}

static void what_is_not_asked_for_stops_the_guest_and_is_told(void **state)
{
	unsigned next = 0;

	(void)state;
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, 0x11);
	vmcs_fake_set(VMCS_GUEST_PHYSICAL, 0x22000);
	for (uint32_t reason = 0; reason < 0x100; reason++) {
		struct vcpu_exit exit;

		if (next < ARRAY_SIZE(expected) && expected[next].reason == reason) {
			next++;
			continue;
		}
		exit = decode(reason);
		assert_int_equal(exit.kind, EXIT_INVALID);
		assert_int_equal(exit.raw.code, reason);
		assert_int_equal(exit.raw.info1, 0x11);
		assert_int_equal(exit.raw.info2, 0x22000);
		assert_int_equal(vcpu.arch.insn_size, 0);
	}
	assert_int_equal(next, ARRAY_SIZE(expected));
	assert_int_equal(decode(0xffff).kind, EXIT_INVALID);
}

static void traps_behind_apic_writes_are_the_vlapics(void **state)
{
	(void)state;
	for (uint64_t reason = 0; reason < 78; reason++) {
		trapped = 0;
		(void)decode(reason);
		assert_int_equal(trapped, reason == 45 || reason == 56 ? reason : 0);
	}
}

/* ---- ports ---- */

static void port_read_is_decoded(void **state)
{
	/* IN AL, 60h: an immediate port */
	struct vcpu_exit exit = decode_qualified(IO, UINT64_C(0x60) << 16 | BIT(6) | BIT(3));

	(void)state;
	assert_int_equal(exit.kind, EXIT_PORT);
	assert_int_equal(exit.port.access.address, 0x60);
	assert_int_equal(exit.port.access.size, 1);
	assert_false(exit.port.access.is_write);
	assert_false(exit.port.is_string);
	assert_int_equal(vcpu.arch.insn_size, LENGTH);
}

static void string_port_write_is_decoded(void **state)
{
	/* REP OUTSD to CFCh */
	struct vcpu_exit exit = decode_qualified(IO, UINT64_C(0xcfc) << 16 | BIT(5) | BIT(4) | 3);

	(void)state;
	assert_int_equal(exit.port.access.address, 0xcfc);
	assert_int_equal(exit.port.access.size, 4);
	assert_true(exit.port.access.is_write);
	assert_true(exit.port.is_string);
	assert_int_equal(decode_qualified(IO, 1).port.access.size, 2);
	assert_int_equal(decode_qualified(IO, UINT64_C(0xffff0000)).port.access.address, 0xffff);
}

/* ---- control registers ---- */

static void control_register_write_names_register_and_source(void **state)
{
	struct vcpu_exit exit = decode_qualified(CR, 4 | 11 << 8);

	(void)state;
	assert_int_equal(exit.arch_code, X86_EXIT_CR_WRITE);
	assert_int_equal(exit.control.number, 4);
	assert_int_equal(exit.control.reg, 11);
	assert_true(exit.control.is_decoded);
	exit = decode_qualified(CR, 0 | GPR_RSP << 8);
	assert_int_equal(exit.control.number, 0);
	assert_int_equal(exit.control.reg, GPR_RSP);
	assert_true(exit.control.is_decoded);
}

static void clts_and_lmsw_are_left_to_the_decoder(void **state)
{
	(void)state;
	assert_false(decode_qualified(CR, 2 << 4).control.is_decoded);
	assert_false(decode_qualified(CR, 3 << 4 | UINT64_C(0xfff1) << 16).control.is_decoded);
	assert_false(decode_qualified(CR, 3 << 4 | BIT(6)).control.is_decoded);
}

/* ---- EPT violations ---- */

static struct exit_stage2 violation(uint64_t qualification)
{
	struct vcpu_exit exit;

	vmcs_fake_set(VMCS_GUEST_PHYSICAL, 0xfec00010);
	exit = decode_qualified(EPT_VIOLATION, qualification);
	assert_int_equal(exit.kind, EXIT_STAGE2);
	assert_int_equal(exit.stage2.address.value, 0xfec00010);
	return exit.stage2;
}

static void ept_violation_tells_what_the_access_was(void **state)
{
	const uint64_t own = BIT(7) | BIT(8);

	(void)state;
	assert_false(violation(own | BIT(0)).is_write);
	assert_false(violation(own | BIT(0)).is_fetch);
	assert_true(violation(own | BIT(1)).is_write);
	assert_true(violation(own | BIT(2)).is_fetch);
	assert_false(violation(own | BIT(2)).is_write);
}

static void ept_violation_tells_what_the_entries_gave(void **state)
{
	(void)state;
	assert_false(violation(BIT(7) | BIT(8) | BIT(1)).is_present);
	for (unsigned bit = 3; bit <= 5; bit++) {
		assert_true(violation(BIT(7) | BIT(8) | BIT(1) | BIT(bit)).is_present);
	}
	assert_false(violation(BIT(7) | BIT(8) | BIT(6) | BIT(9)).is_present);
}

static void ept_violation_of_a_table_walk_is_told(void **state)
{
	(void)state;
	assert_true(violation(BIT(7) | BIT(0)).is_walk);
	assert_false(violation(BIT(7) | BIT(8) | BIT(0)).is_walk);
	/* PDPTEs that MOV CR3 loads: no linear address, and no walk of it. */
	assert_false(violation(BIT(0)).is_walk);
}

/* What is queued for later does not make it one: an interrupt may wait behind a handler. */
static void ept_violation_of_a_delivery_is_told(void **state)
{
	(void)state;
	vcpu.arch.events.injected.kind = EVENT_INTERRUPT;
	vmcs_fake_set(VMCS_IDT_EVENT, 0x41);
	assert_false(violation(BIT(7)).is_delivery);
	vmcs_fake_set(VMCS_IDT_EVENT, VMCS_EVENT_VALID | 0x41);
	assert_true(violation(BIT(7)).is_delivery);
}

static void ept_violation_on_the_apic_page_has_its_own_exit(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	vmcs_fake_set(VMCS_GUEST_PHYSICAL, 0xfee000b0);
	exit = decode_qualified(EPT_VIOLATION, BIT(7) | BIT(8) | BIT(1));
	assert_int_equal(exit.kind, EXIT_ARCH);
	assert_int_equal(exit.arch_code, X86_EXIT_APIC_PAGE);
	assert_int_equal(exit.stage2.address.value, 0xfee000b0);
	assert_true(exit.stage2.is_write);
	vmcs_fake_set(VMCS_GUEST_PHYSICAL, 0xfee01000);
	assert_int_equal(decode(EPT_VIOLATION).kind, EXIT_STAGE2);
	vmcs_fake_set(VMCS_GUEST_PHYSICAL, UINT64_C(0x1fee00000));
	assert_int_equal(decode(EPT_VIOLATION).kind, EXIT_STAGE2);
}

static bool is_64_bit(uint64_t efer, uint64_t rights)
{
	vmcs_fake_set(VMCS_GUEST_EFER, efer);
	vmcs_fake_set(0x4816, rights); /* CS */
	(void)decode(EPT_VIOLATION);
	return vcpu.arch.insn_is_64_bit;
}

static void mode_of_the_instruction_is_that_of_cs(void **state)
{
	(void)state;
	assert_true(is_64_bit(EFER_LME | EFER_LMA, 0x9b | RIGHTS_L));
	assert_false(is_64_bit(EFER_LME | EFER_LMA, 0x9b));
	assert_false(is_64_bit(EFER_LME | EFER_LMA, 0xc09b)); /* D and G: compatibility mode */
	assert_false(is_64_bit(EFER_LME, 0x9b | RIGHTS_L));
}

/* ---- hypercalls ---- */

static void vmcall_is_a_hypercall_in_kernel_mode_only(void **state)
{
	(void)state;
	vmcs_fake_set(0x4818, 0x93); /* SS */
	assert_int_equal(decode(VMCALL).kind, EXIT_HYPERCALL);
	vmcs_fake_set(0x4818, VMCS_RIGHTS_UNUSABLE); /* as kernels in 64-bit mode may have it */
	assert_int_equal(decode(VMCALL).kind, EXIT_HYPERCALL);
	for (uint64_t cpl = 1; cpl <= 3; cpl++) {
		struct vcpu_exit exit;

		vmcs_fake_set(0x4818, 0x93 | cpl << 5);
		exit = decode(VMCALL);
		assert_int_equal(exit.kind, EXIT_ARCH);
		assert_int_equal(exit.arch_code, X86_EXIT_VM_INSTRUCTION);
	}
}

/* ---- exceptions ---- */

static struct vcpu_exit exception(uint64_t type, uint64_t vector, uint64_t qualification)
{
	vmcs_fake_set(VMCS_EXIT_EVENT, BIT(31) | type << 8 | vector);
	return decode_qualified(EXCEPTION, qualification);
}

static void exception_carries_its_vector(void **state)
{
	struct vcpu_exit exit = exception(3, VECTOR_AC, 0xffff);

	(void)state;
	assert_int_equal(exit.arch_code, X86_EXIT_EXCEPTION);
	assert_int_equal(exit.raw.code, VECTOR_AC);
	assert_int_equal(exit.raw.info1, 0);
	assert_int_equal(exception(3, VECTOR_MC, 0).raw.code, VECTOR_MC);
	assert_int_equal(guest.rip, RIP);
}

static void nmi_is_the_hosts(void **state)
{
	struct vcpu_exit exit = exception(2, VECTOR_NMI, 0);

	(void)state;
	assert_int_equal(exit.kind, EXIT_IRQ);
	assert_int_equal(vcpu.arch.insn_size, 0);
}

/* B0-B3, BD, BS; not what else the qualification has, as bit 12 for any enabled breakpoint. */
static void debug_exception_carries_what_dr6_has_not_yet(void **state)
{
	(void)state;
	assert_int_equal(exception(3, VECTOR_DB, UINT64_MAX).raw.info1, 0x600f);
	assert_int_equal(exception(3, VECTOR_DB, BIT(14)).raw.info1, BIT(14));
	assert_int_equal(guest.rip, RIP);
}

/* INT1 is a trap: the saved RIP must be behind it. */
static void icebp_moves_rip_behind_itself(void **state)
{
	struct vcpu_exit exit;

	(void)state;
	vmcs_fake_set(VMCS_EXIT_LENGTH, 1);
	exit = exception(5, VECTOR_DB, 0);
	assert_int_equal(exit.arch_code, X86_EXIT_EXCEPTION);
	assert_int_equal(exit.raw.code, VECTOR_DB);
	assert_int_equal(exit.raw.info1, 0);
	assert_int_equal(guest.rip, RIP + 1);
}

static void task_switch_names_the_task(void **state)
{
	struct vcpu_exit exit = decode_qualified(TASK_SWITCH, 0x28 | BIT(31));

	(void)state;
	assert_int_equal(exit.raw.code, TASK_SWITCH);
	assert_int_equal(exit.raw.info1 & 0xffff, 0x28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_reason_has_its_exit, setup),
		cmocka_unit_test_setup(length_is_taken_only_where_an_instruction_exited, setup),
		cmocka_unit_test_setup(what_is_not_asked_for_stops_the_guest_and_is_told, setup),
		cmocka_unit_test_setup(traps_behind_apic_writes_are_the_vlapics, setup),
		cmocka_unit_test_setup(port_read_is_decoded, setup),
		cmocka_unit_test_setup(string_port_write_is_decoded, setup),
		cmocka_unit_test_setup(control_register_write_names_register_and_source, setup),
		cmocka_unit_test_setup(clts_and_lmsw_are_left_to_the_decoder, setup),
		cmocka_unit_test_setup(ept_violation_tells_what_the_access_was, setup),
		cmocka_unit_test_setup(ept_violation_tells_what_the_entries_gave, setup),
		cmocka_unit_test_setup(ept_violation_of_a_table_walk_is_told, setup),
		cmocka_unit_test_setup(ept_violation_of_a_delivery_is_told, setup),
		cmocka_unit_test_setup(ept_violation_on_the_apic_page_has_its_own_exit, setup),
		cmocka_unit_test_setup(mode_of_the_instruction_is_that_of_cs, setup),
		cmocka_unit_test_setup(vmcall_is_a_hypercall_in_kernel_mode_only, setup),
		cmocka_unit_test_setup(exception_carries_its_vector, setup),
		cmocka_unit_test_setup(nmi_is_the_hosts, setup),
		cmocka_unit_test_setup(debug_exception_carries_what_dr6_has_not_yet, setup),
		cmocka_unit_test_setup(icebp_moves_rip_behind_itself, setup),
		cmocka_unit_test_setup(task_switch_names_the_task, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
