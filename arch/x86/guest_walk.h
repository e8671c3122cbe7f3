/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest virtual memory, as the loaded vCPU's own instructions would reach it: segments, its page
 * tables, then guest_mem. For instruction fetch and for the operands of emulated instructions. What
 * goes wrong is raised in the guest as it would have been. APM2 chapters 4 and 5.
 */
#pragma once

#include "arch/vcpu_state.h"
#include "core/types.h"

struct stage2;
struct vcpu;

/* Kinds of access; PF_ bits of page-fault error codes, so that they can be handed on. */
#define GUEST_READ  0U
#define GUEST_WRITE (1U << 1)
#define GUEST_FETCH (1U << 4)

/* What a walk depends on. */
struct guest_paging {
	uint64_t cr0, cr3, cr4, efer, rflags;
	uint8_t cpl;
	unsigned physical_bits;
};

/*
 * The guest physical address of a linear one, with rights checked and accessed and dirty bits set.
 * 0; -E_PERM with the #PF error code in *error. Pure but for the tables that it reads.
 */
must_check int guest_walk(struct stage2 *stage2, const struct guest_paging *paging, uint64_t linear,
			  unsigned access, gpa_t *address, uint32_t *error);

/* The same for a loaded vCPU as it is; raises the #PF. */
must_check int guest_walk_vcpu(struct vcpu *vcpu, uint64_t linear, unsigned access, gpa_t *address);

struct guest_operand {
	unsigned segment; /* enum segment_index, ES to GS */
	uint64_t offset;  /* already cut to the address size */
	unsigned size;
	unsigned access;
};

/* The linear address of an operand: limits, rights, canonical form. Raises #GP or #SS. */
must_check int guest_linear(struct vcpu *vcpu, const struct guest_operand *operand,
			    uint64_t *linear);

/* Copies instruction bytes at RIP + offset that lie in one page: the number copied, or a negative
 * error with the fault raised. */
must_check int guest_fetch(struct vcpu *vcpu, unsigned offset, uint8_t *bytes, unsigned most);
