/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU's state to an image and back. What an image may have in it: vcpu_image_check.c. */
#include "arch/vcpu_image.h"

#include "arch/exit_dr.h"
#include "arch/fpu.h"
#include "arch/vcpu_regs.h"
#include "arch/vlapic_regs.h"
#include "arch/vmce.h"
#include "core/arch.h"
#include "core/err.h"
#include "core/string.h"

#define SIZE_OF(member) sizeof(((struct vcpu_image *)0)->member)
#define PART(group, name, member)                                                     \
	{                                                                             \
		(group), (name), offsetof(struct vcpu_image, member), SIZE_OF(member) \
	}
#define GPR_SIZE (offsetof(struct vcpu_state, sregs) - offsetof(struct vcpu_state, gpr))

const struct vcpu_image_part vcpu_image_parts[VCPU_IMAGE_PARTS] = {
	{ STATE_GPR, "gpr", offsetof(struct vcpu_image, state.gpr), GPR_SIZE },
	PART(STATE_SREGS, "sregs", state.sregs),
	PART(STATE_MSR, "msr", state.msrs),
	PART(STATE_DEBUG, "debug", state.debug),
	PART(STATE_TSC, "tsc", state.tsc),
	PART(STATE_XSAVE, "xcr0", state.xcr0),
	PART(STATE_EVENTS, "events", events),
	PART(STATE_LAPIC, "lapic", lapic),
	PART(STATE_MCE, "mce", mce),
	PART(STATE_XSAVE, "xsave", xsave),
};

void vcpu_image_copy_state(struct vcpu_state *to, const struct vcpu_state *from, uint64_t groups)
{
	for (unsigned i = 0; i < VCPU_IMAGE_PARTS; i++) {
		const struct vcpu_image_part *part = &vcpu_image_parts[i];
		size_t at = part->offset - offsetof(struct vcpu_image, state);

		if ((groups & part->group) != 0 && at < sizeof(*to)) {
			memcpy((uint8_t *)to + at, (const uint8_t *)from + at, part->size);
		}
	}
}

/* ---- events ---- */

static void event_get(struct vcpu_image_event *to, const struct vcpu_event *from)
{
	if (from->kind != EVENT_NONE) {
		to->word = field_set(IMAGE_EVENT_VECTOR, from->vector) |
			   field_set(IMAGE_EVENT_KIND, from->kind) |
			   field_set(IMAGE_EVENT_HAS_ERROR, from->has_error) |
			   field_set(IMAGE_EVENT_ERROR, from->error);
		to->payload = from->payload;
	}
}

static struct vcpu_event event_of(const struct vcpu_image_event *from)
{
	return (struct vcpu_event){
		.kind = (enum vcpu_event_kind)field_get(IMAGE_EVENT_KIND, from->word),
		.vector = (uint8_t)field_get(IMAGE_EVENT_VECTOR, from->word),
		.has_error = (from->word & IMAGE_EVENT_HAS_ERROR) != 0,
		.error = (uint32_t)field_get(IMAGE_EVENT_ERROR, from->word),
		.payload = from->payload,
	};
}

void vcpu_image_events_get(struct vcpu_image_events *to, const struct vcpu *vcpu)
{
	const struct vcpu_events *from = &vcpu->arch.events;

	event_get(&to->injected, &from->injected);
	event_get(&to->exception, &from->exception);
	to->flags = field_set(IMAGE_NMI_PENDING, from->nmi_pending) |
		    field_set(IMAGE_NMI_MASKED, from->nmi_masked) |
		    field_set(IMAGE_INTERRUPT_SHADOW, from->interrupt_shadow) |
		    field_set(IMAGE_DEBUG_SHADOW, from->debug_shadow) |
		    field_set(IMAGE_WAITS_FOR_SIPI, from->waits_for_sipi) |
		    field_set(IMAGE_TRIPLE_FAULT, from->triple_fault) |
		    field_set(IMAGE_HALTED, vcpu->arch.halted);
	to->pending_debug = from->pending_debug;
}

