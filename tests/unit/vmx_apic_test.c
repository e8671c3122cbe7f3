/* SPDX-License-Identifier: GPL-2.0-only */
/* What the CPU is told of the vLAPIC, and what it makes of it: virtual-interrupt delivery. */
/* arch: x86 */
/* sources: arch/x86/vmx_apic.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include "arch/lapic.h"
#include "arch/vlapic_regs.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/option.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"

#define APIC      (PROC2_X2APIC | PROC2_APIC_REGISTERS | PROC2_VIRTUAL_INTERRUPT)
#define OWN_PROC2 (PROC2_EPT | PROC2_VPID)
#define MAP       0x1000
#define MAP_APIC  0x2000
#define NONE      (-1)

struct vmx_facts vmx_facts;
struct vmx_controls vmx_controls;
uint64_t hyp_map_offset;

static struct cpu cpu;
static struct vm vm;
static struct vcpu vcpu;
static int requested, served, ended;
static bool is_asked; /* posted=on */
static unsigned refreshes, errors;
static bool was_empty;

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

bool option_is(const char *name, const char *value)
{
	assert_string_equal(name, "posted");
	assert_string_equal(value, "on");
	return is_asked;
}

void vmx_controls_write(enum vmx_register reg, uint64_t value)
{
	assert_int_equal(reg, VMX_EXIT);
	vmcs_write(VMCS_EXIT_CONTROLS, value);
}

int vlapic_highest_request(const struct vlapic *vlapic)
{
	(void)vlapic;
	return requested;
}

int vlapic_in_service(const struct vlapic *vlapic)
{
	(void)vlapic;
	return served;
}

void vlapic_refresh(struct vlapic *vlapic, bool is_empty)
{
	(void)vlapic;
	refreshes++;
	was_empty = is_empty;
}

void vlapic_ended(struct vcpu *owner, uint8_t vector)
{
	assert_ptr_equal(owner, &vcpu);
	ended = vector;
}

void vlapic_raise_error(struct vlapic *vlapic, uint64_t error)
{
	assert_ptr_equal(vlapic, &vcpu.arch.vlapic);
	assert_int_equal(error, VLAPIC_ESR_SEND_VECTOR);
	errors++;
}

static void offer(uint64_t proc2, bool posts)
{
	vmx_controls.offered[VMX_PROC2] = (uint32_t)proc2;
	vmx_controls.offered[VMX_PIN] = posts ? (uint32_t)PIN_POSTED : 0;
	vmx_controls.offered[VMX_EXIT] = posts ? (uint32_t)EXIT_ACK : 0;
	vmx_apic_probe();
}

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(&cpu, 0, sizeof(cpu));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&vm, 0, sizeof(vm));
	memset(&vmx_controls, 0, sizeof(vmx_controls));
	cpu.index = 3;
	vm.arch.msr_bitmap_hpa = hpa(MAP);
	vm.arch.msr_bitmap_apic_hpa = hpa(MAP_APIC);
	vcpu.vm = &vm;
	vcpu.arch.vmx.proc2 = (uint32_t)OWN_PROC2;
	vcpu.arch.vmx.pin = (uint32_t)PIN_NMI_EXIT;
	vcpu.arch.vlapic.base_msr = VLAPIC_BASE_DEFAULT | BIT(11);
	requested = served = ended = NONE;
	is_asked = false;
	refreshes = errors = 0;
	offer(APIC, false);
	return 0;
}

static void use_x2apic(bool on)
{
	vcpu.arch.vlapic.base_msr &= ~BIT(10);
	vcpu.arch.vlapic.base_msr |= on ? BIT(10) : 0;
}

/* An entry, and an exit at which the processor has that status. */
static void run(uint64_t status)
{
	vmx_apic_give(&vcpu);
	if (vcpu.arch.vlapic.by_hardware) {
		vmcs_fake_set(VMCS_GUEST_INTERRUPT_STATUS, status);
	}
	vmx_apic_take(&vcpu);
}

