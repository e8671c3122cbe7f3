/* SPDX-License-Identifier: GPL-2.0-only */
/* VT-x on a CPU, and a vCPU's VMCS over its life. Entries and exits are in vmx_run.c. */
#include "arch/vmx.h"

#include "arch/ept.h"
#include "arch/gdt.h"
#include "arch/idt.h"
#include "arch/msr.h"
#include "arch/tsc.h"
#include "arch/virt.h"
#include "arch/vlapic_regs.h"
#include "arch/vmcs.h"
#include "arch/vmx_insn.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"

#define CPUID_ECX_VMX BIT(5) /* of leaf 1 */

#define PORT_MAP_ORDER 1 /* 8 KiB: SDM3 25.6.4 "I/O-Bitmap Addresses" */
#define PORT_MAP_SIZE  (2 * PAGE_SIZE)

/* SDM3 25.6.9 "MSR-Bitmap Address": reads of low and high MSRs, then writes. */
#define MSR_MAP_HIGH   0x400
#define MSR_MAP_WRITE  0x800
#define MSR_MAP_COUNT  0x2000
#define MSR_HIGH_FIRST 0xc0000000U

/* TSC ticks: spinning between two PAUSEs, and in all before an exit. */
#define PLE_GAP    128
#define PLE_WINDOW 4096

/* A guest is left after so long whatever happens. */
#define BACKSTOP_NS UINT64_C(1000000)

#define VPIDS 0x10000

struct vmx_facts vmx_facts;
struct vmx_controls vmx_controls;

/* ---- what the CPU has ---- */

void vmx_facts_read(struct vmx_facts *facts)
{
	uint32_t first = MSR_VMX_PIN;

	*facts = (struct vmx_facts){ .has_vmx = (cpuid(1, 0).ecx & CPUID_ECX_VMX) != 0 };
	if (!facts->has_vmx) {
		return;
	}
	facts->feature_control = rdmsr(MSR_FEATURE_CONTROL);
	facts->basic = rdmsr(MSR_VMX_BASIC);
	if ((facts->basic & VMX_BASIC_TRUE) != 0) {
		first = MSR_VMX_TRUE_PIN;
	}
	for (uint32_t reg = VMX_PIN; reg <= VMX_ENTRY; reg++) {
		facts->allowed[reg] = rdmsr(first + reg);
	}
	facts->misc = rdmsr(MSR_VMX_MISC);
	facts->cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
	facts->cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
	facts->cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
	facts->cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
	if ((facts->allowed[VMX_PROC] >> 32 & PROC_SECONDARY) != 0) {
		facts->allowed[VMX_PROC2] = rdmsr(MSR_VMX_PROC2);
	}
	if ((facts->allowed[VMX_PROC2] >> 32 & (PROC2_EPT | PROC2_VPID)) != 0) {
		facts->ept_vpid = rdmsr(MSR_VMX_EPT_VPID);
	}
}

static bool vmx_probe(const char **missing)
{
	vmx_facts_read(&vmx_facts);
	return vmx_check(&vmx_facts, &vmx_controls, missing);
}

static void log_features(void)
{
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];

		if (row->need == VMX_WANTED) {
			log(LOG_DEBUG, "vmx: %s: %s", row->name,
			    vmx_has(row->reg, BIT(row->bit)) ? "used" : "missing");
		}
	}
	log(LOG_DEBUG, "vmx: APIC virtualisation: %s", vmx_apic_is_offered() ? "used" : "missing");
	log(LOG_DEBUG, "vmx: posted interrupts: %s", vmx_apic_posts() ? "used" : "not used");
	log(LOG_DEBUG, "vmx: accessed and dirty flags: %s",
	    (vmx_facts.ept_vpid & VMX_EPT_ACCESSED) != 0 ? "used" : "missing");
}

/* ---- a CPU: SDM3 24.7 "Enabling and Entering VMX Operation" ---- */

/* The first CPU's answers are used for all: another one may have more, but not less. */
static bool has_the_same(void)
{
	struct vmx_facts facts;
	struct vmx_controls controls;
	const char *missing;

	vmx_facts_read(&facts);
	return vmx_check(&facts, &controls, &missing) &&
	       memcmp(&controls, &vmx_controls, sizeof(controls)) == 0 &&
	       (facts.ept_vpid & vmx_facts.ept_vpid) == vmx_facts.ept_vpid &&
	       facts.basic == vmx_facts.basic;
}

