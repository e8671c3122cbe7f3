/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/svm_decode.c arch/x86/vmx_decode.c arch/x86/exit_exception.c */
/* sources: arch/x86/mce.c arch/x86/vmce.c arch/x86/vcpu_events.c */
/*
 * The exit for a machine check that came while a guest ran, which no emulator shows: from what the
 * processor of each vendor says, by the machine's banks, to what the guest gets, or to a panic.
 */
#include "tests/unit/fake_msrs.h"

#include "tests/unit/vmcs_fake.h"

#include <stdio.h>

#include "arch/bochs.h"
#include "arch/exit_dr.h"
#include "arch/idt.h"
#include "arch/lapic.h"
#include "arch/mce.h"
#include "arch/svm.h"
#include "arch/vcpu_regs.h"
#include "arch/vlapic.h"
#include "arch/vmcb.h"
#include "arch/vmce.h"
#include "arch/vmx.h"
#include "arch/x86_exit.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/sched.h"
#include "core/symbols.h"
#include "core/vm.h"

#define BANKS     6
#define STATUS(n) (MSR_MC0_CTL + 4 * (n) + 1)
#define BAD       (MC_STATUS_VALID | MC_STATUS_UC | MC_STATUS_ADDRV | MC_STATUS_MISCV | 0x135)
#define CORRECTED (MC_STATUS_VALID | 0x150)
#define MCIP_RIPV (MCG_STATUS_MCIP | MCG_STATUS_RIPV)

/* By number: APM2 9.3 "Machine Check Architecture MSRs", APM2 appendix C "SVM Intercept Exit
 * Codes", SDM3 25.9.2 "Information for VM Exits Due to Vectored Events". */
#define MCG_CAP    0x179
#define MCG_STATUS 0x17a
#define SVM_MC     0x52
#define VMX_MC     (BIT(31) | 3 << 8 | 18)

static struct vm vm;
static struct cpu cpu;
static struct vcpu vcpu;
static struct vcpu_state guest;
static struct vmcb vmcb;
static uint64_t msrs[2][0x80]; /* from 170h, and from 400h on */
static char log_text[400], panic_text[200];

struct vm *vm_control;
uint32_t svm_features;
bool bochs_hides_causes;
const struct virt_ops *virt;

static uint64_t *fake_msr(uint32_t number)
{
	return number - 0x170 < 0x80   ? &msrs[0][number - 0x170]
	       : number - 0x400 < 0x80 ? &msrs[1][number - 0x400]
				       : NULL;
}

/* ---- the rest of the hypervisor ---- */

void log(enum log_level level, const char *format, ...)
{
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	vsnprintf(log_text, sizeof(log_text), format, arguments);
	va_end(arguments);
}

int log_format(char *text, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return length;
}

noreturn void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(panic_text, sizeof(panic_text), format, arguments);
	va_end(arguments);
	mock_assert(0, panic_text, "panic", 0);
	abort();
}

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	(void)address, (void)offset;
	return NULL;
}

void trap_frame_set(const struct trap_frame *frame)
{
	(void)frame;
}

void lapic_kick_self(void)
{
}

void sched_notify(struct vcpu *owner)
{
	(void)owner;
}

void svm_nmi_iret(struct vcpu *owner)
{
	(void)owner;
}

void vmx_apic_trapped(struct vcpu *owner, uint64_t reason)
{
	(void)owner, (void)reason;
}

void exit_dr_put(struct vcpu *owner)
{
	(void)owner;
}

void exit_dr_load(struct vcpu *owner)
{
	(void)owner;
}

uint64_t bochs_debug_causes(const struct vcpu_state *state)
{
	(void)state;
	return 0;
}

int vlapic_injectable(struct vcpu *owner)
{
	(void)owner;
	return -1;
}

int vlapic_pending(struct vcpu *owner)
{
	(void)owner;
	return -1;
}

void vlapic_accept(struct vcpu *owner, uint8_t vector)
{
	(void)owner, (void)vector;
}

/* ---- the processor ---- */

static void start(void)
{
	fake_msrs_start();
	vmcs_fake_clear();
	memset(msrs, 0, sizeof(msrs));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&vmcb, 0, sizeof(vmcb));
	vm.is_control = true;
	vcpu.vm = &vm;
	vcpu.index = 3;
	vcpu.arch.state = &guest;
	vcpu.arch.svm.vmcb = &vmcb;
	guest.valid = STATE_ALL;
	guest.sregs.cr4 = CR4_MCE;
	log_text[0] = panic_text[0] = 0;
	*fake_msr(MCG_CAP) = BANKS;
	mce_cpu_init();
	assert_int_equal(mce_bank_count(), BANKS);
}

static void bank_set(uint32_t bank, uint64_t status)
{
	*fake_msr(STATUS(bank)) = status;
	*fake_msr(STATUS(bank) + 1) = 0x12345000;
	*fake_msr(STATUS(bank) + 2) = 0x8c;
}

static void svm_exit(struct vcpu_exit *exit)
{
	vmcb.control.exit_code = SVM_MC;
	svm_decode(&vcpu, exit);
}

