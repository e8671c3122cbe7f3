/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy of model-specific registers. foundations: MTRRs and what else describes the machine
 * are read as they are, writes are dropped; P- and C-states are the firmware's; the hypervisor's
 * own and what CPUID hides is #GP.
 */
#include "arch/exit_msr.h"

#include "arch/msr.h"
#include "arch/vcpu_state.h"

#define FIELD(member) .offset = offsetof(struct vcpu_msrs, member)

/* Exchanged by the world switch. Checked by the processor where it is not intercepted. */
#define DIRECT(msr, member)                                                                       \
	{                                                                                         \
		.first = (msr), .last = (msr), .read = MSR_READ_STATE, .write = MSR_WRITE_DIRECT, \
		.direct = true, FIELD(member)                                                     \
	}
#define FUNCTION(from, to)                                                \
	{                                                                 \
		.first = (from), .last = (to), .read = MSR_READ_FUNCTION, \
		.write = MSR_WRITE_FUNCTION                               \
	}
#define COMMAND(msr)                                                       \
	{                                                                  \
		.first = (msr), .last = (msr), .write = MSR_WRITE_FUNCTION \
	}
/* The machine's value; what guests write is dropped. */
#define REAL_OF(whom, from, to, bits)                                                          \
	{                                                                                      \
		.first = (from), .last = (to), .read = MSR_READ_REAL, .write = MSR_WRITE_DROP, \
		.mask = (bits), .vendor = MSR_OF_##whom                                        \
	}
#define REAL(from, to, bits) REAL_OF(ALL, from, to, bits)
/* Memory types are the firmware's. */
#define MTRR(from, to)                                                                        \
	{                                                                                     \
		.first = (from), .last = (to), .read = MSR_READ_MTRR, .write = MSR_WRITE_DROP \
	}
#define CONST_OF(whom, from, to, constant)                                                      \
	{                                                                                       \
		.first = (from), .last = (to), .read = MSR_READ_CONST, .write = MSR_WRITE_DROP, \
		.value = (constant), .vendor = MSR_OF_##whom                                    \
	}
#define CONST(from, to, constant) CONST_OF(ALL, from, to, constant)

#define DEBUGCTL_ALLOWED  BITS(5, 0)  /* kept, without effect: LBRs are not exchanged */
#define SYSCFG_SHOWN      BITS(22, 0) /* memory encryption is hidden */
#define HWCR_VALUE        BIT(24)     /* the TSC counts at P0's rate; Linux warns where it is 0 */
#define MISC_ENABLE_VALUE (BITS(12, 11) | BIT(0)) /* fast strings; no BTS, no PEBS; XD is on */
#define DE_CFG_SHOWN      BIT(1)                  /* LFENCE serialises, where the firmware set it */

