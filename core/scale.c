/* SPDX-License-Identifier: GPL-2.0-only */
/* Fixed-point conversion without 128-bit types, whose division needs a library. */
#include "core/scale.h"

#include "core/bits.h"

/*
 * mult is to / from in binary: long division, one bit a step, until 64 significant bits stand. The
 * remainder stays below from, so its double may need a 65th bit, which `carry` is.
 */
struct scale scale_make(uint64_t from_hz, uint64_t to_hz)
{
	struct scale scale = { .mult = to_hz / from_hz, .shift = -64 };
	uint64_t rest = to_hz % from_hz;

	while ((scale.mult & BIT(63)) == 0) {
		bool carry = (rest & BIT(63)) != 0;

		rest <<= 1;
		scale.mult <<= 1;
		scale.shift++;
		if (carry || rest >= from_hz) {
			rest -= from_hz;
			scale.mult |= 1;
		}
	}
	return scale;
}

struct product {
	uint64_t high, low;
};

static struct product multiply(uint64_t a, uint64_t b)
{
	uint64_t a0 = (uint32_t)a, a1 = a >> 32;
	uint64_t b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0;
	uint64_t mid = a1 * b0 + (low >> 32); /* at most (2^32 - 1)^2 + 2^32 - 1 */
	uint64_t mid2 = a0 * b1 + (uint32_t)mid;

	return (struct product){
		.high = a1 * b1 + (mid >> 32) + (mid2 >> 32),
		.low = mid2 << 32 | (uint32_t)low,
	};
}

uint64_t scale_apply(const struct scale *scale, uint64_t value)
{
	struct product p = multiply(value, scale->mult);
	unsigned up = (unsigned)-scale->shift;

	if (scale->shift >= 64) {
		return 0;
	}
	if (scale->shift >= 0) {
		return p.high >> scale->shift;
	}
	if (up >= 64) {
		return p.high != 0 ? UINT64_MAX : p.low;
	}
	return p.high >> (64 - up) != 0 ? UINT64_MAX : p.high << up | p.low >> (64 - up);
}
