/* SPDX-License-Identifier: GPL-2.0-only */
/* A trapped port access of 1, 2 or 4 bytes, carried out on the machine. */
#pragma once

#include "arch/port_io.h"

static inline uint64_t vpc_port_read(uint16_t port, unsigned size)
{
	return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

static inline void vpc_port_write(uint16_t port, unsigned size, uint64_t value)
{
	if (size == 1) {
		out8(port, (uint8_t)value);
	} else if (size == 2) {
		out16(port, (uint16_t)value);
	} else {
		out32(port, (uint32_t)value);
	}
}
