/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI configuration by both ways, BARs over anything, MSI and MSI-X with forged messages that the
 * device then sends, and stores where interrupt messages go. The bridges are left alone: what they
 * are told is told to the machine.
 */
#include "tests/guest/hostile/hostile.h"

#define ADDRESS_PORT 0xcf8
#define DATA_PORT    0xcfc
#define ENABLE       BIT(31)
#define DEVICES      28U /* of bus 0, without the chipset's own */
#define EDU          0x11e81234U
#define EDU_RAISE    0x60
#define EDU_END      0x64
#define MESSAGES     UINT64_C(0xfee00000)
#define MCFG_ADDRESS 44
#define CAP_MSI      0x05
#define CAP_MSIX     0x11

static uint64_t mapped; /* configuration space in memory; 0: none */

/* ---- configuration space ---- */

static uint32_t config_read(unsigned device, unsigned offset)
{
	out32(ADDRESS_PORT, (uint32_t)(ENABLE | device << 11 | (offset & 0xfc)));
	return in32(DATA_PORT);
}

static void config_write(unsigned device, unsigned offset, uint32_t value)
{
	out32(ADDRESS_PORT, (uint32_t)(ENABLE | device << 11 | (offset & 0xfc)));
	out32(DATA_PORT, value);
}

static bool is_there(unsigned device)
{
	return config_read(device, 0) != UINT32_MAX;
}

static unsigned capability(unsigned device, uint8_t id)
{
	unsigned at = config_read(device, 0x34) & 0xfc;

	for (unsigned i = 0; i < 48 && at >= 0x40; i++) {
		uint32_t header = config_read(device, at);

		if ((header & 0xff) == id) {
			return at;
		}
		at = header >> 8 & 0xfc;
	}
	return 0;
}

/* Any width at any place, of any function that there is or not. */
static void look_anywhere(void)
{
	unsigned size = 1U << hostile_below(4);
	uint64_t at = mapped + (hostile_random() & 0xfffffff);

	if (mapped == 0 || hostile_below(2) == 0) {
		out32(ADDRESS_PORT, (uint32_t)hostile_value());
		(void)in8((uint16_t)(DATA_PORT + hostile_below(4)));
		(void)in16((uint16_t)(DATA_PORT + hostile_below(4)));
	} else if (size == 1) {
		(void)*(volatile uint8_t *)at;
	} else if (size == 2) {
		(void)*(volatile uint16_t *)at;
	} else if (size == 4) {
		(void)*(volatile uint32_t *)at;
	} else {
		(void)*(volatile uint64_t *)at;
	}
}

/* ---- messages ---- */

/* Any but INIT, which would restart this processor. */
static uint32_t data(void)
{
	uint32_t mode = hostile_below(8);

	return hostile_vector() | (mode == 5 ? 4 : mode) << 8 | (uint32_t)hostile_value() << 11;
}

static uint32_t address(void)
{
	return hostile_below(2) == 0 ? (uint32_t)(MESSAGES | (hostile_random() & 0xfffff))
				     : (uint32_t)hostile_value();
}

static void forge_msi(unsigned device)
{
	unsigned at = capability(device, CAP_MSI);

	if (at == 0) {
		return;
	}
	config_write(device, at + 4, address());
	config_write(device, at + 8, hostile_below(4) == 0 ? (uint32_t)hostile_value() : 0);
	config_write(device, at + 12, data());
	config_write(device, at, (uint32_t)hostile_value() | hostile_below(2) << 16);
}

static void forge_msix(unsigned device)
{
	unsigned at = capability(device, CAP_MSIX);
	uint32_t table, bar;
	uint64_t entry;

	if (at == 0) {
		return;
	}
	config_write(device, at, hostile_below(4) << 30);
	config_write(device, 4, 2 | (config_read(device, 4) & 0xffff));
	table = config_read(device, at + 4);
	bar = config_read(device, 0x10 + 4 * (table & 7)) & ~15U;
	if ((config_read(device, 4) & 2) == 0 || bar < 0x80000000) {
		return;
	}
	entry = bar + (table & ~7U) + hostile_below(40);
	*(volatile uint32_t *)(entry & ~UINT64_C(3)) = hostile_below(2) == 0 ? address() : data();
	*(volatile uint16_t *)entry = (uint16_t)hostile_value();
	*(volatile uint64_t *)(entry & ~UINT64_C(7)) = hostile_value();
}

/* Over the hypervisor's registers, its memory, the guest's, other devices', or nowhere. */
static void move_bar(unsigned device)
{
	unsigned offset = 0x10 + 4 * hostile_below(6);
	uint32_t before = config_read(device, offset);

	config_write(device, offset,
		     hostile_below(2) == 0 ? (uint32_t)MESSAGES : (uint32_t)hostile_value());
	config_write(device, 4, hostile_below(2) == 0 ? 2 : 0);
	config_write(device, 4, 0);
	config_write(device, offset, before);
	config_write(device, 4, 6);
}

static void raise(unsigned device)
{
	uint64_t registers = config_read(device, 0x10) & ~15U;

	if (config_read(device, 0) == EDU && (config_read(device, 4) & 2) != 0 &&
	    registers >= 0x80000000) {
		*(volatile uint32_t *)(registers + EDU_RAISE) = 1;
		hostile_take_interrupts();
		*(volatile uint32_t *)(registers + EDU_END) = 1;
	}
}

static void store_message(void)
{
	uint64_t at = MESSAGES + PAGE_SIZE + (hostile_random() & 0xfe000 & ~UINT64_C(3));

	*(volatile uint32_t *)at = data();
	check(*(volatile uint32_t *)at == UINT32_MAX, "%#lx can be read", at);
}

/* ---- the kind ---- */

static void spoil(unsigned device)
{
	switch (hostile_below(4)) {
	case 0:
		forge_msi(device);
		break;
	case 1:
		forge_msix(device);
		break;
	case 2:
		move_bar(device);
		break;
	default:
		raise(device);
		break;
	}
}

void hostile_pci(uint64_t operations)
{
	const uint8_t *mcfg = acpi_table("MCFG");

	if (mcfg != NULL) {
		memcpy(&mapped, mcfg + MCFG_ADDRESS, sizeof(mapped));
	}
	for (uint64_t i = 0; i < operations; i++) {
		unsigned device = 1 + hostile_below(DEVICES - 1);

		look_anywhere();
		store_message();
		if (is_there(device) && (config_read(device, 0xc) >> 16 & 0x7f) == 0) {
			spoil(device);
		}
		hostile_take_interrupts();
	}
	for (unsigned i = 0; i < 512; i++) {
		hostile_take_interrupts();
		apic_eoi();
	}
}
