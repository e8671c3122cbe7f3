/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extended state (x87, SSE, AVX, PKRU) of vCPUs. The hypervisor is built without these
 * registers, so they always hold the loaded vCPU's values, and are exchanged only at load and put.
 * APM2 11.5 "XSAVE/XRSTOR Instructions".
 */
#pragma once

#include "core/bits.h"

struct vcpu;

/* APM2 11.5.2 "XSAVE Area": the legacy region and the header. */
struct xsave_area {
	uint16_t fcw, fsw;
	uint8_t ftw, reserved0;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[480];
	uint64_t xstate_bv, xcomp_bv;
	uint64_t header_reserved[6];
};
static_assert(offsetof(struct xsave_area, mxcsr) == 24, "MXCSR");
static_assert(offsetof(struct xsave_area, xstate_bv) == 512, "XSAVE header");

#define XCR0_X87       BIT(0)
#define XCR0_SSE       BIT(1)
#define XCR0_AVX       BIT(2)
#define XCR0_OPMASK    BIT(5)
#define XCR0_ZMM_HIGH  BIT(6)
#define XCR0_ZMM_UPPER BIT(7)
#define XCR0_AVX512    (XCR0_OPMASK | XCR0_ZMM_HIGH | XCR0_ZMM_UPPER)
#define XCR0_PKRU      BIT(9)
/* What guests may be given: components whose standard form fits the secret page. */
#define XCR0_OFFERED   (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

/* Looks what this machine has. Boot CPU; host_cpu_init() has turned it on. */
void fpu_init(void);

/* The components that this machine has of those offered; 0: no XSAVE, guests have FXSAVE's. */
uint64_t fpu_xcr0_supported(void);

/* MXCSR's bits that this machine has: another one faults when it is loaded. */
uint32_t fpu_mxcsr_mask(void);

/* A new vCPU's area and XCR0, as after RESET. Its secret pages are mapped. */
void fpu_reset(struct vcpu *vcpu);

/* Exchange the CPU's registers and XCR0 with the vCPU's area. */
void fpu_load(struct vcpu *vcpu);
void fpu_put(struct vcpu *vcpu);

/* What a guest may write to XCR0; otherwise #GP. Pure. */
must_check bool fpu_xcr0_is_valid(uint64_t value, uint64_t supported);
