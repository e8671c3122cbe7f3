/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SR-IOV: which virtual functions a physical one has, and where their registers lie. Their own
 * headers say neither. PCIe 5.0 9.3.3 "SR-IOV Extended Capability".
 */
#include "core/err.h"
#include "drivers/virtual/vpci_function.h"

#define CONTROL        0x08U
#define CONTROL_ENABLE BIT(0)
#define CONTROL_MEM    BIT(3)
#define VF_TOTAL       0x0cU
#define VF_TOTAL_FIELD BITS(31, 16)
#define VF_COUNT       0x10U
#define VF_COUNT_FIELD BITS(15, 0)
#define VF_PLACE       0x14U
#define VF_OFFSET      BITS(15, 0)
#define VF_STRIDE      BITS(31, 16)
#define VF_BAR         0x24U

static uint32_t read(const struct vpci_function *function, unsigned offset)
{
	return pci_read(function->address, function->sriov.at + offset, 4);
}

static bool is_on(uint32_t control)
{
	return (control & CONTROL_ENABLE) != 0;
}

static bool is_decoding(uint32_t control)
{
	return is_on(control) && (control & CONTROL_MEM) != 0;
}

void vpci_sriov_discover(struct vpci_function *function)
{
	uint32_t control;

	function->sriov.at = pci_find_extended(function->address, PCI_EXT_CAP_SRIOV);
	control = function->sriov.at == 0 ? 0 : read(function, CONTROL);
	function->sriov.decodes = is_decoding(control);
	if (function->sriov.at != 0 && !is_on(control)) {
		vpci_bar_size(function->address, function->sriov.at + VF_BAR, VPCI_BARS,
			      function->sriov.bars);
	}
}

static uint64_t total_of(const struct vpci_function *physical)
{
	return field_get(VF_TOTAL_FIELD, read(physical, VF_TOTAL));
}

bool vpci_sriov_has(const struct vpci_function *function, pci_address_t address, unsigned *number)
{
	uint32_t place, distance;
	uint64_t count;

	if (function->sriov.at == 0 || !is_on(read(function, CONTROL)) ||
	    ((function->address ^ address) & PCI_SEGMENT) != 0) {
		return false;
	}
	count = min_u64(field_get(VF_COUNT_FIELD, read(function, VF_COUNT)), total_of(function));
	place = read(function, VF_PLACE);
	distance = address - function->address - (uint32_t)field_get(VF_OFFSET, place);
	for (uint32_t i = 0; i < count; i++) {
		if (distance == i * (uint32_t)field_get(VF_STRIDE, place)) {
			*number = i;
			return true;
		}
	}
	return false;
}

/* Where the first one's lies. */
static uint64_t base_of(const struct vpci_function *physical, unsigned bar)
{
	uint64_t base = read(physical, VF_BAR + 4 * bar) & PCI_BAR_ADDRESS;

	if (physical->sriov.bars[bar].is_64) {
		base |= (uint64_t)read(physical, VF_BAR + 4 * bar + 4) << 32;
	}
	return base;
}

uint64_t vpci_sriov_bar(const struct vpci_function *function, unsigned bar)
{
	const struct vpci_sriov *sriov = &function->physical->sriov;
	uint64_t size = sriov->bars[bar].size;
	uint64_t base = sriov->decodes && size != 0 ? base_of(function->physical, bar) : 0;

	return base == 0 ? 0 : base + function->number * size;
}

/* All that there can be: their number may change. */
static bool may_decode(const struct vpci_function *physical)
{
	uint64_t count = total_of(physical);

	for (unsigned i = 0; i < VPCI_BARS; i++) {
		uint64_t size = count * physical->sriov.bars[i].size;

		if (size != 0 && !vpci_bar_may_lie(base_of(physical, i), size)) {
			return false;
		}
	}
	return true;
}

/* ---- writes of the control register ---- */

static void follow(struct vpci_function *function, void *context)
{
	if (function->physical == context) {
		vpci_bar_follow(function);
	}
}

/* Sizes depend on the system's page size, which is fixed while virtual functions are on. Traps come
 * before the machine decodes, and go after. */
static void control_write(struct vpci_function *function, struct vpci_write *write)
{
	uint32_t before = read(function, CONTROL), after = vpci_merged(function, write);

	if (!is_on(before) && is_on(after)) {
		vpci_bar_size(function->address, function->sriov.at + VF_BAR, VPCI_BARS,
			      function->sriov.bars);
	}
	if (is_on(before) && !is_on(after)) {
		vpci_forget_virtual(function);
	}
	if (!is_decoding(before) && is_decoding(after) && !may_decode(function)) {
		vpci_bar_say_refused(function);
		write->value &= (uint32_t)~CONTROL_MEM;
		after &= (uint32_t)~CONTROL_MEM;
	}
	function->sriov.decodes = is_decoding(after);
	if (function->sriov.decodes) {
		vpci_for_each(follow, function);
	}
	vpci_forward(function, write);
	if (!function->sriov.decodes) {
		vpci_for_each(follow, function);
	}
}

int vpci_sriov_write(struct vpci_function *function, struct vpci_write *write)
{
	unsigned at = function->sriov.at;

	if (at == 0 || write->offset < at || write->offset >= at + VF_BAR + 4 * VPCI_BARS) {
		return -E_NOENT;
	}
	if (vpci_writes(write, at + CONTROL)) {
		control_write(function, write);
	} else if (write->offset < at + VF_BAR || !is_on(read(function, CONTROL))) {
		vpci_forward(function, write);
	} /* else: BARs of functions that are on do not move */
	return 0;
}
