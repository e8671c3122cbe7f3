/* SPDX-License-Identifier: GPL-2.0-only */
/* Two functions of the fake machine, and what a driver does with them. */
#pragma once

#include "tests/unit/log_capture.h"
#include "tests/unit/pci_machine.h"

#define MSI_ON      0x0001U /* of the control register, at 0x42 */
#define MSIX_ON     0x8000U
#define MSIX_MASKED 0x4000U
#define DEST(cpu)   (0xfee00000U | (cpu) << 12)

static struct fake_function *a, *b;

static inline int setup(void **state)
{
	(void)state;
	log_clear();
	pci_machine_start();
	a = add_function(AT(0, 3));
	b = add_function(AT(1, 2));
	return 0;
}

static inline uint64_t table_at(const struct fake_function *function, unsigned offset)
{
	return memory_base(function) + offset;
}

static inline void table_write(const struct fake_function *function, unsigned offset,
			       uint32_t value)
{
	(void)guest_access(table_at(function, offset), 4, true, value);
}

static inline bool is_trapped(uint64_t address)
{
	struct region region;

	return region_find(&vm.memory_regions, address, 4, &region);
}

static inline void decode(const struct fake_function *function, bool on)
{
	config_write(function, 4, 2, on ? 0x406 : 0x404);
}

/* a has MSI-X, decoded and on. */
static inline void start_msix(unsigned entries)
{
	add_msix(a, 0x40, entries, 0x2000);
	decode(a, true);
	config_write(a, 0x42, 2, MSIX_ON);
}

static inline void open_entry(unsigned index, uint32_t address, uint32_t data)
{
	table_write(a, 0x2000 + 16 * index, address);
	table_write(a, 0x2004 + 16 * index, 0);
	table_write(a, 0x2008 + 16 * index, data);
	table_write(a, 0x200c + 16 * index, 0);
}

static inline bool entry_interrupts(unsigned index)
{
	unsigned at = 0x2000 + 16 * index;

	return (memory_get(a, at + 12) & 1) == 0 &&
	       interrupt(memory_get(a, at), memory_get(a, at + 8));
}

static inline int end(void **state)
{
	(void)state;
	pci_machine_end();
	return 0;
}
