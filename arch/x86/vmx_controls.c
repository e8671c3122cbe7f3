/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which controls are used, bit by bit, and what the CPU must have for it. SDM3 25.6 "VM-Execution
 * Control Fields", 25.7, 25.8, appendix A "VMX Capability Reporting Facility".
 */
#include "arch/vmx.h"

#include "arch/msr.h"
#include "arch/vmcs.h"

#define ROW(reg, mask, need, name)                                          \
	{                                                                   \
		VMX_##reg, (uint8_t)__builtin_ctzll(mask), VMX_##need, name \
	}

/*
 * Exits: HLT, RDPMC, MWAIT, MONITOR, WBINVD, what the maps of ports and MSRs say, debug registers
 * that are not the vCPU's; of control registers what their masks say: vmx_state.c. CR3 is the
 * guest's. Exits of CR8 are those below the TPR's threshold alone.
 */
const struct vmx_control vmx_control_table[] = {
	/* What CPUs of an age lack comes first, so that it is named. */
	ROW(PROC, PROC_SECONDARY, REQUIRED, "secondary controls (processor-based control 31)"),
	ROW(PROC2, PROC2_EPT, REQUIRED, "extended page tables, EPT (secondary control 1)"),
	ROW(PROC2, PROC2_UNRESTRICTED, REQUIRED, "unrestricted guests (secondary control 7)"),
	ROW(PIN, PIN_INTERRUPT_EXIT, REQUIRED, "external-interrupt exiting (pin-based control 0)"),
	ROW(PIN, PIN_NMI_EXIT, REQUIRED, "NMI exiting (pin-based control 3)"),
	ROW(PIN, PIN_VIRTUAL_NMI, REQUIRED, "virtual NMIs (pin-based control 5)"),
	ROW(PIN, PIN_TIMER, WANTED, "preemption timer"),
	ROW(PIN, PIN_POSTED, OFFERED, "freedom from posted interrupts"),
	ROW(PROC, PROC_INTERRUPT_WINDOW, SWITCHED,
	    "interrupt-window exiting (processor-based control 2)"),
	ROW(PROC, PROC_TSC_OFFSET, REQUIRED, "TSC offsetting (processor-based control 3)"),
	ROW(PROC, PROC_HLT_EXIT, REQUIRED, "HLT exiting (processor-based control 7)"),
	ROW(PROC, PROC_INVLPG_EXIT, NEVER, "INVLPG without an exit"),
	ROW(PROC, PROC_MWAIT_EXIT, REQUIRED, "MWAIT exiting (processor-based control 10)"),
	ROW(PROC, PROC_RDPMC_EXIT, REQUIRED, "RDPMC exiting (processor-based control 11)"),
	ROW(PROC, PROC_RDTSC_EXIT, NEVER, "RDTSC without an exit"),
	ROW(PROC, PROC_CR3_LOAD_EXIT, NEVER, "CR3 loads without an exit (the TRUE controls)"),
	ROW(PROC, PROC_CR3_STORE_EXIT, NEVER, "CR3 stores without an exit (the TRUE controls)"),
	ROW(PROC, PROC_CR8_LOAD_EXIT, NEVER, "CR8 loads without an exit"),
	ROW(PROC, PROC_CR8_STORE_EXIT, NEVER, "CR8 stores without an exit"),
	ROW(PROC, PROC_TPR_SHADOW, REQUIRED, "the TPR shadow (processor-based control 21)"),
	ROW(PROC, PROC_NMI_WINDOW, SWITCHED, "NMI-window exiting (processor-based control 22)"),
	ROW(PROC, PROC_MOV_DR_EXIT, SWITCHED, "MOV-DR exiting (processor-based control 23)"),
	ROW(PROC, PROC_IO_EXIT, NEVER, "I/O without an exit"),
	ROW(PROC, PROC_IO_MAPS, REQUIRED, "I/O bitmaps (processor-based control 25)"),
	ROW(PROC, PROC_MONITOR_TRAP, NEVER, "freedom from the monitor trap"),
	ROW(PROC, PROC_MSR_MAPS, REQUIRED, "MSR bitmaps (processor-based control 28)"),
	ROW(PROC, PROC_MONITOR_EXIT, REQUIRED, "MONITOR exiting (processor-based control 29)"),
	ROW(PROC, PROC_PAUSE_EXIT, NEVER, "PAUSE without an exit"),
	ROW(PROC2, PROC2_APIC_ACCESS, NEVER, "freedom from the APIC-access page"),
	ROW(PROC2, PROC2_TABLE_EXIT, NEVER, "descriptor-table registers without an exit"),
	ROW(PROC2, PROC2_RDTSCP, WANTED, "RDTSCP"),
	ROW(PROC2, PROC2_X2APIC, OFFERED, "x2APIC registers without virtualisation"),
	ROW(PROC2, PROC2_APIC_REGISTERS, OFFERED, "APIC registers without virtualisation"),
	ROW(PROC2, PROC2_VIRTUAL_INTERRUPT, OFFERED, "freedom from virtual-interrupt delivery"),
	ROW(PROC2, PROC2_VPID, WANTED, "VPIDs"),
	ROW(PROC2, PROC2_WBINVD_EXIT, REQUIRED, "WBINVD exiting (secondary control 6)"),
	ROW(PROC2, PROC2_PAUSE_LOOP_EXIT, WANTED, "PAUSE-loop exiting"),
	ROW(PROC2, PROC2_RDRAND_EXIT, NEVER, "RDRAND without an exit"),
	ROW(PROC2, PROC2_INVPCID, WANTED, "INVPCID"),
	ROW(PROC2, PROC2_VMFUNC, NEVER, "freedom from VM functions"),
	ROW(PROC2, PROC2_SHADOW, NEVER, "freedom from VMCS shadowing"),
	ROW(PROC2, PROC2_ENCLS_EXIT, NEVER, "freedom from ENCLS exiting"),
	ROW(PROC2, PROC2_RDSEED_EXIT, NEVER, "RDSEED without an exit"),
	ROW(PROC2, PROC2_PML, NEVER, "freedom from page-modification logging"),
	ROW(PROC2, PROC2_VE, NEVER, "freedom from #VE"),
	ROW(PROC2, PROC2_XSAVES, NEVER, "freedom from XSAVES"), /* CPUID hides it: then it is #UD */
	ROW(PROC2, PROC2_TSC_SCALING, NEVER, "freedom from TSC scaling"),
	ROW(PROC2, PROC2_USER_WAIT, NEVER, "freedom from user wait"), /* likewise */
	ROW(EXIT, EXIT_SAVE_DEBUG, REQUIRED, "saving of debug controls (exit control 2)"),
	ROW(EXIT, EXIT_HOST_64, REQUIRED, "64-bit hosts (exit control 9)"),
	ROW(EXIT, EXIT_LOAD_PERF, NEVER, "freedom from PERF_GLOBAL_CTRL at exits"),
	ROW(EXIT, EXIT_ACK, OFFERED, "exits that leave the interrupt pending"),
	ROW(EXIT, EXIT_SAVE_PAT, NEVER, "freedom from saving PAT"), /* its writes exit */
	ROW(EXIT, EXIT_LOAD_PAT, REQUIRED, "loading of PAT (exit control 19)"),
	ROW(EXIT, EXIT_SAVE_EFER, NEVER, "freedom from saving EFER"), /* likewise */
	ROW(EXIT, EXIT_LOAD_EFER, REQUIRED, "loading of EFER (exit control 21)"),
	ROW(EXIT, EXIT_SAVE_TIMER, NEVER, "a preemption timer that starts anew"),
	ROW(ENTRY, ENTRY_LOAD_DEBUG, REQUIRED, "loading of debug controls (entry control 2)"),
	ROW(ENTRY, ENTRY_LONG_MODE, SWITCHED, "64-bit guests (entry control 9)"),
	ROW(ENTRY, ENTRY_SMM, NEVER, "entries outside of SMM"),
	ROW(ENTRY, ENTRY_DUAL_OFF, NEVER, "freedom from the dual-monitor treatment"),
	ROW(ENTRY, ENTRY_LOAD_PERF, NEVER, "freedom from PERF_GLOBAL_CTRL at entries"),
	ROW(ENTRY, ENTRY_LOAD_PAT, REQUIRED, "loading of PAT (entry control 14)"),
	ROW(ENTRY, ENTRY_LOAD_EFER, REQUIRED, "loading of EFER (entry control 15)"),
};

