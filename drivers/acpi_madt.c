/* SPDX-License-Identifier: GPL-2.0-only */
/* The MADT: CPUs, IOAPICs, interrupt source overrides. ACPI 6.5, 5.2.12. */
#include "core/bits.h"
#include "core/bytes.h"
#include "core/log.h"
#include "drivers/acpi_table.h"

#define FIXED_SIZE          44U
#define FLAG_PCAT_COMPAT    BIT(0)
#define CPU_ENABLED         BIT(0)
#define CPU_ONLINE_CAPABLE  BIT(1)
#define CPUS_MAX            4096U /* more are taken for a broken table */
#define APIC_ID_BROADCAST   0xffU
#define X2APIC_ID_BROADCAST 0xffffffffU

/* ACPI 6.5 table 5.21 "Interrupt Controller Structure Types" */
enum madt_type {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9,
};

/* A CPU of either kind of entry. */
struct madt_cpu {
	uint32_t apic_id;
	uint32_t uid;
	uint32_t flags;
};

/* False for entries that are no CPU's, or whose CPU is neither there nor can come. */
static bool read_cpu(const struct acpi_entry *entry, struct madt_cpu *cpu)
{
	if (entry->type == MADT_LAPIC && entry->size >= 8) {
		*cpu = (struct madt_cpu){ entry->at[3], entry->at[2], load_u32(entry->at + 4) };
		if (cpu->apic_id == APIC_ID_BROADCAST) {
			return false;
		}
	} else if (entry->type == MADT_X2APIC && entry->size >= 16) {
		*cpu = (struct madt_cpu){ load_u32(entry->at + 4), load_u32(entry->at + 12),
					  load_u32(entry->at + 8) };
		if (cpu->apic_id == X2APIC_ID_BROADCAST) {
			return false;
		}
	} else {
		return false;
	}
	return (cpu->flags & (CPU_ENABLED | CPU_ONLINE_CAPABLE)) != 0;
}

static uint32_t count_cpus(const struct acpi_header *table)
{
	uint32_t offset = FIXED_SIZE;
	uint32_t count = 0;
	struct acpi_entry entry;
	struct madt_cpu cpu;

	while (acpi_table_next(table, &offset, &entry)) {
		count += read_cpu(&entry, &cpu);
	}
	return count;
}

static bool has_cpu(const struct acpi *machine, uint32_t apic_id)
{
	for (uint32_t i = 0; i < machine->cpu_possible; i++) {
		if (machine->cpus[i].apic_id == apic_id) {
			return true;
		}
	}
	return false;
}

/* Adds the CPUs that are enabled, or those that are not, in the table's order. */
static void collect_cpus(struct acpi *machine, const struct acpi_header *table, bool enabled)
{
	uint32_t offset = FIXED_SIZE;
	struct acpi_entry entry;
	struct madt_cpu cpu;

	while (acpi_table_next(table, &offset, &entry)) {
		if (!read_cpu(&entry, &cpu) || ((cpu.flags & CPU_ENABLED) != 0) != enabled) {
			continue;
		}
		if (has_cpu(machine, cpu.apic_id)) {
			log(LOG_WARN, "acpi: MADT: APIC ID %u stands twice: left out", cpu.apic_id);
			continue;
		}
		if (machine->cpu_possible == CPUS_MAX) {
			log(LOG_WARN, "acpi: MADT: more than %u CPUs: rest left out", CPUS_MAX);
			return;
		}
		machine->cpus[machine->cpu_possible++] = (struct acpi_cpu){
			.apic_id = cpu.apic_id,
			.uid = cpu.uid,
			.enabled = enabled,
		};
	}
}

static void parse_cpus(struct acpi *machine, const struct acpi_io *io,
		       const struct acpi_header *table)
{
	uint64_t count = min_u64(count_cpus(table), CPUS_MAX);

	if (count == 0) {
		log(LOG_WARN, "acpi: MADT: no CPU in it");
		return;
	}
	machine->cpus = io->alloc(count * sizeof(machine->cpus[0]));
	if (machine->cpus == NULL) {
		log(LOG_WARN, "acpi: MADT: no memory for %u CPUs", (unsigned)count);
		return;
	}
	collect_cpus(machine, table, true);
	machine->cpu_count = machine->cpu_possible;
	collect_cpus(machine, table, false);
}

static void parse_ioapic(struct acpi *machine, const uint8_t *at)
{
	if (machine->ioapic_count == ACPI_IOAPICS_MAX) {
		log(LOG_WARN, "acpi: MADT: IOAPIC %u: one too many: left out", at[2]);
		return;
	}
	machine->ioapics[machine->ioapic_count++] = (struct acpi_ioapic){
		.id = at[2],
		.address = load_u32(at + 4),
		.gsi_base = load_u32(at + 8),
	};
}

static void parse_override(struct acpi *machine, const uint8_t *at)
{
	if (at[2] != 0 || at[3] >= 16) {
		log(LOG_WARN, "acpi: MADT: override of bus %u, source %u: left out", at[2], at[3]);
		return;
	}
	if (machine->override_count == ACPI_OVERRIDES_MAX) {
		log(LOG_WARN, "acpi: MADT: override of source %u: one too many: left out", at[3]);
		return;
	}
	machine->overrides[machine->override_count++] = (struct acpi_override){
		.source = at[3],
		.gsi = load_u32(at + 4),
		.flags = load_u16(at + 8),
	};
}

/* A 64-bit address of the LAPICs, which every CPU so far has below 4 GiB. */
static void parse_lapic_address(struct acpi *machine, const uint8_t *at)
{
	uint64_t address = load_u64(at + 4);

	if (address > UINT32_MAX) {
		log(LOG_WARN, "acpi: MADT: LAPIC address %llx: left out",
		    (unsigned long long)address);
		return;
	}
	machine->lapic_address = (uint32_t)address;
}

static void parse_entry(struct acpi *machine, const struct acpi_entry *entry)
{
	static const struct {
		uint8_t type, least;
		void (*parse)(struct acpi *machine, const uint8_t *at);
	} kinds[] = {
		{ MADT_IOAPIC, 12, parse_ioapic },
		{ MADT_OVERRIDE, 10, parse_override },
		{ MADT_LAPIC_ADDRESS, 12, parse_lapic_address },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (entry->type != kinds[i].type) {
			continue;
		}
		if (entry->size < kinds[i].least) {
			log(LOG_WARN,
			    "acpi: MADT: entry of type %u: length %u is too small: left out",
			    entry->type, entry->size);
			continue;
		}
		kinds[i].parse(machine, entry->at);
	}
}

void acpi_madt_parse(struct acpi *machine, const struct acpi_io *io,
		     const struct acpi_header *table)
{
	const uint8_t *bytes = (const uint8_t *)table;
	uint32_t offset = FIXED_SIZE;
	struct acpi_entry entry;

	if (!acpi_table_is_whole(table, "MADT", FIXED_SIZE)) {
		return;
	}
	machine->lapic_address = load_u32(bytes + 36);
	machine->has_8259 = (load_u32(bytes + 40) & FLAG_PCAT_COMPAT) != 0;
	acpi_table_check(table, FIXED_SIZE);
	while (acpi_table_next(table, &offset, &entry)) {
		parse_entry(machine, &entry);
	}
	parse_cpus(machine, io, table);
}
