/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intercepted exceptions: #DB and #AC, which are given back to the guest (a guest that takes them
 * endlessly in their own delivery is left in between), and #MC, which is the machine's.
 */
#include "arch/mce.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"

bool exit_exception(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint8_t vector = (uint8_t)exit->raw.code;

	if (vector == VECTOR_DB) {
		/* DR6 has the causes already: APM2 15.12.2 "#DB (Debug)". */
		vcpu_events_raise_db(vcpu, 0);
		return true;
	}
	if (vector == VECTOR_AC) {
		vcpu_events_raise(vcpu, VECTOR_AC, true, 0);
		return true;
	}
	mce_exit(vcpu);
	return true;
}
