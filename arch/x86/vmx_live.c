/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers that neither the VMCS nor the hypervisor has a place or use for: CR2, DR6, the MSRs
 * of SYSCALL, SWAPGS and RDTSCP. They are the guest's while its vCPU is loaded.
 */
#include "arch/vmx.h"

#include "arch/msr.h"
#include "arch/vcpu_events.h"
#include "arch/vcpu_state.h"
#include "arch/vmcs.h"

static void msrs_get(struct vcpu_msrs *msrs)
{
	msrs->star = rdmsr(MSR_STAR);
	msrs->lstar = rdmsr(MSR_LSTAR);
	msrs->cstar = rdmsr(MSR_CSTAR);
	msrs->sfmask = rdmsr(MSR_SFMASK);
	msrs->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
}

static void msrs_set(const struct vcpu_msrs *msrs)
{
	wrmsr(MSR_STAR, msrs->star);
	wrmsr(MSR_LSTAR, msrs->lstar);
	wrmsr(MSR_CSTAR, msrs->cstar);
	wrmsr(MSR_SFMASK,
	      (uint32_t)msrs->sfmask); /* an image's upper half may be another vendor's */
	wrmsr(MSR_KERNEL_GS_BASE, msrs->kernel_gs_base);
	if (vmx_has(VMX_PROC2, PROC2_RDTSCP)) {
		wrmsr(MSR_TSC_AUX, msrs->tsc_aux);
	}
}

void vmx_live_get(struct vcpu_state *state, uint64_t groups)
{
	if ((groups & STATE_SREGS) != 0) {
		state->sregs.cr2 = cr2_read();
	}
	if ((groups & STATE_MSR) != 0) {
		msrs_get(&state->msrs);
	}
	if ((groups & STATE_DEBUG) != 0) {
		state->debug.dr6 = dr6_read();
	}
}

void vmx_live_set(const struct vcpu_state *state, uint64_t groups)
{
	if ((groups & STATE_SREGS) != 0) {
		cr2_write(state->sregs.cr2);
	}
	if ((groups & STATE_MSR) != 0) {
		msrs_set(&state->msrs);
	}
	if ((groups & STATE_DEBUG) != 0) {
		dr6_write(state->debug.dr6);
	}
}

uint64_t vmx_live_cr2(void)
{
	return cr2_read();
}

void vmx_live_deliver(uint8_t vector, uint64_t payload)
{
	if (vector == VECTOR_PF) {
		cr2_write(payload);
	} else if (vector == VECTOR_DB) {
		dr6_write(dr6_read() | payload);
	}
}
