/* SPDX-License-Identifier: GPL-2.0-only */
/* Segments, and the loaded vCPU's view of guest_walk(). */
#include "arch/guest_walk.h"

#include "arch/cpuid.h"
#include "arch/vcpu_regs.h"
#include "core/err.h"
#include "core/vm.h"
#include "mm/guest_mem.h"

#define TYPE_CODE        BIT(3)
#define TYPE_WRITE       BIT(1) /* data; of code: readable */
#define TYPE_EXPAND_DOWN BIT(2)

int guest_walk_vcpu(struct vcpu *vcpu, uint64_t linear, unsigned access, gpa_t *address)
{
	const struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);
	struct guest_paging paging = {
		.cr0 = state->sregs.cr0,
		.cr3 = state->sregs.cr3,
		.cr4 = state->sregs.cr4,
		.efer = state->sregs.efer,
		.rflags = state->rflags,
		.cpl = state->sregs.cpl,
		.physical_bits = vcpu->vm->arch.cpuid->physical_bits,
	};
	uint32_t error = 0;
	int err = guest_walk(&vcpu->vm->stage2[0], &paging, linear, access, address, &error);

	if (err != 0) {
		vcpu_events_raise_pf(vcpu, error, linear);
	}
	return err;
}

static int raise_segment_fault(struct vcpu *vcpu, unsigned segment)
{
	vcpu_events_raise(vcpu, segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, true, 0);
	return -E_PERM;
}

static bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Rights by the descriptor's type: APM2 4.7 "Legacy Segment Descriptors". */
static bool type_allows(const struct segment *segment, unsigned access)
{
	uint64_t type = segment->attributes & SEGMENT_TYPE;
	bool is_code = (type & TYPE_CODE) != 0;

	if ((segment->attributes & SEGMENT_PRESENT) == 0) {
		return false;
	}
	if ((access & GUEST_WRITE) != 0) {
		return !is_code && (type & TYPE_WRITE) != 0;
	}
	return !is_code || (type & TYPE_WRITE) != 0;
}

/* APM2 4.12 "Segment-Limit Checks". */
static bool limit_allows(const struct segment *segment, const struct guest_operand *operand)
{
	uint64_t type = segment->attributes & SEGMENT_TYPE;
	uint64_t last = operand->offset + operand->size - 1;
	bool is_code = (type & TYPE_CODE) != 0;

	if (!is_code && (type & TYPE_EXPAND_DOWN) != 0) {
		uint64_t top = (segment->attributes & SEGMENT_DB) != 0 ? UINT32_MAX : UINT16_MAX;

		return operand->offset > segment->limit && last <= top;
	}
	return last <= segment->limit;
}

int guest_linear(struct vcpu *vcpu, const struct guest_operand *operand, uint64_t *linear)
{
	const struct vcpu_sregs *sregs = &vcpu_regs(vcpu, STATE_SREGS)->sregs;
	const struct segment *segment = &sregs->segments[operand->segment];

	if (vcpu_regs_is_long(sregs)) {
		bool has_base = operand->segment == SEGMENT_FS || operand->segment == SEGMENT_GS;

		*linear = operand->offset + (has_base ? segment->base : 0);
		return is_canonical(*linear) && is_canonical(*linear + operand->size - 1)
			       ? 0
			       : raise_segment_fault(vcpu, operand->segment);
	}
	/* Real and virtual-8086 mode have limits, but no types. */
	if (!limit_allows(segment, operand) ||
	    (vcpu_regs_has_descriptors(vcpu) && !type_allows(segment, operand->access))) {
		return raise_segment_fault(vcpu, operand->segment);
	}
	*linear = (uint32_t)(segment->base + operand->offset);
	return 0;
}

int guest_fetch(struct vcpu *vcpu, unsigned offset, uint8_t *bytes, unsigned most)
{
	const struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS);
	uint64_t linear = state->rip + offset;
	gpa_t address;
	int err;

	if (!vcpu_regs_is_long(&state->sregs)) {
		linear = (uint32_t)(linear + state->sregs.segments[SEGMENT_CS].base);
	}
	most = (unsigned)min_u64(most, PAGE_SIZE - (linear & ~PAGE_MASK));
	err = guest_walk_vcpu(vcpu, linear, GUEST_FETCH, &address);
	if (err == 0) {
		err = guest_mem_read(&vcpu->vm->stage2[0], address, bytes, most);
	}
	return err == 0 ? (int)most : err;
}
