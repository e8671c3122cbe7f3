/* SPDX-License-Identifier: GPL-2.0-only */
/* The first entry of a function's MSI-X table. PCI 3.0 6.8.2 "MSI-X Capability & Table Structures".
 */
#include "guests/lib/guest.h"
#include "tests/guest/bench_msi/bench_msi.h"

#define MSIX_ON     BIT(31)
#define TABLE_BAR   BITS(2, 0)
#define TABLE_START BITS(31, 3)

bool msix_enable(unsigned function)
{
	unsigned msix = pci_capability(function, PCI_CAP_MSIX);
	uint32_t table = msix == 0 ? 0 : pci_read(function, msix + 4);
	volatile uint32_t *entry = pci_bar(function, (unsigned)(table & TABLE_BAR));

	if (msix == 0 || entry == NULL) {
		return false;
	}
	entry += (table & TABLE_START) / 4;
	entry[0] = MSI_ADDRESS | apic_id() << 12;
	entry[1] = 0;
	entry[2] = VECTOR;
	entry[3] = 0;
	pci_write(function, msix, pci_read(function, msix) | (uint32_t)MSIX_ON);
	return true;
}
