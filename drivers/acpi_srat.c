/* SPDX-License-Identifier: GPL-2.0-only */
/* The SRAT: which node CPUs and memory belong to. ACPI 6.5, 5.2.16. */
#include "core/bits.h"
#include "core/bytes.h"
#include "core/log.h"
#include "drivers/acpi_table.h"

#define FIXED_SIZE   48U
#define FLAG_ENABLED BIT(0)

/* ACPI 6.5, 5.2.16.1 and following */
enum srat_type {
	SRAT_LAPIC = 0,
	SRAT_MEMORY = 1,
	SRAT_X2APIC = 2,
};

static void set_node(struct acpi *machine, uint32_t apic_id, uint32_t node)
{
	for (uint32_t i = 0; i < machine->cpu_possible; i++) {
		if (machine->cpus[i].apic_id == apic_id) {
			machine->cpus[i].node = node;
		}
	}
}

static void parse_lapic(struct acpi *machine, const uint8_t *at, uint32_t node_mask)
{
	uint32_t node =
		at[2] | (uint32_t)at[9] << 8 | (uint32_t)at[10] << 16 | (uint32_t)at[11] << 24;

	if ((load_u32(at + 4) & FLAG_ENABLED) != 0) {
		set_node(machine, at[3], node & node_mask);
	}
}

static void parse_x2apic(struct acpi *machine, const uint8_t *at, uint32_t node_mask)
{
	if ((load_u32(at + 12) & FLAG_ENABLED) != 0) {
		set_node(machine, load_u32(at + 8), load_u32(at + 4) & node_mask);
	}
}

static void parse_memory(struct acpi *machine, const uint8_t *at, uint32_t node_mask)
{
	uint64_t start = load_u64(at + 8);
	uint64_t size = load_u64(at + 16);

	if ((load_u32(at + 28) & FLAG_ENABLED) == 0 || size == 0) {
		return;
	}
	if (start + size < start || machine->memory_count == ARRAY_SIZE(machine->memory)) {
		log(LOG_WARN, "acpi: SRAT: memory at %llx, size %llx: left out",
		    (unsigned long long)start, (unsigned long long)size);
		return;
	}
	machine->memory[machine->memory_count++] = (struct acpi_memory_affinity){
		.start = start,
		.size = size,
		.node = load_u32(at + 2) & node_mask,
	};
}

void acpi_srat_parse(struct acpi *machine, const struct acpi_header *table)
{
	static const struct {
		uint8_t least;
		void (*parse)(struct acpi *machine, const uint8_t *at, uint32_t node_mask);
	} kinds[] = {
		[SRAT_LAPIC] = { 16, parse_lapic },
		[SRAT_MEMORY] = { 40, parse_memory },
		[SRAT_X2APIC] = { 24, parse_x2apic },
	};
	/* Revision 1 had 8 bits of domain, and garbage is seen where the others are now. */
	uint32_t node_mask = table->revision < 2 ? 0xff : 0xffffffff;
	uint32_t offset = FIXED_SIZE;
	struct acpi_entry entry;

	if (!acpi_table_is_whole(table, "SRAT", FIXED_SIZE)) {
		return;
	}
	acpi_table_check(table, FIXED_SIZE);
	while (acpi_table_next(table, &offset, &entry)) {
		if (entry.type >= ARRAY_SIZE(kinds)) {
			continue;
		}
		if (entry.size < kinds[entry.type].least) {
			log(LOG_WARN,
			    "acpi: SRAT: entry of type %u: length %u is too small: left out",
			    entry.type, entry.size);
			continue;
		}
		kinds[entry.type].parse(machine, entry.at, node_mask);
	}
}
