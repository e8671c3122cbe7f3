/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages between local APICs and from devices: who is meant, and what it does to them. Receivers
 * are only posted to. APM2 16.5 "Interprocessor Interrupts", SDM3 11.6.2 "Determining IPI
 * Destination".
 */
#include "arch/vlapic.h"

#include "arch/vlapic_regs.h"
#include "core/sched.h"
#include "core/vm.h"

#define XAPIC_BROADCAST  UINT32_C(0xff)
#define X2APIC_BROADCAST UINT32_MAX
#define LOGICAL_CLUSTER  BITS(31, 16) /* of a logical x2APIC ID */
#define LOGICAL_MEMBERS  BITS(15, 0)

/* ---- requests that are no vectors ---- */

static uint64_t requests_with(uint64_t old, enum vlapic_mode mode, uint8_t vector)
{
	switch (mode) {
	case VLAPIC_NMI:
		return old | REQUEST_NMI;
	case VLAPIC_INIT:
		/* A start-up that came before does not survive it. */
		return (old & ~(REQUEST_SIPI | REQUEST_SIPI_VECTOR)) | REQUEST_INIT;
	case VLAPIC_SIPI:
		/* The first one starts the processor, the second finds it running. */
		return (old & REQUEST_SIPI) != 0
			       ? old
			       : old | REQUEST_SIPI | field_set(REQUEST_SIPI_VECTOR, vector);
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
	case VLAPIC_SMI:
	case VLAPIC_EXTINT:
		break;
	}
	return old;
}