const uint32_t vmx_control_count = ARRAY_SIZE(vmx_control_table);

static bool may_be(const struct vmx_control *row, uint32_t musts, uint32_t mays)
{
	uint32_t bit = UINT32_C(1) << row->bit;

	switch ((enum vmx_need)row->need) {
	case VMX_REQUIRED:
		return (mays & bit) != 0;
	case VMX_SWITCHED:
		return (mays & bit) != 0 && (musts & bit) == 0;
	case VMX_OFFERED:
	case VMX_NEVER:
		return (musts & bit) == 0;
	case VMX_WANTED:
		break;
	}
	return true;
}

bool vmx_controls_make(const struct vmx_facts *facts, struct vmx_controls *controls,
		       const char **missing)
{
	for (unsigned reg = 0; reg < VMX_REGISTERS; reg++) {
		controls->values[reg] = (uint32_t)facts->allowed[reg];
		controls->offered[reg] = 0;
	}
	for (uint32_t i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *row = &vmx_control_table[i];
		uint64_t allowed = facts->allowed[row->reg];
		uint32_t bit = UINT32_C(1) << row->bit;

		if (!may_be(row, (uint32_t)allowed, (uint32_t)(allowed >> 32))) {
			*missing = row->name;
			return false;
		}
		if (row->need == VMX_REQUIRED ||
		    (row->need == VMX_WANTED && (allowed >> 32 & bit) != 0)) {
			controls->values[row->reg] |= bit;
		}
		if (row->need == VMX_OFFERED) {
			controls->offered[row->reg] |= (uint32_t)(allowed >> 32) & bit;
		}
	}
	return true;
}

