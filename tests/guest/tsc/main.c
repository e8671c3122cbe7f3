/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time never runs backwards, on one CPU or from one to the next, over exits and moves of the vCPU;
 * a guest that writes its TSC moves only its own. APM2 3.2.9 "TSC", APM3 "RDTSC".
 */
#include "guests/lib/guest.h"

#define ROUNDS 20000

const char test_title[] = "time-stamp counter";

static volatile uint64_t turn; /* counts up: even is CPU 0's, odd CPU 1's */
static volatile uint64_t last;

static void take_turns(uint64_t cpu)
{
	for (uint64_t i = cpu; i < ROUNDS; i += 2) {
		uint64_t now;

		if (!wait_for(&turn, i, 20000000)) {
			report_failure("CPU %lu waits in vain", cpu);
			return;
		}
		now = rdtsc();
		if (!check(now >= last, "CPU %lu: %lu ticks back", cpu, last - now)) {
			turn = ROUNDS;
			return;
		}
		last = now;
		__atomic_store_n(&turn, i + 1, __ATOMIC_RELEASE);
	}
}

static void test_one_cpu(void)
{
	uint64_t before = rdtsc();

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t now = rdtsc();

		if (!check(now >= before, "%lu ticks back", before - now)) {
			return;
		}
		before = now;
		if (i % 16 == 0) {
			(void)cpuid(0, 0);
		}
	}
}

/* The PM timer is a clock of its own: a second measurement must agree with the first. */
static void test_rate_is_steady(void)
{
	uint64_t first = tsc_per_us();
	uint64_t second = tsc_measure();

	check(first * 10 >= second * 8 && first * 8 <= second * 10, "%lu ticks in a us, then %lu",
	      first, second);
}

static volatile uint64_t other_now;

static void read_tsc(uint64_t unused)
{
	(void)unused;
	other_now = rdtsc();
}

static void test_write_moves_only_the_own(void)
{
	uint64_t jump = BIT(50), before = rdtsc(), now;

	wrmsr(MSR_TSC, before + jump);
	now = rdtsc();
	check(now - before >= jump, "writing the TSC has no effect: %lx, before %lx", now, before);
	check(rdmsr(MSR_TSC) >= now, "RDMSR of the TSC says %lx, RDTSC %lx", rdmsr(MSR_TSC), now);
	if (cpu_count() > 1) {
		cpu_run(1, read_tsc, 0);
		cpu_wait(1);
		check(other_now < before + jump, "CPU 1 jumped as well: %lx", other_now);
	}
	wrmsr(MSR_TSC, rdtsc() - jump);
	check(rdtsc() < before + jump, "the TSC can not be set back");
}

static void test_adjust(void)
{
	uint64_t adjust, before;

	if ((cpuid(7, 0).ebx & BIT(1)) == 0) {
		return;
	}
	adjust = rdmsr(MSR_TSC_ADJUST);
	before = rdtsc();
	wrmsr(MSR_TSC_ADJUST, adjust + BIT(48));
	check(rdmsr(MSR_TSC_ADJUST) == adjust + BIT(48), "TSC_ADJUST is %lx",
	      rdmsr(MSR_TSC_ADJUST));
	check(rdtsc() - before >= BIT(48), "TSC_ADJUST has no effect");
	wrmsr(MSR_TSC_ADJUST, adjust);
}

void test_main(void)
{
	test_one_cpu();
	test_rate_is_steady();
	if (cpu_count() > 1 && cpu_start_all()) {
		cpu_run(1, take_turns, 1);
		take_turns(0);
		cpu_wait(1);
	}
	if (hypervisor_present()) {
		test_write_moves_only_the_own();
		test_adjust();
	}
}
