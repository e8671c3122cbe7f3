/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What acpi.c asks of the parsers, one per table and file. Each reads a copy whose length and
 * checksum are right, and nothing else of it is: a wrong field is logged with the table's name and
 * left out.
 */
#pragma once

#include "drivers/acpi.h"

/* One sub-structure of a MADT or SRAT. */
struct acpi_entry {
	const uint8_t *at;
	uint8_t type;
	uint8_t size;
};

/*
 * Steps through the sub-structures behind a table's fixed part: *offset is that part's size at
 * first. False at the end, and at a length that is no structure's: logged, what follows is left
 * out.
 */
bool acpi_table_next(const struct acpi_header *table, uint32_t *offset, struct acpi_entry *entry);

/* Logs where acpi_table_next() ends too early. */
void acpi_table_check(const struct acpi_header *table, uint32_t offset);

/* Whether table is as long as its fixed part; logged where it is not. */
bool acpi_table_is_whole(const struct acpi_header *table, const char *name, uint32_t least);

void acpi_madt_parse(struct acpi *machine, const struct acpi_io *io,
		     const struct acpi_header *table);
void acpi_fadt_parse(struct acpi *machine, const struct acpi_header *table);
void acpi_mcfg_parse(struct acpi *machine, const struct acpi_header *table);
void acpi_hpet_parse(struct acpi *machine, const struct acpi_header *table);

/* After the MADT, whose CPUs it gives nodes to. */
void acpi_srat_parse(struct acpi *machine, const struct acpi_header *table);
