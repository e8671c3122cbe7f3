/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM's maps of ports and MSRs, and a vCPU's VMCS from load to put. */
/* arch: x86 */
/* sources: arch/x86/vmx.c arch/x86/vmx_controls.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include <stdlib.h>

#include "arch/bochs.h"
#include "arch/ept.h"
#include "arch/idt.h"
#include "arch/msr.h"
#include "arch/tsc.h"
#include "arch/virt.h"
#include "arch/vlapic_regs.h"
#include "arch/vmx_insn.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"
#include "tests/unit/log_capture.h"

#define VMCS_PAGE 0x7000
#define X2APIC(n) (0x800 + (n) / 16)

uint64_t hyp_map_offset;
static struct cpu cpu;
static struct vm vm;
static struct vcpu vcpu;
static bool has_apic;
static uint64_t current;       /* the CPU's VMCS */
static uint64_t groups_set;    /* by vmx_state_set() */
static unsigned loads, clears; /* of live registers, of the VMCS */

/* ---- what is called ---- */

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

void *page_alloc(enum page_use use, unsigned order)
{
	(void)use;
	return aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
}

void page_free(void *pages, enum page_use use, unsigned order)
{
	(void)use, (void)order;
	free(pages);
}

bool vmptrld(hpa_t vmcs)
{
	current = vmcs.value;
	return true;
}

bool vmclear(hpa_t vmcs)
{
	assert_int_equal(vmcs.value, current);
	current = 0;
	clears++;
	return true;
}

bool vmx_paging_load(struct vcpu *owner, struct vcpu_sregs *sregs)
{
	(void)owner, (void)sregs;
	return true;
}

void vmx_state_set(struct vcpu *owner, uint64_t groups)
{
	assert_ptr_equal(owner, &vcpu);
	assert_int_equal(current, VMCS_PAGE);
	groups_set |= groups;
}

void vmx_state_load(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	loads++;
}

/* What is in the VMCS must be read before it is cleared. */
void vmx_state_put(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	assert_int_equal(current, VMCS_PAGE);
}

bool vmx_apic_is_offered(void)
{
	return has_apic;
}

/* ---- what is linked, but not called ---- */

static noreturn void not_here(void)
{
	fail();
	__builtin_unreachable();
}

bool vmxon(hpa_t region)
{
	(void)region;
	not_here();
}

void vmxoff(void)
{
	not_here();
}

bool invept(uint64_t type, uint64_t pointer)
{
	(void)type, (void)pointer;
	not_here();
}

void vmx_run(struct vcpu *owner, struct vcpu_exit *exit)
{
	(void)owner, (void)exit;
	not_here();
}

void vmx_state_init(struct vcpu *owner)
{
	(void)owner;
	not_here();
}

void vmx_state_get(struct vcpu *owner, uint64_t groups)
{
	(void)owner, (void)groups;
	not_here();
}

void vmx_dump(struct vcpu *owner)
{
	(void)owner;
	not_here();
}

void vmx_apic_init(struct vcpu *owner)
{
	(void)owner;
	not_here();
}

void vmx_apic_probe(void)
{
	not_here();
}

bool vmx_apic_posts(void)
{
	not_here();
}

const struct pt_format *ept_format(void)
{
	not_here();
}

uint64_t ept_pointer(const struct stage2 *stage2)
{
	(void)stage2;
	not_here();
}

uint64_t idt_base(void)
{
	not_here();
}

uint64_t tsc_ns_to_ticks(uint64_t ns)
{
	(void)ns;
	not_here();
}

void tlb_tags_init(struct tlb_tags *tags, uint32_t count)
{
	(void)tags, (void)count;
	not_here();
}

/* ---- */

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(&cpu, 0, sizeof(cpu));
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	has_apic = false;
	vm.id = VM_ID_CONTROL + 1;
	vcpu.vm = &vm;
	vcpu.arch.loaded_cpu = UINT32_MAX;
	vcpu.arch.secrets[SECRET_VIRT] = hpa(VMCS_PAGE);
	current = groups_set = 0;
	loads = clears = 0;
	return 0;
}

static bool is_set(const uint8_t *map, uint32_t bit)
{
	return (map[bit / 8] >> bit % 8 & 1) != 0;
}

static uint32_t zeroes(const uint8_t *map, uint32_t size)
{
	uint32_t count = 0;

	for (uint32_t bit = 0; bit < 8 * size; bit++) {
		count += !is_set(map, bit);
	}
	return count;
}

/* ---- maps ---- */

