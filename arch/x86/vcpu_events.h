/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is to be delivered to a vCPU, vendor-neutral: pending (not yet given to the hardware) apart
 * from injected (in delivery when the guest was left: must be given again first). It alone decides
 * the next injection; vendors only translate. APM2 15.20 "Event Injection", SDM3 28.2.4. Owner CPU
 * only: other CPUs post to the vLAPIC or set bits of arch_vcpu.requests.
 */
#pragma once

#include "core/bits.h"

struct vcpu;

enum vcpu_event_kind {
	EVENT_NONE,
	EVENT_EXCEPTION,
	EVENT_INTERRUPT,
	EVENT_NMI,
	EVENT_SOFT_INTERRUPT,
	EVENT_SOFT_EXCEPTION
};

struct vcpu_event {
	enum vcpu_event_kind kind;
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint64_t payload; /* #PF: CR2, #DB: DR6 bits; applied at delivery */
};

struct vcpu_events {
	struct vcpu_event injected;  /* was in delivery at the exit (EXITINTINFO, IDT-vectoring) */
	struct vcpu_event exception; /* pending, raised by us */
	bool nmi_pending;            /* at most one waits behind one in service, as in hardware */
	bool nmi_masked;             /* from delivery until IRET */
	bool interrupt_shadow;       /* STI, MOV SS */
	bool debug_shadow;           /* it is of MOV SS, which holds #DB back too */
	bool waits_for_sipi;
	bool triple_fault;
	/* What the processor holds back of #DB. VT-x tells this and the kind of a shadow: both are
	 * up to date where STATE_EVENTS was asked for. */
	uint64_t pending_debug;
#define PENDING_DEBUG_HITS    BITS(3, 0) /* breakpoints met, as in DR6 */
#define PENDING_DEBUG_ENABLED BIT(12)    /* one of them was enabled */
#define PENDING_DEBUG_STEP    BIT(14)
};

#define VECTOR_DE  0
#define VECTOR_DB  1
#define VECTOR_NMI 2
#define VECTOR_BP  3
#define VECTOR_OF  4
#define VECTOR_BR  5
#define VECTOR_UD  6
#define VECTOR_NM  7
#define VECTOR_DF  8
#define VECTOR_TS  10
#define VECTOR_NP  11
#define VECTOR_SS  12
#define VECTOR_GP  13
#define VECTOR_PF  14
#define VECTOR_MF  16
#define VECTOR_AC  17
#define VECTOR_MC  18
#define VECTOR_XF  19

/*
 * Raises an exception in the guest. Combines with one in delivery as APM2 8.2.9 "#DF" says: double
 * fault, then triple fault. RIP stays where it is: at the instruction for faults, past it (skipped
 * before) for traps.
 */
void vcpu_events_raise(struct vcpu *vcpu, uint8_t vector, bool has_error, uint32_t error);
void vcpu_events_raise_ud(struct vcpu *vcpu);
void vcpu_events_raise_gp(struct vcpu *vcpu); /* error code 0 */
void vcpu_events_raise_pf(struct vcpu *vcpu, uint32_t error, uint64_t address);
void vcpu_events_raise_db(struct vcpu *vcpu, uint64_t dr6_bits);

/* The event that was in delivery when the guest was left; it is given again at the next entry. */
void vcpu_events_requeue(struct vcpu *vcpu, const struct vcpu_event *event);

/*
 * Chooses what to inject at this entry, given what the guest can take now (RFLAGS.IF, shadow, NMI
 * mask): an exception in delivery first, then a new one, then an interrupt or NMI that was in
 * delivery, NMI, interrupt from the vLAPIC. Returns it in *event (EVENT_NONE: nothing), removes it
 * from pending, and says which windows to ask the hardware for.
 */
struct vcpu_windows {
	bool interrupt; /* an interrupt waits for IF, the shadow's end or its turn */
	bool nmi;       /* an NMI waits for IRET, the shadow's end or its turn */
};
void vcpu_events_next(struct vcpu *vcpu, struct vcpu_event *event, struct vcpu_windows *windows);

/* Something can be delivered now, so that a HLT is over. The posts are folded in. */
bool vcpu_events_deliverable(struct vcpu *vcpu);
