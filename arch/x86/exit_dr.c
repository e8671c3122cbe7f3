/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DR0-DR3. A loaded vCPU's first access of a debug register exits, and gives it the CPU's; from
 * then on until it is put nothing exits. One whose DR7 has a breakpoint on has them from the load.
 * The hypervisor uses none itself.
 */
#include "arch/exit_dr.h"

#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"

#define DR7_ENABLED BITS(7, 0)

static void live(struct vcpu *vcpu)
{
	const uint64_t *dr = vcpu->arch.state->debug.dr;

	dr0_write(dr[0]);
	dr1_write(dr[1]);
	dr2_write(dr[2]);
	dr3_write(dr[3]);
	vcpu->arch.debug_live = true;
}

bool exit_dr_access(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	live(vcpu); /* and run the instruction again */
	return true;
}

void exit_dr_load(struct vcpu *vcpu)
{
	if ((vcpu_regs(vcpu, STATE_DEBUG)->debug.dr7 & DR7_ENABLED) != 0) {
		live(vcpu);
	}
}

void exit_dr_put(struct vcpu *vcpu)
{
	uint64_t *dr = vcpu->arch.state->debug.dr;

	if (!vcpu->arch.debug_live) {
		return;
	}
	dr[0] = dr0_read();
	dr[1] = dr1_read();
	dr[2] = dr2_read();
	dr[3] = dr3_read();
	vcpu->arch.debug_live = false;
}
