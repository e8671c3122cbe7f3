/* SPDX-License-Identifier: GPL-2.0-only */
/* Bits, fields of registers, and bitmaps. A field is named by its mask, never by shift and width.
 */
#pragma once

#include "core/types.h"

#define BIT(n)          (UINT64_C(1) << (n))
#define BITS(hi, lo)    ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define field_set(m, v) (((uint64_t)(v) * ((m) & -(m))) & (m))
#define field_get(m, v) (((uint64_t)(v) & (m)) / ((m) & -(m)))

/* Bitmaps are arrays of 64-bit words, bit n in word n / 64. Not atomic: see lock.h for those. */
#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitmap_test(const uint64_t *map, unsigned bit)
{
	return (map[bit / 64] & BIT(bit % 64)) != 0;
}

static inline void bitmap_set(uint64_t *map, unsigned bit)
{
	map[bit / 64] |= BIT(bit % 64);
}

static inline void bitmap_clear(uint64_t *map, unsigned bit)
{
	map[bit / 64] &= ~BIT(bit % 64);
}

/* Number of the highest set bit; value must not be 0. */
static inline unsigned bits_highest(uint64_t value)
{
	return 63U - (unsigned)__builtin_clzll(value);
}

/* Number of the lowest set bit; value must not be 0. */
static inline unsigned bits_lowest(uint64_t value)
{
	return (unsigned)__builtin_ctzll(value);
}

/*
 * An index that was checked to be below count, and is 0 where the processor only guessed that the
 * check would pass: a guest's number never leads it out of a table. No branch, so nothing to guess.
 */
static inline uint64_t index_clamp(uint64_t index, uint64_t count)
{
	asm("" : "+r"(index)); /* the compiler may not use what it knows from the check */
	return index & (uint64_t)((int64_t) ~(index | (count - 1 - index)) >> 63);
}
