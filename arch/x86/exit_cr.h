/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes of control registers and EFER as a processor checks them. Pure: the caller loads the
 * result. False: #GP, and nothing was changed. APM2 3.1. */
#pragma once

#include "arch/vcpu_state.h"

must_check bool exit_cr_set_cr0(struct vcpu_sregs *sregs, uint64_t value);
must_check bool exit_cr_set_cr4(struct vcpu_sregs *sregs, uint64_t value, uint64_t allowed);
must_check bool exit_cr_set_efer(struct vcpu_sregs *sregs, uint64_t value, uint64_t allowed);
