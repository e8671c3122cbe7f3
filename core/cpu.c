/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical CPUs: their structs, their start, requests from one to another. */
#include "core/cpu.h"

#include "core/arch.h"
#include "core/epoch.h"
#include "core/err.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/panic.h"
#include "core/vcpu.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"

#include "arch/layout.h"

static struct cpu **cpus;
static uint32_t count;

static void init_struct(struct cpu *cpu, uint32_t index)
{
	cpu->index = index;
	list_init(&cpu->deferred);
	timer_queue_init(&cpu->timers);
	sched_queue_init(&cpu->queue);
	cpus[index] = cpu;
}

int cpu_init(uint32_t wanted)
{
	uint32_t most = wanted > SCHED_CPUS_MAX ? SCHED_CPUS_MAX : wanted;

	if (most < wanted) {
		log(LOG_WARN, "cpu: %u CPUs, of which the first %u are used", wanted, most);
	}
	assert(most > 0);
	cpus = page_alloc_forever(PAGE_USE_CPU, most * sizeof(struct cpu *));
	if (cpus == NULL) {
		return -E_NOMEM;
	}
	for (uint32_t i = 0; i < most; i++) {
		struct cpu *cpu = page_alloc_forever(PAGE_USE_CPU, sizeof(struct cpu));

		if (cpu == NULL) {
			return -E_NOMEM;
		}
		init_struct(cpu, i);
	}
	cpus[0]->stack_top = arch_cpu_self()->stack_top;
	cpus[0]->root = hyp_map_cpu_adopt(cpus[0]);
	atomic_store(&cpus[0]->state, CPU_ONLINE);
	count = most;
	return hyp_map_secret_reserve(most);
}

uint32_t cpu_count(void)
{
	return count;
}

struct cpu *cpu_get(uint32_t index)
{
	assert(index < count);
	return cpus[index];
}

static int start(struct cpu *cpu)
{
	int err = hyp_map_cpu_init(cpu, &cpu->root);

	if (err == 0) {
		err = hyp_map_stack(LAYOUT_STACK_PAGES, &cpu->stack_top);
	}
	if (err != 0) {
		return err;
	}
	atomic_store(&cpu->state, CPU_STARTING);
	return arch_cpu_start(cpu);
}

/* One of starter and started has the last word. */
static bool state_change(struct cpu *cpu, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&cpu->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static void leave_out(struct cpu *cpu, int err)
{
	if (state_change(cpu, CPU_STARTING, CPU_STOPPED) || !cpu_is_online(cpu)) {
		log(LOG_WARN, "cpu: CPU %u %s and is left out", cpu->index,
		    err == -E_NOMEM ? "gets no memory" : "does not start");
	}
}

void cpu_start_all(void)
{
	uint32_t online = 0;

	for (uint32_t i = 1; i < count; i++) {
		int err = start(cpus[i]);

		if (err != 0) {
			leave_out(cpus[i], err);
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		online += cpu_is_online(cpus[i]);
	}
	log(LOG_INFO, "cpu: %u of %u CPUs run", online, count);
}

/* The starter may have given up meanwhile: the CPU then belongs to nobody, and stays parked. */
noreturn void cpu_main(struct cpu *cpu)
{
	int err;

	epoch_resume(cpu);
	err = arch_cpu_init(cpu);
	if (err != 0) {
		log(LOG_ERROR, "cpu: CPU %u can not be set up (error %d)", cpu->index, -err);
		atomic_store(&cpu->state, CPU_STOPPED);
		arch_halt();
	}
	if (!state_change(cpu, CPU_STARTING, CPU_ONLINE)) {
		arch_halt();
	}
	sched_run();
}

/*
 * The bits are set before the interrupt is sent. The other CPU looks at them after it has turned
 * interrupts off for the last time, so it either sees them or finds the interrupt pending.
 */
void cpu_request(struct cpu *cpu, uint64_t work)
{
	uint64_t old = atomic_or(&cpu->work, work);

	if (cpu != arch_cpu_self() && (old & work) != work) {
		arch_cpu_kick(cpu);
	}
}

int cpu_call(struct cpu *cpu, void (*fn)(struct cpu *cpu))
{
	void (*expected)(struct cpu * cpu) = NULL;

	if (!__atomic_compare_exchange_n(&cpu->call, &expected, fn, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		return -E_BUSY;
	}
	cpu_request(cpu, CPU_WORK_CALL);
	return 0;
}

static void stop(struct cpu *cpu)
{
	if (cpu->loaded != NULL) {
		arch_vcpu_put(cpu->loaded);
		cpu->loaded = NULL;
	}
	machine_finish();
}

void cpu_work(void)
{
	struct cpu *cpu = arch_cpu_self();
	uint64_t work;

	arch_irq_poll();
	work = cpu_has_work(cpu) ? atomic_swap(&cpu->work, 0) : 0;
	if ((work & CPU_WORK_STOP) != 0) {
		stop(cpu);
	}
	if ((work & CPU_WORK_CALL) != 0) {
		void (*fn)(struct cpu * cpu) = atomic_swap(&cpu->call, NULL);

		fn(cpu);
	}
	epoch_run();
}
