/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the local APIC that only the library calls; the rest is in guest.h. */
#pragma once

/* Each CPU: enables its APIC, in the mode that was chosen. */
void apic_cpu_init(void);
