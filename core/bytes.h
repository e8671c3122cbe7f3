/* SPDX-License-Identifier: GPL-2.0-only */
/* Little-endian integers at any address: tables of firmware, files and guests align nothing. */
#pragma once

#include "core/string.h"
#include "core/types.h"

static inline uint16_t load_u16(const void *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint32_t load_u32(const void *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint64_t load_u64(const void *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline void store_u16(void *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline void store_u32(void *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline void store_u64(void *to, uint64_t value)
{
	memcpy(to, &value, sizeof(value));
}