static void feature_control_open(void)
{
	uint64_t value = rdmsr(MSR_FEATURE_CONTROL);

	if ((value & FEATURE_CONTROL_LOCK) == 0) {
		wrmsr(MSR_FEATURE_CONTROL, value | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);
	}
}

static hpa_t revision_page(void)
{
	uint32_t *page = page_alloc(PAGE_USE_CPU, 0);

	if (page == NULL) {
		return hpa(0);
	}
	*page = (uint32_t)field_get(VMX_BASIC_REVISION, vmx_facts.basic);
	return hyp_map_direct_hpa(page);
}

/* What a hypervisor before us left under our tags. */
static void tlb_reset(struct vmx_cpu *vmx)
{
	uint64_t type = (vmx_facts.ept_vpid & VMX_EPT_INVEPT_ALL) != 0 ? VMX_INVALIDATE_ALL : 0;

	tlb_tags_init(&vmx->vpids, VPIDS);
	if (type != 0 && !invept(type, 0)) {
		log(LOG_WARN, "vmx: INVEPT failed");
	}
}

static int vmx_cpu_enable(struct cpu *cpu)
{
	struct vmx_cpu *vmx = &cpu->arch.vmx;

	if (!has_the_same()) {
		return -E_NODEV;
	}
	vmx->region = revision_page();
	if (vmx->region.value == 0) {
		return -E_NOMEM;
	}
	feature_control_open();
	cr0_write(cr0_read() | vmx_facts.cr0_fixed0);
	cr4_write(cr4_read() | CR4_VMXE);
	if (!vmxon(vmx->region)) {
		log(LOG_ERROR, "vmx: CPU %u: VMXON failed", cpu->index);
		return -E_NODEV;
	}
	tlb_reset(vmx);
	if (cpu->index == 0) {
		vmx_apic_probe();
		log_features();
	}
	return 0;
}

static void vmx_cpu_disable(struct cpu *cpu)
{
	(void)cpu;
	vmxoff();
	cr4_write(cr4_read() & ~CR4_VMXE);
}

/* ---- a VM's maps ---- */

static void vmx_port_intercept(struct vm *vm, uint16_t port, bool intercept)
{
	virt_map_assign(vm->arch.port_bitmap, port, intercept);
}

/* What lies outside of the two ranges is always intercepted. */
static void map_set_msr(uint8_t *map, uint32_t msr, bool read, bool write)
{
	if (msr - MSR_HIGH_FIRST < MSR_MAP_COUNT) {
		map += MSR_MAP_HIGH;
		msr -= MSR_HIGH_FIRST;
	} else if (msr >= MSR_MAP_COUNT) {
		return;
	}
	virt_map_assign(map, msr, read);
	virt_map_assign(map + MSR_MAP_WRITE, msr, write);
}

static void vmx_msr_intercept(struct vm *vm, uint32_t msr, bool read, bool write)
{
	map_set_msr(vm->arch.msr_bitmap, msr, read, write);
	if (vm->arch.msr_bitmap_apic != NULL) {
		map_set_msr(vm->arch.msr_bitmap_apic, msr, read, write);
	}
}

/*
 * What the page has as the guest is to read it; and the three writes that need no help. Never to be
 * used but with PROC2_X2APIC: these would be the machine's registers.
 */
static int apic_map_init(struct vm *vm)
{
	uint8_t *map = page_alloc(PAGE_USE_VM, 0);

	if (map == NULL) {
		return -E_NOMEM;
	}
	memset(map, 0xff, PAGE_SIZE);
	for (unsigned at = VLAPIC_ID; at < VLAPIC_ESR; at += 16) {
		if (vlapic_is_plain(at)) {
			map_set_msr(map, MSR_X2APIC + at / 16, false, true);
		}
	}
	map_set_msr(map, MSR_X2APIC + VLAPIC_TPR / 16, false, false);
	map_set_msr(map, MSR_X2APIC + VLAPIC_EOI / 16, true, false);
	map_set_msr(map, MSR_X2APIC + VLAPIC_SELF_IPI / 16, true, false);
	vm->arch.msr_bitmap_apic = map;
	vm->arch.msr_bitmap_apic_hpa = hyp_map_direct_hpa(map);
	return 0;
}

