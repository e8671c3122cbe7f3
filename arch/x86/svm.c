/* SPDX-License-Identifier: GPL-2.0-only */
/* AMD-V on a CPU, and a vCPU's VMCB over its life. Entries and exits are in svm_run.c. */
#include "arch/svm.h"

#include "arch/bochs.h"
#include "arch/msr.h"
#include "arch/npt.h"
#include "arch/tcg.h"
#include "arch/virt.h"
#include "arch/vmcb.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"

#define CPUID_EXT_FEATURES 0x80000001
#define CPUID_SVM          0x8000000a
#define CPUID_ECX_SVM      BIT(2)

#define PORT_MAP_ORDER 2 /* 12 KiB: APM2 15.10.1 "I/O Permissions Map" */
#define PORT_MAP_SIZE  (3 * PAGE_SIZE)
#define PORT_MAP_PORTS (PAGE_SIZE * 2)
#define MSR_MAP_ORDER  1 /* 8 KiB: APM2 15.11 "MSR Intercepts" */
#define MSR_MAP_SIZE   (2 * PAGE_SIZE)
#define MSR_MAP_READ   1U
#define MSR_MAP_WRITE  2U

#define PAUSE_FILTER_COUNT     3000
#define PAUSE_FILTER_THRESHOLD 128

uint32_t svm_features;
uint32_t svm_clean;
uint64_t svm_cr4_always;
static bool has_tsc_aux;

static void read_facts(struct svm_facts *facts)
{
	*facts = (struct svm_facts){ 0 };
	if (cpuid(0x80000000, 0).eax < CPUID_SVM) {
		return;
	}
	facts->has_svm = (cpuid(CPUID_EXT_FEATURES, 0).ecx & CPUID_ECX_SVM) != 0;
	if (facts->has_svm) {
		/* Part of SVM, and yet Bochs has none: then it is not locked by it. */
		if (rdmsr_safe(MSR_VM_CR, &facts->vm_cr) != 0) {
			facts->vm_cr = 0;
		}
		facts->asids = cpuid(CPUID_SVM, 0).ebx;
		facts->features = cpuid(CPUID_SVM, 0).edx;
	}
}

static bool svm_probe(const char **missing)
{
	struct svm_facts facts;

	read_facts(&facts);
	tcg_probe();
	bochs_hides_causes = bochs_is_host;
	svm_features = facts.features;
	svm_cr4_always = cr4_read() & CR4_MCE;
	svm_clean = (facts.features & SVM_CPUID_CLEAN) != 0 ? (uint32_t)VMCB_CLEAN_ALL : 0;
	return svm_check(&facts, missing);
}

/* What is used where it is there; SVM goes without it elsewhere. */
static void log_features(uint32_t asids)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} options[] = {
		{ SVM_CPUID_NEXT_RIP, "next RIP" },
		{ SVM_CPUID_DECODE, "decode assists" },
		{ SVM_CPUID_CLEAN, "clean bits" },
		{ SVM_CPUID_FLUSH_ASID, "flush by ASID" },
		{ SVM_CPUID_PAUSE_FILTER, "pause filter" },
		{ SVM_CPUID_PAUSE_THRESH, "pause filter threshold" },
		{ SVM_CPUID_SPEC_CTRL, "virtual SPEC_CTRL" },
	};

	log(LOG_DEBUG, "svm: %u ASIDs%s", asids,
	    bochs_is_host ? ", on Bochs"
	    : tcg_is_host ? ", on QEMU's TCG"
			  : "");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		log(LOG_DEBUG, "svm: %s: %s", options[i].name,
		    (svm_features & options[i].bit) != 0 ? "used" : "missing");
	}
}

static int svm_cpu_enable(struct cpu *cpu)
{
	struct svm_cpu *svm = &cpu->arch.svm;
	void *save = page_alloc(PAGE_USE_CPU, 0), *host = page_alloc(PAGE_USE_CPU, 0);
	const char *missing;
	struct svm_facts facts;

	if (save == NULL || host == NULL) {
		return -E_NOMEM;
	}
	read_facts(&facts);
	if (!svm_check(&facts, &missing) || (facts.features & svm_features) != svm_features) {
		return -E_NODEV;
	}
	svm->host_save = hyp_map_direct_hpa(save);
	svm->host_vmcb = hyp_map_direct_hpa(host);
	tlb_tags_init(&svm->asids, facts.asids);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, svm->host_save.value);
	/* The host never changes what VMLOAD brings back: once is enough. */
	vmsave(svm->host_vmcb);
	has_tsc_aux = wrmsr_safe(MSR_TSC_AUX, 0) == 0;
	if (cpu->index == 0) {
		log_features(facts.asids);
	}
	return 0;
}

