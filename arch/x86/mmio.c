/* SPDX-License-Identifier: GPL-2.0-only */
/* Device registers in memory: one access of the right width each, in program order. */
#include "arch/mmio.h"

uint32_t mmio_read32(const void *base, unsigned offset)
{
	const volatile uint32_t *at = (const volatile uint32_t *)((const char *)base + offset);

	return *at;
}

void mmio_write32(void *base, unsigned offset, uint32_t value)
{
	volatile uint32_t *at = (volatile uint32_t *)((char *)base + offset);

	*at = value;
}
