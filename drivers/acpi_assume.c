/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine whose firmware has no ACPI tables, as OVMF on Bochs: what every PC with an IOAPIC has
 * is assumed, as a MADT that is read like firmware's and that guests are shown.
 */
#include "core/bytes.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/acpi_table.h"

#define LAPIC_ADDRESS    0xfee00000U
#define IOAPIC_ADDRESS   0xfec00000U
#define FLAG_PCAT_COMPAT 1

/* ACPI 6.5, 5.2.12. */
struct assumed_madt {
	struct acpi_header header;
	uint32_t lapic_address;
	uint32_t flags;
	struct {
		uint8_t type, size, uid, apic_id;
		uint32_t flags;
	} __attribute__((packed)) cpu;
	struct {
		uint8_t type, size, id, reserved;
		uint32_t address, gsi_base;
	} __attribute__((packed)) ioapic;
	struct {
		uint8_t type, size, bus, source;
		uint32_t gsi;
		uint16_t flags;
	} __attribute__((packed)) timer;
} __attribute__((packed));

/*
 * MultiProcessor Specification 1.4, chapter 5 "Default Configurations": the IOAPIC's place, the
 * timer on pin 2, the other ISA interrupts on the pins of their numbers. One CPU: nothing names
 * others.
 */
static const struct assumed_madt assumed = {
	.header = { .signature = { 'A', 'P', 'I', 'C' },
		    .length = sizeof(assumed),
		    .revision = 3,
		    .oem_id = { 'C', 'A', 'I', 'S', 'S', 'N' },
		    .oem_table_id = { 'A', 'S', 'S', 'U', 'M', 'E', 'D', ' ' },
		    .creator_id = { 'C', 'S', 'S', 'N' } },
	.lapic_address = LAPIC_ADDRESS,
	.flags = FLAG_PCAT_COMPAT,
	.cpu = { .type = 0, .size = sizeof(assumed.cpu), .flags = 1 },
	.ioapic = { .type = 1, .size = sizeof(assumed.ioapic), .id = 1, .address = IOAPIC_ADDRESS },
	.timer = { .type = 2, .size = sizeof(assumed.timer), .source = 0, .gsi = 2 },
};

int acpi_assume(struct acpi *machine, const struct acpi_io *io)
{
	struct acpi_header *copy = io->alloc(sizeof(assumed));

	if (copy == NULL) {
		return -E_NOMEM;
	}
	memcpy(copy, &assumed, sizeof(assumed));
	copy->checksum = (uint8_t)-acpi_checksum(copy, sizeof(assumed));
	memset(machine, 0, sizeof(*machine));
	machine->tables[0] = (struct acpi_table){ .signature = "APIC", .copy = copy };
	machine->table_count = 1;
	acpi_madt_parse(machine, io, copy);
	log(LOG_INFO, "acpi: assumed: one CPU, an IOAPIC at %#x, the timer on its pin 2",
	    IOAPIC_ADDRESS);
	return 0;
}
