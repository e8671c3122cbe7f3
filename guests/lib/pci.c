/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of PCI bus 0, through ports CF8 and CFC. PCI 3.0 3.2.2.3.2 and chapter 6. */
#include "arch/port_io.h"
#include "guests/lib/guest.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc
#define ENABLE       BIT(31)
#define FUNCTIONS    256
#define ABSENT       UINT32_MAX
#define COMMAND      0x04U
#define COMMAND_ON   (BIT(1) | BIT(2)) /* memory, bus master */
#define BAR_0        0x10U
#define BAR_64       BIT(2)
#define BAR_ADDRESS  BITS(31, 4)
#define CAPABILITIES 0x34U

uint32_t pci_read(unsigned function, unsigned offset)
{
	out32(PORT_ADDRESS, (uint32_t)(ENABLE | function << 8 | offset));
	return in32(PORT_DATA);
}

void pci_write(unsigned function, unsigned offset, uint32_t value)
{
	out32(PORT_ADDRESS, (uint32_t)(ENABLE | function << 8 | offset));
	out32(PORT_DATA, value);
}

unsigned pci_find(uint32_t identity)
{
	for (unsigned function = 0; function < FUNCTIONS; function++) {
		if (pci_read(function, 0) == identity) {
			return function;
		}
	}
	return PCI_NONE;
}

unsigned pci_capability(unsigned function, uint8_t id)
{
	unsigned at = pci_read(function, CAPABILITIES) & 0xfc;

	while (at != 0 && (pci_read(function, at) & 0xff) != id) {
		at = pci_read(function, at) >> 8 & 0xfc;
	}
	return at;
}

volatile uint32_t *pci_bar(unsigned function, unsigned number)
{
	uint32_t bar = pci_read(function, BAR_0 + 4 * number);

	if ((bar & BAR_64) != 0 && pci_read(function, BAR_0 + 4 * number + 4) != 0) {
		return NULL;
	}
	return (volatile uint32_t *)(bar & BAR_ADDRESS);
}

volatile uint32_t *pci_enable(unsigned function)
{
	pci_write(function, COMMAND, (pci_read(function, COMMAND) & 0xffff) | COMMAND_ON);
	return pci_bar(function, 0);
}
