/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All of a vCPU, as it leaves the hypervisor and comes back: arch_vcpu_state_get() and _set(). No
 * vendor's form, no pointer, no padding that means something; what follows from the rest (the route
 * of messages, summaries, windows, the CPU's ASID) is not in it.
 */
#pragma once

#include "arch/vcpu_state.h"

struct vcpu;

#define VCPU_IMAGE_VERSION 3

struct vcpu_image_event {
	uint64_t word;
#define IMAGE_EVENT_VECTOR    BITS(7, 0)
#define IMAGE_EVENT_KIND      BITS(10, 8) /* enum vcpu_event_kind; EVENT_NONE: all is 0 */
#define IMAGE_EVENT_HAS_ERROR BIT(11)
#define IMAGE_EVENT_ERROR     BITS(63, 32)
	uint64_t payload;
};

struct vcpu_image_events {
	struct vcpu_image_event injected, exception;
	uint64_t flags;
#define IMAGE_NMI_PENDING      BIT(0)
#define IMAGE_NMI_MASKED       BIT(1) /* until the end of an IRET */
#define IMAGE_INTERRUPT_SHADOW BIT(2)
#define IMAGE_WAITS_FOR_SIPI   BIT(3)
#define IMAGE_TRIPLE_FAULT     BIT(4)
#define IMAGE_HALTED           BIT(5)
#define IMAGE_DEBUG_SHADOW     BIT(6) /* with INTERRUPT_SHADOW: it holds #DB back too */
#define IMAGE_FLAGS            BITS(6, 0)
	uint64_t pending_debug; /* #DB that is held back: PENDING_DEBUG_ */
};

struct vcpu_image_lapic {
	uint32_t registers[256]; /* 1 KiB of the register page */
	uint64_t base_msr;
	uint64_t timer_next;   /* by the clock of vcpu_image.time; 0: it does not count */
	uint64_t tsc_deadline; /* guest TSC; 0: not armed */
	uint32_t apic_id;
	uint32_t esr_errors; /* since the last write of ESR */
};

/* A machine check that the guest has not cleared yet: vmce.h. All is 0 where there is none. */
struct vcpu_image_mce {
	uint64_t mcg_status;
	uint64_t status, address, misc, bank; /* of one bank; all 0 once that is cleared */
};

struct vcpu_image {
	uint64_t version;
	uint64_t groups;         /* STATE_: what is in it */
	uint64_t time;           /* arch_time_now() when it was taken; set does not look at it */
	struct vcpu_state state; /* its masks are 0; XCR0 belongs to STATE_XSAVE */
	struct vcpu_image_events events;
	struct vcpu_image_lapic lapic;
	struct vcpu_image_mce mce;
	/* In the standard form. Components in their initial state may come back as XSAVE writes
	 * those. */
	uint8_t xsave[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
};
static_assert(offsetof(struct vcpu_image, xsave) == PAGE_SIZE, "all else is one page");
static_assert(sizeof(struct vcpu_image) == 2 * PAGE_SIZE, "an image is two pages");

/* Where the groups are; XSAVE is in two places. */
struct vcpu_image_part {
	uint64_t group;
	const char *name;
	uint16_t offset, size;
};
#define VCPU_IMAGE_PARTS 10
extern const struct vcpu_image_part vcpu_image_parts[VCPU_IMAGE_PARTS];

/* arch_vcpu_state_get() but for what others have posted, which stays posted. */
void vcpu_image_get(struct vcpu *vcpu, uint64_t groups, struct vcpu_image *image);

/* Puts groups back of an image that has no faults in them. Loaded. */
void vcpu_image_put(struct vcpu *vcpu, uint64_t groups, const struct vcpu_image *image);

/* What is in delivery, raised or held back in it. */
void vcpu_image_events_get(struct vcpu_image_events *to, const struct vcpu *vcpu);

/* Those groups of registers alone. */
void vcpu_image_copy_state(struct vcpu_state *to, const struct vcpu_state *from, uint64_t groups);

/*
 * The groups that this vCPU could not have come to have, or that the processor would not take: 0
 * where all are good. UINT64_MAX: it is no such image. Nothing in it is trusted. Loaded.
 */
must_check uint64_t vcpu_image_faults(struct vcpu *vcpu, uint64_t groups,
				      const struct vcpu_image *image);

/*
 * Debug: takes all groups out of the vCPU, makes it as a new one, with a pattern in all that has to
 * come back, and puts them back. Panics where an image taken then is not the same. Loaded.
 */
void vcpu_swap(struct vcpu *vcpu);
