/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every CPU of the MADT starts by INIT and SIPI at the page named, with an APIC ID of its own, more
 * than once; all share memory, with atomic operations. APM2 16.5 "Interprocessor Interrupts", 14.1
 * "INIT".
 */
#include "guests/lib/guest.h"

#define ROUNDS 20000

const char test_title[] = "starting processors";

static uint64_t counter, barrier;
static volatile uint64_t ids[CPUS_MAX];

static void identify(uint64_t cpu)
{
	ids[cpu] = apic_id();
	check(cpu_index() == cpu, "CPU %lu works as %u", cpu, cpu_index());
	check((rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP) == 0, "CPU %lu says it is the boot CPU", cpu);
	check((cr0_read() & (CR0_CD | CR0_NW)) == 0, "CPU %lu: CR0 is %lx", cpu, cr0_read());
}

static void count_up(uint64_t unused)
{
	(void)unused;
	for (unsigned i = 0; i < ROUNDS; i++) {
		__atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
		if (i % 64 == 0) {
			(void)cpuid(0, 0);
		}
	}
}

/* All meet here over and over: each must make progress though all of them spin. */
static void meet(uint64_t unused)
{
	(void)unused;
	for (uint64_t round = 1; round <= 50; round++) {
		__atomic_fetch_add(&barrier, 1, __ATOMIC_SEQ_CST);
		if (!wait_for(&barrier, round * cpu_count(), 20000000)) {
			report_failure("CPU %u waits in vain in round %lu", cpu_index(), round);
			return;
		}
	}
}

static void run_on_all(void (*call)(uint64_t))
{
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, call, i);
	}
	call(0);
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_wait(i);
	}
}

/* INIT puts a running CPU back to where it waits for a SIPI, whatever it was doing. */
static void test_restart(void)
{
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 1; i < cpu_count(); i++) {
			if (!check(cpu_restart(i), "CPU %u does not start again in round %u", i,
				   round)) {
				return;
			}
		}
	}
	counter = 0;
	run_on_all(count_up);
	check(counter == (uint64_t)ROUNDS * cpu_count(), "after the restart %lu of %lu additions",
	      counter, (uint64_t)ROUNDS * cpu_count());
}

void test_main(void)
{
	print("%u CPUs\n", cpu_count());
	check((rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP) != 0,
	      "the boot CPU is not marked in APIC_BASE");
	if (!cpu_start_all()) {
		return;
	}
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, identify, i);
		cpu_wait(i);
		check(ids[i] == cpu_apic_id(i), "CPU %u has APIC ID %lx, the MADT says %x", i,
		      ids[i], cpu_apic_id(i));
	}
	run_on_all(count_up);
	check(counter == (uint64_t)ROUNDS * cpu_count(), "%lu of %lu additions", counter,
	      (uint64_t)ROUNDS * cpu_count());
	run_on_all(meet);
	test_restart();
}
