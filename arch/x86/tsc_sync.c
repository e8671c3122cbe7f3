/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares the TSC of a CPU that starts with the boot CPU's. The one asks, the other answers with
 * its TSC: the answer was read between two readings of the one who asks, so the offset is known up
 * to half of the round trip, and the fastest of many round trips knows it best.
 */
#include "arch/tsc.h"

#include "arch/msr.h"
#include "arch/tsc_sync.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"

#define ROUNDS_MIN           4
#define ROUNDS_MAX           32
#define GOOD_NS              1000    /* known to that: no more rounds */
#define LONG_NS              4000000 /* nor after that: one of the two was taken off its core */
#define WAIT_SPINS           UINT32_C(20000000) /* seconds; the other one should be there already */
#define SEVEN_EBX_TSC_ADJUST BIT(1)             /* CPUID 7, EBX */

/* Odd: somebody asks; even: the boot CPU has answered. One CPU starts at a time. */
static uint64_t turn;
static uint64_t answer;

struct tsc_skew tsc_skew_estimate(const struct tsc_round *rounds, unsigned count)
{
	struct tsc_skew best = { .error = UINT64_MAX };

	for (unsigned i = 0; i < count; i++) {
		uint64_t trip = rounds[i].after - rounds[i].before;
		uint64_t error = trip - trip / 2; /* the larger half: from the middle to the end */

		if (error < best.error) {
			best.error = error;
			best.offset = (int64_t)(rounds[i].before + trip / 2 - rounds[i].answer);
		}
	}
	return best;
}

bool tsc_skew_is_real(const struct tsc_skew *skew)
{
	uint64_t size = skew->offset < 0 ? -(uint64_t)skew->offset : (uint64_t)skew->offset;

	return size > skew->error;
}

void tsc_sync_answer(void)
{
	uint64_t now = atomic_load(&turn);

	if (now % 2 != 0) {
		atomic_store(&answer, tsc_read());
		atomic_store(&turn, now + 1);
	}
}

static bool wait_answer(uint64_t ask)
{
	for (uint32_t i = 0; i < WAIT_SPINS; i++) {
		if (atomic_load(&turn) != ask) {
			return true;
		}
		arch_relax();
	}
	return false;
}

static bool is_enough(const struct tsc_skew *skew, const struct tsc_round *rounds, unsigned count)
{
	uint64_t took = rounds[count - 1].after - rounds[0].before;

	return count == ROUNDS_MAX || tsc_ticks_to_ns(took) >= LONG_NS ||
	       (count >= ROUNDS_MIN && tsc_ticks_to_ns(skew->error) <= GOOD_NS);
}

/* False when the boot CPU does not answer. */
static bool measure(struct tsc_skew *skew)
{
	struct tsc_round rounds[ROUNDS_MAX];
	unsigned count = 0;

	do {
		struct tsc_round *round = &rounds[count++];
		uint64_t ask = atomic_load(&turn) + 1;

		round->before = tsc_read();
		atomic_store(&turn, ask);
		if (!wait_answer(ask)) {
			return false;
		}
		round->after = tsc_read();
		round->answer = atomic_load(&answer);
		*skew = tsc_skew_estimate(rounds, count);
	} while (!is_enough(skew, rounds, count));
	return true;
}

static bool has_tsc_adjust(void)
{
	return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & SEVEN_EBX_TSC_ADJUST) != 0;
}

static void correct(struct cpu *cpu, struct tsc_skew *skew)
{
	int64_t found = skew->offset;
	bool adjusts = has_tsc_adjust();

	if (adjusts) {
		wrmsr(MSR_TSC_ADJUST, rdmsr(MSR_TSC_ADJUST) - (uint64_t)found);
		if (!measure(skew)) {
			return;
		}
	}
	if (tsc_skew_is_real(skew)) {
		cpu->arch.tsc_offset = (uint64_t)skew->offset;
	}
	log(LOG_WARN, "tsc: CPU %u is %lld ticks from the boot CPU: %s, %lld are left (+-%llu)",
	    cpu->index, (long long)found, adjusts ? "adjusted" : "reckoned with",
	    adjusts ? (long long)skew->offset : 0, (unsigned long long)skew->error);
}

void tsc_sync_target(void)
{
	struct cpu *cpu = arch_cpu_self();
	struct tsc_skew skew;

	if (!measure(&skew)) {
		log(LOG_WARN, "tsc: CPU %u could not compare its TSC", cpu->index);
		return;
	}
	if (tsc_skew_is_real(&skew)) {
		correct(cpu, &skew);
	} else {
		log(LOG_DEBUG, "tsc: CPU %u agrees within %llu ticks", cpu->index,
		    (unsigned long long)skew.error);
	}
}
