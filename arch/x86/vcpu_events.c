/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place that decides what a vCPU is given next. Pure logic over vcpu_events and the vLAPIC.
 */
#include "arch/vcpu_events.h"

#include "core/vcpu.h"

/* APM2 8.2.9 "#DF": what two exceptions in a row become depends on their classes. */
enum exception_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT, CLASS_DOUBLE_FAULT };

static enum exception_class exception_class(uint8_t vector)
{
	switch (vector) {
	case VECTOR_DE:
	case VECTOR_TS:
	case VECTOR_NP:
	case VECTOR_SS:
	case VECTOR_GP:
		return CLASS_CONTRIBUTORY;
	case VECTOR_PF:
		return CLASS_PAGE_FAULT;
	case VECTOR_DF:
		return CLASS_DOUBLE_FAULT;
	default:
		return CLASS_BENIGN;
	}
}

enum combination { COMBINE_SERIAL, COMBINE_DOUBLE_FAULT, COMBINE_TRIPLE_FAULT };

static enum combination combine(uint8_t first, uint8_t second)
{
	enum exception_class a = exception_class(first), b = exception_class(second);

	if (b == CLASS_BENIGN) {
		return COMBINE_SERIAL;
	}
	if (a == CLASS_DOUBLE_FAULT) {
		return COMBINE_TRIPLE_FAULT;
	}
	if (a == CLASS_PAGE_FAULT || (a == CLASS_CONTRIBUTORY && b == CLASS_CONTRIBUTORY)) {
		return COMBINE_DOUBLE_FAULT;
	}
	return COMBINE_SERIAL;
}

/* The exception whose delivery the new one interrupts, or NULL. */
static struct vcpu_event *exception_in_delivery(struct vcpu_events *events)
{
	if (events->exception.kind != EVENT_NONE) {
		return &events->exception;
	}
	return events->injected.kind == EVENT_EXCEPTION ? &events->injected : NULL;
}

/*
 * A fault in the delivery of a soft event leaves RIP at the INT instruction, which will run again;
 * so it must not be given a second time. Interrupts and NMIs were taken from their source already:
 * they stay, and follow the exception's handler.
 */
static void drop_restarted(struct vcpu_events *events)
{
	enum vcpu_event_kind kind = events->injected.kind;

	if (kind != EVENT_INTERRUPT && kind != EVENT_NMI) {
		events->injected.kind = EVENT_NONE;
	}
}

static void raise_event(struct vcpu_events *events, const struct vcpu_event *event)
{
	struct vcpu_event *first = exception_in_delivery(events);
	enum combination combination =
		first == NULL ? COMBINE_SERIAL : combine(first->vector, event->vector);

	drop_restarted(events);
	switch (combination) {
	case COMBINE_SERIAL: /* the first comes again when its instruction is run again */
		events->exception = *event;
		break;
	case COMBINE_DOUBLE_FAULT:
		events->exception = (struct vcpu_event){
			.kind = EVENT_EXCEPTION,
			.vector = VECTOR_DF,
			.has_error = true,
		};
		break;
	case COMBINE_TRIPLE_FAULT:
		events->exception.kind = EVENT_NONE;
		events->triple_fault = true;
		break;
	}
}

static void raise_payload(struct vcpu *vcpu, struct vcpu_event event)
{
	event.kind = EVENT_EXCEPTION;
	raise_event(&vcpu->arch.events, &event);
}

void vcpu_events_raise(struct vcpu *vcpu, uint8_t vector, bool has_error, uint32_t error)
{
	raise_payload(vcpu, (struct vcpu_event){
				    .vector = vector, .has_error = has_error, .error = error });
}

void vcpu_events_raise_ud(struct vcpu *vcpu)
{
	vcpu_events_raise(vcpu, VECTOR_UD, false, 0);
}

void vcpu_events_raise_gp(struct vcpu *vcpu)
{
	vcpu_events_raise(vcpu, VECTOR_GP, true, 0);
}

void vcpu_events_raise_pf(struct vcpu *vcpu, uint32_t error, uint64_t address)
{
	raise_payload(vcpu, (struct vcpu_event){ .vector = VECTOR_PF,
						 .has_error = true,
						 .error = error,
						 .payload = address });
}

