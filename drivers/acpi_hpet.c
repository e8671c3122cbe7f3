/* SPDX-License-Identifier: GPL-2.0-only */
/* HPETs: where their registers are. HPET 1.0a 3.2.4 "The ACPI 2.0 HPET Description Table". */
#include "core/bytes.h"
#include "core/log.h"
#include "drivers/acpi_table.h"

#define FIXED_SIZE 56U
#define SPACE      40U
#define ADDRESS    44U

void acpi_hpet_parse(struct acpi *machine, const struct acpi_header *table)
{
	const uint8_t *bytes = (const uint8_t *)table;
	uint64_t address;

	if (!acpi_table_is_whole(table, "HPET", FIXED_SIZE)) {
		return;
	}
	address = load_u64(bytes + ADDRESS);
	if (bytes[SPACE] != 0 || address == 0 || machine->hpet_count == ACPI_HPETS_MAX) {
		log(LOG_WARN, "acpi: HPET: space %u, address %llx: left out", bytes[SPACE],
		    (unsigned long long)address);
		return;
	}
	machine->hpets[machine->hpet_count++] = address;
}
