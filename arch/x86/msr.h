/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Privileged instructions as inline functions, each written once here, with the numbers of MSRs and
 * the bits of control registers. Policy about guests' MSRs is in exit_msr.c.
 */
#pragma once

#include "arch/port_io.h"
#include "core/bits.h"
#include "core/err.h"

/* ---- model-specific registers: APM2 appendix A "MSR Cross-Reference", SDM4 chapter 2 ---- */

#define MSR_TSC              0x00000010U
#define MSR_APIC_BASE        0x0000001bU
#define MSR_FEATURE_CONTROL  0x0000003aU
#define MSR_TSC_ADJUST       0x0000003bU
#define MSR_SPEC_CTRL        0x00000048U
#define MSR_PRED_CMD         0x00000049U
#define MSR_PATCH_LEVEL      0x0000008bU
#define MSR_PLATFORM_INFO    0x000000ceU
#define MSR_MPERF            0x000000e7U
#define MSR_APERF            0x000000e8U
#define MSR_MTRR_CAP         0x000000feU
#define MSR_ARCH_CAPS        0x0000010aU
#define MSR_FLUSH_CMD        0x0000010bU
#define MSR_MISC_FEATURES    0x00000140U
#define MSR_SYSENTER_CS      0x00000174U
#define MSR_SYSENTER_ESP     0x00000175U
#define MSR_SYSENTER_EIP     0x00000176U
#define MSR_MCG_CAP          0x00000179U
#define MSR_MCG_STATUS       0x0000017aU
#define MSR_MCG_CTL          0x0000017bU
#define MSR_MISC_ENABLE      0x000001a0U
#define MSR_DEBUGCTL         0x000001d9U
#define MSR_LAST_BRANCH_FROM 0x000001dbU
#define MSR_LAST_BRANCH_TO   0x000001dcU
#define MSR_LAST_INT_FROM    0x000001ddU
#define MSR_LAST_INT_TO      0x000001deU
#define MSR_MTRR_PHYS_BASE0  0x00000200U /* base, mask pairs */
#define MSR_MTRR_FIX_64K     0x00000250U
#define MSR_MTRR_FIX_16K_80  0x00000258U
#define MSR_MTRR_FIX_16K_A0  0x00000259U
#define MSR_MTRR_FIX_4K_C0   0x00000268U /* to 0x26f */
#define MSR_MTRR_FIX_4K_F8   0x0000026fU
#define MSR_PAT              0x00000277U
#define MSR_MTRR_DEF_TYPE    0x000002ffU
#define MSR_MC0_CTL          0x00000400U /* four registers a bank */
#define MSR_MC_LAST          0x0000047fU
#define MSR_VMX_BASIC        0x00000480U
#define MSR_VMX_PIN          0x00000481U /* then PROC, EXIT, ENTRY */
#define MSR_VMX_MISC         0x00000485U
#define MSR_VMX_CR0_FIXED0   0x00000486U
#define MSR_VMX_CR0_FIXED1   0x00000487U
#define MSR_VMX_CR4_FIXED0   0x00000488U
#define MSR_VMX_CR4_FIXED1   0x00000489U
#define MSR_VMX_PROC2        0x0000048bU
#define MSR_VMX_EPT_VPID     0x0000048cU
#define MSR_VMX_TRUE_PIN     0x0000048dU /* then PROC, EXIT, ENTRY */
#define MSR_TSC_DEADLINE     0x000006e0U
#define MSR_X2APIC           0x00000800U /* register at xAPIC offset n: + n / 16 */
#define MSR_X2APIC_LAST      0x000008ffU
#define MSR_XSS              0x00000da0U
#define MSR_EFER             0xc0000080U
#define MSR_STAR             0xc0000081U
#define MSR_LSTAR            0xc0000082U
#define MSR_CSTAR            0xc0000083U
#define MSR_SFMASK           0xc0000084U
#define MSR_FS_BASE          0xc0000100U
#define MSR_GS_BASE          0xc0000101U
#define MSR_KERNEL_GS_BASE   0xc0000102U
#define MSR_TSC_AUX          0xc0000103U
#define MSR_TSC_RATIO        0xc0000104U
#define MSR_PERF_CTL0        0xc0010000U /* to 3 */
#define MSR_PERF_CTR0        0xc0010004U /* to 7 */
#define MSR_SYSCFG           0xc0010010U
#define MSR_HWCR             0xc0010015U
#define MSR_IORR_BASE0       0xc0010016U
#define MSR_TOP_MEM          0xc001001aU
#define MSR_TOP_MEM2         0xc001001dU
#define MSR_NB_CFG           0xc001001fU
#define MSR_PATCH_LOADER     0xc0010020U
#define MSR_INT_PENDING      0xc0010055U
#define MSR_MMIO_CFG_BASE    0xc0010058U
#define MSR_PSTATE_LIMIT     0xc0010061U
#define MSR_PSTATE_CTL       0xc0010062U
#define MSR_PSTATE_STATUS    0xc0010063U
#define MSR_CSTATE_ADDRESS   0xc0010073U
#define MSR_VM_CR            0xc0010114U
#define MSR_VM_IGNNE         0xc0010115U
#define MSR_VM_HSAVE_PA      0xc0010117U
#define MSR_SVM_KEY          0xc0010118U
#define MSR_VIRT_SPEC_CTRL   0xc001011fU
#define MSR_OSVW_ID_LENGTH   0xc0010140U
#define MSR_OSVW_STATUS      0xc0010141U
#define MSR_LS_CFG           0xc0011020U
#define MSR_DC_CFG           0xc0011022U
#define MSR_DE_CFG           0xc0011029U
#define MSR_BP_CFG           0xc001102eU

