/* SPDX-License-Identifier: GPL-2.0-only */
/* QEMU's device for teaching: MSI. Its registers: docs/specs/edu in QEMU's manual. */
#include "guests/lib/guest.h"
#include "tests/guest/bench_msi/bench_msi.h"

#define IDENTITY       0x11e81234U
#define REGISTER_RAISE (0x60 / 4)
#define REGISTER_CLEAR (0x64 / 4)
#define MSI_ON         BIT(16)

static volatile uint32_t *registers;

/* PCI 3.0 6.8.1: a 64-bit message. */
static bool edu_init(void)
{
	unsigned function = pci_find(IDENTITY), msi;

	if (function == PCI_NONE) {
		report_error("no edu device");
		return false;
	}
	registers = pci_enable(function);
	msi = pci_capability(function, PCI_CAP_MSI);
	if (registers == NULL || msi == 0) {
		report_error("edu: BAR %lx, MSI at %x", (uint64_t)registers, msi);
		return false;
	}
	pci_write(function, msi + 4, MSI_ADDRESS | apic_id() << 12);
	pci_write(function, msi + 8, 0);
	pci_write(function, msi + 12, VECTOR);
	pci_write(function, msi, pci_read(function, msi) | (uint32_t)MSI_ON);
	return true;
}

static void edu_prepare(void)
{
}

static void edu_send(void)
{
	registers[REGISTER_RAISE] = 1;
}

static void edu_settle(void)
{
	registers[REGISTER_CLEAR] = 1;
}

const struct source edu = {
	.entry = "msi_entry",
	.round = "msi_round",
	.init = edu_init,
	.prepare = edu_prepare,
	.send = edu_send,
	.settle = edu_settle,
};