static void events_set(struct vcpu *vcpu, const struct vcpu_image_events *from)
{
	vcpu->arch.events = (struct vcpu_events){
		.injected = event_of(&from->injected),
		.exception = event_of(&from->exception),
		.nmi_pending = (from->flags & IMAGE_NMI_PENDING) != 0,
		.nmi_masked = (from->flags & IMAGE_NMI_MASKED) != 0,
		.interrupt_shadow = (from->flags & IMAGE_INTERRUPT_SHADOW) != 0,
		.debug_shadow = (from->flags & IMAGE_DEBUG_SHADOW) != 0,
		.waits_for_sipi = (from->flags & IMAGE_WAITS_FOR_SIPI) != 0,
		.triple_fault = (from->flags & IMAGE_TRIPLE_FAULT) != 0,
		.pending_debug = from->pending_debug,
	};
	vcpu->arch.halted = (from->flags & IMAGE_HALTED) != 0;
}

/* ---- all ---- */

/* The CPU goes on with them: what it holds is given back at once. */
static void xsave_get(struct vcpu_image *image, struct vcpu *vcpu)
{
	fpu_put(vcpu);
	memcpy(image->xsave, vcpu->arch.xsave, PAGE_SIZE);
	fpu_load(vcpu);
}

static void xsave_set(struct vcpu *vcpu, const struct vcpu_image *image)
{
	memcpy(vcpu->arch.xsave, image->xsave, PAGE_SIZE);
	fpu_load(vcpu);
}

void vcpu_image_get(struct vcpu *vcpu, uint64_t groups, struct vcpu_image *image)
{
	memset(image, 0, sizeof(*image));
	image->version = VCPU_IMAGE_VERSION;
	image->groups = groups;
	image->time = arch_time_now();
	if ((groups & STATE_DEBUG) != 0 && vcpu->arch.debug_live) {
		exit_dr_put(vcpu);
		vcpu->arch.debug_live = true; /* they are only read */
	}
	vcpu_image_copy_state(&image->state, vcpu_regs(vcpu, groups), groups);
	if ((groups & STATE_SREGS) != 0) {
		image->state.sregs.cr8 = vlapic_cr8_read(vcpu);
	}
	if ((groups & STATE_XSAVE) != 0) {
		xsave_get(image, vcpu);
	}
	if ((groups & STATE_EVENTS) != 0) {
		vcpu_image_events_get(&image->events, vcpu);
	}
	if ((groups & STATE_LAPIC) != 0) {
		vlapic_image_get(&image->lapic, &vcpu->arch.vlapic);
	}
	if ((groups & STATE_MCE) != 0) {
		vmce_image_get(&image->mce, vcpu);
	}
}

/* What two groups know of is the LAPIC's where both are given: CR8, the TSC's deadline. */
static void lapic_set(struct vcpu *vcpu, uint64_t groups, const struct vcpu_image *image)
{
	if ((groups & STATE_LAPIC) != 0) {
		vlapic_image_set(&vcpu->arch.vlapic, &image->lapic);
		return;
	}
	if ((groups & STATE_SREGS) != 0 && image->state.sregs.cr8 != vlapic_cr8_read(vcpu)) {
		vlapic_cr8_write(vcpu, (uint8_t)image->state.sregs.cr8);
	}
	if ((groups & STATE_TSC) != 0) {
		vlapic_tsc_changed(vcpu);
	}
}

/*
 * The vendor takes its registers at once, and not with the next entry: what is injected there looks
 * at them and changes them (CR2, DR6) before dirty groups are moved. Of events it has a part that
 * follows the rest.
 */
void vcpu_image_put(struct vcpu *vcpu, uint64_t groups, const struct vcpu_image *image)
{
	struct vcpu_state *state = vcpu->arch.state;

	vcpu_image_copy_state(state, &image->state, groups);
	state->valid |= groups;
	if ((groups & STATE_EVENTS) != 0) {
		events_set(vcpu, &image->events);
	}
	virt->state_set(vcpu, groups);
	if ((groups & STATE_XSAVE) != 0) {
		xsave_set(vcpu, image);
	}
	lapic_set(vcpu, groups, image);
	if ((groups & STATE_MCE) != 0) {
		vmce_image_set(vcpu, &image->mce);
	}
	if ((groups & STATE_DEBUG) != 0) {
		vcpu->arch.debug_live = false;
		exit_dr_load(vcpu);
	}
	virt->vcpu_load(vcpu);
	vcpu->arch.flush = true;
}

int arch_vcpu_state_set(struct vcpu *vcpu, uint64_t groups, const struct vcpu_image *image)
{
	if (vcpu_image_faults(vcpu, groups, image) != 0) {
		return -E_INVAL;
	}
	vcpu_image_put(vcpu, groups, image);
	return 0;
}
