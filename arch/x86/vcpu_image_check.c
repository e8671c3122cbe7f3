/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an image may have in it: whoever gives one is not trusted. Two questions are asked of each
 * group: can the hypervisor load it without a fault of its own, and could the guest have come to
 * have it. What only hurts the guest is not asked (selectors, RIP).
 */
#include "arch/vcpu_image.h"

#include "arch/cpuid.h"
#include "arch/exit_msr.h"
#include "arch/fpu.h"
#include "arch/vcpu_regs.h"
#include "arch/vlapic_regs.h"
#include "arch/vmce.h"
#include "core/vm.h"

#define CR0_KEPT (CR0_PG | CR0_AM | CR0_WP | BITS(5, 0)) /* as exit_cr.c keeps them */

#define SEGMENT_ATTRIBUTES BITS(11, 0)
#define XSTATE_LEGACY      (XCR0_X87 | XCR0_SSE)

/* In 48 bits: 5-level paging is not offered. */
static bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* ---- registers ---- */

static bool rflags_are_valid(const struct vcpu_state *state)
{
	return (state->rflags & ~RFLAGS_ALL) == 0 && (state->rflags & RFLAGS_RES1) != 0 &&
	       ((state->rflags & RFLAGS_VM) == 0 || (state->sregs.efer & EFER_LMA) == 0);
}

/* APM2 15.5.1 "Basic Operation": what VMRUN refuses, and what exit_cr.c does. */
static bool control_is_valid(const struct vcpu_sregs *sregs, const struct cpuid_table *cpuid)
{
	bool paging = (sregs->cr0 & CR0_PG) != 0;
	bool is_long = paging && (sregs->efer & EFER_LME) != 0;
	uint64_t code = sregs->segments[SEGMENT_CS].attributes;

	if ((sregs->cr0 & ~CR0_KEPT) != 0 || (sregs->cr0 & CR0_ET) == 0 ||
	    (paging && (sregs->cr0 & CR0_PE) == 0)) {
		return false;
	}
	if ((sregs->cr4 & ~cpuid->cr4) != 0 || (sregs->efer & ~(cpuid->efer | EFER_LMA)) != 0 ||
	    sregs->cr3 >> cpuid->physical_bits != 0 || sregs->cr8 > 15 || sregs->cpl > 3) {
		return false;
	}
	if (is_long != ((sregs->efer & EFER_LMA) != 0) ||
	    (!is_long && (sregs->cr4 & CR4_PCIDE) != 0)) {
		return false;
	}
	return !is_long || ((sregs->cr4 & CR4_PAE) != 0 &&
			    (code & (SEGMENT_L | SEGMENT_DB)) != (SEGMENT_L | SEGMENT_DB));
}

static bool pdptes_are_valid(const struct vcpu_sregs *sregs, unsigned physical_bits)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(sregs->pdptes); i++) {
		if (!vcpu_regs_pdpte_is_valid(sregs->pdptes[i], physical_bits)) {
			return false;
		}
		all |= sregs->pdptes[i];
	}
	return all == 0 || vcpu_regs_is_pae(sregs);
}

/* FS, GS and the system segments have bases of 64 bits. */
static bool segments_are_valid(const struct vcpu_sregs *sregs)
{
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment *segment = &sregs->segments[i];
		bool is_good =
			i < SEGMENT_FS ? segment->base <= UINT32_MAX : is_canonical(segment->base);

		if (!is_good || (segment->attributes & ~SEGMENT_ATTRIBUTES) != 0) {
			return false;
		}
	}
	return is_canonical(sregs->gdtr.base) && is_canonical(sregs->idtr.base) &&
	       sregs->gdtr.limit <= UINT16_MAX && sregs->idtr.limit <= UINT16_MAX;
}

static bool msrs_are_valid(const struct vm *vm, const struct vcpu_msrs *msrs)
{
	return is_canonical(msrs->lstar) && is_canonical(msrs->cstar) &&
	       is_canonical(msrs->kernel_gs_base) && is_canonical(msrs->sysenter_esp) &&
	       is_canonical(msrs->sysenter_eip) && exit_msr_is_valid(vm, msrs);
}