void vcpu_events_raise_db(struct vcpu *vcpu, uint64_t dr6_bits)
{
	raise_payload(vcpu, (struct vcpu_event){ .vector = VECTOR_DB, .payload = dr6_bits });
}

void vcpu_events_requeue(struct vcpu *vcpu, const struct vcpu_event *event)
{
	struct vcpu_events *events = &vcpu->arch.events;

	/* It came before an interrupt whose own delivery had been interrupted: that waits on. */
	if (events->injected.kind == EVENT_INTERRUPT) {
		if (event->kind == EVENT_EXCEPTION) {
			events->exception = *event;
			return;
		}
		if (event->kind == EVENT_NMI) {
			events->nmi_pending = true;
			events->nmi_masked = false;
			return;
		}
	}
	events->injected = *event;
	if (event->kind == EVENT_NMI) {
		events->nmi_masked = true;
	}
}

static bool can_take_interrupt(const struct vcpu *vcpu)
{
	return (vcpu->arch.state->rflags & RFLAGS_IF) != 0 && !vcpu->arch.events.interrupt_shadow;
}

static bool can_take_nmi(const struct vcpu_events *events)
{
	return events->nmi_pending && !events->nmi_masked && !events->interrupt_shadow;
}

/* An interrupt that had to wait for an exception's handler finds IF changed by that handler. */
static bool can_reinject(const struct vcpu *vcpu)
{
	enum vcpu_event_kind kind = vcpu->arch.events.injected.kind;

	return kind != EVENT_NONE && (kind != EVENT_INTERRUPT || can_take_interrupt(vcpu));
}

static void take(struct vcpu_event *event, struct vcpu_event *from)
{
	*event = *from;
	from->kind = EVENT_NONE;
}

static void take_nmi(struct vcpu_event *event, struct vcpu_events *events)
{
	*event = (struct vcpu_event){ .kind = EVENT_NMI, .vector = VECTOR_NMI };
	events->nmi_pending = false;
	events->nmi_masked = true;
}

/*
 * An NMI that had to wait for an exception's handler may find a shadow there, in which it can not
 * be given: SDM3 27.3.1.5 "Checks on Guest Non-Register State". It has not begun, then.
 */
static void postpone_nmi(struct vcpu_events *events)
{
	if (unlikely(events->injected.kind == EVENT_NMI) && events->interrupt_shadow) {
		events->injected.kind = EVENT_NONE;
		events->nmi_pending = true;
		events->nmi_masked = false;
	}
}

void vcpu_events_next(struct vcpu *vcpu, struct vcpu_event *event, struct vcpu_windows *windows)
{
	struct vcpu_events *events = &vcpu->arch.events;
	int vector = vlapic_injectable(vcpu);

	postpone_nmi(events);
	event->kind = EVENT_NONE;
	if (unlikely(events->injected.kind == EVENT_EXCEPTION)) {
		take(event, &events->injected);
	} else if (unlikely(events->exception.kind != EVENT_NONE)) {
		take(event, &events->exception);
	} else if (unlikely(can_reinject(vcpu))) {
		take(event, &events->injected);
	} else if (unlikely(can_take_nmi(events))) {
		take_nmi(event, events);
	} else if (vector >= 0 && events->injected.kind == EVENT_NONE && can_take_interrupt(vcpu)) {
		*event = (struct vcpu_event){ .kind = EVENT_INTERRUPT, .vector = (uint8_t)vector };
		vlapic_accept(vcpu, (uint8_t)vector);
		vector = -1;
	}
	windows->interrupt = vector >= 0 || events->injected.kind == EVENT_INTERRUPT;
	windows->nmi = events->nmi_pending;
}

bool vcpu_events_deliverable(struct vcpu *vcpu)
{
	const struct vcpu_events *events = &vcpu->arch.events;

	return can_reinject(vcpu) || events->exception.kind != EVENT_NONE || events->triple_fault ||
	       can_take_nmi(events) || (can_take_interrupt(vcpu) && vlapic_pending(vcpu) >= 0);
}