static void nothing_is_open_to_a_guest_at_first(void **state)
{
	(void)state;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	assert_int_equal(zeroes(vm.arch.port_bitmap, 0x2000), 0);
	assert_int_equal(zeroes(vm.arch.msr_bitmap, 0x1000), 0);
	assert_int_equal(vm.arch.port_bitmap_hpa.value, (uintptr_t)vm.arch.port_bitmap);
	assert_int_equal(vm.arch.msr_bitmap_hpa.value, (uintptr_t)vm.arch.msr_bitmap);
	assert_null(vm.arch.msr_bitmap_apic);
	virt_vmx.vm_fini(&vm);
}

static void control_guest_owns_ports_but_no_registers(void **state)
{
	(void)state;
	vm.id = VM_ID_CONTROL;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	assert_int_equal(zeroes(vm.arch.port_bitmap, 0x2000), 0x10000);
	assert_int_equal(zeroes(vm.arch.msr_bitmap, 0x1000), 0);
	virt_vmx.vm_fini(&vm);
}

/* SDM3 25.6.4: map A has ports 0 to 7FFFh, map B, the next page, the others. */
static void port_has_its_bit(void **state)
{
	static const uint16_t ports[] = { 0, 0x60, 0xcf8, 0x7fff, 0x8000, 0xffff };

	(void)state;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		virt_vmx.port_intercept(&vm, ports[i], false);
		assert_false(is_set(vm.arch.port_bitmap + ports[i] / 0x8000 * 0x1000,
				    ports[i] % 0x8000));
		assert_int_equal(zeroes(vm.arch.port_bitmap, 0x2000), 1);
		virt_vmx.port_intercept(&vm, ports[i], true);
		assert_int_equal(zeroes(vm.arch.port_bitmap, 0x2000), 0);
	}
	virt_vmx.vm_fini(&vm);
}

/* SDM3 25.6.9: 1 KiB each for reads of low and high MSRs, then for writes. */
static void register_has_its_bits(void **state)
{
	static const struct {
		uint32_t msr, read, write;
	} rows[] = {
		{ 0, 0, 0x4000 },
		{ 0x1fff, 0x1fff, 0x5fff },
		{ MSR_SYSENTER_CS, MSR_SYSENTER_CS, 0x4000 + MSR_SYSENTER_CS },
		{ 0xc0000000, 0x2000, 0x6000 },
		{ MSR_KERNEL_GS_BASE, 0x2102, 0x6102 },
		{ 0xc0001fff, 0x3fff, 0x7fff },
	};

	(void)state;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		virt_vmx.msr_intercept(&vm, rows[i].msr, false, true);
		assert_false(is_set(vm.arch.msr_bitmap, rows[i].read));
		assert_int_equal(zeroes(vm.arch.msr_bitmap, 0x1000), 1);
		virt_vmx.msr_intercept(&vm, rows[i].msr, true, false);
		assert_false(is_set(vm.arch.msr_bitmap, rows[i].write));
		assert_int_equal(zeroes(vm.arch.msr_bitmap, 0x1000), 1);
		virt_vmx.msr_intercept(&vm, rows[i].msr, true, true);
	}
	virt_vmx.vm_fini(&vm);
}

static void register_outside_of_the_ranges_changes_nothing(void **state)
{
	static const uint32_t msrs[] = { 0x2000,     0x40000000, 0xbfffffff,
					 0xc0002000, 0xc0010000, UINT32_MAX };

	(void)state;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
		virt_vmx.msr_intercept(&vm, msrs[i], false, false);
		assert_int_equal(zeroes(vm.arch.msr_bitmap, 0x1000), 0);
	}
	virt_vmx.vm_fini(&vm);
}

/* Reads of what the page has as it is; writes of TPR, EOI and SELF IPI, which the CPU emulates. */
static void map_of_x2apic_opens_what_the_cpu_virtualises_alone(void **state)
{
	const uint8_t *map;
	uint32_t reads = 0;

	(void)state;
	has_apic = true;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	map = vm.arch.msr_bitmap_apic;
	assert_int_equal(vm.arch.msr_bitmap_apic_hpa.value, (uintptr_t)map);
	for (uint32_t msr = 0; msr < 0x2000; msr++) {
		bool is_open = msr == X2APIC(VLAPIC_TPR) || msr == X2APIC(VLAPIC_EOI) ||
			       msr == X2APIC(VLAPIC_SELF_IPI);

		assert_int_equal(is_set(map, 0x4000 + msr), !is_open);
		if (!is_set(map, msr)) {
			assert_in_range(msr, X2APIC(VLAPIC_ID), X2APIC(VLAPIC_IRR) + 7);
			reads++;
		}
	}
	/* ID, version, TPR, PPR, LDR, SVR; eight of ISR, TMR, IRR each. */
	assert_int_equal(reads, 6 + 3 * 8);
	assert_true(is_set(map, X2APIC(VLAPIC_EOI)));
	assert_int_equal(zeroes(map + 0x400, 0x400) + zeroes(map + 0xc00, 0x400), 0);
	assert_int_equal(zeroes(vm.arch.msr_bitmap, 0x1000), 0); /* the machine's */
	virt_vmx.vm_fini(&vm);
}