static void vmx_exit(struct vcpu_exit *exit)
{
	vmcs_fake_set(VMCS_EXIT_EVENT, VMX_MC);
	vmx_decode(&vcpu, 0, exit);
}

/* As core/exit.c and x86_exit.c have it. */
static void handle(void (*decode)(struct vcpu_exit *exit))
{
	struct vcpu_exit exit;

	memset(&exit, 0xee, sizeof(exit));
	decode(&exit);
	assert_int_equal(exit.kind, EXIT_ARCH);
	assert_int_equal(exit.arch_code, X86_EXIT_EXCEPTION);
	assert_true(exit_exception(&vcpu, &exit));
}

/* What the next entry injects, after what was posted is taken as before each entry. */
static struct vcpu_event next_event(void)
{
	struct vcpu_windows windows;
	struct vcpu_event event;

	if ((vcpu.arch.requests & REQUEST_MCE) != 0) {
		vcpu.arch.requests = 0;
		vmce_take(&vcpu);
	}
	vcpu_events_next(&vcpu, &event, &windows);
	return event;
}

static uint64_t guest_reads(uint32_t msr)
{
	uint64_t value = 0x55;

	assert_true(vmce_read(&vcpu, msr, &value));
	return value;
}

/* ---- tests ---- */

static void check_given(void (*decode)(struct vcpu_exit *exit))
{
	struct vcpu_event event;

	start();
	bank_set(1, CORRECTED);
	bank_set(4, BAD);
	*fake_msr(MCG_STATUS) = MCIP_RIPV;
	handle(decode);
	assert_string_equal(log_text,
			    "machine check: bank 4 status 0xac00000000000135 address 0x12345000, "
			    "MCG_STATUS 0x5");
	/* A second one meanwhile would shut the CPU down. */
	assert_int_equal(*fake_msr(MCG_STATUS), 0);
	assert_int_equal(*fake_msr(STATUS(4)), 0);
	assert_int_equal(*fake_msr(STATUS(1)), CORRECTED);
	event = next_event();
	assert_int_equal(event.kind, EVENT_EXCEPTION);
	assert_int_equal(event.vector, 18);
	assert_false(event.has_error);
	assert_int_equal(guest_reads(MCG_STATUS), MCIP_RIPV);
	assert_int_equal(guest_reads(STATUS(4)), BAD);
	assert_int_equal(guest_reads(STATUS(4) + 1), 0x12345000);
	assert_int_equal(guest_reads(STATUS(4) + 2), 0x8c);
	assert_int_equal(guest_reads(STATUS(1)), CORRECTED);
}

static void svm_machine_check_is_the_guests(void **state)
{
	(void)state;
	check_given(svm_exit);
}

static void vmx_machine_check_is_the_guests(void **state)
{
	(void)state;
	check_given(vmx_exit);
}

static void check_panic(void (*decode)(struct vcpu_exit *exit))
{
	start();
	bank_set(2, BAD);
	bank_set(5, BAD | MC_STATUS_PCC);
	*fake_msr(MCG_STATUS) = MCIP_RIPV;
	expect_assert_failure(handle(decode));
	assert_string_equal(panic_text, "#MC machine check while vCPU 3 ran: bank 5 status "
					"0xae00000000000135 address 0x12345000, MCG_STATUS 0x5");
	assert_int_equal(vcpu.arch.requests, 0);
	/* They stay, for the record and for what comes after the reset. */
	assert_int_equal(*fake_msr(STATUS(5)), BAD | MC_STATUS_PCC);
}

static void svm_machine_check_of_the_processors_state_is_a_panic(void **state)
{
	(void)state;
	check_panic(svm_exit);
}

static void vmx_machine_check_of_the_processors_state_is_a_panic(void **state)
{
	(void)state;
	check_panic(vmx_exit);
}

/* From vmx_run(), where no exit is decoded: vmx_run_test. */
static void machine_check_of_an_entry_is_the_guests_too(void **state)
{
	(void)state;
	start();
	bank_set(0, BAD);
	*fake_msr(MCG_STATUS) = MCG_STATUS_MCIP | MCG_STATUS_EIPV;
	mce_exit(&vcpu);
	assert_int_equal(next_event().vector, 18);
	assert_int_equal(guest_reads(STATUS(0)), BAD);
}

static void machine_check_with_mce_off_shuts_the_guest_down(void **state)
{
	(void)state;
	start();
	guest.sregs.cr4 = 0;
	bank_set(0, BAD);
	*fake_msr(MCG_STATUS) = MCG_STATUS_MCIP | MCG_STATUS_EIPV;
	handle(svm_exit);
	assert_int_equal(next_event().kind, EVENT_NONE);
	assert_true(vcpu.arch.events.triple_fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(svm_machine_check_is_the_guests),
		cmocka_unit_test(vmx_machine_check_is_the_guests),
		cmocka_unit_test(svm_machine_check_of_the_processors_state_is_a_panic),
		cmocka_unit_test(vmx_machine_check_of_the_processors_state_is_a_panic),
		cmocka_unit_test(machine_check_of_an_entry_is_the_guests_too),
		cmocka_unit_test(machine_check_with_mce_off_shuts_the_guest_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
