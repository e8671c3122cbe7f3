/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The firmware's ACPI tables, read defensively: each table is copied once into our own memory with
 * its length and checksum checked, then parsed from the copy. Broken tables are named with the
 * field and left out; the machine goes on with what is whole. ACPI 6.5, chapter 5.2. Boot CPU only,
 * at boot. AML is not interpreted.
 */
#pragma once

#include "core/types.h"

#define ACPI_TABLES_MAX    64
#define ACPI_IOAPICS_MAX   64
#define ACPI_OVERRIDES_MAX 32
#define ACPI_MCFG_MAX      64
#define ACPI_HPETS_MAX     8
#define ACPI_TABLE_MAX     (4 * MIB) /* a longer table is taken for broken */

struct acpi_header { /* ACPI 6.5 table 5.4 "DESCRIPTION_HEADER Fields" */
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));
static_assert(sizeof(struct acpi_header) == 36, "ACPI description header");

struct acpi_gas {      /* ACPI 6.5 table 5.1 "Generic Address Structure" */
	uint8_t space; /* 0 memory, 1 I/O port */
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} __attribute__((packed));

struct acpi_cpu {
	uint32_t apic_id; /* 32 bits: x2APIC entries have more than 8 */
	uint32_t uid;     /* ACPI processor UID */
	uint32_t node;    /* SRAT proximity domain, 0 without SRAT */
	bool enabled;     /* flags bit 0; only online-capable ones have false here */
};

struct acpi_ioapic {
	uint32_t id;
	uint64_t address;
	uint32_t gsi_base;
};

struct acpi_override { /* ISA interrupt source override */
	uint8_t source;
	uint32_t gsi;
	uint16_t flags; /* MPS INTI flags: polarity 1:0, trigger 3:2 */
};

struct acpi_mcfg_entry {
	uint64_t address;
	uint16_t segment;
	uint8_t bus_start, bus_end;
};

struct acpi_memory_affinity {
	uint64_t start, size;
	uint32_t node;
};

struct acpi_table {
	char signature[5]; /* zero-ended */
	uint64_t address;  /* where the firmware keeps it */
	struct acpi_header
		*copy; /* our validated copy; NULL where only the address is kept (DSDT, FACS) */
};

struct acpi {
	bool present; /* false: a machine without (usable) ACPI; a supported, logged case */
	uint64_t rsdp_address;
	uint8_t rsdp_revision;
	struct acpi_table tables[ACPI_TABLES_MAX];
	uint32_t table_count;

	struct acpi_cpu *cpus; /* sized by the MADT; enabled first, MADT order, no duplicates */
	uint32_t cpu_count;    /* enabled ones */
	uint32_t cpu_possible; /* with the online-capable ones, which follow them */
	uint32_t lapic_address;
	bool has_8259; /* MADT flags PCAT_COMPAT */
	struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
	uint32_t ioapic_count;
	struct acpi_override overrides[ACPI_OVERRIDES_MAX];
	uint32_t override_count;

	struct acpi_mcfg_entry mcfg[ACPI_MCFG_MAX];
	uint32_t mcfg_count;
	uint64_t hpets[ACPI_HPETS_MAX]; /* addresses of their registers */
	uint32_t hpet_count;
	struct acpi_memory_affinity memory[64];
	uint32_t memory_count;

	/* FADT: addresses are I/O ports or memory as gas.space says; address 0: absent. */
	struct acpi_gas pm1a_control, pm1b_control, pm1a_event, pm_timer, reset_register;
	uint8_t reset_value;
	bool has_reset;
	bool pm_timer_is_32_bit;
	uint16_t sci_gsi;
	uint16_t smi_command;
	uint16_t boot_architecture; /* IAPC_BOOT_ARCH */
	uint64_t dsdt_address;
};

/* What the parser needs of the outside; a unit test or fuzzer supplies its own. */
struct acpi_io {
	/* Copies size bytes of physical memory; false where the range is no memory. */
	bool (*read)(uint64_t address, void *to, size_t size);
	/* Memory that lives for ever, zeroed, 16-byte aligned; NULL when there is none. */
	void *(*alloc)(size_t size);
};

/*
 * rsdp: the loader's copy (rsdp_size 20 or 36), or size 0 to look in the BIOS areas (EBDA,
 * E0000-FFFFF); the EFI configuration table is the boot path's to look in. 0, or -E_NOENT without a
 * usable RSDP.
 */
must_check int acpi_parse(struct acpi *machine, const struct acpi_io *io, const uint8_t *rsdp,
			  uint32_t rsdp_size);

/*
 * For a machine without them: one CPU and an IOAPIC where PCs have it, in machine and as a MADT for
 * guests. present stays false. 0 or -E_NOMEM.
 */
must_check int acpi_assume(struct acpi *machine, const struct acpi_io *io);

/* The n-th table of that signature, or NULL. */
const struct acpi_table *acpi_find(const struct acpi *machine, const char *signature, uint32_t n);

/* The sum of size bytes, modulo 256: 0 for a valid table. */
uint8_t acpi_checksum(const void *data, size_t size);

/* The machine's tables, const after boot. */
extern struct acpi acpi;
