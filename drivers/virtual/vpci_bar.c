/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Base address registers, the expansion ROM's among them, and memory decoding. What would lie over
 * the hypervisor's registers or over RAM is not let through; the trap of an MSI-X table is at its
 * new place before the machine decodes it there, and leaves the old one after. PCI 3.0 6.2.5.1.
 */
#include "core/err.h"
#include "core/log.h"
#include "core/vm.h"
#include "drivers/virtual/vpci_function.h"
#include "mm/frame.h"

/* PCIe 5.0 7.8.6 "Resizable BAR Extended Capability": two registers for each BAR that is. */
#define RESIZABLE_FIRST   0x04U
#define RESIZABLE_CONTROL 0x08U
#define RESIZABLE_COUNT   BITS(7, 5) /* of the first control register */

static bool said_refused;

/* ---- sizes ---- */

/* Bits of a register that take ones. */
static uint32_t probe(pci_address_t address, unsigned offset, uint32_t ones)
{
	uint32_t value = pci_read(address, offset, 4);
	uint32_t answer;

	pci_write(address, offset, 4, ones);
	answer = pci_read(address, offset, 4);
	pci_write(address, offset, 4, value);
	return answer;
}

static bool is_64_bit(uint32_t bar)
{
	return (bar & PCI_BAR_IO) == 0 && field_get(PCI_BAR_TYPE, bar) == PCI_BAR_TYPE_64;
}

/* A 64-bit BAR takes two registers; the second is left empty in the list. */
void vpci_bar_size(pci_address_t address, unsigned offset, unsigned count, struct vpci_bar *bars)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t low = probe(address, offset + 4 * i, UINT32_MAX);
		uint64_t mask = (low & PCI_BAR_ADDRESS) | BITS(63, 32);

		bars[i] = (struct vpci_bar){ .is_64 = is_64_bit(low) && i + 1 < count };
		if (low == 0 || (low & PCI_BAR_IO) != 0) {
			continue;
		}
		if (bars[i].is_64) {
			uint64_t high = probe(address, offset + 4 * i + 4, UINT32_MAX);

			mask = (low & PCI_BAR_ADDRESS) | high << 32;
		}
		bars[i].size = 0 - mask;
		i += bars[i].is_64;
	}
}

static unsigned count_of(const struct vpci_function *function)
{
	return function->physical != NULL ? 0
	       : function->header == 0    ? VPCI_BARS
	       : function->header == 1    ? 2
					  : 0;
}

/* Its expansion ROM's BAR; 0: a function of this kind has none. PCI 3.0 6.2.5.2 "Expansion ROM Base
 * Address Register", PCI-to-PCI bridge 1.2, 3.2.5.16. */
static unsigned rom_of(const struct vpci_function *function)
{
	return function->physical != NULL ? 0
	       : function->header == 0    ? PCI_ROM
	       : function->header == 1    ? PCI_ROM_BRIDGE
					  : 0;
}

static uint64_t rom_size(const struct vpci_function *function)
{
	unsigned offset = rom_of(function);
	uint32_t ones = (uint32_t)PCI_ROM_ADDRESS;
	uint64_t mask = offset == 0 ? 0 : probe(function->address, offset, ones) & ones;

	return mask == 0 ? 0 : 0 - (mask | BITS(63, 32));
}

void vpci_bar_discover(struct vpci_function *function)
{
	uint32_t command = pci_read(function->address, PCI_COMMAND, 2);

	pci_write(function->address, PCI_COMMAND, 2,
		  command & (uint32_t) ~(PCI_COMMAND_MEM | PCI_COMMAND_IO));
	vpci_bar_size(function->address, PCI_BAR, count_of(function), function->bars);
	function->rom_size = rom_size(function);
	pci_write(function->address, PCI_COMMAND, 2, command);
	function->resizable = pci_find_extended(function->address, PCI_EXT_CAP_REBAR);
}

/* ---- places ---- */

/* The function's registers as they are, or as a write will make them. */
struct view {
	const struct vpci_function *function;
	const struct vpci_write *write; /* NULL: as they are */
};

static uint32_t dword(const struct view *view, unsigned offset)
{
	if (view->write != NULL && vpci_writes(view->write, offset)) {
		return vpci_merged(view->function, view->write);
	}
	return pci_read(view->function->address, offset, 4);
}

static bool is_decoding(const struct view *view)
{
	return (dword(view, PCI_COMMAND) & PCI_COMMAND_MEM) != 0;
}

static uint64_t base_of(const struct view *view, unsigned i)
{
	uint64_t base = dword(view, PCI_BAR + 4 * i) & PCI_BAR_ADDRESS;

	if (view->function->bars[i].is_64) {
		base |= (uint64_t)dword(view, PCI_BAR + 4 * i + 4) << 32;
	}
	return base & ~(view->function->bars[i].size - 1);
}

/* Where the MSI-X table will be; 0: nowhere. A BAR that was never set is at 0. */
static uint64_t table_of(const struct view *view)
{
	const struct vpci_function *function = view->function;
	const struct vpci_msix *msix = &function->msix;
	uint64_t base;

	if (msix->at == 0) {
		return 0;
	}
	if (function->physical != NULL) {
		base = vpci_sriov_bar(function, msix->bar);
	} else {
		bool is_there = is_decoding(view) && function->bars[msix->bar].size != 0;

		base = is_there ? base_of(view, msix->bar) : 0;
	}
	return base == 0 ? 0 : base + msix->offset;
}

