/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory operands of instructions that are emulated: where they are, and reading and writing them,
 * whether RAM, a device of the hypervisor or nothing at all lies there. Of the loaded vCPU.
 *
 * Errors, of all of these: -E_PERM: the guest got a fault, RIP stays; -E_NODEV: a device stopped
 * the VM or the machine, the guest is not resumed.
 */
#pragma once

#include "core/types.h"

struct insn;
struct vcpu;

/* base + index * scale + displacement, cut to the address size. */
uint64_t operand_offset(const struct vcpu *vcpu, const struct insn *insn);

/* Its linear address, checked for size bytes; access is GUEST_READ or GUEST_WRITE. */
must_check int operand_linear(struct vcpu *vcpu, const struct insn *insn, unsigned access,
			      uint64_t *linear);

/* Reads size bytes (1 to 8) of insn's operand. */
must_check int operand_read(struct vcpu *vcpu, const struct insn *insn, unsigned size,
			    uint64_t *value);

/* Up to 8 bytes at a linear address, which may cross a page. A write takes place on all pages or,
 * where one faults, on none. */
must_check int operand_linear_read(struct vcpu *vcpu, uint64_t linear, unsigned size,
				   uint64_t *value);
must_check int operand_linear_write(struct vcpu *vcpu, uint64_t linear, unsigned size,
				    uint64_t value);

/* The same, inside of one page and by guest physical address: a device's access when one is there,
 * else RAM, else all ones. */
must_check int operand_physical(struct vcpu *vcpu, gpa_t address, unsigned size, bool is_write,
				uint64_t *value);