/* APM2 11.5.9 "XRSTOR": what faults there. Without XSAVE, FXRSTOR looks at MXCSR alone. */
static bool xsave_is_valid(const struct vcpu_image *image, const struct cpuid_table *cpuid)
{
	const struct xsave_area *area = (const void *)image->xsave;
	uint64_t components = fpu_xcr0_supported() | XSTATE_LEGACY;
	uint64_t reserved = area->xcomp_bv;

	for (unsigned i = 0; i < ARRAY_SIZE(area->header_reserved); i++) {
		reserved |= area->header_reserved[i];
	}
	return reserved == 0 && (area->xstate_bv & ~components) == 0 &&
	       (area->mxcsr & ~fpu_mxcsr_mask()) == 0 &&
	       (image->state.xcr0 == XCR0_X87 || fpu_xcr0_is_valid(image->state.xcr0, cpuid->xcr0));
}

/* ---- events ---- */

/*
 * What a guest can have in delivery or raised in it. Others, of which 2 is the NMI, are refused at
 * the entry, by AMD's at least: APM2 15.20 "Event Injection". 3 and 4 come of soft events alone.
 */
#define EXCEPTIONS            (BITS(19, 16) | BITS(14, 10) | BITS(8, 5) | BITS(1, 0))
#define EXCEPTIONS_WITH_ERROR (BIT(VECTOR_AC) | BITS(14, 10) | BIT(VECTOR_DF))

/* DR6's upper half is not there: VMRUN refuses it. */
static bool payload_is_valid(uint8_t vector, uint64_t payload)
{
	return payload == 0 || vector == VECTOR_PF ||
	       (vector == VECTOR_DB && payload <= UINT32_MAX);
}

/* Codes have 16 bits at most; SDM3 27.2.1.3 "VM-Entry Control Fields" wants no more. */
static bool error_is_valid(uint8_t vector, uint64_t word)
{
	uint64_t error = field_get(IMAGE_EVENT_ERROR, word);

	if ((word & IMAGE_EVENT_HAS_ERROR) == 0) {
		return error == 0;
	}
	return (EXCEPTIONS_WITH_ERROR & BIT(vector)) != 0 && error <= UINT16_MAX;
}

/* Soft events are not kept: their instruction runs again. */
static bool event_is_valid(const struct vcpu_image_event *event)
{
	const uint64_t error = IMAGE_EVENT_HAS_ERROR | IMAGE_EVENT_ERROR;
	uint64_t kind = field_get(IMAGE_EVENT_KIND, event->word);
	uint8_t vector = (uint8_t)field_get(IMAGE_EVENT_VECTOR, event->word);

	if ((event->word & ~(error | IMAGE_EVENT_KIND | IMAGE_EVENT_VECTOR)) != 0) {
		return false;
	}
	if (kind == EVENT_EXCEPTION) {
		return vector < 32 && (EXCEPTIONS & BIT(vector)) != 0 &&
		       error_is_valid(vector, event->word) &&
		       payload_is_valid(vector, event->payload);
	}
	return event->payload == 0 && (event->word & error) == 0 &&
	       ((kind == EVENT_NONE && vector == 0) || kind == EVENT_INTERRUPT ||
		(kind == EVENT_NMI && vector == VECTOR_NMI));
}

/*
 * SDM3 27.3.1.5 "Checks on Guest Non-Register State": a step is pending in a shadow exactly with
 * TF; its rules for BTF and HLT have no case here, for the processor sees neither. A vendor that
 * can not hold #DB back, or does not tell, takes no image that does: the #DB would be lost.
 */
static bool pending_debug_is_valid(const struct vcpu_image_events *events, uint64_t rflags)
{
	bool shadow = (events->flags & IMAGE_INTERRUPT_SHADOW) != 0;
	bool holds = (events->flags & IMAGE_DEBUG_SHADOW) != 0;
	bool steps = (rflags & RFLAGS_TF) != 0;

	if (virt->pending_debug == 0) {
		return events->pending_debug == 0 && !holds;
	}
	return (events->pending_debug & ~virt->pending_debug) == 0 && (shadow || !holds) &&
	       (!shadow || ((events->pending_debug & PENDING_DEBUG_STEP) != 0) == steps);
}

