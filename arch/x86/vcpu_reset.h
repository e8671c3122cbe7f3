/* SPDX-License-Identifier: GPL-2.0-only */
/* The states a vCPU starts from. A loader's: guest_entry.h. */
#pragma once

#include "core/types.h"

struct vcpu;

/* As after power-up, at the reset vector. The secret pages are mapped. */
void vcpu_reset_power_up(struct vcpu *vcpu);

/* INIT: the same but for what APM2 14.1.3 keeps (FPU, most MSRs, TSC). All but the first vCPU wait
 * for a SIPI then. Loaded. */
void vcpu_reset_init(struct vcpu *vcpu);

/* SIPI: real mode at vector << 12. No effect unless it waits for one. Loaded. */
void vcpu_reset_startup(struct vcpu *vcpu, uint8_t vector);
