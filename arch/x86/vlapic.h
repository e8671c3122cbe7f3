/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual local APIC, xAPIC and x2APIC. Registers live in one page in the architectural layout.
 * Other CPUs and handlers only set bits in the posting array with its ON flag; the owner folds it
 * into IRR at entry. APM2 chapter 16, SDM3 chapter 11.
 */
#pragma once

#include "core/bits.h"
#include "core/timer.h"

struct access;
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
	uint8_t *page;     /* registers, architectural layout; owner CPU only */
	uint32_t apic_id;  /* 32 bits; const after init */
	uint64_t base_msr; /* IA32_APIC_BASE */
	struct vlapic_post post;
	uint64_t eoi_notify[4];    /* vectors whose EOI the vIOAPIC wants to know */
	uint64_t level_vectors[4]; /* TMR as posted: set before the vector is posted; atomic */
	struct timer timer;
	uint64_t timer_period_ns;
	uint64_t timer_start, tsc_deadline;
	uint32_t esr_pending;
	uint8_t ppr;    /* cached */
	bool timer_due; /* set by the timer's handler, on the vCPU's CPU */
	/* ExtINT: a pending-source hook for a virtual 8259; NULL without one. Returns the vector or
	 * -1. */
	int (*extint_ack)(void *context);
	void *extint_context;
};

must_check int vlapic_init(struct vcpu *vcpu, uint32_t apic_id);
void vlapic_reset(struct vcpu *vcpu, bool init); /* init: by INIT, keeps APIC base and ID */
void vlapic_fini(struct vcpu *vcpu);

/* MMIO at the APIC page (region function), and x2APIC MSRs 800h-8FFh; false: #GP. */
must_check int vlapic_region(void *device, struct access *access); /* enum region_result */
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
void vlapic_accept(struct vcpu *vcpu, uint8_t vector);

/* Any CPU, racy but never missing a post that was notified: something may be takable. */
bool vlapic_has_posted(const struct vcpu *vcpu);

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
/* The number of vCPUs that took it. */
unsigned vlapic_deliver(struct vm *vm, const struct vlapic_message *message);
