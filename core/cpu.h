/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical CPUs: their structs, numbering and life. CPU n is the n-th enabled CPU of the MADT, but
 * 0 is the boot CPU. */
#pragma once

#include "arch/arch_types.h"
#include "core/irq.h"
#include "core/list.h"
#include "core/sched.h"
#include "core/timer.h"
#include "core/watchdog.h"

enum cpu_state { CPU_OFFLINE, CPU_STARTING, CPU_ONLINE, CPU_STOPPED };

/* Why a CPU should look around before it enters a guest again: bits of cpu->work. */
#define CPU_WORK_RESCHED BIT(0) /* the run queue changed, or the slice is over */
#define CPU_WORK_CALL    BIT(1) /* cpu_call() */
#define CPU_WORK_STOP    BIT(2) /* park for ever: power-off, reset */

struct cpu {
	/* const after init: */
	uint32_t index;
	uint32_t node;
	hpa_t root; /* its top-level page table */
	void *stack_top;
	/* any CPU, atomically: */
	uint32_t state;                /* enum cpu_state */
	uint64_t work;                 /* CPU_WORK_ bits */
	void (*call)(struct cpu *cpu); /* cpu_call() */
	uint64_t probe;                /* epoch that it hangs since, for arch_cpu_probe(); or 0 */
	/* owner CPU only: */
	struct vcpu *loaded;  /* whose secret pages are mapped here */
	bool in_guest;        /* atomically read by others */
	uint64_t epoch;       /* atomically read by others: epoch.c */
	struct list deferred; /* struct epoch_call: epoch.c */
	uint64_t interrupts, kicks, idle_ns;
	uint64_t irq_drains; /* visits to its interrupts that left none; read by others */
	struct irq_slot irqs[IRQ_VECTORS]; /* by vector: irq.c */
	struct sched_queue queue;
	struct timer_queue timers;
	struct watchdog watchdog;
	struct arch_cpu arch;
};

/* Makes structs for count CPUs, up to SCHED_CPUS_MAX; the caller's becomes CPU 0. Boot CPU only. */
must_check int cpu_init(uint32_t count);

uint32_t cpu_count(void);
struct cpu *cpu_get(uint32_t index); /* index < cpu_count() */

static inline bool cpu_is_online(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE) == CPU_ONLINE;
}

/* Starts all other CPUs; logs each that does not come. Those are left out, and a CPU fewer is no
 * error. */
void cpu_start_all(void);

/* Where every started CPU arrives, on its own stack and page table; ends in sched_run(). */
noreturn void cpu_main(struct cpu *cpu);

/* Sets work bits and kicks the CPU if it is another one. Any context but NMI. */
void cpu_request(struct cpu *cpu, uint64_t work);

/* Runs fn soon on that CPU, between two vCPUs. -E_BUSY: its previous call has not run yet. Any CPU.
 */
must_check int cpu_call(struct cpu *cpu, void (*fn)(struct cpu *cpu));

/* Handles this CPU's work bits, deferred calls and interrupts; scheduler's loop only. */
void cpu_work(void);

static inline bool cpu_has_work(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->work, __ATOMIC_RELAXED) != 0;
}
