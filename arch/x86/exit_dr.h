/* SPDX-License-Identifier: GPL-2.0-only */
/* Debug registers DR0-DR3, which no vendor exchanges: switched only for vCPUs that use them. */
#pragma once

struct vcpu;

void exit_dr_load(struct vcpu *vcpu);
void exit_dr_put(struct vcpu *vcpu);