/* ---- who uses it ---- */

static void it_is_used_only_as_a_whole(void **state)
{
	static const uint64_t parts[] = { PROC2_X2APIC, PROC2_APIC_REGISTERS,
					  PROC2_VIRTUAL_INTERRUPT };

	(void)state;
	assert_true(vmx_apic_is_offered());
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		offer(APIC & ~parts[i], false);
		assert_false(vmx_apic_is_offered());
		use_x2apic(true);
		run(0);
		assert_false(vcpu.arch.vlapic.by_hardware);
		assert_int_equal(vmcs_fake_writes, 0);
	}
}

static void xapic_mode_is_software_alone(void **state)
{
	(void)state;
	vmx_apic_init(&vcpu);
	vmcs_fake_count();
	requested = 0x41;
	run(0);
	assert_int_equal(vmcs_fake_writes, 0);
	assert_int_equal(refreshes, 0);
}

/* Without PROC2_X2APIC the map's open registers would be the machine's. */
static void map_of_msrs_goes_with_the_control(void **state)
{
	(void)state;
	vmx_apic_init(&vcpu);
	use_x2apic(true);
	run(0);
	assert_true(vcpu.arch.vlapic.by_hardware);
	assert_int_equal(vmcs_read(VMCS_PROC2_CONTROLS), OWN_PROC2 | APIC);
	assert_int_equal(vmcs_read(VMCS_MSR_MAP), MAP_APIC);
	use_x2apic(false);
	run(0);
	assert_false(vcpu.arch.vlapic.by_hardware);
	assert_int_equal(vmcs_read(VMCS_PROC2_CONTROLS), OWN_PROC2);
	assert_int_equal(vmcs_read(VMCS_MSR_MAP), MAP);
	assert_int_equal(vcpu.arch.vmx.proc2, OWN_PROC2);
}

/* A new VMCS has the controls without it: the next entry must set them again. */
static void new_vmcs_begins_without_it(void **state)
{
	(void)state;
	use_x2apic(true);
	run(0);
	vcpu.arch.vmx = (struct vmx_vcpu){ .proc2 = (uint32_t)OWN_PROC2 };
	vmcs_fake_clear();
	vmx_apic_init(&vcpu);
	run(0);
	assert_int_equal(vmcs_read(VMCS_PROC2_CONTROLS), OWN_PROC2 | APIC);
	assert_int_equal(vmcs_read(VMCS_MSR_MAP), MAP_APIC);
}

/* ---- entries and exits ---- */

static void status_has_the_highest_request_and_service(void **state)
{
	(void)state;
	use_x2apic(true);
	requested = 0x61;
	served = 0x42;
	run(0);
	vmx_apic_give(&vcpu);
	assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPT_STATUS), 0x4261);
	requested = served = NONE;
	vmx_apic_give(&vcpu);
	assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPT_STATUS), 0);
}

static void status_that_the_cpu_has_already_is_not_written(void **state)
{
	(void)state;
	use_x2apic(true);
	requested = 0x61;
	run(0x6100);
	requested = NONE;
	served = 0x61;
	vmcs_fake_count();
	run(0x6100);
	assert_int_equal(vmcs_fake_writes, 0);
}

static void vlapic_is_read_anew_after_each_exit(void **state)
{
	(void)state;
	use_x2apic(true);
	run(0);
	assert_int_equal(refreshes, 1);
	assert_true(was_empty);
	run(0x4100);
	assert_int_equal(refreshes, 2);
	assert_false(was_empty);
	run(0x41);
	assert_false(was_empty);
}

