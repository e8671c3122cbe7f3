/* SPDX-License-Identifier: GPL-2.0-only */
/* The moment in which the hypervisor lets interrupts in. */
#pragma once

/* Opens interrupts for one instruction: the stubs record what was pending. */
void irq_window(void);
