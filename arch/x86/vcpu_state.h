/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a vCPU in the one canonical form: what the exit handlers work on, and the larger
 * part of vcpu_image.h. They live in a secret page of their own. Vendors keep parts of them
 * elsewhere (VMCB, VMCS); `valid` says which groups are up to date here, `dirty` which must be
 * taken from here at the next entry.
 */
#pragma once

#include "core/bits.h"

/* Groups, for arch_vcpu_state_get/set and the masks. */
#define STATE_GPR    BIT(0) /* always valid in an exit handler */
#define STATE_SREGS  BIT(1) /* segments, descriptor tables, control registers, EFER */
#define STATE_XSAVE  BIT(2)
#define STATE_MSR    BIT(3)
#define STATE_EVENTS BIT(4)
#define STATE_DEBUG  BIT(5)
#define STATE_LAPIC  BIT(6)
#define STATE_TSC    BIT(7)
#define STATE_MCE    BIT(8) /* the machine check that it is shown */
#define STATE_ALL    BITS(8, 0)

enum gpr { GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI, GPR_COUNT = 16 };

enum segment_index {
	SEGMENT_ES,
	SEGMENT_CS,
	SEGMENT_SS,
	SEGMENT_DS,
	SEGMENT_FS,
	SEGMENT_GS,
	SEGMENT_LDTR,
	SEGMENT_TR,
	SEGMENT_COUNT
};

struct segment {
	uint64_t base;
	uint32_t limit; /* bytes, as loaded (granularity applied) */
	uint16_t selector;
	uint16_t attributes; /* descriptor bits 47:40 in 7:0, 55:52 in 11:8, as the VMCB packs them
			      */
#define SEGMENT_TYPE    BITS(3, 0)
#define SEGMENT_S       BIT(4)
#define SEGMENT_DPL     BITS(6, 5)
#define SEGMENT_PRESENT BIT(7)
#define SEGMENT_AVL     BIT(8)
#define SEGMENT_L       BIT(9)
#define SEGMENT_DB      BIT(10)
#define SEGMENT_G       BIT(11)
};

struct vcpu_sregs {
	struct segment segments[SEGMENT_COUNT];
	struct segment gdtr, idtr;        /* base and limit only */
	uint64_t cr0, cr2, cr3, cr4, cr8; /* as the guest sees them */
	uint64_t efer;                    /* as the guest sees it: without SVME */
	/* Of PAE paging, where the processor keeps the first table's entries: VT-x. All are 0
	 * where it does not, and in other modes. */
	uint64_t pdptes[4];
#define PDPTE_PRESENT  BIT(0)
#define PDPTE_RESERVED (BITS(63, 52) | BITS(8, 5) | BITS(2, 1)) /* and what addresses have not */
	uint8_t cpl, reserved[7];
};

struct vcpu_msrs {
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, tsc_aux, spec_ctrl, debugctl;
};

struct vcpu_debug {
	uint64_t dr[4], dr6, dr7;
};

struct vcpu_tsc {
	uint64_t offset; /* guest TSC = host TSC + offset */
	uint64_t adjust; /* IA32_TSC_ADJUST as the guest sees it */
};

struct vcpu_state {
	uint64_t valid, dirty;
	uint64_t gpr[GPR_COUNT]; /* hardware order */
	uint64_t rip, rflags;
	struct vcpu_sregs sregs;
	struct vcpu_msrs msrs;
	struct vcpu_debug debug;
	struct vcpu_tsc tsc;
	uint64_t xcr0;
};
static_assert(sizeof(struct vcpu_state) <= PAGE_SIZE, "the state fits its secret page");

#define RFLAGS_CF   BIT(0)
#define RFLAGS_RES1 BIT(1)
#define RFLAGS_PF   BIT(2)
#define RFLAGS_AF   BIT(4)
#define RFLAGS_ZF   BIT(6)
#define RFLAGS_SF   BIT(7)
#define RFLAGS_TF   BIT(8)
#define RFLAGS_IF   BIT(9)
#define RFLAGS_DF   BIT(10)
#define RFLAGS_OF   BIT(11)
#define RFLAGS_RF   BIT(16)
#define RFLAGS_VM   BIT(17)
#define RFLAGS_AC   BIT(18)
/* Those that do not exist read 0. */
#define RFLAGS_ALL  (BITS(21, 16) | BITS(14, 6) | RFLAGS_AF | RFLAGS_PF | RFLAGS_RES1 | RFLAGS_CF)