/* What the tables need beyond the controls, and what of them goes without its instructions. */
static bool ept_check(const struct vmx_facts *facts, struct vmx_controls *controls,
		      const char **missing)
{
	uint64_t ept = facts->ept_vpid;

	if ((ept & VMX_EPT_LEVELS_4) == 0 || (ept & VMX_EPT_WB) == 0) {
		*missing = "EPT of four levels in write-back memory (IA32_VMX_EPT_VPID_CAP[6,14])";
	} else if ((ept & VMX_EPT_2M) == 0) {
		*missing = "EPT with pages of 2 MiB (IA32_VMX_EPT_VPID_CAP[16])";
	} else if ((ept & VMX_EPT_INVEPT) == 0 ||
		   (ept & (VMX_EPT_INVEPT_ONE | VMX_EPT_INVEPT_ALL)) == 0) {
		*missing = "INVEPT (IA32_VMX_EPT_VPID_CAP[20])";
	} else {
		if ((ept & VMX_EPT_INVVPID) != VMX_EPT_INVVPID) {
			controls->values[VMX_PROC2] &= (uint32_t)~PROC2_VPID;
		}
		return true;
	}
	return false;
}

bool vmx_check(const struct vmx_facts *facts, struct vmx_controls *controls, const char **missing)
{
	const uint64_t on = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX;

	if (!facts->has_vmx) {
		*missing = NULL;
		return false;
	}
	if ((facts->feature_control & on) == FEATURE_CONTROL_LOCK) {
		*missing = "VT-x, which the CPU has but the firmware has turned off "
			   "(IA32_FEATURE_CONTROL is locked without bit 2): enable VMX in the "
			   "firmware's setup";
		return false;
	}
	return vmx_controls_make(facts, controls, missing) && ept_check(facts, controls, missing);
}