static void eois_that_somebody_waits_for_exit(void **state)
{
	(void)state;
	use_x2apic(true);
	vmx_apic_init(&vcpu);
	vcpu.arch.vlapic.eoi_notify[1] = BIT(5);
	run(0);
	assert_int_equal(vmcs_read(0x201e), BIT(5));
	vmcs_fake_count();
	run(0);
	assert_int_equal(vmcs_fake_writes, 0);
	vcpu.arch.vlapic.eoi_notify[1] = 0;
	vcpu.arch.vlapic.eoi_notify[3] = 1;
	run(0);
	assert_int_equal(vmcs_read(0x201e), 0);
	assert_int_equal(vmcs_read(0x2022), 1);
	assert_int_equal(vmcs_fake_writes, 2);
}

static void traps_name_vector_or_register(void **state)
{
	(void)state;
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, 0x61);
	vmx_apic_trapped(&vcpu, VMX_EXIT_VIRTUAL_EOI);
	assert_int_equal(ended, 0x61);
	assert_int_equal(errors, 0);
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, 0x3f0);
	vmx_apic_trapped(&vcpu, VMX_EXIT_APIC_WRITE);
	assert_int_equal(errors, 1);
	vmcs_fake_set(VMCS_EXIT_QUALIFICATION, 0x80);
	vmx_apic_trapped(&vcpu, VMX_EXIT_APIC_WRITE);
	assert_int_equal(errors, 1);
}

/* ---- posted interrupts ---- */

static void posting_is_used_only_where_asked_for_and_there(void **state)
{
	(void)state;
	offer(APIC, true);
	assert_false(vmx_apic_posts());
	is_asked = true;
	offer(APIC, false);
	assert_false(vmx_apic_posts());
	offer(0, true);
	assert_false(vmx_apic_posts());
	offer(APIC, true);
	assert_true(vmx_apic_posts());
}

static void posting_goes_with_delivery(void **state)
{
	(void)state;
	is_asked = true;
	offer(APIC, true);
	vmx_apic_init(&vcpu);
	assert_int_equal(vmcs_read(VMCS_EXIT_CONTROLS), EXIT_ACK);
	assert_int_equal(vmcs_read(VMCS_POSTED_VECTOR), LAPIC_VECTOR_POSTED);
	assert_int_equal(vmcs_read(VMCS_POSTED) & 63, 0); /* or it is refused */
	assert_int_equal(vmcs_read(VMCS_POSTED), (uintptr_t)&vcpu.arch.vlapic.post);
	vmx_apic_give(&vcpu);
	assert_int_equal(vcpu.arch.vlapic.posting_cpu, 0); /* xAPIC mode */
	vmx_apic_take(&vcpu);
	use_x2apic(true);
	vmx_apic_give(&vcpu);
	assert_int_equal(vmcs_read(VMCS_PIN_CONTROLS), PIN_NMI_EXIT | PIN_POSTED);
	assert_int_equal(vcpu.arch.vlapic.posting_cpu, cpu.index + 1);
	vmx_apic_take(&vcpu);
	assert_int_equal(vcpu.arch.vlapic.posting_cpu, 0);
	use_x2apic(false);
	run(0);
	assert_int_equal(vmcs_read(VMCS_PIN_CONTROLS), PIN_NMI_EXIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_used_only_as_a_whole, setup),
		cmocka_unit_test_setup(xapic_mode_is_software_alone, setup),
		cmocka_unit_test_setup(map_of_msrs_goes_with_the_control, setup),
		cmocka_unit_test_setup(new_vmcs_begins_without_it, setup),
		cmocka_unit_test_setup(status_has_the_highest_request_and_service, setup),
		cmocka_unit_test_setup(status_that_the_cpu_has_already_is_not_written, setup),
		cmocka_unit_test_setup(vlapic_is_read_anew_after_each_exit, setup),
		cmocka_unit_test_setup(eois_that_somebody_waits_for_exit, setup),
		cmocka_unit_test_setup(traps_name_vector_or_register, setup),
		cmocka_unit_test_setup(posting_is_used_only_where_asked_for_and_there, setup),
		cmocka_unit_test_setup(posting_goes_with_delivery, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
