/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A physical memory of 2 MiB with ACPI tables built in it, for tests. Defines functions; comes
 * after log_capture.h and cmocka.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "drivers/acpi.h"

#define MEMORY_SIZE (2 * MIB)

static uint8_t memory[MEMORY_SIZE];
static uint64_t tables_end; /* where the next table goes */
static uint64_t tables[64]; /* addresses for the root table */
static unsigned tables_count;
static void *allocations[256];
static unsigned allocation_count;
static size_t allocation_limit; /* larger ones fail */

static bool memory_read(uint64_t address, void *to, size_t size)
{
	if (address > MEMORY_SIZE || size > MEMORY_SIZE - address) {
		return false;
	}
	memcpy(to, memory + address, size);
	return true;
}

static void *memory_alloc(size_t size)
{
	if (allocation_count == ARRAY_SIZE(allocations) || size > allocation_limit) {
		return NULL;
	}
	return allocations[allocation_count++] = calloc(1, size);
}

static const struct acpi_io memory_io = { memory_read, memory_alloc };

static inline void tables_reset(void)
{
	while (allocation_count != 0) {
		free(allocations[--allocation_count]);
	}
	memset(memory, 0, sizeof(memory));
	tables_end = 0x100000;
	tables_count = 0;
	allocation_limit = SIZE_MAX;
}

/* Gives the table at address its length and checksum. */
static inline void table_seal(uint64_t address, uint32_t length)
{
	store_u32(memory + address + 4, length);
	memory[address + 9] = 0;
	memory[address + 9] = (uint8_t)-acpi_checksum(memory + address, length);
}

/* Starts a table without putting it into the root table; its body is appended with table_put(). */
static inline uint64_t table_begin(const char *signature, uint8_t revision)
{
	uint64_t address = align_up(tables_end, 16);

	memcpy(memory + address, signature, 4);
	memory[address + 8] = revision;
	tables_end = address + sizeof(struct acpi_header);
	return address;
}

static inline void table_put(const void *bytes, size_t size)
{
	memcpy(memory + tables_end, bytes, size);
	tables_end += size;
}

static inline void table_put_u32(uint32_t value)
{
	table_put(&value, sizeof(value));
}

static inline void table_put_u64(uint64_t value)
{
	table_put(&value, sizeof(value));
}

static inline void table_end(uint64_t address)
{
	table_seal(address, (uint32_t)(tables_end - address));
	tables[tables_count++] = address;
}

static inline uint64_t table_add(const char *signature, const void *body, size_t size)
{
	uint64_t address = table_begin(signature, 1);

	table_put(body, size);
	table_end(address);
	return address;
}

/* A root table of all that was added; entry_size 8 for an XSDT, 4 for an RSDT. */
static inline uint64_t root_build(unsigned entry_size)
{
	uint64_t address = table_begin(entry_size == 8 ? "XSDT" : "RSDT", 1);

	for (unsigned i = 0; i < tables_count; i++) {
		table_put(&tables[i], entry_size);
	}
	table_seal(address, (uint32_t)(tables_end - address));
	return address;
}

static inline void rsdp_build(uint8_t *rsdp, uint64_t xsdt, uint32_t rsdt)
{
	memset(rsdp, 0, 36);
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = xsdt != 0 ? 2 : 0;
	store_u32(rsdp + 16, rsdt);
	rsdp[8] = (uint8_t)-acpi_checksum(rsdp, 20);
	store_u32(rsdp + 20, 36);
	store_u64(rsdp + 24, xsdt);
	rsdp[32] = (uint8_t)-acpi_checksum(rsdp, 36);
}

/* MADT entries */
static inline void madt_lapic(uint8_t apic_id, uint8_t uid, uint32_t flags)
{
	const uint8_t entry[4] = { 0, 8, uid, apic_id };

	table_put(entry, sizeof(entry));
	table_put_u32(flags);
}

static inline void madt_x2apic(uint32_t apic_id, uint32_t uid, uint32_t flags)
{
	const uint8_t entry[4] = { 9, 16, 0, 0 };

	table_put(entry, sizeof(entry));
	table_put_u32(apic_id);
	table_put_u32(flags);
	table_put_u32(uid);
}

static inline void madt_ioapic(uint8_t id, uint32_t address, uint32_t gsi)
{
	const uint8_t entry[4] = { 1, 12, id, 0 };

	table_put(entry, sizeof(entry));
	table_put_u32(address);
	table_put_u32(gsi);
}

static inline void madt_override(uint8_t bus, uint8_t source, uint32_t gsi, uint16_t flags)
{
	const uint8_t entry[4] = { 2, 10, bus, source };

	table_put(entry, sizeof(entry));
	table_put_u32(gsi);
	table_put(&flags, sizeof(flags));
}

static inline uint64_t madt_begin(uint32_t flags)
{
	uint64_t address = table_begin("APIC", 3);

	table_put_u32(0xfee00000);
	table_put_u32(flags);
	return address;
}

/* What a test parsed. */
static struct acpi found;

static inline int reset(void **state)
{
	(void)state;
	tables_reset();
	log_clear();
	memset(&found, 0xee, sizeof(found));
	return 0;
}

/* Parses the tables added so far through an XSDT and the loader's RSDP. */
static inline void parse(void)
{
	uint8_t rsdp[36];

	rsdp_build(rsdp, root_build(8), 0);
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, sizeof(rsdp)), 0);
	assert_true(found.present);
}
