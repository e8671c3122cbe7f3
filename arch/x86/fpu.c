/* SPDX-License-Identifier: GPL-2.0-only */
/* Exchange of the extended state. Guests' XSETBV is checked here and done in exit_misc.c. */
#include "arch/fpu.h"

#include "arch/msr.h"
#include "core/string.h"
#include "core/vcpu.h"

#define CPUID_XSTATE 0x0d

#define FCW_RESET   0x0040 /* APM2 14.1.3 "Processor Initialization State" */
#define MXCSR_RESET 0x1f80
#define MXCSR_MASK  0xffbf /* where the machine does not say: APM2 11.5.2 */

/* const after fpu_init(). */
static uint64_t xcr0_supported;
static uint32_t mxcsr_mask;

bool fpu_xcr0_is_valid(uint64_t value, uint64_t supported)
{
	uint64_t avx512 = value & XCR0_AVX512;

	if ((value & ~supported) != 0 || (value & XCR0_X87) == 0) {
		return false;
	}
	if ((value & XCR0_AVX) != 0 && (value & XCR0_SSE) == 0) {
		return false;
	}
	return avx512 == 0 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX) != 0);
}

/* Components that end inside of the secret page; the rest is not offered. */
static uint64_t xcr0_of_machine(void)
{
	struct cpuid main_leaf = cpuid(CPUID_XSTATE, 0);
	uint64_t real = ((uint64_t)main_leaf.edx << 32 | main_leaf.eax) & XCR0_OFFERED;

	for (uint32_t i = 2; i < 64; i++) {
		struct cpuid leaf;

		if ((real & BIT(i)) == 0) {
			continue;
		}
		leaf = cpuid(CPUID_XSTATE, i);
		if ((uint64_t)leaf.eax + leaf.ebx > PAGE_SIZE) {
			real &= ~BIT(i);
		}
	}
	if ((real & XCR0_AVX512) != XCR0_AVX512) {
		real &= ~XCR0_AVX512;
	}
	return real;
}

void fpu_init(void)
{
	struct xsave_area area __attribute__((aligned(64))) = { 0 };

	asm volatile("fxsave64 %0" : "=m"(area));
	mxcsr_mask = area.mxcsr_mask != 0 ? area.mxcsr_mask : MXCSR_MASK;
	xcr0_supported = (cr4_read() & CR4_OSXSAVE) != 0 ? xcr0_of_machine() : 0;
}

uint64_t fpu_xcr0_supported(void)
{
	return xcr0_supported;
}

uint32_t fpu_mxcsr_mask(void)
{
	return mxcsr_mask;
}

void fpu_reset(struct vcpu *vcpu)
{
	struct xsave_area *area = vcpu->arch.xsave;

	memset(area, 0, PAGE_SIZE);
	area->fcw = FCW_RESET;
	area->mxcsr = MXCSR_RESET;
	area->xstate_bv = XCR0_X87 | XCR0_SSE;
	vcpu->arch.state->xcr0 = XCR0_X87;
}

/*
 * All components are exchanged, also those that the guest has turned off: what another guest left
 * in them must not be found when it turns them on.
 */
void fpu_load(struct vcpu *vcpu)
{
	/* AMD restores FOP, FIP and FDP only with an exception pending, before CPUID 80000008
	 * EBX[2]: the last guest's, addresses of its code and data, would stay. */
	asm volatile("fninit");
	if (xcr0_supported == 0) {
		asm volatile("fxrstor64 (%0)" : : "r"(vcpu->arch.xsave) : "memory");
		return;
	}
	xsetbv(0, xcr0_supported);
	asm volatile("xrstor64 (%0)"
		     :
		     : "r"(vcpu->arch.xsave), "a"((uint32_t)xcr0_supported),
		       "d"((uint32_t)(xcr0_supported >> 32))
		     : "memory");
	xsetbv(0, vcpu->arch.state->xcr0);
}

void fpu_put(struct vcpu *vcpu)
{
	if (xcr0_supported == 0) {
		asm volatile("fxsave64 (%0)" : : "r"(vcpu->arch.xsave) : "memory");
		return;
	}
	xsetbv(0, xcr0_supported);
	asm volatile("xsave64 (%0)"
		     :
		     : "r"(vcpu->arch.xsave), "a"((uint32_t)xcr0_supported),
		       "d"((uint32_t)(xcr0_supported >> 32))
		     : "memory");
}