static void register_is_opened_in_both_maps(void **state)
{
	(void)state;
	has_apic = true;
	assert_int_equal(virt_vmx.vm_init(&vm), 0);
	virt_vmx.msr_intercept(&vm, MSR_STAR, false, false);
	assert_false(is_set(vm.arch.msr_bitmap, 0x2081));
	assert_false(is_set(vm.arch.msr_bitmap_apic, 0x2081));
	assert_false(is_set(vm.arch.msr_bitmap_apic, 0x6081));
	virt_vmx.vm_fini(&vm);
}

/* ---- load and put ---- */

static void vcpu_on_another_cpu_has_that_ones_host_state(void **state)
{
	(void)state;
	cpu.index = 2;
	cpu.root = hpa(0x9000);
	virt_vmx.vcpu_load(&vcpu);
	assert_int_equal(current, VMCS_PAGE);
	assert_int_equal(vmcs_read(VMCS_HOST_CR3), 0x9000);
	assert_int_equal(vmcs_read(VMCS_HOST_TR_BASE), (uintptr_t)&cpu.arch.gdt.tss);
	assert_int_equal(vmcs_read(VMCS_HOST_GDTR_BASE), (uintptr_t)cpu.arch.gdt.entries);
	assert_int_equal(groups_set, STATE_TSC); /* that CPU's own offset */
	assert_int_equal(loads, 1);
}

static void vcpu_that_comes_back_to_its_cpu_has_it_still(void **state)
{
	(void)state;
	vcpu.arch.loaded_cpu = cpu.index;
	virt_vmx.vcpu_load(&vcpu);
	assert_int_equal(vmcs_fake_writes, 0);
	assert_int_equal(groups_set, 0);
	assert_int_equal(loads, 1);
}

/* Any CPU may load it next; VMRESUME would refuse it. */
static void put_clears_the_vmcs_which_is_launched_anew(void **state)
{
	(void)state;
	vcpu.arch.loaded_cpu = cpu.index;
	virt_vmx.vcpu_load(&vcpu);
	vcpu.arch.vmx.launched = true;
	virt_vmx.vcpu_put(&vcpu);
	assert_int_equal(clears, 1);
	assert_int_equal(current, 0);
	virt_vmx.vcpu_load(&vcpu);
	assert_false(vcpu.arch.vmx.launched);
	assert_int_equal(loads, 2);
}

/* arch_vcpu_state_set() of one that has run: VMLAUNCH would refuse its VMCS. */
static void vcpu_that_is_loaded_again_stays_launched(void **state)
{
	(void)state;
	vcpu.arch.loaded_cpu = cpu.index;
	virt_vmx.vcpu_load(&vcpu);
	vcpu.arch.vmx.launched = true;
	virt_vmx.vcpu_load(&vcpu);
	assert_true(vcpu.arch.vmx.launched);
	assert_int_equal(loads, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_open_to_a_guest_at_first, setup),
		cmocka_unit_test_setup(control_guest_owns_ports_but_no_registers, setup),
		cmocka_unit_test_setup(port_has_its_bit, setup),
		cmocka_unit_test_setup(register_has_its_bits, setup),
		cmocka_unit_test_setup(register_outside_of_the_ranges_changes_nothing, setup),
		cmocka_unit_test_setup(map_of_x2apic_opens_what_the_cpu_virtualises_alone, setup),
		cmocka_unit_test_setup(register_is_opened_in_both_maps, setup),
		cmocka_unit_test_setup(vcpu_on_another_cpu_has_that_ones_host_state, setup),
		cmocka_unit_test_setup(vcpu_that_comes_back_to_its_cpu_has_it_still, setup),
		cmocka_unit_test_setup(put_clears_the_vmcs_which_is_launched_anew, setup),
		cmocka_unit_test_setup(vcpu_that_is_loaded_again_stays_launched, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