/* The control guest owns all ports that nobody takes from it; other guests own none. */
static int vmx_vm_init(struct vm *vm)
{
	vm->arch.port_bitmap = page_alloc(PAGE_USE_VM, PORT_MAP_ORDER);
	vm->arch.msr_bitmap = page_alloc(PAGE_USE_VM, 0);
	if (vm->arch.port_bitmap == NULL || vm->arch.msr_bitmap == NULL) {
		return -E_NOMEM;
	}
	memset(vm->arch.port_bitmap, vm->id == VM_ID_CONTROL ? 0 : 0xff, PORT_MAP_SIZE);
	memset(vm->arch.msr_bitmap, 0xff, PAGE_SIZE);
	vm->arch.port_bitmap_hpa = hyp_map_direct_hpa(vm->arch.port_bitmap);
	vm->arch.msr_bitmap_hpa = hyp_map_direct_hpa(vm->arch.msr_bitmap);
	return vmx_apic_is_offered() ? apic_map_init(vm) : 0;
}

static void vmx_vm_fini(struct vm *vm)
{
	page_free(vm->arch.port_bitmap, PAGE_USE_VM, PORT_MAP_ORDER);
	page_free(vm->arch.msr_bitmap, PAGE_USE_VM, 0);
	if (vm->arch.msr_bitmap_apic != NULL) {
		page_free(vm->arch.msr_bitmap_apic, PAGE_USE_VM, 0);
	}
}

/* ---- a vCPU ---- */

void vmx_controls_write(enum vmx_register reg, uint64_t value)
{
	static const uint16_t fields[VMX_REGISTERS] = {
		[VMX_PIN] = VMCS_PIN_CONTROLS,     [VMX_PROC] = VMCS_PROC_CONTROLS,
		[VMX_EXIT] = VMCS_EXIT_CONTROLS,   [VMX_ENTRY] = VMCS_ENTRY_CONTROLS,
		[VMX_PROC2] = VMCS_PROC2_CONTROLS,
	};

	vmcs_write(fields[reg], value);
}

static void controls_init(struct vmx_vcpu *vmx)
{
	for (unsigned reg = 0; reg < VMX_REGISTERS; reg++) {
		vmx_controls_write(reg, vmx_controls.values[reg]);
	}
	vmx->pin = vmx_controls.values[VMX_PIN];
	vmx->proc = vmx_controls.values[VMX_PROC];
	vmx->proc2 = vmx_controls.values[VMX_PROC2];
	vmx->entry = vmx_controls.values[VMX_ENTRY];
	/* #DB and #AC: a guest that takes them endlessly in their own delivery would never be left.
	 * #MC is the machine's. */
	vmcs_write(VMCS_EXCEPTIONS, BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC));
	vmcs_write(VMCS_PF_MASK, 0);
	vmcs_write(VMCS_PF_MATCH, 0);
	vmcs_write(VMCS_CR3_TARGETS, 0);
	/* What the host has no use for is exchanged at load and put, by no area of the VMCS. */
	vmcs_write(VMCS_EXIT_STORE_COUNT, 0);
	vmcs_write(VMCS_EXIT_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_LOAD_COUNT, 0);
	vmcs_write(VMCS_ENTRY_EVENT, 0);
	vmcs_write(VMCS_TPR_THRESHOLD, 0);
	vmcs_write(VMCS_LINK, UINT64_MAX);
}

static void maps_init(const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	vmcs_write(VMCS_IO_MAP_A, vm->arch.port_bitmap_hpa.value);
	vmcs_write(VMCS_IO_MAP_B, vm->arch.port_bitmap_hpa.value + PAGE_SIZE);
	vmcs_write(VMCS_MSR_MAP, vm->arch.msr_bitmap_hpa.value);
	vmcs_write(VMCS_VIRTUAL_APIC, hyp_map_direct_hpa(vcpu->arch.vlapic.page).value);
	vmcs_write(VMCS_EPT_POINTER, ept_pointer(&vm->stage2[0]));
	if (vmx_has(VMX_PROC2, PROC2_PAUSE_LOOP_EXIT)) {
		vmcs_write(VMCS_PLE_GAP, PLE_GAP);
		vmcs_write(VMCS_PLE_WINDOW, PLE_WINDOW);
	}
	if (vmx_has(VMX_PIN, PIN_TIMER)) {
		vmcs_write(VMCS_PREEMPTION_TIMER,
			   tsc_ns_to_ticks(BACKSTOP_NS) >>
				   field_get(VMX_MISC_TIMER, vmx_facts.misc));
	}
}

