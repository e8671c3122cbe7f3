/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interrupt gate clears IF: no handler is entered inside another, and none twice for one
 * interrupt, however those of the timer, of other CPUs and of the CPU itself meet. APM2 8.9
 * "Long-Mode Interrupt Control Transfers".
 */
#include "guests/lib/guest.h"

#define VECTOR_LOW    0x41
#define VECTOR_TIMER  0x81
#define VECTOR_HIGH   0xf1
#define TIMER_US      60
#define COUNTS_PER_US 1000  /* where a count is a ns, as in a virtual APIC */
#define TIMER_CYCLES  60000 /* at least: a slow machine's guest would see nothing but its timer */

const char test_title[] = "handlers do not nest";

static uint64_t rounds, work_us;
static struct {
	volatile uint64_t depth, nested, low, high;
} cpus[CPUS_MAX];

static void handle(struct trap_frame *frame)
{
	unsigned cpu = cpu_index();

	if (cpus[cpu].depth != 0) {
		cpus[cpu].nested = frame->vector;
	}
	cpus[cpu].depth = cpus[cpu].depth + 1;
	delay_us(frame->vector == VECTOR_LOW ? work_us : 1);
	cpus[cpu].low = cpus[cpu].low + (frame->vector == VECTOR_LOW);
	cpus[cpu].high = cpus[cpu].high + (frame->vector == VECTOR_HIGH);
	cpus[cpu].depth = cpus[cpu].depth - 1;
	apic_eoi();
}

static uint32_t timer_count(void)
{
	uint64_t us = TIMER_CYCLES / tsc_per_us();

	return (uint32_t)((us > TIMER_US ? us : TIMER_US) * COUNTS_PER_US);
}

/* To itself with the low priority, to the next with the high one; both may meet the timer's. */
static void storm(uint64_t cpu)
{
	unsigned next = (unsigned)(cpu + 1) % cpu_count();

	apic_write(APIC_TIMER_DIVIDE, 0xb);
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
	apic_write(APIC_TIMER_INITIAL, timer_count());
	sti();
	for (unsigned i = 0; i < rounds && cpus[cpu].nested == 0; i++) {
		apic_send(cpu_apic_id(next), ICR_ASSERT | VECTOR_HIGH);
		apic_send(0, ICR_SELF | ICR_ASSERT | VECTOR_LOW);
		cpu_relax();
	}
	cli();
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
}

void test_main(void)
{
	rounds = guest_number("rounds", 300);
	work_us = guest_number("work", 20); /* us */
	trap_set_handler(VECTOR_LOW, handle);
	trap_set_handler(VECTOR_TIMER, handle);
	trap_set_handler(VECTOR_HIGH, handle);
	if (!cpu_start_all()) {
		return;
	}
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, storm, i);
	}
	storm(0);
	for (unsigned i = 0; i < cpu_count(); i++) {
		if (i != 0) {
			cpu_wait(i);
		}
		check(cpus[i].nested == 0, "CPU %u: vector 0x%lx inside a handler", i,
		      cpus[i].nested);
		check(cpus[i].low != 0 && cpus[i].low <= rounds, "CPU %u: sent %lu, took %lu", i,
		      rounds, cpus[i].low);
		print("CPU %u: %lu low, %lu high\n", i, cpus[i].low, cpus[i].high);
	}
}
