/* SPDX-License-Identifier: GPL-2.0-only */
/* The FADT: power management and reset registers, the DSDT and FACS. ACPI 6.5, 5.2.9. */
#include "core/bits.h"
#include "core/bytes.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/acpi_table.h"

#define FIXED_SIZE          116U /* ACPI 1.0's; later fields are there as the length says */
#define FADT_FACS           36
#define FADT_DSDT           40
#define FADT_SCI_INT        46
#define FADT_SMI_CMD        48
#define FADT_PM1A_EVENT     56
#define FADT_PM1A_CONTROL   64
#define FADT_PM1B_CONTROL   68
#define FADT_PM_TIMER       76
#define FADT_BOOT_ARCH      109
#define FADT_FLAGS          112
#define FADT_RESET_REGISTER 116
#define FADT_RESET_VALUE    128
#define FADT_X_FACS         132
#define FADT_X_DSDT         140
#define FADT_X_PM1A_EVENT   148
#define FADT_X_PM1A_CONTROL 172
#define FADT_X_PM1B_CONTROL 184
#define FADT_X_PM_TIMER     208
#define FLAG_TIMER_32_BIT   BIT(8)
#define FLAG_HAS_RESET      BIT(10)
#define SPACE_MEMORY        0
#define SPACE_IO            1

/* A field that has an old, 32-bit port form and a later one as a generic address. */
struct fadt_register {
	uint32_t offset;
	uint32_t extended_offset;
	uint8_t bit_width;
	const char *name;
};

static bool has_bytes(const struct acpi_header *table, uint32_t offset, uint32_t size)
{
	return table->length >= offset + size;
}

/* Only ports and memory are registers that we can reach. */
static bool read_gas(const struct acpi_header *table, uint32_t offset, struct acpi_gas *gas)
{
	if (!has_bytes(table, offset, sizeof(*gas))) {
		return false;
	}
	memcpy(gas, (const uint8_t *)table + offset, sizeof(*gas));
	return gas->address != 0 && (gas->space == SPACE_MEMORY ||
				     (gas->space == SPACE_IO && gas->address <= UINT16_MAX));
}

static struct acpi_gas read_register(const struct acpi_header *table, struct fadt_register field)
{
	uint32_t port = load_u32((const uint8_t *)table + field.offset);
	struct acpi_gas gas;

	if (read_gas(table, field.extended_offset, &gas)) {
		return gas;
	}
	if (port > UINT16_MAX) {
		log(LOG_WARN, "acpi: FADT: %s: port %x does not exist: left out", field.name, port);
		port = 0;
	}
	return (struct acpi_gas){ .space = SPACE_IO,
				  .bit_width = field.bit_width,
				  .address = port };
}

/* The later, 64-bit form of a table's address, or the old one. */
static uint64_t read_address(const struct acpi_header *table, uint32_t offset,
			     uint32_t extended_offset)
{
	const uint8_t *bytes = (const uint8_t *)table;
	uint64_t address = 0;

	if (has_bytes(table, extended_offset, 8)) {
		address = load_u64(bytes + extended_offset);
	}
	return address != 0 ? address : load_u32(bytes + offset);
}

/* The tables that only the FADT names; kept by address. */
static void add_table(struct acpi *machine, const char *signature, uint64_t address)
{
	if (address == 0 || machine->table_count == ACPI_TABLES_MAX) {
		return;
	}
	struct acpi_table *table = &machine->tables[machine->table_count++];

	memset(table, 0, sizeof(*table));
	memcpy(table->signature, signature, 4);
	table->address = address;
}

static void parse_reset(struct acpi *machine, const struct acpi_header *table)
{
	const uint8_t *bytes = (const uint8_t *)table;

	if ((load_u32(bytes + FADT_FLAGS) & FLAG_HAS_RESET) == 0 ||
	    !has_bytes(table, FADT_RESET_VALUE, 1)) {
		return;
	}
	if (!read_gas(table, FADT_RESET_REGISTER, &machine->reset_register)) {
		log(LOG_WARN, "acpi: FADT: reset register: no port and no memory: left out");
		memset(&machine->reset_register, 0, sizeof(machine->reset_register));
		return;
	}
	machine->reset_value = bytes[FADT_RESET_VALUE];
	machine->has_reset = true;
}

static void parse_registers(struct acpi *machine, const struct acpi_header *table)
{
	machine->pm1a_event =
		read_register(table, (struct fadt_register){ FADT_PM1A_EVENT, FADT_X_PM1A_EVENT, 32,
							     "PM1a event" });
	machine->pm1a_control =
		read_register(table, (struct fadt_register){ FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL,
							     16, "PM1a control" });
	machine->pm1b_control =
		read_register(table, (struct fadt_register){ FADT_PM1B_CONTROL, FADT_X_PM1B_CONTROL,
							     16, "PM1b control" });
	machine->pm_timer = read_register(
		table, (struct fadt_register){ FADT_PM_TIMER, FADT_X_PM_TIMER, 32, "PM timer" });
}

void acpi_fadt_parse(struct acpi *machine, const struct acpi_header *table)
{
	const uint8_t *bytes = (const uint8_t *)table;

	if (!acpi_table_is_whole(table, "FADT", FIXED_SIZE)) {
		return;
	}
	uint32_t smi_command = load_u32(bytes + FADT_SMI_CMD);

	machine->sci_gsi = load_u16(bytes + FADT_SCI_INT);
	machine->smi_command = smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
	machine->boot_architecture = load_u16(bytes + FADT_BOOT_ARCH);
	machine->pm_timer_is_32_bit = (load_u32(bytes + FADT_FLAGS) & FLAG_TIMER_32_BIT) != 0;
	parse_registers(machine, table);
	parse_reset(machine, table);
	machine->dsdt_address = read_address(table, FADT_DSDT, FADT_X_DSDT);
	add_table(machine, "DSDT", machine->dsdt_address);
	add_table(machine, "FACS", read_address(table, FADT_FACS, FADT_X_FACS));
}