static void guest_init(void)
{
	vmcs_write(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmcs_write(VMCS_GUEST_ACTIVITY, 0);
	vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
	for (uint32_t i = 0; i < 4; i++) {
		vmcs_write(VMCS_GUEST_PDPTE + 2 * i, 0);
	}
}

/* The same on all CPUs. */
static void host_init(void)
{
	vmcs_write(VMCS_HOST_CR0, cr0_read());
	vmcs_write(VMCS_HOST_CR4, cr4_read());
	vmcs_write(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmcs_write(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmcs_write(VMCS_HOST_CS, GDT_CODE);
	vmcs_write(VMCS_HOST_SS, GDT_DATA);
	vmcs_write(VMCS_HOST_DS, GDT_DATA);
	vmcs_write(VMCS_HOST_ES, GDT_DATA);
	vmcs_write(VMCS_HOST_FS, 0);
	vmcs_write(VMCS_HOST_GS, 0);
	vmcs_write(VMCS_HOST_TR, GDT_TSS);
	vmcs_write(VMCS_HOST_FS_BASE, 0);
	vmcs_write(VMCS_HOST_GS_BASE, 0);
	vmcs_write(VMCS_HOST_IDTR_BASE, idt_base());
	vmcs_write(VMCS_HOST_SYSENTER_CS, 0);
	vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
	vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
}

static void host_set_cpu(const struct cpu *cpu)
{
	vmcs_write(VMCS_HOST_CR3, cpu->root.value);
	vmcs_write(VMCS_HOST_TR_BASE, (uintptr_t)&cpu->arch.gdt.tss);
	vmcs_write(VMCS_HOST_GDTR_BASE, (uintptr_t)cpu->arch.gdt.entries);
}

/* Also of one that is loaded already: all that its VMCS held is gone then. */
static int vmx_vcpu_init(struct vcpu *vcpu)
{
	struct vmx_vcpu *vmx = &vcpu->arch.vmx;
	hpa_t vmcs = vcpu->arch.secrets[SECRET_VIRT];
	uint32_t *page = vcpu->arch.virt_page;

	if (!vmclear(vmcs)) {
		return -E_NODEV;
	}
	memset(page, 0, PAGE_SIZE);
	*page = (uint32_t)field_get(VMX_BASIC_REVISION, vmx_facts.basic);
	if (!vmptrld(vmcs)) {
		return -E_NODEV;
	}
	*vmx = (struct vmx_vcpu){ .is_current = true, .vpid = { .cpu = UINT32_MAX } };
	controls_init(vmx);
	maps_init(vcpu);
	guest_init();
	vmx_apic_init(vcpu);
	host_init();
	host_set_cpu(arch_cpu_self());
	vmx_state_init(vcpu);
	return 0;
}

static void vmx_vcpu_fini(struct vcpu *vcpu)
{
	(void)vcpu; /* its pages are arch/x86/vcpu.c's */
}

static void vmx_vcpu_load(struct vcpu *vcpu)
{
	struct cpu *self = arch_cpu_self();

	if (vcpu->arch.vmx.is_current) {
		return; /* vmx_state_set() has written them */
	}
	assert(vmptrld(vcpu->arch.secrets[SECRET_VIRT]));
	vcpu->arch.vmx.is_current = true;
	vcpu->arch.vmx.launched = false;
	if (vcpu->arch.loaded_cpu != self->index) {
		host_set_cpu(self);
		vmx_state_set(vcpu, STATE_TSC);
	}
	vmx_state_load(vcpu);
}

/* Cleared, so that any CPU may load it next: SDM3 25.11.1 "Software Use of Virtual-Machine Control
 * Structures". */
static void vmx_vcpu_put(struct vcpu *vcpu)
{
	vmx_state_put(vcpu);
	vcpu->arch.vmx.is_current = false;
	assert(vmclear(vcpu->arch.secrets[SECRET_VIRT]));
}

const struct virt_ops virt_vmx = {
	.name = "VT-x",
	.probe = vmx_probe,
	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.vm_init = vmx_vm_init,
	.vm_fini = vmx_vm_fini,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_fini = vmx_vcpu_fini,
	.vcpu_load = vmx_vcpu_load,
	.vcpu_put = vmx_vcpu_put,
	.run = vmx_run,
	.state_get = vmx_state_get,
	.state_set = vmx_state_set,
	.paging_load = vmx_paging_load,
	.dump = vmx_dump,
	.port_intercept = vmx_port_intercept,
	.msr_intercept = vmx_msr_intercept,
	.stage2_format = ept_format,
	.pending_debug = PENDING_DEBUG_HITS | PENDING_DEBUG_ENABLED | PENDING_DEBUG_STEP,
};
