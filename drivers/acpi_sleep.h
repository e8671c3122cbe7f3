/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The values that firmware wants in SLP_TYP for each sleep state: the packages \_S1 to \_S5 of the
 * DSDT, found by their form. AML is not interpreted. ACPI 6.5 7.4.2 "\_Sx", 20.2 "AML Grammar".
 */
#pragma once

#include "core/types.h"

struct acpi_io;

#define ACPI_SLEEP_STATES 6 /* S0 to S5 */

struct acpi_sleep {
	bool known[ACPI_SLEEP_STATES];
	uint8_t type_a[ACPI_SLEEP_STATES]; /* for PM1a_CNT */
	uint8_t type_b[ACPI_SLEEP_STATES]; /* for PM1b_CNT */
};

/* Looks through size bytes of AML and adds what it finds; the first package of a state counts. */
void acpi_sleep_scan(struct acpi_sleep *sleep, const uint8_t *aml, size_t size);

/* The same for the table in the firmware's memory at that address. Boot CPU. */
void acpi_sleep_read(struct acpi_sleep *sleep, const struct acpi_io *io, uint64_t dsdt_address);

/* The machine's, const after boot. */
extern struct acpi_sleep acpi_sleep;
