/* SPDX-License-Identifier: GPL-2.0-only */
/* Measures the rate of one free-running counter by another whose rate is known. */
#pragma once

#include "core/types.h"

struct clock {
	const char *name;
	uint64_t hz;       /* of a reference */
	uint64_t mask;     /* of the bits that count */
	uint32_t spin_max; /* reads after which a reference that did not advance is given up */
	uint64_t (*read)(void);
};

#define CALIBRATE_WINDOW_HZ 250 /* a run lasts 1/250 s */
#define CALIBRATE_RUNS      3

/* 0 with the best of CALIBRATE_RUNS runs in *hz; -E_TIMEDOUT when the reference stands still, and
 * -E_NODEV when the counter does. */
must_check int calibrate(const struct clock *reference, const struct clock *counter, uint64_t *hz);

/* The clocks that this machine has besides the TSC. */
#define CALIBRATE_REFERENCES 3 /* HPET, PM timer, PIT: best first */

/* Switches reference n on and describes it; -E_NODEV where there is none. Boot CPU, at boot. */
must_check int calibrate_reference_open(unsigned n, struct clock *clock);
void calibrate_reference_close(unsigned n);
