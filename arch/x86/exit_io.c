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

static uint64_t real_access(const struct access *access)
{
	uint16_t port = (uint16_t)access->address;

	if (access->is_write) {
		out8(port, (uint8_t)access->value);
		return access->value;
	}
	return in8(port);
}

/* One byte of an access that no single region holds: a region's, the control guest's own, or
 * nobody's. */
static int byte_access(struct vcpu *vcpu, uint16_t port, bool is_write, uint64_t *value)
{
	struct access access = { .vcpu = vcpu,
				 .address = port,
				 .size = 1,
				 .is_write = is_write,
				 .value = *value & 0xff };
	struct region region;

	if (!region_find(&vcpu->vm->port_regions, port, 1, &region) && vcpu->vm->is_control) {
		*value = real_access(&access);
		return 0;
	}
	if (region_access(&vcpu->vm->port_regions, &access) == REGION_STOP) {
		return -E_NODEV;
	}
	*value = access.value & 0xff;
	return 0;
}

never_inline static int split_access(struct vcpu *vcpu, const struct exit_port *port,
				     uint64_t *value)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < port->size; i++) {
		uint64_t byte = *value >> i * 8 & 0xff;
		int err = byte_access(vcpu, (uint16_t)(port->port + i), port->is_write, &byte);

		if (err != 0) {
			return err;
		}
		all |= byte << i * 8;
	}
	*value = all;
	return 0;
}

static int port_access(struct vcpu *vcpu, const struct exit_port *port, uint64_t *value)
{
	const struct region *region = region_cache_find(
		&vcpu->arch.port_region, &vcpu->vm->port_regions, port->port, port->size);
	struct access access;

	if (unlikely(region == NULL)) {
		return split_access(vcpu, port, value);
	}
	access.vcpu = vcpu;
	access.address = port->port;
	access.size = port->size;
	access.is_write = port->is_write;
	access.value = *value;
	if (unlikely(region_cache_access(region, &access) == REGION_STOP)) {
		return -E_NODEV;
	}
	*value = access.value;
	return 0;
}

static bool simple(struct vcpu *vcpu, const struct exit_port *port)
{
	uint64_t value = vcpu->arch.state->gpr[GPR_RAX] & vcpu_regs_mask(port->size);

	if (port_access(vcpu, port, &value) != 0) {
		return false;
	}
	if (!port->is_write) {
		vcpu_regs_write(vcpu, GPR_RAX, port->size, value);
	}
	arch_vcpu_skip_insn(vcpu);
	return true;
}

/* ---- string forms ---- */

/* The memory side is checked before the port is touched: reading a port can not be undone. */
static int element(struct vcpu *vcpu, const struct exit_port *port, const struct insn *insn)
{
	uint64_t linear, value = 0;
	gpa_t address;
	int err = operand_linear(vcpu, insn, port->is_write ? GUEST_READ : GUEST_WRITE, &linear);

	if (err == 0 && port->is_write) {
		err = operand_linear_read(vcpu, linear, port->size, &value);
	} else if (err == 0) {
		err = guest_walk_vcpu(vcpu, linear, GUEST_WRITE, &address);
		if (err == 0) {
			err = guest_walk_vcpu(vcpu, linear + port->size - 1, GUEST_WRITE, &address);
		}
	}
	if (err == 0) {
		err = port_access(vcpu, port, &value);
	}
	if (err == 0 && !port->is_write) {
		err = operand_linear_write(vcpu, linear, port->size, value);
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

never_inline static bool string(struct vcpu *vcpu, const struct exit_port *port)
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
		int err = element(vcpu, port, &insn);

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
	return exit->port.is_string ? string(vcpu, &exit->port) : simple(vcpu, &exit->port);
}
