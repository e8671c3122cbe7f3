/* SPDX-License-Identifier: GPL-2.0-only */
/* What x86 embeds by value in core's objects. */
#pragma once

#include "arch/fpu.h"
#include "arch/gdt.h"
#include "arch/insn_cache.h"
#include "arch/insn_fetch.h"
#include "arch/lapic.h"
#include "arch/mce.h"
#include "arch/region_cache.h"
#include "arch/svm.h"
#include "arch/vcpu_events.h"
#include "arch/vcpu_state.h"
#include "arch/vlapic.h"
#include "arch/vmx.h"

/* Host vectors for devices: core/irq.h. */
#define ARCH_IRQ_FIRST LAPIC_VECTOR_DEVICE_FIRST
#define ARCH_IRQ_LAST  LAPIC_VECTOR_DEVICE_LAST

struct vcpu;
struct vioapics;
struct vlapic_map;
struct cpuid_table;

/* Secret slots of the loaded vCPU: fixed addresses in the private space of whatever CPU it is
 * loaded on. */
enum secret_slot { SECRET_STATE, SECRET_VIRT, SECRET_XSAVE, SECRET_SLOTS };

struct arch_cpu {
	uint32_t apic_id;
	struct gdt gdt; /* with TSS; IST stacks for NMI, #DF, #MC */
	uint64_t
		tsc_offset; /* of this CPU's TSC to the boot CPU's, when it could not be adjusted */
	uint64_t irq_pending[4]; /* vectors that the interrupt stubs recorded and irq_poll has not
				    handled */
	uint64_t nmi_count;    /* the machine's NMIs that this CPU took, recorded by the handler */
	bool nmi_is_due;       /* one of them waits for nmi_forward() */
	struct mce_record mce; /* a machine check of this CPU, while it is due */
	bool mce_is_due;       /* it waits for mce_forward() */
	bool lapic_is_ready;   /* a handler may kick this CPU */
	const struct vcpu *last_vcpu; /* that was loaded here */
	union {
		struct svm_cpu svm;
		struct vmx_cpu vmx;
	};
};

/* Without interrupt remapping a message has room for 8 bits; 255 is everybody. */
static inline bool arch_irq_reaches(const struct arch_cpu *cpu)
{
	return cpu->apic_id < 0xff;
}

struct arch_vm {
	uint8_t *port_bitmap; /* vendor's form */
	uint8_t *msr_bitmap;
	hpa_t port_bitmap_hpa, msr_bitmap_hpa;
	uint8_t *msr_bitmap_apic; /* of vCPUs whose x2APIC registers the CPU virtualises */
	hpa_t msr_bitmap_apic_hpa;
	struct vioapics *vioapics;
	/* A level-triggered vector was ended by its vCPU; NULL without I/O interrupt controllers.
	 */
	void (*eoi_notify)(struct vm *vm, uint8_t vector);
	struct cpuid_table *cpuid;   /* answers, const after init */
	struct vlapic_map *apic_map; /* by physical and logical ID; replaced as a whole, freed after
					the epoch */
};

struct arch_vcpu {
	hpa_t secrets[SECRET_SLOTS];
	struct vcpu_state *state; /* = the secret slot's address; to be touched only while loaded */
	void *xsave;              /* likewise */
	void *virt_page;          /* likewise: the VMCB, or the memory of the VMCS */
	uint64_t requests;        /* atomic: NMI, INIT, SIPI, LINT1, #MC posted by other CPUs */
#define REQUEST_NMI         BIT(0)
#define REQUEST_INIT        BIT(1)
#define REQUEST_SIPI        BIT(2)
#define REQUEST_SWAP        BIT(3) /* vcpu_swap(), once */
#define REQUEST_SWAP_ALWAYS BIT(4) /* before every other entry; it ends no HLT */
#define REQUEST_LINT1       BIT(5)
#define REQUEST_MCE         BIT(6)
#define REQUEST_SIPI_VECTOR BITS(15, 8)
	struct mce_record mce_posted; /* written by whoever sets mce_is_posted */
	bool mce_is_posted;           /* atomic: until it is taken */
	struct vlapic vlapic;
	/* owner CPU only: */
	uint32_t loaded_cpu;   /* where it was loaded last; UINT32_MAX: never */
	bool swap_turn;        /* REQUEST_SWAP_ALWAYS: it is swapped before this entry */
	struct mce_record mce; /* that the guest is shown until it has cleared it: then 0 */
	struct vcpu_events events;
	uint64_t tlb_generation; /* of the stage-2 that its TLB entries are from */
	bool halted;             /* in HLT: entered again when something can be delivered */
	bool debug_live;         /* DR0-DR3 are in the CPU, and not intercepted */
	bool flush;              /* its TLB entries go at the next entry: we changed its paging */
	uint8_t insn_size;       /* of the instruction that exited; 0: not known */
	uint32_t insn_cause;     /* the raw exit code it had */
	uint64_t insn_cr3;       /* its address space */
	uint8_t mitigate; /* MITIGATE_ bits: what its entries and exits need beyond the switch */
	bool insn_is_64_bit;
	struct insn_bytes fetched;
	struct insn_cache insn_cache;
	struct insn_fetch insn_fetch;
	struct region_cache port_region, memory_region;
	union {
		struct svm_vcpu svm;
		struct vmx_vcpu vmx;
	};
};
