/* SPDX-License-Identifier: GPL-2.0-only */
/* Control registers of the host. What guests see of them is exit_cr.c's. */
#include "arch/host_cpu.h"

#include "arch/msr.h"
#include "core/arch.h"

/* CPUID feature bits: APM3 appendix E "Obtaining Processor Information Via the CPUID Instruction".
 */
#define FEATURES           1
#define FEATURES_ECX_XSAVE BIT(26)
#define FEATURES_EDX_DE    BIT(2)
#define FEATURES_EDX_MCE   BIT(7)
#define FEATURES_EDX_PGE   BIT(13)
#define EXTENDED_FEATURES  7
#define EXTENDED_EBX_SMEP  BIT(7)
#define EXTENDED_EBX_SMAP  BIT(20)
#define EXTENDED_ECX_UMIP  BIT(2)
#define XCR0_X87           BIT(0)
#define DR7_NONE           BIT(10) /* reserved, reads as 1; a loader may have left breakpoints */

/*
 * Not set: TSD, PCE (no user mode here), FSGSBASE, PCIDE, PKE, CET: unused. OSFXSR and OSXMMEXCPT
 * are for the FXSAVE and FXRSTOR of guests' state, OSXSAVE for XSAVE's.
 */
static uint64_t cr4_wanted(void)
{
	struct cpuid features = cpuid(FEATURES, 0);
	struct cpuid extended = { 0 };
	uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpuid(0, 0).eax >= EXTENDED_FEATURES) {
		extended = cpuid(EXTENDED_FEATURES, 0);
	}
	cr4 |= (features.edx & FEATURES_EDX_DE) != 0 ? CR4_DE : 0;
	cr4 |= (features.edx & FEATURES_EDX_MCE) != 0 ? CR4_MCE : 0;
	cr4 |= (features.edx & FEATURES_EDX_PGE) != 0 ? CR4_PGE : 0;
	cr4 |= (features.ecx & FEATURES_ECX_XSAVE) != 0 ? CR4_OSXSAVE : 0;
	cr4 |= (extended.ebx & EXTENDED_EBX_SMEP) != 0 ? CR4_SMEP : 0;
	cr4 |= (extended.ebx & EXTENDED_EBX_SMAP) != 0 ? CR4_SMAP : 0;
	cr4 |= (extended.ecx & EXTENDED_ECX_UMIP) != 0 ? CR4_UMIP : 0;
	return cr4;
}

/* CD and NW off: some firmware leaves them set, and a CPU started by INIT has them set. AM off with
 * RFLAGS.AC: SMAP alone uses that flag here. */
void host_cpu_init(void)
{
	uint64_t cr4 = cr4_wanted();

	cr0_write(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	cr4_write(cr4);
	wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & (EFER_LME | EFER_LMA)) | EFER_NXE);
	dr7_write(DR7_NONE);
	if ((cr4 & CR4_OSXSAVE) != 0) {
		xsetbv(0, XCR0_X87);
	}
}

/* The two words keep the stack aligned as after a call, and end the chain of frames. */
noreturn void arch_stack_run(void *top, void (*fn)(void))
{
	asm volatile("movq %0, %%rsp\n\t"
		     "xorl %%ebp, %%ebp\n\t"
		     "pushq %%rbp\n\t"
		     "pushq %%rbp\n\t"
		     "callq *%1\n\t"
		     "ud2"
		     :
		     : "r"(top), "r"(fn)
		     : "memory");
	__builtin_unreachable();
}
