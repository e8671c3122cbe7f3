/* SPDX-License-Identifier: GPL-2.0-only */
/* Conversion between the ticks of two clocks by a multiplication. */
#pragma once

#include "core/types.h"

/* value * mult / 2^(64 + shift); mult has its top bit set, so that 2^64 ticks are off by two at
 * most. shift may be negative. */
struct scale {
	uint64_t mult;
	int shift;
};

/* From a clock of from_hz to one of to_hz; neither is 0. */
struct scale scale_make(uint64_t from_hz, uint64_t to_hz);

/* Rounds down; results past 2^64 saturate. */
uint64_t scale_apply(const struct scale *scale, uint64_t value);
