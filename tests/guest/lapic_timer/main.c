/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The APIC timer: one-shot, periodic and TSC-deadline, its count, its mask, and stopping it.
 * APM2 16.4.1 "APIC Timer Interrupt", SDM3 "TSC-Deadline Mode".
 */
#include "guests/lib/guest.h"

#define VECTOR  0x53
#define LONG_US 2000000

const char test_title[] = "APIC timer";

static volatile uint64_t ticks;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	ticks = ticks + 1;
	apic_eoi();
}

/* With interrupts on, so that one too many would be seen. */
static void quiet_us(uint64_t us)
{
	sti();
	delay_us(us);
	cli();
}

/* The timer's ticks in a microsecond, at divisor 1. */
static uint64_t measure_rate(void)
{
	uint32_t left;

	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR);
	apic_write(APIC_TIMER_DIVIDE, 0xb);
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	delay_us(10000);
	left = apic_read(APIC_TIMER_COUNT);
	check(left < UINT32_MAX && left > 0, "the count is %x after 10 ms", left);
	apic_write(APIC_TIMER_INITIAL, 0);
	return (UINT32_MAX - left) / 10000 + 1;
}

static void test_one_shot(uint64_t rate)
{
	ticks = 0;
	apic_write(APIC_LVT_TIMER, VECTOR);
	apic_write(APIC_TIMER_INITIAL, (uint32_t)(rate * 1000));
	check(ticks == 0, "one-shot: it fires with IF = 0");
	check(wait_for_interrupt(&ticks, 1, LONG_US), "one-shot: no interrupt");
	quiet_us(5000);
	check(ticks == 1, "one-shot: %lu interrupts", ticks);
	check(apic_read(APIC_TIMER_COUNT) == 0, "one-shot: the count is %x at the end",
	      apic_read(APIC_TIMER_COUNT));
}

static void test_periodic(uint64_t rate)
{
	uint64_t start = rdtsc();
	uint64_t us;

	ticks = 0;
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VECTOR);
	apic_write(APIC_TIMER_INITIAL, (uint32_t)(rate * 2000));
	check(wait_for_interrupt(&ticks, 20, LONG_US), "periodic: %lu of 20 interrupts", ticks);
	us = (rdtsc() - start) / tsc_per_us();
	check(us >= 36000, "periodic: 20 periods of 2 ms in %lu us", us);
	apic_write(APIC_TIMER_INITIAL, 0);
	ticks = 0;
	quiet_us(10000);
	check(ticks <= 1, "periodic: %lu interrupts after it was stopped", ticks);
}

static void test_mask(uint64_t rate)
{
	ticks = 0;
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR);
	apic_write(APIC_TIMER_INITIAL, (uint32_t)(rate * 500));
	quiet_us(5000);
	check(ticks == 0, "masked: %lu interrupts", ticks);
}

static void test_divisor(uint64_t rate)
{
	uint32_t left;

	apic_write(APIC_TIMER_DIVIDE, 0x3); /* by 16 */
	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	delay_us(10000);
	left = UINT32_MAX - apic_read(APIC_TIMER_COUNT);
	check(left < rate * 10000, "divided by 16: %u ticks in 10 ms, %lu undivided", left,
	      rate * 10000);
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_TIMER_DIVIDE, 0xb);
}

static void test_deadline(void)
{
	uint64_t deadline;

	apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR);
	for (uint64_t us = 0; us < 3000; us += 300) {
		ticks = 0;
		deadline = rdtsc() + us * tsc_per_us();
		wrmsr(MSR_TSC_DEADLINE, deadline);
		check(wait_for_interrupt(&ticks, 1, LONG_US), "deadline of %lu us: no interrupt",
		      us);
		check(rdtsc() >= deadline, "deadline of %lu us: too early", us);
		check(rdmsr(MSR_TSC_DEADLINE) == 0, "the deadline stays %lx",
		      rdmsr(MSR_TSC_DEADLINE));
	}
	ticks = 0;
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 5000 * tsc_per_us());
	check(rdmsr(MSR_TSC_DEADLINE) != 0, "an armed deadline reads 0");
	wrmsr(MSR_TSC_DEADLINE, 0);
	quiet_us(10000);
	check(ticks == 0, "deadline: it fires after it was disarmed");
	apic_write(APIC_TIMER_INITIAL, 1000);
	quiet_us(5000);
	check(ticks == 0, "the initial count starts the timer in deadline mode");
}

/* A deadline is one of the TSC as it was written last: neither early nor late by the difference. */
static void test_deadline_of_moved_tsc(const char *where, uint64_t distance)
{
	uint64_t deadline;

	ticks = 0;
	apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR);
	wrmsr(MSR_TSC, rdtsc() + distance);
	deadline = rdtsc() + 1000 * tsc_per_us();
	wrmsr(MSR_TSC_DEADLINE, deadline);
	check(wait_for_interrupt(&ticks, 1, LONG_US), "TSC moved %s: no interrupt", where);
	check(rdtsc() >= deadline, "TSC moved %s: %lu ticks too early", where, deadline - rdtsc());
	wrmsr(MSR_TSC_DEADLINE, 0);
	wrmsr(MSR_TSC, rdtsc() - distance);
}

void test_main(void)
{
	uint64_t rate;

	trap_set_handler(VECTOR, handle);
	rate = measure_rate();
	test_one_shot(rate);
	test_periodic(rate);
	test_mask(rate);
	test_divisor(rate);
	if ((cpuid(1, 0).ecx & BIT(24)) == 0) {
		print("note: no TSC deadline here\n");
		return;
	}
	test_deadline();
	test_deadline_of_moved_tsc("on", BIT(40));
	test_deadline_of_moved_tsc("back", -(rdtsc() / 2));
}
