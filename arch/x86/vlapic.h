/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual local APIC, xAPIC and x2APIC. Registers live in one page in the architectural layout.
 * Other CPUs and handlers only set bits in the posting array with its ON flag; the owner folds it
 * into IRR at entry. APM2 chapter 16, SDM3 chapter 11.
 */
#pragma once

#include "core/bits.h"
#include "core/region.h"
#include "core/timer.h"

struct vcpu;
struct vm;

#define VLAPIC_BASE_DEFAULT UINT64_C(0xfee00000)

/* What other CPUs write. In VT-d's posted-interrupt descriptor's form, so that hardware can post
 * too (VT-d 9.11). */
struct vlapic_post {
	uint64_t vectors[4];
	uint64_t on; /* bit 0: something is posted and the owner was notified */
	uint64_t reserved[3];
} __attribute__((aligned(64)));

struct vlapic {
	/* const after init: */
	uint8_t *page;    /* registers, architectural layout; its contents: owner CPU only */
	uint32_t apic_id; /* 32 bits */
	/* owner CPU only: */
	uint8_t ppr;       /* cached; the page has it too */
	uint8_t irr_words; /* which of the eight registers of IRR are not 0 */
	uint8_t isr_words;
	uint32_t esr_errors;    /* since the last write of ESR */
	uint64_t base_msr;      /* IA32_APIC_BASE */
	uint64_t eoi_notify[4]; /* vectors whose EOI the vIOAPIC wants to know: TMR in this form */
	uint64_t timer_next;    /* ns, when it expires next; 0: it does not count */
	uint64_t timer_period_ns;
	uint64_t tsc_deadline; /* guest TSC; 0: not armed */
	/* any CPU, atomically: */
	uint64_t route; /* what senders of messages need to know: VLAPIC_ROUTE_ bits */
#define VLAPIC_ROUTE_LOGICAL BITS(31, 0) /* LDR */
#define VLAPIC_ROUTE_ENABLED BIT(32)     /* by IA32_APIC_BASE */
#define VLAPIC_ROUTE_X2APIC  BIT(33)
#define VLAPIC_ROUTE_ACCEPTS BIT(34) /* by SVR: takes fixed interrupts */
#define VLAPIC_ROUTE_FLAT    BIT(35) /* by DFR */
#define VLAPIC_ROUTE_CLUSTER BIT(36)
	/* owner CPU only: IRR is delivered and EOI done by the CPU, in the page, while the guest
	 * runs; vlapic_refresh() is due after that. */
	bool by_hardware;
	/* any CPU, atomically: */
	uint64_t posting_cpu; /* the index + 1 of the CPU that takes edges from `post` by itself, as
				 its guest runs; 0: none does */
	struct vlapic_post post;
	uint64_t level_vectors[4]; /* TMR as posted: set before the vector is posted */
	bool timer_due;            /* the timer's handler ran; the owner settles it at entry */
	struct timer timer;
	/*
	 * ExtINT: the hook of a virtual 8259; NULL without one. Returns the vector that it asks
	 * for, or -1; and takes it when acknowledging. Owner CPU.
	 */
	int (*extint)(void *context, bool acknowledge);
	void *extint_context;
};

must_check int vlapic_init(struct vcpu *vcpu, uint32_t apic_id);
void vlapic_reset(struct vcpu *vcpu, bool init); /* init: by INIT, keeps APIC base and ID */
void vlapic_fini(struct vcpu *vcpu);

/* The vCPU was loaded on this CPU: its timer follows. */
void vlapic_load(struct vcpu *vcpu);

/* The guest's TSC offset was changed: an armed TSC deadline means another time now. */
void vlapic_tsc_changed(struct vcpu *vcpu);

/* MMIO at the APIC page (region function), and x2APIC MSRs 800h-8FFh; false: #GP. */
must_check enum region_result vlapic_region(void *device, struct access *access);
must_check bool vlapic_msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
must_check bool vlapic_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);
must_check bool vlapic_base_write(struct vcpu *vcpu, uint64_t value); /* IA32_APIC_BASE */
uint64_t vlapic_tsc_deadline_read(struct vcpu *vcpu);
void vlapic_tsc_deadline_write(struct vcpu *vcpu, uint64_t value);

/* Posts a vector from any CPU and notifies the scheduler if the owner had not been yet. */
void vlapic_post(struct vcpu *vcpu, uint8_t vector, bool level);

/* Owner CPU, before entry: folds posts into IRR. */
void vlapic_sync(struct vcpu *vcpu);

/* The highest vector that can be taken now (IRR above PPR), or -1; and taking it (IRR to ISR).
 * Owner CPU. */
int vlapic_pending(struct vcpu *vcpu);
int vlapic_injectable(struct vcpu *vcpu); /* pending, and not delivered by the CPU itself */
void vlapic_accept(struct vcpu *vcpu, uint8_t vector);

/*
 * Virtual-interrupt delivery, owner CPU. refresh: after an exit, or from an image, what is kept
 * besides the page is made of it; is_empty: nothing is requested or in service. in_service: the
 * highest vector in ISR, or -1. ended: the CPU has done an EOI that somebody wants to know of.
 */
void vlapic_refresh(struct vlapic *vlapic, bool is_empty);
int vlapic_in_service(const struct vlapic *vlapic);
void vlapic_ended(struct vcpu *vcpu, uint8_t vector);

/* Owner CPU: an edge came in at LINT1, which the guest may have made its NMI. */
void vlapic_lint1(struct vcpu *vcpu);

/* Any CPU: something was posted that the owner has not folded yet. */
bool vlapic_has_posted(const struct vcpu *vcpu);

/* The highest vector in IRR, whatever holds it back, or -1. Owner CPU. */
int vlapic_highest_request(const struct vlapic *vlapic);

uint8_t vlapic_cr8_read(struct vcpu *vcpu);
void vlapic_cr8_write(struct vcpu *vcpu, uint8_t value);

/* A message to the VM's LAPICs: an IPI, an IOAPIC entry, an MSI. Any CPU. */
enum vlapic_mode {
	VLAPIC_FIXED = 0,
	VLAPIC_LOWEST = 1,
	VLAPIC_SMI = 2,
	VLAPIC_NMI = 4,
	VLAPIC_INIT = 5,
	VLAPIC_SIPI = 6,
	VLAPIC_EXTINT = 7
};
enum vlapic_shorthand { VLAPIC_DEST, VLAPIC_SELF, VLAPIC_ALL, VLAPIC_OTHERS };
struct vlapic_message {
	uint32_t destination;
	bool is_logical;
	bool is_level;
	bool is_x2apic; /* destination is in the 32-bit form */
	enum vlapic_mode mode;
	enum vlapic_shorthand shorthand;
	uint8_t vector;
	struct vcpu *source; /* of an IPI; NULL for devices */
};
/* The first vCPU that it is for, or NULL: where a host interrupt of that destination should go. */
struct vcpu *vlapic_target(struct vm *vm, const struct vlapic_message *message);

/* The number of vCPUs that took it. */
unsigned vlapic_deliver(struct vm *vm, const struct vlapic_message *message);
