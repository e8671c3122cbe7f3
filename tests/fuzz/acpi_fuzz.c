/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables of any bytes. The first byte chooses: the rest is physical memory from E0000h on, as
 * it is; or a list of tables (16 bits of length, then the bytes) whose checksums are made right, so
 * that the parsers behind them are reached.
 */
/* sources: drivers/acpi.c drivers/acpi_madt.c drivers/acpi_fadt.c */
/* sources: drivers/acpi_hpet.c drivers/acpi_mcfg.c drivers/acpi_srat.c */
#include "drivers/acpi.h"

#include "core/bytes.h"
#include "core/err.h"
#include "quiet_log.h"

#define MEMORY_START 0xe0000U
#define MEMORY_SIZE  0x20000U
#define ROOT_OFFSET  64U
#define ROOT_ENTRIES 16U
#define FIRST_TABLE  256U

static uint8_t memory[MEMORY_SIZE];
static void *allocations[128];
static unsigned allocation_count;
static struct acpi machine;

static bool memory_read(uint64_t address, void *to, size_t size)
{
	if (address < MEMORY_START || address - MEMORY_START > MEMORY_SIZE ||
	    size > MEMORY_SIZE - (address - MEMORY_START)) {
		return false;
	}
	memcpy(to, memory + (address - MEMORY_START), size);
	return true;
}

/* Each allocation of its own, so that the sanitizer sees reads past a table's end. */
static void *memory_alloc(size_t size)
{
	if (allocation_count == ARRAY_SIZE(allocations)) {
		return NULL;
	}
	return allocations[allocation_count++] = calloc(1, size);
}

static void seal(uint32_t offset, uint32_t most)
{
	uint32_t length = load_u32(memory + offset + 4);

	if (length >= 36 && length <= most) {
		memory[offset + 9] = 0;
		memory[offset + 9] = (uint8_t)-acpi_checksum(memory + offset, length);
	}
}

static void build_root(const uint32_t *offsets, uint32_t count)
{
	uint8_t *root = memory + ROOT_OFFSET;

	memcpy(memory, "RSD PTR ", 8);
	memory[15] = 2;
	store_u32(memory + 20, 36);
	store_u64(memory + 24, MEMORY_START + ROOT_OFFSET);
	memory[8] = (uint8_t)-acpi_checksum(memory, 20);
	memory[32] = (uint8_t)-acpi_checksum(memory, 36);
	memcpy(root, "XSDT", 4);
	store_u32(root + 4, 36 + 8 * count);
	for (uint32_t i = 0; i < count; i++) {
		store_u64(root + 36 + 8 * i, MEMORY_START + offsets[i]);
	}
	seal(ROOT_OFFSET, FIRST_TABLE);
}

static void build_tables(const uint8_t *data, size_t size)
{
	uint32_t offsets[ROOT_ENTRIES];
	uint32_t count = 0, at = FIRST_TABLE;

	while (size >= 2 && count < ROOT_ENTRIES) {
		size_t length = min_u64(load_u16(data), size - 2);

		if (length > MEMORY_SIZE - at - 64) {
			break;
		}
		memcpy(memory + at, data + 2, length);
		seal(at, MEMORY_SIZE - at);
		offsets[count++] = at;
		at += (uint32_t)length;
		data += 2 + length;
		size -= 2 + length;
	}
	build_root(offsets, count);
}

static void check(void)
{
	require(machine.table_count <= ACPI_TABLES_MAX);
	require(machine.cpu_count <= machine.cpu_possible);
	for (uint32_t i = 0; i < machine.cpu_possible; i++) {
		require(machine.cpus[i].enabled == (i < machine.cpu_count));
	}
	require(machine.ioapic_count <= ACPI_IOAPICS_MAX);
	require(machine.override_count <= ACPI_OVERRIDES_MAX);
	require(machine.mcfg_count <= ACPI_MCFG_MAX);
	for (uint32_t i = 0; i < machine.mcfg_count; i++) {
		require(machine.mcfg[i].bus_start <= machine.mcfg[i].bus_end);
	}
	require(machine.memory_count <= ARRAY_SIZE(machine.memory));
	require(!machine.has_reset || machine.reset_register.address != 0);
	for (uint32_t i = 0; i < machine.table_count; i++) {
		struct acpi_header *copy = machine.tables[i].copy;

		require(copy == NULL || acpi_checksum(copy, copy->length) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(memory, 0, sizeof(memory));
	if (size != 0 && data[0] % 2 == 0) {
		memcpy(memory, data + 1, min_u64(size - 1, MEMORY_SIZE));
	} else if (size != 0) {
		build_tables(data + 1, size - 1);
	}
	const struct acpi_io io = { memory_read, memory_alloc };
	int err = acpi_parse(&machine, &io, NULL, 0);

	require(err == 0 || err == -E_NOENT);
	require(machine.present == (err == 0));
	check();
	while (allocation_count != 0) {
		free(allocations[--allocation_count]);
	}
	return 0;
}