/* Sorted by number, without overlap. */
const struct msr_policy exit_msr_table[] = {
	FUNCTION(MSR_TSC, MSR_TSC),
	FUNCTION(MSR_APIC_BASE, MSR_APIC_BASE),
	FUNCTION(MSR_TSC_ADJUST, MSR_TSC_ADJUST),
	FUNCTION(MSR_SPEC_CTRL, MSR_SPEC_CTRL),
	COMMAND(MSR_PRED_CMD),
	REAL(MSR_PATCH_LEVEL, MSR_PATCH_LEVEL, UINT64_MAX),
	{ .first = MSR_MTRR_CAP, .last = MSR_MTRR_CAP, .read = MSR_READ_REAL, .mask = UINT64_MAX },
	COMMAND(MSR_FLUSH_CMD),
	DIRECT(MSR_SYSENTER_CS, sysenter_cs),
	DIRECT(MSR_SYSENTER_ESP, sysenter_esp),
	DIRECT(MSR_SYSENTER_EIP, sysenter_eip),
	FUNCTION(MSR_MCG_CAP, MSR_MCG_STATUS),
	CONST_OF(INTEL, MSR_MISC_ENABLE, MSR_MISC_ENABLE, MISC_ENABLE_VALUE),
	{ .first = MSR_DEBUGCTL,
	  .last = MSR_DEBUGCTL,
	  .read = MSR_READ_STATE,
	  .write = MSR_WRITE_STATE,
	  .reserved = ~DEBUGCTL_ALLOWED,
	  FIELD(debugctl) },
	CONST(MSR_LAST_BRANCH_FROM, MSR_LAST_INT_TO, 0),
	MTRR(MSR_MTRR_PHYS_BASE0, MSR_MTRR_PHYS_BASE0 + 0x1f),
	MTRR(MSR_MTRR_FIX_64K, MSR_MTRR_FIX_64K),
	MTRR(MSR_MTRR_FIX_16K_80, MSR_MTRR_FIX_16K_A0),
	MTRR(MSR_MTRR_FIX_4K_C0, MSR_MTRR_FIX_4K_F8),
	{ .first = MSR_PAT,
	  .last = MSR_PAT,
	  .read = MSR_READ_STATE,
	  .write = MSR_WRITE_FUNCTION,
	  FIELD(pat) },
	MTRR(MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE),
	FUNCTION(MSR_MC0_CTL, MSR_MC_LAST),
	FUNCTION(MSR_TSC_DEADLINE, MSR_TSC_DEADLINE),
	FUNCTION(MSR_X2APIC, MSR_X2APIC_LAST),
	FUNCTION(MSR_EFER, MSR_EFER),
	DIRECT(MSR_STAR, star),
	DIRECT(MSR_LSTAR, lstar),
	DIRECT(MSR_CSTAR, cstar),
	DIRECT(MSR_SFMASK, sfmask),
	/* Their values are the segments' bases. */
	{ .first = MSR_FS_BASE, .last = MSR_GS_BASE, .write = MSR_WRITE_DIRECT, .direct = true },
	DIRECT(MSR_KERNEL_GS_BASE, kernel_gs_base),
	{ .first = MSR_TSC_AUX,
	  .last = MSR_TSC_AUX,
	  .read = MSR_READ_STATE,
	  .write = MSR_WRITE_FUNCTION,
	  .direct = true,
	  FIELD(tsc_aux) },
	/* AMD's first four counters have no CPUID bit that could hide them. */
	CONST_OF(AMD, MSR_PERF_CTL0, MSR_PERF_CTR0 + 3, 0),
	REAL_OF(AMD, MSR_SYSCFG, MSR_SYSCFG, SYSCFG_SHOWN),
	CONST_OF(AMD, MSR_HWCR, MSR_HWCR, HWCR_VALUE),
	REAL_OF(AMD, MSR_TOP_MEM, MSR_TOP_MEM, UINT64_MAX),
	REAL_OF(AMD, MSR_TOP_MEM2, MSR_TOP_MEM2, UINT64_MAX),
	/* Extended configuration space by CF8 stays off, and MMCONFIG is what ACPI says. */
	CONST_OF(AMD, MSR_NB_CFG, MSR_NB_CFG, 0),
	{ .first = MSR_PATCH_LOADER,
	  .last = MSR_PATCH_LOADER,
	  .write = MSR_WRITE_DROP,
	  .vendor = MSR_OF_AMD },
	CONST_OF(AMD, MSR_INT_PENDING, MSR_INT_PENDING, 0),
	CONST_OF(AMD, MSR_MMIO_CFG_BASE, MSR_MMIO_CFG_BASE, 0),
	REAL_OF(AMD, MSR_PSTATE_LIMIT, MSR_PSTATE_LIMIT + 10, UINT64_MAX),
	CONST_OF(AMD, MSR_CSTATE_ADDRESS, MSR_CSTATE_ADDRESS, 0),
	CONST_OF(AMD, MSR_DC_CFG, MSR_DC_CFG, 0),
	REAL_OF(AMD, MSR_DE_CFG, MSR_DE_CFG, DE_CFG_SHOWN),
};

const uint32_t exit_msr_count = ARRAY_SIZE(exit_msr_table);