static bool events_are_valid(const struct vcpu_image_events *events, uint64_t rflags)
{
	uint64_t raised = field_get(IMAGE_EVENT_KIND, events->exception.word);

	return event_is_valid(&events->injected) && event_is_valid(&events->exception) &&
	       (raised == EVENT_NONE || raised == EVENT_EXCEPTION) &&
	       (events->flags & ~IMAGE_FLAGS) == 0 && pending_debug_is_valid(events, rflags);
}

/* An error code belongs to these vectors; real mode pushes none, and knows none where a delivery
 * was left in it. */
static bool has_its_error(const struct vcpu_image_event *event)
{
	uint64_t vector = field_get(IMAGE_EVENT_VECTOR, event->word);

	return field_get(IMAGE_EVENT_KIND, event->word) != EVENT_EXCEPTION || vector >= 32 ||
	       (EXCEPTIONS_WITH_ERROR & BIT(vector)) == 0 ||
	       (event->word & IMAGE_EVENT_HAS_ERROR) != 0;
}

/* Events that stay meet a mode that is set, too. */
static bool errors_fit(const struct vcpu *vcpu, const struct vcpu_image_events *set, uint64_t cr0)
{
	struct vcpu_image_events events = { 0 };

	if ((cr0 & CR0_PE) == 0) {
		return true;
	}
	if (set == NULL) {
		vcpu_image_events_get(&events, vcpu);
		set = &events;
	}
	return has_its_error(&set->injected) && has_its_error(&set->exception);
}

/* ---- all ---- */

/* Those of the registers, by what the vCPU will have: groups that are not set too. */
static uint64_t register_faults(const struct vcpu *vcpu, const struct vcpu_state *state)
{
	const struct cpuid_table *cpuid = vcpu->vm->arch.cpuid;
	uint64_t faults = 0;

	faults |= rflags_are_valid(state) ? 0 : STATE_GPR | STATE_SREGS;
	faults |= control_is_valid(&state->sregs, cpuid) && segments_are_valid(&state->sregs) &&
				  pdptes_are_valid(&state->sregs, cpuid->physical_bits)
			  ? 0
			  : STATE_SREGS;
	faults |= msrs_are_valid(vcpu->vm, &state->msrs) ? 0 : STATE_MSR;
	faults |= (state->debug.dr6 | state->debug.dr7) <= UINT32_MAX ? 0 : STATE_DEBUG;
	return faults;
}

uint64_t vcpu_image_faults(struct vcpu *vcpu, uint64_t groups, const struct vcpu_image *image)
{
	struct vcpu_state after = *vcpu_regs(vcpu, STATE_ALL);
	const struct vcpu_image_lapic *lapic = &image->lapic;
	uint64_t faults;

	if (image->version != VCPU_IMAGE_VERSION || (groups & ~(image->groups & STATE_ALL)) != 0) {
		return UINT64_MAX;
	}
	vcpu_image_copy_state(&after, &image->state, groups);
	faults = register_faults(vcpu, &after);
	faults |= xsave_is_valid(image, vcpu->vm->arch.cpuid) ? 0 : STATE_XSAVE;
	faults |= events_are_valid(&image->events, after.rflags) ? 0 : STATE_EVENTS;
	faults |= errors_fit(vcpu, (groups & STATE_EVENTS) != 0 ? &image->events : NULL,
			     after.sregs.cr0)
			  ? 0
			  : STATE_EVENTS | STATE_SREGS;
	faults |= vlapic_image_is_valid(&vcpu->arch.vlapic, lapic) ? 0 : STATE_LAPIC;
	faults |= vmce_image_is_valid(vcpu, &image->mce) ? 0 : STATE_MCE;
	if ((groups & STATE_SREGS) != 0 && after.sregs.cr8 != vlapic_image_cr8(lapic)) {
		faults |= STATE_LAPIC;
	}
	return faults & groups;
}
