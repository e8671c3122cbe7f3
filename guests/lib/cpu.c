/* SPDX-License-Identifier: GPL-2.0-only */
/* The other CPUs: started by INIT and SIPI one after another, then waiting for work. */
#include "guests/lib/cpu.h"

#include "guests/lib/acpi.h"
#include "guests/lib/apic.h"
#include "guests/lib/guest.h"
#include "guests/lib/traps.h"

#define STACK_SIZE 16384
#define START_US   2000000
#define WORK_US    60000000
#define INIT_US    200

struct cpu {
	uint32_t apic_id;
	bool is_started;
	void (*call)(uint64_t);
	uint64_t argument;
	uint64_t asked, done; /* counts of calls */
};

extern const uint8_t ap_trampoline[], ap_trampoline_end[];
extern uint64_t ap_stack;
extern uint32_t ap_index;
noreturn void cpu_ap_main(unsigned index);

static struct cpu cpus[CPUS_MAX];
static unsigned count;
static uint8_t ap_stacks[CPUS_MAX][STACK_SIZE] __attribute__((aligned(16)));
static volatile uint64_t started;

/* The boot CPU comes first, wherever the MADT has it. */
void cpu_init(void)
{
	uint32_t ids[CPUS_MAX];
	unsigned found = acpi_apic_ids(ids, CPUS_MAX);

	cpus[0] = (struct cpu){ .apic_id = apic_id(), .is_started = true };
	count = 1;
	for (unsigned i = 0; i < found; i++) {
		if (ids[i] != cpus[0].apic_id && count < CPUS_MAX) {
			cpus[count++].apic_id = ids[i];
		}
	}
}

unsigned cpu_count(void)
{
	return count;
}

uint32_t cpu_apic_id(unsigned index)
{
	return cpus[index].apic_id;
}

void cpu_relax(void)
{
	asm volatile("pause" : : : "memory");
}

void cpu_ap_main(unsigned index)
{
	struct cpu *cpu = &cpus[index];

	traps_cpu_init(index);
	apic_cpu_init();
	__atomic_store_n(&started, started + 1, __ATOMIC_RELEASE);
	for (;;) {
		while (__atomic_load_n(&cpu->asked, __ATOMIC_ACQUIRE) == cpu->done) {
			cpu_relax();
		}
		cpu->call(cpu->argument);
		__atomic_store_n(&cpu->done, cpu->done + 1, __ATOMIC_RELEASE);
	}
}

bool cpu_restart(unsigned index)
{
	uint64_t page = (uint64_t)real_memory();
	uint64_t before = started;

	cpus[index].done = cpus[index].asked; /* what it was at is over */

	memcpy(real_memory(), ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
	ap_index = index;
	ap_stack = (uint64_t)ap_stacks[index] + STACK_SIZE;
	apic_send(cpus[index].apic_id, ICR_INIT | ICR_ASSERT);
	delay_us(INIT_US);
	apic_send(cpus[index].apic_id, ICR_STARTUP | ICR_ASSERT | (uint32_t)(page >> 12));
	cpus[index].is_started = wait_for(&started, before + 1, START_US);
	return check(cpus[index].is_started, "CPU %u (APIC ID %u) did not start", index,
		     cpus[index].apic_id);
}

bool cpu_start_all(void)
{
	bool all = true;

	for (unsigned i = 1; i < count; i++) {
		all = (cpus[i].is_started || cpu_restart(i)) && all;
	}
	return all;
}

void cpu_run(unsigned index, void (*call)(uint64_t), uint64_t argument)
{
	cpus[index].call = call;
	cpus[index].argument = argument;
	__atomic_store_n(&cpus[index].asked, cpus[index].asked + 1, __ATOMIC_RELEASE);
}

bool cpu_wait(unsigned index)
{
	struct cpu *cpu = &cpus[index];

	return check(wait_for(&cpu->done, cpu->asked, WORK_US), "CPU %u did not finish its work",
		     index);
}
