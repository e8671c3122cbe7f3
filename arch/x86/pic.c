/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Firmware leaves the 8259s with its timer unmasked, on vectors that are exceptions here. A masked
 * LINT0 should hold that back, but it is not the only way for it to a CPU: an IOAPIC's ExtINT
 * entry is another, and Bochs has a wire of its own.
 */
#include "arch/pic.h"

#include "arch/port_io.h"

#define PORT_MASTER_MASK 0x21
#define PORT_SLAVE_MASK  0xa1
#define MASK_ALL         0xff

void pic_mask(void)
{
	out8(PORT_SLAVE_MASK, MASK_ALL);
	out8(PORT_MASTER_MASK, MASK_ALL);
}
