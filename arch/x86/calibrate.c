/* SPDX-License-Identifier: GPL-2.0-only */
/* The measurement itself. An interruption (SMI, a hypervisor below) shows as a wide bracket. */
#include "arch/calibrate.h"

#include "core/err.h"

#define SAMPLE_TRIES 5

/* Both clocks at one moment, which lies within a bracket of `gap` counter ticks. */
struct sample {
	uint64_t reference, counter, gap;
};

struct run {
	uint64_t reference, counter, gap;
};

static struct sample take_sample(const struct clock *reference, const struct clock *counter)
{
	struct sample best = { .gap = UINT64_MAX };

	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = counter->read();
		uint64_t now = reference->read();
		uint64_t gap = (counter->read() - before) & counter->mask;

		if (gap < best.gap) {
			best = (struct sample){ now, before + gap / 2, gap };
		}
	}
	return best;
}

static int measure(const struct clock *reference, const struct clock *counter, struct run *run)
{
	uint64_t window = reference->hz / CALIBRATE_WINDOW_HZ;
	struct sample start = take_sample(reference, counter);
	struct sample end;
	uint32_t spins = 0;

	while (((reference->read() - start.reference) & reference->mask) < window) {
		if (++spins > reference->spin_max) {
			return -E_TIMEDOUT;
		}
	}
	end = take_sample(reference, counter);
	run->reference = (end.reference - start.reference) & reference->mask;
	run->counter = (end.counter - start.counter) & counter->mask;
	run->gap = start.gap + end.gap;
	return run->counter == 0 || run->reference == 0 ? -E_NODEV : 0;
}

int calibrate(const struct clock *reference, const struct clock *counter, uint64_t *hz)
{
	struct run best = { .gap = UINT64_MAX, .counter = 1 };

	for (unsigned i = 0; i < CALIBRATE_RUNS; i++) {
		struct run run;
		int err = measure(reference, counter, &run);

		if (err != 0) {
			return err;
		}
		/* The smaller share of doubt: gap / counter, cross-multiplied. */
		if (best.gap == UINT64_MAX || run.gap * best.counter < best.gap * run.counter) {
			best = run;
		}
	}
	*hz = best.counter * reference->hz / best.reference;
	return 0;
}
