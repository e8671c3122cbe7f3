/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory operands of emulated instructions. */
#include "arch/operand.h"

#include "arch/guest_walk.h"
#include "arch/insn.h"
#include "arch/vcpu_regs.h"
#include "core/control.h"
#include "core/err.h"
#include "core/vm.h"
#include "mm/guest_mem.h"

uint64_t operand_offset(const struct vcpu *vcpu, const struct insn *insn)
{
	const struct vcpu_state *state = vcpu->arch.state;
	uint64_t offset = (uint64_t)insn->displacement;

	if (insn->rip_relative) {
		offset += state->rip + insn->length;
	}
	if (insn->base >= 0) {
		offset += state->gpr[insn->base];
	}
	if (insn->index >= 0) {
		offset += state->gpr[insn->index] * insn->scale;
	}
	return offset & vcpu_regs_mask(insn->address_size);
}

static int linear_of(struct vcpu *vcpu, const struct insn *insn, unsigned access, uint64_t *linear)
{
	struct guest_operand operand = {
		.segment = insn->segment,
		.offset = operand_offset(vcpu, insn),
		.size = insn->operand_size,
		.access = access,
	};

	return guest_linear(vcpu, &operand, linear);
}

int operand_linear(struct vcpu *vcpu, const struct insn *insn, unsigned access, uint64_t *linear)
{
	return linear_of(vcpu, insn, access, linear);
}

int operand_read(struct vcpu *vcpu, const struct insn *insn, unsigned size, uint64_t *value)
{
	uint64_t linear;
	int err = linear_of(vcpu, insn, GUEST_READ, &linear);

	return err != 0 ? err : operand_linear_read(vcpu, linear, size, value);
}

static int ram_access(struct vcpu *vcpu, const struct access *access, uint64_t *value)
{
	struct stage2 *stage2 = &vcpu->vm->stage2[0];

	if (access->is_write) {
		return guest_mem_write(stage2, gpa(access->address), value, access->size);
	}
	*value = 0;
	return guest_mem_read(stage2, gpa(access->address), value, access->size);
}

static int device_access(const struct region *region, struct access *access, uint64_t *value)
{
	int err;

	access->value = *value & vcpu_regs_mask(access->size);
	err = region_error(region_cache_access(region, access));
	if (err == 0) {
		*value = access->value;
	}
	return err;
}

/* RAM, or the control guest's own registers beside a device of ours. What runs over a device's end
 * is nobody's. */
static int plain_access(struct vcpu *vcpu, struct access *access, uint64_t *value)
{
	struct vm *vm = vcpu->vm;

	if (!region_overlaps(&vm->memory_regions, access->address, access->size) &&
	    ram_access(vcpu, access, value) == 0) {
		return 0;
	}
	access->value = *value;
	if (vm->is_control && control_mmio_access(vm, access) == 0) {
		*value = access->value;
	} else {
		*value = access->is_write ? *value : vcpu_regs_mask(access->size);
	}
	return 0;
}

int operand_physical(struct vcpu *vcpu, gpa_t address, unsigned size, bool is_write,
		     uint64_t *value)
{
	const struct region *region = region_cache_find(
		&vcpu->arch.memory_region, &vcpu->vm->memory_regions, address.value, size);
	struct access access = {
		.vcpu = vcpu, .address = address.value, .size = (uint8_t)size, .is_write = is_write
	};

	if (region != NULL) {
		return device_access(region, &access, value);
	}
	return plain_access(vcpu, &access, value);
}

/* Odd sizes come from page crossings: byte by byte, for devices know only powers of two. */
static int piece_access(struct vcpu *vcpu, gpa_t address, unsigned size, bool is_write,
			uint64_t *value)
{
	uint64_t all = 0;

	if (size == 1 || size == 2 || size == 4 || size == 8) {
		return operand_physical(vcpu, address, size, is_write, value);
	}
	for (unsigned i = 0; i < size; i++) {
		uint64_t byte = *value >> i * 8 & 0xff;
		int err = operand_physical(vcpu, gpa_add(address, i), 1, is_write, &byte);

		if (err != 0) {
			return err;
		}
		all |= (byte & 0xff) << i * 8;
	}
	*value = is_write ? *value : all;
	return 0;
}

struct pieces {
	gpa_t address[2];
	unsigned size[2];
};

static int translate(struct vcpu *vcpu, uint64_t linear, unsigned size, unsigned access,
		     struct pieces *pieces)
{
	unsigned first = (unsigned)min_u64(size, PAGE_SIZE - (linear & ~PAGE_MASK));
	int err = guest_walk_vcpu(vcpu, linear, access, &pieces->address[0]);

	pieces->size[0] = first;
	pieces->size[1] = size - first;
	if (err == 0 && first < size) {
		err = guest_walk_vcpu(vcpu, linear + first, access, &pieces->address[1]);
	}
	return err;
}

int operand_linear_read(struct vcpu *vcpu, uint64_t linear, unsigned size, uint64_t *value)
{
	struct pieces pieces;
	uint64_t high = 0;
	int err = translate(vcpu, linear, size, GUEST_READ, &pieces);

	*value = 0;
	if (err == 0) {
		err = piece_access(vcpu, pieces.address[0], pieces.size[0], false, value);
	}
	if (err == 0 && pieces.size[1] > 0) {
		err = piece_access(vcpu, pieces.address[1], pieces.size[1], false, &high);
		*value |= high << pieces.size[0] * 8;
	}
	return err;
}

int operand_linear_write(struct vcpu *vcpu, uint64_t linear, unsigned size, uint64_t value)
{
	struct pieces pieces;
	int err = translate(vcpu, linear, size, GUEST_WRITE, &pieces);

	if (err == 0) {
		err = piece_access(vcpu, pieces.address[0], pieces.size[0], true, &value);
	}
	if (err == 0 && pieces.size[1] > 0) {
		uint64_t high = value >> pieces.size[0] * 8;

		err = piece_access(vcpu, pieces.address[1], pieces.size[1], true, &high);
	}
	return err;
}
