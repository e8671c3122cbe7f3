/* SPDX-License-Identifier: GPL-2.0-only */
/* The reckoning behind tsc_sync_target(), apart so that it can be tested. */
#pragma once

#include "core/types.h"

/* One question and its answer: own TSC before and after, the other's in between. */
struct tsc_round {
	uint64_t before, after, answer;
};

/* own TSC - other's TSC, known up to +-error. */
struct tsc_skew {
	int64_t offset;
	uint64_t error;
};

struct tsc_skew tsc_skew_estimate(const struct tsc_round *rounds, unsigned count);

/* The offset is more than what the measurement could be wrong by. */
bool tsc_skew_is_real(const struct tsc_skew *skew);
