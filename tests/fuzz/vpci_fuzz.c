/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: drivers/virtual/vpci.c drivers/virtual/vpci_bar.c drivers/virtual/vpci_msi.c */
/* sources: drivers/virtual/vpci_msix.c drivers/virtual/vpci_sriov.c drivers/virtual/vmsg.c */
/* sources: drivers/pci.c core/region.c core/irq.c */
/*
 * PCI configuration space and MSI-X tables: any accesses to functions with any capabilities.
 * Whatever the guest writes, an MSI-X entry or MSI that is on sends what the hypervisor made,
 * nothing is decoded over its registers, and no register is touched where nobody decodes one.
 */
#include "tests/fuzz/quiet_log.h"
#include "tests/unit/pci_machine.h"

#define STEP    8
#define ENTRIES 68 /* more than are looked at in two exits */
#define ODD     2  /* the function whose capabilities are input */

static void check_msi(const struct fake_function *function)
{
	if ((get(function, 0x40) & 0xff) == PCI_CAP_MSI && (get(function, 0x40) & 0x10000) != 0) {
		uint32_t log2 = get(function, 0x40) >> 20 & 7;

		require(log2 <= 3 && get(function, 0x48) == 0);
		require((get(function, 0x4c) & ((1U << log2) - 1)) == 0);
		require(interrupt(get(function, 0x44), get(function, 0x4c)));
	}
}

static void check_msix(const struct fake_function *function, uint8_t at, unsigned table)
{
	if ((get(function, at) & 0xff) != PCI_CAP_MSIX || (get(function, at) & 0x80000000) == 0 ||
	    memory_base(function) == 0) {
		return;
	}
	for (unsigned i = 0; i < ENTRIES; i++) {
		if ((memory_get(function, table + 16 * i + 12) & 1) == 0) {
			require(memory_get(function, table + 16 * i + 4) == 0);
			require(interrupt(memory_get(function, table + 16 * i),
					  memory_get(function, table + 16 * i + 8)));
		}
	}
}

static void check(void)
{
	require(stray_count == 0);
	for (unsigned i = 0; i < function_count; i++) {
		uint64_t base = memory_base(&functions[i]);

		if (!is_there(&functions[i])) {
			continue;
		}
		require(base == 0 || frame_mmio_owner(hpa(base), MEMORY_SIZE) == NULL);
		if (i == ODD) {
			continue; /* its registers are what they are: none can be written */
		}
		check_msi(&functions[i]);
		check_msix(&functions[i], 0x60, 0x2000);
		check_msix(&functions[i], 0x40, 0); /* of virtual functions */
	}
}

/* Functions, as hostile as the input wants them: capability lists are its bytes. */
static void make_functions(const uint8_t *data)
{
	struct fake_function *plain = add_function(AT(0, 1));
	struct fake_function *both = add_function(AT(0, 3));
	struct fake_function *odd = add_function(AT(0, 4));
	struct fake_function *bridge = add_function(AT(0, 5));

	add_msi(plain, 0);
	add_msi(both, 0x60);
	add_msix(both, 0x60, ENTRIES, 0x2000);
	add_sriov(both, 0xe0000000);
	(void)add_virtual(both, 0);
	(void)add_virtual(both, 3);
	memcpy(odd->config + 0x34, data, 1);
	for (unsigned i = 0; i < 24; i++) {
		odd->config[0x40 + i] = data[i];
	}
	set(bridge, 0x0c, 0x00010000, 0);
	set(bridge, 0x18, 0x00030100, 0x00ffffff);
	(void)add_function(AT(1, 0));
	add_msix(add_function(AT(2, 0)), 0x40, 4, 0x1000);
}

/* The first entries, the last one and what lies behind. */
static unsigned in_table(const uint8_t *data)
{
	return 0x2000 + data[2] % 0x48 + (data[3] & 1) * 16 * (ENTRIES - 3);
}

static void step(const uint8_t *data)
{
	struct fake_function *function = &functions[data[0] % function_count];
	unsigned size = 1U << (data[1] & 3), offset = data[2] | (data[1] & 0x10) << 4;
	uint32_t value;

	memcpy(&value, data + 4, sizeof(value));
	tries_max = (data[3] & 2) != 0 ? 1 : 4; /* the guest may be interrupted for good */
	switch (data[1] >> 5) {
	case 0:
	case 1:
		config_write(function, offset & ~(size - 1), size, value);
		break;
	case 2:
		(void)config_read(function, offset, size);
		break;
	case 3:
	case 4:
		if (memory_base(function) != 0) {
			(void)guest_access(memory_base(function) + in_table(data), size, true,
					   value);
		}
		break;
	case 5:
		if (memory_base(function) != 0) {
			(void)guest_access(memory_base(function) + in_table(data), size, false, 0);
		}
		break;
	case 6:
		cpus[data[2] % PCI_CPUS].irq_drains++;
		break;
	default: /* virtual ones go with their physical one */
		function->is_gone = (data[2] & 1) != 0 && function->physical == NULL;
		(void)config_read(function, 0, 4);
		break;
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 24 || size > 4096) {
		return 0;
	}
	pci_machine_start();
	make_functions(data);
	for (size_t at = 24; at + STEP <= size; at += STEP) {
		step(data + at);
	}
	forget_all();
	return 0;
}
