/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O ports that a test plays: it defines what they do. */
#pragma once

#include "core/types.h"

uint8_t in8(uint16_t port);
uint16_t in16(uint16_t port);
uint32_t in32(uint16_t port);
void out8(uint16_t port, uint8_t value);
void out16(uint16_t port, uint16_t value);
void out32(uint16_t port, uint32_t value);