static void svm_cpu_disable(struct cpu *cpu)
{
	(void)cpu;
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

static void svm_port_intercept(struct vm *vm, uint16_t port, bool intercept)
{
	virt_map_assign(vm->arch.port_bitmap, port, intercept);
}

/* Two bits an MSR, in three ranges of 2048 bytes; what lies outside of them is always intercepted.
 */
static bool msr_map_bit(uint32_t msr, uint32_t *bit)
{
	static const uint32_t bases[] = { 0x00000000, 0xc0000000, 0xc0010000 };

	for (uint32_t i = 0; i < ARRAY_SIZE(bases); i++) {
		if (msr - bases[i] < 0x2000) {
			*bit = i * 0x4000 + (msr - bases[i]) * 2;
			return true;
		}
	}
	return false;
}

static void svm_msr_intercept(struct vm *vm, uint32_t msr, bool read, bool write)
{
	unsigned mask = (read ? MSR_MAP_READ : 0) | (write ? MSR_MAP_WRITE : 0);
	uint32_t bit;

	if (msr_map_bit(msr, &bit)) {
		uint8_t *byte = &vm->arch.msr_bitmap[bit / 8];
		unsigned shift = bit % 8;
		unsigned kept = *byte & ~((MSR_MAP_READ | MSR_MAP_WRITE) << shift);

		*byte = (uint8_t)(kept | mask << shift);
	}
}

/* The control guest owns all ports that nobody takes from it; other guests own none. */
static int svm_vm_init(struct vm *vm)
{
	vm->arch.port_bitmap = page_alloc(PAGE_USE_VM, PORT_MAP_ORDER);
	vm->arch.msr_bitmap = page_alloc(PAGE_USE_VM, MSR_MAP_ORDER);
	if (vm->arch.port_bitmap == NULL || vm->arch.msr_bitmap == NULL) {
		return -E_NOMEM;
	}
	/* Accesses that run past port FFFF are looked up in the third page. */
	memset(vm->arch.port_bitmap, 0xff, PORT_MAP_SIZE);
	if (vm->id == VM_ID_CONTROL) {
		memset(vm->arch.port_bitmap, 0, PORT_MAP_PORTS);
	}
	memset(vm->arch.msr_bitmap, 0xff, MSR_MAP_SIZE);
	vm->arch.port_bitmap_hpa = hyp_map_direct_hpa(vm->arch.port_bitmap);
	vm->arch.msr_bitmap_hpa = hyp_map_direct_hpa(vm->arch.msr_bitmap);
	return 0;
}

static void svm_vm_fini(struct vm *vm)
{
	page_free(vm->arch.port_bitmap, PAGE_USE_VM, PORT_MAP_ORDER);
	page_free(vm->arch.msr_bitmap, PAGE_USE_VM, MSR_MAP_ORDER);
}

/*
 * Allow: reads of control registers, CR2 and CR3, changes of CR0.TS and MP, INVLPG, IRET, PUSHF,
 *        POPF, INT n, RDTSC, RDTSCP, descriptor tables, exceptions but these three.
 * Trap:  everything else. IRET, VINTR, CR8 and debug registers come and go: svm_nmi.c, svm_event.c,
 *        svm_run.c. CR reads are never intercepted: QEMU's TCG checks them all against CR0's bit.
 */
static void intercepts_init(struct vmcb_control *control)
{
	control->intercept_cr = (uint32_t)VMCB_CR_WRITE(4);
	control->intercept_dr = UINT32_MAX;
	/* #DB and #AC: a guest that takes them endlessly in their own delivery would never be left.
	 * #MC is the machine's. */
	control->intercept_exception = (uint32_t)(BIT(VECTOR_DB) | BIT(VECTOR_AC) | BIT(VECTOR_MC));
	control->intercept_1 =
		(uint32_t)(VMCB_1_INTR | VMCB_1_NMI | VMCB_1_INIT | VMCB_1_CR0_SELECTIVE |
			   VMCB_1_RDPMC | VMCB_1_CPUID | VMCB_1_RSM | VMCB_1_INVD | VMCB_1_HLT |
			   VMCB_1_INVLPGA | VMCB_1_IOIO | VMCB_1_MSR | VMCB_1_TASK_SWITCH |
			   VMCB_1_SHUTDOWN);
	control->intercept_2 =
		(uint32_t)(VMCB_2_VMRUN | VMCB_2_VMMCALL | VMCB_2_VMLOAD | VMCB_2_VMSAVE |
			   VMCB_2_STGI | VMCB_2_CLGI | VMCB_2_SKINIT | VMCB_2_WBINVD |
			   VMCB_2_MONITOR | VMCB_2_MWAIT | VMCB_2_XSETBV | VMCB_2_RDPRU);
	control->intercept_3 = (uint32_t)(VMCB_3_INVLPGB | VMCB_3_INVLPGB_ILLEGAL | VMCB_3_MCOMMIT |
					  VMCB_3_TLBSYNC);
	if ((svm_features & SVM_CPUID_PAUSE_FILTER) != 0) {
		control->intercept_1 |= (uint32_t)VMCB_1_PAUSE;
		control->pause_filter_count = PAUSE_FILTER_COUNT;
	}
	if ((svm_features & SVM_CPUID_PAUSE_THRESH) != 0) {
		control->pause_filter_threshold = PAUSE_FILTER_THRESHOLD;
	}
}

static int svm_vcpu_init(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	struct vmcb *vmcb = vcpu->arch.virt_page;

	memset(vmcb, 0, sizeof(*vmcb));
	intercepts_init(&vmcb->control);
	vmcb->control.io_map = vm->arch.port_bitmap_hpa.value;
	vmcb->control.msr_map = vm->arch.msr_bitmap_hpa.value;
	vmcb->control.virtual_interrupt = VMCB_V_INTR_MASKING;
	vmcb->control.nested = VMCB_NESTED_PAGING;
	vmcb->control.nested_cr3 = hyp_map_direct_hpa(vm->stage2[0].pt.root).value;
	vcpu->arch.svm = (struct svm_vcpu){ .vmcb = vmcb, .asid = { .cpu = UINT32_MAX } };
	svm_state_set(vcpu, STATE_ALL);
	return 0;
}

static void svm_vcpu_fini(struct vcpu *vcpu)
{
	(void)vcpu; /* its pages are arch/x86/vcpu.c's */
}

static void svm_vcpu_load(struct vcpu *vcpu)
{
	struct vmcb_control *control;

	vcpu->arch.svm.vmcb = vcpu->arch.virt_page;
	control = &vcpu->arch.svm.vmcb->control;

	/* Another CPU may hold an older copy of the VMCB under the same address, and its TSC may be
	 * off. APM2 15.15.2 "VMCB Clean Field". */
	if (vcpu->arch.loaded_cpu != arch_cpu_self()->index) {
		control->clean = 0;
		svm_state_set(vcpu, STATE_TSC);
	}
	cr2_write(vcpu->arch.svm.vmcb->save.cr2); /* Bochs' VMRUN does not load it */
	if (has_tsc_aux) {
		wrmsr(MSR_TSC_AUX, vcpu->arch.state->msrs.tsc_aux);
	}
}

/* The pointer goes too, so that a use of what is not loaded faults at once. */
static void svm_vcpu_put(struct vcpu *vcpu)
{
	vcpu->arch.svm.vmcb = NULL;
}

const struct virt_ops virt_svm = {
	.name = "AMD-V",
	.probe = svm_probe,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.vm_init = svm_vm_init,
	.vm_fini = svm_vm_fini,
	.vcpu_init = svm_vcpu_init,
	.vcpu_fini = svm_vcpu_fini,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.run = svm_run,
	.state_get = svm_state_get,
	.state_set = svm_state_set,
	.paging_load = svm_state_paging_load,
	.dump = svm_dump,
	.port_intercept = svm_port_intercept,
	.msr_intercept = svm_msr_intercept,
	.stage2_format = npt_format,
};
