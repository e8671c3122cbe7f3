/* SPDX-License-Identifier: GPL-2.0-only */
/* The first IOAPIC of the MADT, and which of its pins an ISA interrupt is. */
#include "guests/lib/guest.h"

#define DEFAULT_ADDRESS 0xfec00000
#define MADT_ENTRIES    44
#define MADT_IOAPIC     1
#define MADT_OVERRIDE   2

static const uint8_t *find_entry(uint8_t type, const uint8_t *after)
{
	const uint8_t *madt = acpi_table("APIC");
	uint32_t length;

	if (madt == NULL) {
		return NULL;
	}
	memcpy(&length, madt + 4, sizeof(length));
	for (uint32_t at = MADT_ENTRIES; at < length && madt[at + 1] != 0; at += madt[at + 1]) {
		if (madt[at] == type && madt + at > after) {
			return madt + at;
		}
	}
	return NULL;
}

static volatile uint32_t *window(void)
{
	const uint8_t *entry = find_entry(MADT_IOAPIC, NULL);
	uint32_t address = DEFAULT_ADDRESS;

	if (entry != NULL) {
		memcpy(&address, entry + 4, sizeof(address));
	}
	return (volatile uint32_t *)(uint64_t)address;
}

uint32_t ioapic_read(uint32_t number)
{
	volatile uint32_t *ioapic = window();

	ioapic[0] = number;
	return ioapic[4];
}

void ioapic_write(uint32_t number, uint32_t value)
{
	volatile uint32_t *ioapic = window();

	ioapic[0] = number;
	ioapic[4] = value;
}

void ioapic_route(uint32_t pin, uint64_t entry)
{
	ioapic_write(IOAPIC_ENTRY + pin * 2, IOAPIC_MASKED);
	ioapic_write(IOAPIC_ENTRY + pin * 2 + 1, (uint32_t)(entry >> 32));
	ioapic_write(IOAPIC_ENTRY + pin * 2, (uint32_t)entry);
}

uint32_t ioapic_isa_pin(uint8_t irq)
{
	const uint8_t *entry = NULL;
	uint32_t pin = irq;

	while ((entry = find_entry(MADT_OVERRIDE, entry)) != NULL) {
		if (entry[3] == irq) {
			memcpy(&pin, entry + 4, sizeof(pin));
		}
	}
	return pin;
}