/* The machine's own devices come first there: LAPIC, IOAPICs, configuration space, the console. */
bool vpci_bar_may_lie(uint64_t base, uint64_t size)
{
	return base == 0 || (base + size - 1 >= base && frame_mmio_owner(hpa(base), size) == NULL &&
			     !frame_is_ram(hpa(base), size));
}

/* It decodes only where its own enable bit is set as well. */
static bool may_decode_rom(const struct view *view)
{
	uint64_t size = view->function->rom_size;
	uint32_t rom = size == 0 ? 0 : dword(view, rom_of(view->function));

	return (rom & PCI_ROM_ENABLE) == 0 ||
	       vpci_bar_may_lie(rom & PCI_ROM_ADDRESS & ~(size - 1), size);
}

static bool may_decode(const struct view *view)
{
	for (unsigned i = 0; i < count_of(view->function); i++) {
		uint64_t size = view->function->bars[i].size;

		if (size != 0 && !vpci_bar_may_lie(base_of(view, i), size)) {
			return false;
		}
	}
	return may_decode_rom(view);
}

void vpci_bar_say_refused(const struct vpci_function *function)
{
	if (!said_refused) {
		said_refused = true;
		log(LOG_WARN,
		    "pci: %04llx:%02llx:%02llx.%llx would decode over the hypervisor's registers "
		    "or "
		    "RAM: refused (said once)",
		    (unsigned long long)field_get(PCI_SEGMENT, function->address),
		    (unsigned long long)field_get(PCI_BUS, function->address),
		    (unsigned long long)field_get(PCI_DEVICE, function->address),
		    (unsigned long long)field_get(PCI_FUNCTION, function->address));
	}
}

/* ---- writes ---- */

/* Carries out a write after which the function may decode; -E_PERM: it must not. */
static int place(struct vpci_function *function, const struct vpci_write *write)
{
	struct view after = { function, write };
	uint64_t from = function->msix.table, to = table_of(&after);

	if (is_decoding(&after) && !may_decode(&after)) {
		return -E_PERM;
	}
	if (to != from && to != 0 && vpci_msix_trap(function, to) != 0) {
		return -E_PERM;
	}
	vpci_forward(function, write);
	if (to != from) {
		vpci_msix_untrap(from);
		function->msix.table = to;
	}
	return 0;
}

/* Of a command that must not begin to decode, the rest is carried out. One that decodes already is
 * the firmware's: IOAPICs and IOMMUs may be functions too. */
static void command_write(struct vpci_function *function, struct vpci_write *write)
{
	struct view before = { .function = function }, after = { function, write };

	if (is_decoding(&before) == is_decoding(&after)) {
		vpci_forward(function, write);
	} else if (place(function, write) != 0) {
		vpci_bar_say_refused(function);
		write->value &= (uint32_t)~PCI_COMMAND_MEM;
		vpci_forward(function, write);
	}
}

/* Other BARs do not count: those that lie where they may not are the firmware's. */
static void rom_write(struct vpci_function *function, const struct vpci_write *write)
{
	struct view after = { function, write };

	if (is_decoding(&after) && !may_decode_rom(&after)) {
		vpci_bar_say_refused(function);
	} else {
		vpci_forward(function, write);
	}
}

static bool is_resizing(const struct vpci_function *function, unsigned offset)
{
	unsigned first = function->resizable + RESIZABLE_FIRST;
	uint32_t control;

	if (function->resizable == 0 || offset < first || offset >= first + 8 * VPCI_BARS) {
		return false;
	}
	control = pci_read(function->address, function->resizable + RESIZABLE_CONTROL, 4);
	return offset < first + 8 * field_get(RESIZABLE_COUNT, control);
}

/* Only while nothing is decoded: PCIe 5.0 7.8.6.3 "Resizable BAR Control Register". */
static void resize(struct vpci_function *function, const struct vpci_write *write)
{
	struct view now = { .function = function };

	if (!is_decoding(&now)) {
		vpci_forward(function, write);
		vpci_bar_discover(function);
	}
}

int vpci_bar_write(struct vpci_function *function, struct vpci_write *write)
{
	unsigned offset = write->offset & ~3U;

	if (offset == PCI_COMMAND) {
		command_write(function, write);
	} else if (offset >= PCI_BAR && offset < PCI_BAR + 4 * count_of(function)) {
		if (place(function, write) != 0) {
			vpci_bar_say_refused(function);
		}
	} else if (offset != 0 && offset == rom_of(function)) {
		rom_write(function, write);
	} else if (is_resizing(function, offset)) {
		resize(function, write);
	} else {
		return -E_NOENT;
	}
	return 0;
}

void vpci_bar_follow(struct vpci_function *function)
{
	struct view now = { .function = function };
	uint64_t from = function->msix.table, to = table_of(&now);

	if (to == from) {
		return;
	}
	if (to != 0 && vpci_msix_trap(function, to) != 0) {
		vpci_bar_say_refused(function);
		vpci_msix_off(function);
		to = 0;
	}
	vpci_msix_untrap(from);
	function->msix.table = to;
}
