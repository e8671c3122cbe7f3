/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message interrupts of the control guest's devices: the device is given a host vector, and what
 * comes with it is delivered as the message that the guest wrote. APM2 16.11 "Interrupt messages",
 * SDM3 11.11 "Message Signalled Interrupts". All under the caller's lock but for what says other.
 */
#pragma once

#include "core/irq.h"

struct vm;

struct vmsg {
	struct irq irq;   /* bound while the device may send */
	uint64_t message; /* as the guest wrote it: address in 63:32, data in 31:0; atomic */
};

/* What the device is programmed with. */
struct vmsg_host {
	uint32_t address, data;
};

/* Whose messages they are. Before any other function; boot CPU. */
void vmsg_init(struct vm *vm);

/* A new one, without vectors; count is a power of two up to 32. */
void vmsg_reset(struct vmsg *msg, unsigned count);

/*
 * Routes it to the CPU where the vCPU of its message is now (where that moves, it is posted), and
 * says what to program. is_masked: the device sends nothing until it is programmed; otherwise only
 * the address's word is changed. Then vmsg_settle(), once the device has it. -E_NOMEM, logged once:
 * no vectors.
 */
must_check int vmsg_route(struct vmsg *msg, bool is_masked, struct vmsg_host *host);
void vmsg_settle(struct vmsg *msg);

/* The device sends no more: gives the vectors back. */
void vmsg_release(struct vmsg *msg);