#define APIC_BASE_BSP     BIT(8)
#define APIC_BASE_X2APIC  BIT(10)
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_BASE_ADDRESS BITS(51, 12)

#define EFER_SCE    BIT(0)
#define EFER_LME    BIT(8)
#define EFER_LMA    BIT(10)
#define EFER_NXE    BIT(11)
#define EFER_SVME   BIT(12)
#define EFER_LMSLE  BIT(13)
#define EFER_FFXSR  BIT(14)
#define EFER_TCE    BIT(15)
#define EFER_AIBRSE BIT(21)

#define PRED_CMD_IBPB BIT(0)
#define PRED_CMD_SBPB BIT(7)
#define FLUSH_CMD_L1D BIT(0)

#define VM_CR_LOCK   BIT(3) /* SVMDIS is fixed until reset, or the key: APM2 15.30.1 "VM_CR" */
#define VM_CR_SVMDIS BIT(4)

/* Fixed until reset once it is locked: SDM3 24.7 "Enabling and Entering VMX Operation" */
#define FEATURE_CONTROL_LOCK BIT(0)
#define FEATURE_CONTROL_VMX  BIT(2) /* outside of SMX */

/* ---- control registers: APM2 3.1 "System-Control Registers" ---- */

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)

/* ---- MSR access ---- */

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr"
		     :
		     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
		     : "memory");
}

/* Tells trap_handle() where to go on after a fault at local label 1: at local label 2. */
#define MSR_FIXUP ".pushsection .fixups, \"a\"\n.quad 1b, 2b\n.popsection\n"

/* The same for registers that may be missing: 0, or -E_NOTSUP after #GP. */
must_check static inline int rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint32_t low = 0;
	uint32_t high = 0;
	int error = -E_NOTSUP;

	asm volatile("1:\trdmsr\n\txorl %0, %0\n2:\n" MSR_FIXUP
		     : "+&r"(error), "+a"(low), "+d"(high)
		     : "c"(msr)
		     : "memory", "cc");
	*value = (uint64_t)high << 32 | low;
	return error;
}

must_check static inline int wrmsr_safe(uint32_t msr, uint64_t value)
{
	int error = -E_NOTSUP;

	asm volatile("1:\twrmsr\n\txorl %0, %0\n2:\n" MSR_FIXUP
		     : "+&r"(error)
		     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
		     : "memory", "cc");
	return error;
}

/* ---- control and debug registers ---- */

static inline uint64_t cr0_read(void)
{
	uint64_t value;

	asm volatile("mov %%cr0, %0" : "=r"(value) : : "memory");
	return value;
}

