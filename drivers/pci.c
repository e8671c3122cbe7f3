/* SPDX-License-Identifier: GPL-2.0-only */
/* PCI configuration space: where it is mapped through a window, else by ports. */
#include "drivers/pci.h"

#include "arch/port_io.h"
#include "core/lock.h"
#include "drivers/acpi.h"
#include "mm/window.h"

#define ADDRESS_PORT   0xcf8
#define DATA_PORT      0xcfc
#define ADDRESS_ENABLE BIT(31)

#define LIST_MAX     48 /* capabilities of 4 bytes in 192 */
#define EXTENDED_MAX 960
#define POINTER      BITS(7, 2)
#define EXT_ID       BITS(15, 0)
#define EXT_NEXT     BITS(31, 20)

static struct lock port_lock; /* CF8 and CFC, for one access */

/* Where a register is mapped, or 0. */
static uint64_t mapped_at(pci_address_t function, unsigned offset)
{
	uint64_t segment = field_get(PCI_SEGMENT, function), bus = field_get(PCI_BUS, function);

	for (uint32_t i = 0; i < acpi.mcfg_count; i++) {
		const struct acpi_mcfg_entry *entry = &acpi.mcfg[i];

		if (entry->segment == segment && entry->bus_start <= bus && bus <= entry->bus_end) {
			return entry->address + (function & BITS(15, 0)) * PCI_CONFIG_SIZE + offset;
		}
	}
	return 0;
}

static bool has_ports(pci_address_t function, unsigned offset)
{
	return field_get(PCI_SEGMENT, function) == 0 && offset < PCI_CONFIG_LEGACY;
}

static void select(pci_address_t function, unsigned offset)
{
	out32(ADDRESS_PORT, (uint32_t)(ADDRESS_ENABLE | function << 8 | (offset & POINTER)));
}

static uint32_t port_read(pci_address_t function, unsigned offset, unsigned size)
{
	uint16_t port = (uint16_t)(DATA_PORT + offset % 4);
	uint32_t value;

	lock_acquire(&port_lock);
	select(function, offset);
	value = size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
	lock_release(&port_lock);
	return value;
}

static void port_write(pci_address_t function, unsigned offset, unsigned size, uint32_t value)
{
	uint16_t port = (uint16_t)(DATA_PORT + offset % 4);

	lock_acquire(&port_lock);
	select(function, offset);
	if (size == 1) {
		out8(port, (uint8_t)value);
	} else if (size == 2) {
		out16(port, (uint16_t)value);
	} else {
		out32(port, value);
	}
	lock_release(&port_lock);
}

uint32_t pci_read(pci_address_t function, unsigned offset, unsigned size)
{
	uint64_t at = mapped_at(function, offset);

	if (at != 0) {
		return (uint32_t)window_mmio_read(hpa(at), size);
	}
	return has_ports(function, offset) ? port_read(function, offset, size)
					   : (uint32_t)BITS(size * 8 - 1, 0);
}

void pci_write(pci_address_t function, unsigned offset, unsigned size, uint32_t value)
{
	uint64_t at = mapped_at(function, offset);

	if (at != 0) {
		window_mmio_write(hpa(at), size, value);
	} else if (has_ports(function, offset)) {
		port_write(function, offset, size, value);
	}
}

unsigned pci_find_capability(pci_address_t function, uint8_t id)
{
	unsigned at = PCI_CAPABILITIES;

	if ((pci_read(function, PCI_COMMAND, 4) & PCI_STATUS_CAPS) == 0) {
		return 0;
	}
	at = pci_read(function, at, 1) & POINTER;
	for (unsigned i = 0; i < LIST_MAX && at >= 0x40; i++) {
		if (pci_read(function, at, 1) == id) {
			return at;
		}
		at = pci_read(function, at + 1, 1) & POINTER;
	}
	return 0;
}

unsigned pci_find_extended(pci_address_t function, uint16_t id)
{
	unsigned at = PCI_CONFIG_LEGACY;

	for (unsigned i = 0; i < EXTENDED_MAX && at >= PCI_CONFIG_LEGACY; i++) {
		uint32_t header = pci_read(function, at, 4);

		if (header == 0 || header == UINT32_MAX) {
			return 0;
		}
		if (field_get(EXT_ID, header) == id) {
			return at;
		}
		at = (unsigned)field_get(EXT_NEXT, header) & ~3U;
	}
	return 0;
}