static void post_request(struct vcpu *vcpu, const struct vlapic_message *message)
{
	uint64_t *requests = &vcpu->arch.requests;
	uint64_t old = __atomic_load_n(requests, __ATOMIC_RELAXED);
	uint64_t new;

	do {
		new = requests_with(old, message->mode, message->vector);
	} while (!__atomic_compare_exchange_n(requests, &old, new, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	if (vcpu != message->source) {
		sched_notify(vcpu);
	}
}

/* ---- receivers ---- */

static uint64_t route_of(const struct vcpu *vcpu)
{
	return atomic_load(&vcpu->arch.vlapic.route);
}

/* While software-disabled an APIC takes all but vectors: SDM3 11.4.7.2. */
static bool does_accept(const struct vcpu *vcpu, enum vlapic_mode mode)
{
	uint64_t needed = VLAPIC_ROUTE_ENABLED;

	if (mode == VLAPIC_FIXED || mode == VLAPIC_LOWEST) {
		needed |= VLAPIC_ROUTE_ACCEPTS;
	}
	return (route_of(vcpu) & needed) == needed;
}

/* An illegal vector is an error of the receiver, and nothing that it will ever end. */
static bool receive_vector(struct vcpu *vcpu, const struct vlapic_message *message)
{
	bool is_legal = message->vector >= VLAPIC_VECTOR_FIRST;

	if (vcpu == message->source && is_legal) {
		vlapic_raise_self(&vcpu->arch.vlapic, message->vector);
	} else {
		vlapic_post(vcpu, message->vector, message->is_level && is_legal);
	}
	return is_legal;
}

/* False where nothing happens: SMIs are the firmware's, and the 8259 has no messages here. */
static bool receive(struct vcpu *vcpu, const struct vlapic_message *message)
{
	if (!does_accept(vcpu, message->mode)) {
		return false;
	}
	switch (message->mode) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
		return receive_vector(vcpu, message);
	case VLAPIC_NMI:
	case VLAPIC_INIT:
	case VLAPIC_SIPI:
		post_request(vcpu, message);
		return true;
	case VLAPIC_SMI:
	case VLAPIC_EXTINT:
		break;
	}
	return false;
}

/* ---- matching ---- */

static bool is_broadcast(const struct vlapic_message *message)
{
	return message->destination == (message->is_x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST);
}

static bool matches_x2apic(uint32_t logical, uint32_t destination)
{
	return field_get(LOGICAL_CLUSTER, logical) == field_get(LOGICAL_CLUSTER, destination) &&
	       (logical & destination & LOGICAL_MEMBERS) != 0;
}

/* Flat: one bit each. Cluster: the cluster in the high half, a bit each in the low one. */
static bool matches_xapic(uint64_t route, uint32_t destination)
{
	uint32_t logical = (uint32_t)field_get(BITS(31, 24), route);

	if ((route & VLAPIC_ROUTE_FLAT) != 0) {
		return (logical & destination) != 0;
	}
	return (route & VLAPIC_ROUTE_CLUSTER) != 0 &&
	       field_get(BITS(7, 4), logical) == field_get(BITS(7, 4), destination) &&
	       (logical & destination & BITS(3, 0)) != 0;
}

static bool matches(const struct vcpu *vcpu, const struct vlapic_message *message)
{
	uint64_t route = route_of(vcpu);

	switch (message->shorthand) {
	case VLAPIC_SELF:
		return vcpu == message->source;
	case VLAPIC_ALL:
		return true;
	case VLAPIC_OTHERS:
		return vcpu != message->source;
	case VLAPIC_DEST:
		break;
	}
	if (is_broadcast(message)) {
		return true;
	}
	if (!message->is_logical) {
		return vcpu->arch.vlapic.apic_id == message->destination;
	}
	return (route & VLAPIC_ROUTE_X2APIC) != 0
		       ? matches_x2apic((uint32_t)route, message->destination)
		       : matches_xapic(route, message->destination);
}

static bool is_single(const struct vlapic_message *message)
{
	return message->shorthand == VLAPIC_SELF ||
	       (message->shorthand == VLAPIC_DEST && !message->is_logical &&
		!is_broadcast(message));
}

/* A cluster of the x2APIC's logical form is 16 neighbouring IDs, so that nobody else need be asked.
 */
static bool is_cluster(const struct vlapic_message *message)
{
	return message->shorthand == VLAPIC_DEST && message->is_logical && message->is_x2apic &&
	       !is_broadcast(message);
}

static uint32_t candidate_count(const struct vm *vm, const struct vlapic_message *message)
{
	return is_single(message) ? 1 : is_cluster(message) ? 16 : vm->vcpu_count;
}

/* The candidate of that number if the message is for it, else NULL. */
static struct vcpu *candidate(const struct vm *vm, const struct vlapic_message *message, uint32_t n)
{
	struct vcpu *vcpu;

	if (message->shorthand == VLAPIC_SELF) {
		return message->source;
	}
	if (is_single(message)) {
		return vlapic_map_find(vm, message->destination);
	}
	if (is_cluster(message)) {
		uint64_t cluster = field_get(LOGICAL_CLUSTER, message->destination);

		vcpu = (message->destination & BIT(n)) == 0
			       ? NULL
			       : vlapic_map_find(vm, (uint32_t)(cluster << 4 | n));
	} else {
		vcpu = vm->vcpus[n];
	}
	return vcpu != NULL && matches(vcpu, message) ? vcpu : NULL;
}

/*
 * One of those who accept, the same for the same vector while they stay the same. Should one of
 * them have turned its APIC off since they were counted, the last of the others takes it: an edge
 * that nobody takes is lost.
 */
static unsigned deliver_lowest(struct vm *vm, const struct vlapic_message *message)
{
	uint32_t candidates = candidate_count(vm, message);
	struct vcpu *taker = NULL;
	uint32_t accepting = 0, chosen;

	for (uint32_t i = 0; i < candidates; i++) {
		struct vcpu *vcpu = candidate(vm, message, i);

		accepting += vcpu != NULL && does_accept(vcpu, message->mode);
	}
	if (accepting == 0) {
		return 0;
	}
	chosen = message->vector % accepting;
	for (uint32_t i = 0; i < candidates && chosen != UINT32_MAX; i++) {
		struct vcpu *vcpu = candidate(vm, message, i);

		if (vcpu != NULL && does_accept(vcpu, message->mode)) {
			taker = vcpu;
			chosen--;
		}
	}
	return taker != NULL && receive(taker, message);
}

/* What devices send, mostly. The lowest priority of one is that one's. */
static unsigned deliver_single(struct vm *vm, const struct vlapic_message *message)
{
	struct vcpu *vcpu = message->shorthand == VLAPIC_SELF
				    ? message->source
				    : vlapic_map_find(vm, message->destination);

	return vcpu != NULL && receive(vcpu, message);
}

unsigned vlapic_deliver(struct vm *vm, const struct vlapic_message *message)
{
	uint32_t candidates;
	unsigned taken = 0;

	if (is_single(message)) {
		return deliver_single(vm, message);
	}
	if (message->mode == VLAPIC_LOWEST) {
		return deliver_lowest(vm, message);
	}
	candidates = candidate_count(vm, message);
	for (uint32_t i = 0; i < candidates; i++) {
		struct vcpu *vcpu = candidate(vm, message, i);

		taken += vcpu != NULL && receive(vcpu, message);
	}
	return taken;
}

struct vcpu *vlapic_target(struct vm *vm, const struct vlapic_message *message)
{
	uint32_t candidates = candidate_count(vm, message);

	for (uint32_t i = 0; i < candidates; i++) {
		struct vcpu *vcpu = candidate(vm, message, i);

		if (vcpu != NULL) {
			return vcpu;
		}
	}
	return NULL;
}

/* ---- the interrupt command register ---- */

static struct vlapic_message message_of(struct vcpu *vcpu, uint64_t icr)
{
	uint32_t destination = (uint32_t)field_get(VLAPIC_ICR_DESTINATION, icr);
	bool is_x2apic = vlapic_is_x2apic(&vcpu->arch.vlapic);

	return (struct vlapic_message){
		.destination = is_x2apic ? destination : destination >> 24,
		.is_logical = (icr & VLAPIC_ICR_LOGICAL) != 0,
		.is_x2apic = is_x2apic,
		.mode = (enum vlapic_mode)field_get(VLAPIC_ICR_MODE, icr),
		.shorthand = (enum vlapic_shorthand)field_get(VLAPIC_ICR_SHORTHAND, icr),
		.vector = (uint8_t)field_get(VLAPIC_ICR_VECTOR, icr),
		.source = vcpu,
	};
}

/* A level-triggered de-assertion is of the days of the APIC bus and does nothing since. */
static bool is_deassertion(uint64_t icr)
{
	return (icr & (VLAPIC_ICR_LEVEL | VLAPIC_ICR_ASSERT)) == VLAPIC_ICR_LEVEL;
}

/* A legal vector to itself: the one message that systems send in their hot paths. */
static bool is_to_self(const struct vlapic *vlapic, uint64_t icr)
{
	return (icr & (VLAPIC_ICR_SHORTHAND | VLAPIC_ICR_MODE)) ==
		       field_set(VLAPIC_ICR_SHORTHAND, VLAPIC_SELF) &&
	       field_get(VLAPIC_ICR_VECTOR, icr) >= VLAPIC_VECTOR_FIRST &&
	       vlapic_is_software_enabled(vlapic);
}

void vlapic_send(struct vcpu *vcpu, uint64_t icr)
{
	struct vlapic_message message;

	if (is_to_self(&vcpu->arch.vlapic, icr)) {
		vlapic_raise_self(&vcpu->arch.vlapic, (uint8_t)field_get(VLAPIC_ICR_VECTOR, icr));
		return;
	}
	message = message_of(vcpu, icr);
	if (message.mode == VLAPIC_INIT && is_deassertion(icr)) {
		return;
	}
	if (message.mode <= VLAPIC_LOWEST && message.vector < VLAPIC_VECTOR_FIRST) {
		vlapic_raise_error(&vcpu->arch.vlapic, VLAPIC_ESR_SEND_VECTOR);
		return;
	}
	(void)vlapic_deliver(vcpu->vm, &message);
}
