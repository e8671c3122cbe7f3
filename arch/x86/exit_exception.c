/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intercepted exceptions: #DB and #AC, which are given back to the guest (a guest that takes them
 * endlessly in their own delivery is left in between), and #MC, which is the machine's.
 */
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/vm.h"

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
	vm_stop(vcpu->vm, VM_STOP_ERROR, "vCPU %u: machine check while it ran, MCG_STATUS %#llx",
		vcpu->index, (unsigned long long)rdmsr(MSR_MCG_STATUS));
	return false;
}
