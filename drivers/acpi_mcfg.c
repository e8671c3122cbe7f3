/* SPDX-License-Identifier: GPL-2.0-only */
/* The MCFG: where PCI configuration space is mapped. PCI Firmware 3.3, 4.1.2. */
#include "core/bits.h"
#include "core/bytes.h"
#include "core/log.h"
#include "drivers/acpi_table.h"

#define FIXED_SIZE 44U
#define ENTRY_SIZE 16U
#define BUS_SIZE   MIB

static void add_entry(struct acpi *machine, struct acpi_mcfg_entry entry)
{
	if (entry.address == 0 || !is_aligned(entry.address, BUS_SIZE) ||
	    entry.bus_start > entry.bus_end ||
	    entry.address > UINT64_MAX - BUS_SIZE * (entry.bus_end + UINT64_C(1))) {
		log(LOG_WARN, "acpi: MCFG: segment %u, buses %u-%u at %llx: left out",
		    entry.segment, entry.bus_start, entry.bus_end,
		    (unsigned long long)entry.address);
		return;
	}
	if (machine->mcfg_count == ACPI_MCFG_MAX) {
		log(LOG_WARN, "acpi: MCFG: segment %u: one too many: left out", entry.segment);
		return;
	}
	machine->mcfg[machine->mcfg_count++] = entry;
}

void acpi_mcfg_parse(struct acpi *machine, const struct acpi_header *table)
{
	const uint8_t *bytes = (const uint8_t *)table;

	if (!acpi_table_is_whole(table, "MCFG", FIXED_SIZE)) {
		return;
	}
	for (uint32_t at = FIXED_SIZE; table->length - at >= ENTRY_SIZE; at += ENTRY_SIZE) {
		add_entry(machine, (struct acpi_mcfg_entry){
					   .address = load_u64(bytes + at),
					   .segment = load_u16(bytes + at + 8),
					   .bus_start = bytes[at + 10],
					   .bus_end = bytes[at + 11],
				   });
	}
}
