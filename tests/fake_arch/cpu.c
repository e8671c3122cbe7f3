/* SPDX-License-Identifier: GPL-2.0-only */
/* Fake CPUs: who runs is a variable, kicks are counted, time stands still until it is moved. */
#include "core/cpu.h"

#include <assert.h>
#include <string.h>

#include "core/arch.h"
#include "tests/fake_arch/fake.h"
#include "tests/fake_arch/mmu.h"

static struct cpu cpus[FAKE_CPUS];
static struct cpu *selves[FAKE_CPUS];
static uint32_t count = 1, current;
static unsigned kicks[FAKE_CPUS];
static uint64_t now, deadlines[FAKE_CPUS];

void (*fake_idle_hook)(void);
void (*fake_irq_hook)(void);
unsigned fake_idle_count;

static struct cpu *self_of(uint32_t n)
{
	return selves[n] != NULL ? selves[n] : &cpus[n];
}

void fake_cpus_set(uint32_t wanted)
{
	assert(wanted <= FAKE_CPUS);
	fake_cpu_switch(0);
	count = wanted;
	memset(kicks, 0, sizeof(kicks));
	memset(selves, 0, sizeof(selves));
	memset(cpus, 0, sizeof(cpus));
	for (uint32_t i = 0; i < FAKE_CPUS; i++) {
		cpus[i].index = i;
		cpus[i].state = i < wanted ? CPU_ONLINE : CPU_OFFLINE;
		deadlines[i] = UINT64_MAX;
		list_init(&cpus[i].deferred);
	}
}

void fake_cpu_switch(uint32_t n)
{
	assert(n < FAKE_CPUS);
	fake_mmu_switch(current, n);
	current = n;
}

void fake_cpu_self_set(uint32_t n, struct cpu *cpu)
{
	selves[n] = cpu;
}

unsigned fake_cpu_kicks(uint32_t n)
{
	unsigned sent = kicks[n];

	kicks[n] = 0;
	return sent;
}

void fake_time_set(uint64_t time)
{
	now = time;
}

void fake_time_advance(uint64_t ns)
{
	now += ns;
}

uint64_t fake_timer_deadline(uint32_t n)
{
	return deadlines[n];
}

/* Of core/cpu.c, where that is not linked. */
FAKE uint32_t cpu_count(void)
{
	return count;
}

FAKE struct cpu *cpu_get(uint32_t index)
{
	return self_of(index);
}

FAKE struct cpu *arch_cpu_self(void)
{
	return self_of(current);
}

FAKE int arch_cpu_init(struct cpu *cpu)
{
	(void)cpu;
	return 0;
}

FAKE int arch_cpu_start(struct cpu *cpu)
{
	cpu->state = CPU_ONLINE;
	return 0;
}

FAKE void arch_cpu_idle(void)
{
	fake_idle_count++;
	if (fake_idle_hook != NULL) {
		fake_idle_hook();
	}
}

FAKE void arch_irq_poll(void)
{
	if (fake_irq_hook != NULL) {
		fake_irq_hook();
	}
}

FAKE void arch_cpu_kick(struct cpu *cpu)
{
	for (uint32_t i = 0; i < FAKE_CPUS; i++) {
		kicks[i] += self_of(i) == cpu;
	}
}

FAKE void arch_cpu_stop_others(void)
{
}

FAKE uint64_t arch_time_now(void)
{
	return now;
}

FAKE void arch_timer_set(uint64_t deadline)
{
	deadlines[current] = deadline;
}
