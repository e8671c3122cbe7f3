/* SPDX-License-Identifier: GPL-2.0-only */
/* The little that a micro-guest reads of ACPI's tables. */
#pragma once

#include "core/types.h"

/* Before any other function here; rsdp may be 0: it is looked for where a BIOS puts it. */
void acpi_init(uint64_t rsdp);
uint32_t acpi_pm1a_control(void); /* I/O port, 0: unknown */
uint32_t acpi_pm_timer(void);     /* I/O port, 0: unknown */
uint64_t acpi_lapic_address(void);
/* Fills ids with the APIC IDs of the enabled CPUs, returns their number. */
unsigned acpi_apic_ids(uint32_t *ids, unsigned most);
