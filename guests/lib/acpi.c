/* SPDX-License-Identifier: GPL-2.0-only */
/* The little that a micro-guest reads of ACPI's tables; they are trusted. ACPI 6.5, chapter 5.2. */
#include "guests/lib/acpi.h"

#include "guests/lib/guest.h"

#define EBDA_SEGMENT 0x40e
#define BIOS_START   0xe0000
#define BIOS_END     0x100000

#define TABLE_HEADER      36
#define RSDP_RSDT         16
#define RSDP_XSDT         24
#define FADT_PM1A_CONTROL 64
#define FADT_PM_TIMER     76
#define MADT_LAPIC        36
#define MADT_ENTRIES      44
#define MADT_TYPE_LAPIC   0
#define MADT_TYPE_X2APIC  9
#define MADT_ENABLED      BIT(0)

static const uint8_t *root; /* XSDT, or RSDT */
static unsigned root_entry; /* bytes of one of its pointers */

static uint64_t read_number(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, from, size);
	return value;
}

static const uint8_t *find_rsdp(uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at += 16) {
		if (memcmp((const void *)at, "RSD PTR ", 8) == 0) {
			return (const uint8_t *)at;
		}
	}
	return NULL;
}

/* The address of the EBDA stands in the BIOS data area, out of the compiler's sight. */
static uint64_t ebda_address(void)
{
	uint64_t address = EBDA_SEGMENT;

	asm volatile("movzwl (%0), %k0" : "+r"(address));
	return address << 4;
}

void acpi_init(uint64_t rsdp)
{
	const uint8_t *at = (const uint8_t *)rsdp;

	if (at == NULL) {
		at = find_rsdp(BIOS_START, BIOS_END);
	}
	if (at == NULL) {
		at = find_rsdp(ebda_address(), ebda_address() + KIB);
	}
	if (at == NULL) {
		return;
	}
	root_entry = at[15] >= 2 && read_number(at + RSDP_XSDT, 8) != 0 ? 8 : 4;
	root = (const uint8_t *)(root_entry == 8 ? read_number(at + RSDP_XSDT, 8)
						 : read_number(at + RSDP_RSDT, 4));
}

const void *acpi_table(const char *signature)
{
	if (root == NULL) {
		return NULL;
	}
	for (unsigned at = TABLE_HEADER; at < read_number(root + 4, 4); at += root_entry) {
		const void *table = (const void *)read_number(root + at, root_entry);

		if (memcmp(table, signature, 4) == 0) {
			return table;
		}
	}
	return NULL;
}

uint32_t acpi_pm1a_control(void)
{
	const uint8_t *fadt = acpi_table("FACP");

	return fadt == NULL ? 0 : (uint32_t)read_number(fadt + FADT_PM1A_CONTROL, 4);
}

uint32_t acpi_pm_timer(void)
{
	const uint8_t *fadt = acpi_table("FACP");

	return fadt == NULL ? 0 : (uint32_t)read_number(fadt + FADT_PM_TIMER, 4);
}

uint64_t acpi_lapic_address(void)
{
	const uint8_t *madt = acpi_table("APIC");

	return madt == NULL ? 0xfee00000 : read_number(madt + MADT_LAPIC, 4);
}

unsigned acpi_apic_ids(uint32_t *ids, unsigned most)
{
	const uint8_t *madt = acpi_table("APIC");
	unsigned count = 0;

	if (madt == NULL) {
		return 0;
	}
	for (uint64_t at = MADT_ENTRIES; at < read_number(madt + 4, 4); at += madt[at + 1]) {
		const uint8_t *entry = madt + at;

		if (count == most || entry[1] == 0) {
			break;
		}
		if (entry[0] == MADT_TYPE_LAPIC && (entry[4] & MADT_ENABLED) != 0) {
			ids[count++] = entry[3];
		} else if (entry[0] == MADT_TYPE_X2APIC && (entry[8] & MADT_ENABLED) != 0) {
			ids[count++] = (uint32_t)read_number(entry + 4, 4);
		}
	}
	return count;
}
