/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intercepted exceptions: #DB and #AC, which are given back to the guest (a guest that takes them
 * endlessly in their own delivery is left in between), and #MC, which is the machine's.
 */
#include "arch/bochs.h"
#include "arch/exit_dr.h"
#include "arch/mce.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"

/* DR6 has them already, APM2 15.12.2 "#DB (Debug)"; but on Bochs. */
static uint64_t causes_left_out(struct vcpu *vcpu)
{
	if (!bochs_hides_causes) {
		return 0;
	}
	exit_dr_put(vcpu);
	exit_dr_load(vcpu);
	return bochs_debug_causes(vcpu_regs(vcpu, STATE_DEBUG));
}

bool exit_exception(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint8_t vector = (uint8_t)exit->raw.code;

	if (vector == VECTOR_DB) {
		vcpu_events_raise_db(vcpu, exit->raw.info1 | causes_left_out(vcpu));
		return true;
	}
	if (vector == VECTOR_AC) {
		vcpu_events_raise(vcpu, VECTOR_AC, true, 0);
		return true;
	}
	mce_exit(vcpu);
	return true;
}
