/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port I/O: IN, OUT and the string forms. REP is restartable: elements are done one by one, RIP
 * stays until RCX is 0, and after a few of them the guest is entered again in between.
 */
#include "arch/guest_walk.h"
#include "arch/insn.h"
#include "arch/operand.h"
#include "arch/port_io.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/vm.h"

/* Of a REP in one exit: each costs up to 8,000 instructions, and nothing interrupts them. */
#define ELEMENTS_MAX 2

static void real_access(struct access *access)
{
	uint16_t port = (uint16_t)access->address;

	if (access->is_write) {
		out8(port, (uint8_t)access->value);
	} else {
		access->value = in8(port);
	}
}

/* One byte of an access that no single region holds: a region's, the control guest's own, or
 * nobody's. */
static int byte_access(struct access *access)
{
	struct vm *vm = access->vcpu->vm;
	struct region region;

	if (vm->is_control && !region_find(&vm->port_regions, access->address, 1, &region)) {
		real_access(access);
		return 0;
	}
	return region_error(region_access(&vm->port_regions, access));
}

never_inline static int split_access(struct access *access)
{
	uint64_t all = 0;
	int err;

	for (unsigned i = 0; i < access->size; i++) {
		struct access byte = { .vcpu = access->vcpu,
				       .address = (uint16_t)(access->address + i),
				       .size = 1,
				       .is_write = access->is_write,
				       .value = access->value >> i * 8 & 0xff };

		err = byte_access(&byte);
		if (err != 0) {
			return err;
		}
		all |= (byte.value & 0xff) << i * 8;
	}
	access->value = all;
	return 0;
}

static inline int port_access(struct vcpu *vcpu, struct access *access)
{
	const struct region *region = region_cache_find(
		&vcpu->arch.port_region, &vcpu->vm->port_regions, access->address, access->size);

	access->vcpu = vcpu;
	return unlikely(region == NULL) ? split_access(access)
					: region_error(region_cache_access(region, access));
}

static bool simple(struct vcpu *vcpu, struct access *access)
{
	int err;

	access->value = access->is_write ? vcpu_regs_read(vcpu, GPR_RAX, access->size) : 0;
	err = port_access(vcpu, access);
	if (unlikely(err != 0)) {
		return err == -E_RESTART;
	}
	if (!access->is_write) {
		vcpu_regs_write(vcpu, GPR_RAX, access->size, access->value);
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}

/* ---- string forms ---- */

/* The memory side is checked before the port is touched: reading a port can not be undone. */
static int element(struct vcpu *vcpu, struct access *access, const struct insn *insn)
{
	uint64_t linear;
	gpa_t address;
	int err = operand_linear(vcpu, insn, access->is_write ? GUEST_READ : GUEST_WRITE, &linear);

	access->value = 0;
	if (err == 0 && access->is_write) {
		err = operand_linear_read(vcpu, linear, access->size, &access->value);
	} else if (err == 0) {
		err = guest_walk_vcpu(vcpu, linear, GUEST_WRITE, &address);
		if (err == 0) {
			err = guest_walk_vcpu(vcpu, linear + access->size - 1, GUEST_WRITE,
					      &address);
		}
	}
	err = err != 0 ? err : port_access(vcpu, access);
	if (err == 0 && !access->is_write) {
		err = operand_linear_write(vcpu, linear, access->size, access->value);
	}
	return err;
}

/* Index and count registers have the address size; 4 bytes clear the upper half. */
static void advance(struct vcpu *vcpu, const struct insn *insn)
{
	struct vcpu_state *state = vcpu->arch.state;
	unsigned index = (unsigned)insn->base, size = insn->operand_size;
	uint64_t by = (state->rflags & RFLAGS_DF) != 0 ? (uint64_t)0 - size : size;

	vcpu_regs_write(vcpu, index, insn->address_size, state->gpr[index] + by);
	if (insn->rep || insn->repne) {
		vcpu_regs_write(vcpu, GPR_RCX, insn->address_size, state->gpr[GPR_RCX] - 1);
	}
}

static bool is_done(const struct vcpu *vcpu, const struct insn *insn)
{
	uint64_t count = vcpu->arch.state->gpr[GPR_RCX] & vcpu_regs_mask(insn->address_size);

	return count == 0 && (insn->rep || insn->repne);
}

never_inline static bool string(struct vcpu *vcpu, struct access *access)
{
	struct insn insn;

	/* The exit tells neither segment nor address size on all CPUs. */
	if (x86_exit_fetch(vcpu, &insn) != 0) {
		return x86_exit_resume(vcpu);
	}
	if (insn.op != INSN_INS && insn.op != INSN_OUTS) {
		return true; /* another vCPU has changed the code meanwhile: it is run again */
	}
	for (unsigned i = 0; i < ELEMENTS_MAX && !is_done(vcpu, &insn); i++) {
		int err = element(vcpu, access, &insn);

		if (err != 0) {
			return err != -E_NODEV && x86_exit_resume(vcpu);
		}
		advance(vcpu, &insn);
		if (!insn.rep && !insn.repne) {
			arch_vcpu_skip_insn(vcpu);
			return true;
		}
		if (cpu_has_work(arch_cpu_self())) {
			break;
		}
	}
	if (is_done(vcpu, &insn)) {
		arch_vcpu_skip_insn(vcpu);
	}
	return true;
}

bool exit_port(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct access *access = &exit->port.access;

	return unlikely(exit->port.is_string) ? string(vcpu, access) : simple(vcpu, access);
}