static inline void cr0_write(uint64_t value)
{
	asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint64_t cr2_read(void)
{
	uint64_t value;

	asm volatile("mov %%cr2, %0" : "=r"(value) : : "memory");
	return value;
}

static inline void cr2_write(uint64_t value)
{
	asm volatile("mov %0, %%cr2" : : "r"(value) : "memory");
}

static inline uint64_t cr3_read(void)
{
	uint64_t value;

	asm volatile("mov %%cr3, %0" : "=r"(value) : : "memory");
	return value;
}

static inline void cr3_write(uint64_t value)
{
	asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint64_t cr4_read(void)
{
	uint64_t value;

	asm volatile("mov %%cr4, %0" : "=r"(value) : : "memory");
	return value;
}

static inline void cr4_write(uint64_t value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline uint64_t dr0_read(void)
{
	uint64_t value;

	asm volatile("mov %%dr0, %0" : "=r"(value));
	return value;
}

static inline void dr0_write(uint64_t value)
{
	asm volatile("mov %0, %%dr0" : : "r"(value));
}

static inline uint64_t dr1_read(void)
{
	uint64_t value;

	asm volatile("mov %%dr1, %0" : "=r"(value));
	return value;
}

static inline void dr1_write(uint64_t value)
{
	asm volatile("mov %0, %%dr1" : : "r"(value));
}

static inline uint64_t dr2_read(void)
{
	uint64_t value;

	asm volatile("mov %%dr2, %0" : "=r"(value));
	return value;
}

static inline void dr2_write(uint64_t value)
{
	asm volatile("mov %0, %%dr2" : : "r"(value));
}

static inline uint64_t dr3_read(void)
{
	uint64_t value;

	asm volatile("mov %%dr3, %0" : "=r"(value));
	return value;
}

static inline void dr3_write(uint64_t value)
{
	asm volatile("mov %0, %%dr3" : : "r"(value));
}

static inline uint64_t dr6_read(void)
{
	uint64_t value;

	asm volatile("mov %%dr6, %0" : "=r"(value));
	return value;
}

static inline void dr6_write(uint64_t value)
{
	asm volatile("mov %0, %%dr6" : : "r"(value));
}

static inline uint64_t dr7_read(void)
{
	uint64_t value;

	asm volatile("mov %%dr7, %0" : "=r"(value));
	return value;
}

static inline void dr7_write(uint64_t value)
{
	asm volatile("mov %0, %%dr7" : : "r"(value));
}

static inline uint64_t xgetbv(uint32_t index)
{
	uint32_t low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return (uint64_t)high << 32 | low;
}

static inline void xsetbv(uint32_t index, uint64_t value)
{
	asm volatile("xsetbv"
		     :
		     : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
		     : "memory");
}

/* ---- identification and time ---- */

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	asm volatile("cpuid"
		     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(subleaf));
	return r;
}

/* Not ordered against other instructions: tsc_read() is. */
static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline uint64_t rflags_read(void)
{
	uint64_t value;

	asm volatile("pushfq; popq %0" : "=r"(value) : : "memory");
	return value;
}

/* ---- processor state ---- */

static inline void cli(void)
{
	asm volatile("cli" : : : "memory");
}

static inline void sti(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void hlt(void)
{
	asm volatile("hlt" : : : "memory");
}

static inline void stgi(void)
{
	asm volatile("stgi" : : : "memory");
}

static inline void clgi(void)
{
	asm volatile("clgi" : : : "memory");
}

static inline void wbinvd(void)
{
	asm volatile("wbinvd" : : : "memory");
}

static inline void lfence(void)
{
	asm volatile("lfence" : : : "memory");
}

/* Waits for an interrupt: the shadow of STI keeps one from being taken before HLT. */
static inline void sti_hlt_cli(void)
{
	asm volatile("sti; hlt; cli" : : : "memory");
}

static inline void invlpg(const void *page)
{
	asm volatile("invlpg (%0)" : : "r"(page) : "memory");
}

static inline void clflush(const void *line)
{
	asm volatile("clflush (%0)" : : "r"(line) : "memory");
}

struct table_register { /* operand of LGDT and LIDT */
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static inline void lgdt(const struct table_register *table)
{
	asm volatile("lgdt %0" : : "m"(*table) : "memory");
}

static inline void lidt(const struct table_register *table)
{
	asm volatile("lidt %0" : : "m"(*table) : "memory");
}

static inline void lldt(uint16_t selector)
{
	asm volatile("lldt %0" : : "r"(selector) : "memory");
}

static inline void ltr(uint16_t selector)
{
	asm volatile("ltr %0" : : "r"(selector) : "memory");
}

/* ---- AMD-V; the VMCB by physical address: APM2 15.5.2 "VMSAVE and VMLOAD Instructions" ---- */

static inline void vmsave(hpa_t vmcb)
{
	asm volatile("vmsave" : : "a"(vmcb.value) : "memory");
}

static inline void vmload(hpa_t vmcb)
{
	asm volatile("vmload" : : "a"(vmcb.value) : "memory");
}
