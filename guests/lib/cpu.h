/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the processors that only the library calls; the rest is in guest.h. */
#pragma once

/* After acpi_init() and apic_cpu_init(): who is there. */
void cpu_init(void);
