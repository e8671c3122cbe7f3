/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit dispatch: one table from kind to handler. */
#pragma once

#include "core/types.h"
#include "core/vcpu_exit.h"

struct vcpu;

/* True: enter the guest again. False: leave the run loop (blocked, stopped, yielded, moved). */
typedef bool exit_fn(struct vcpu *vcpu, struct vcpu_exit *exit);

/* Counts and dispatches. The vCPU is loaded on this CPU. */
bool exit_handle(struct vcpu *vcpu, struct vcpu_exit *exit);
