/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control guest's ACPI power management: PM1 control registers are forwarded but for sleep
 * commands. S5 powers the machine off once all CPUs are out of their guests. S1 to S4 are not done:
 * the guest finds WAK_STS set and goes on. ACPI 6.5 4.8.3.1 "PM1 Event Grouping", 4.8.3.2 "PM1
 * Control Registers", 16.1.6 "Transitioning from the Working to the Sleeping State".
 */
#pragma once

#include "core/types.h"

struct vm;

must_check int vpm_init(struct vm *vm);

/*
 * Powers the machine off with the guest's values, or with those of the DSDT. Returns when neither
 * is known or the chipset does not answer. The last CPU, at the end.
 */
void vpm_power_off(void);
