/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler: the only way a vCPU ever runs. Every CPU loops in sched_run(): picks an entity by
 * class, runs it until it blocks, yields, is preempted or moves away. No code may assume vCPU =
 * core.
 */
#pragma once

#include "core/bits.h"
#include "core/list.h"
#include "core/timer.h"

struct cpu;
struct vcpu;
struct sched_class;

#define SCHED_SLICE_NS UINT64_C(4000000) /* of the fair class, while others wait */
#define SCHED_CPUS_MAX 1024

enum sched_state {
	SCHED_STOPPED,  /* not to run, until sched_wake() */
	SCHED_BLOCKED,  /* waits for sched_wake() or sched_notify() */
	SCHED_RUNNABLE, /* in a run queue */
	SCHED_RUNNING,  /* on a CPU */
};

struct sched_entity {
	const struct sched_class *class;
	/* queue lock of ->cpu: */
	enum sched_state state;
	uint32_t cpu; /* whose queue it is or was last in */
	struct list link;
	bool blocking;     /* runs, and blocks when it leaves its CPU */
	bool stopping;     /* runs, and stops when it leaves its CPU */
	bool wake_pending; /* woken by sched_wake() since it began to run */
	uint32_t move_to;  /* CPU it should go to when it leaves this one, or UINT32_MAX */
	uint64_t affinity[BITMAP_WORDS(SCHED_CPUS_MAX)];
	/* list lock: */
	struct list all;
	/* owner CPU only: */
	uint64_t slice_end; /* ns */
	uint64_t started;   /* ns, of the current stretch */
	uint64_t ran_ns, waited_ns, runnable_since;
	uint64_t migrations, switches;
};

struct sched_queue {
	struct lock lock;
	struct list fair;     /* round robin, head runs next */
	uint32_t fair_count;  /* read by others for load */
	struct vcpu *current; /* read by others for load */
	/* owner CPU only: */
	struct timer slice; /* armed while others wait */
};

/* A scheduling class. All are called with the queue's lock held. */
struct sched_class {
	const char *name;
	void (*enqueue)(struct sched_queue *queue, struct sched_entity *entity);
	void (*dequeue)(struct sched_queue *queue, struct sched_entity *entity);
	/* Takes out the one that runs next, or NULL. */
	struct sched_entity *(*pick)(struct sched_queue *queue);
	/* Takes out one that waits and may run on that CPU, or NULL: load balance. */
	struct sched_entity *(*steal)(struct sched_queue *queue, uint32_t cpu);
	/* The running entity's slice is over, or others came: true when it should give way. */
	bool (*tick)(struct sched_queue *queue, struct sched_entity *entity, uint64_t now);
	/* entity became runnable: true when it should preempt the one that runs. */
	bool (*wake)(struct sched_queue *queue, struct sched_entity *entity);
	void (*yield)(struct sched_queue *queue, struct sched_entity *entity);
};

extern const struct sched_class sched_fair;

void sched_queue_init(struct sched_queue *queue);

/*
 * Makes a vCPU known on a CPU that its affinity allows (set before; none set: all). It is blocked,
 * until sched_wake() or sched_notify().
 */
void sched_add(struct vcpu *vcpu, uint32_t cpu);

/* Forgets a stopped vCPU, before it is freed. */
void sched_remove(struct vcpu *vcpu);

/* The CPU's loop. Handles work bits, deferred calls and timers between vCPUs; idles when there is
 * none. */
noreturn void sched_run(void);

/* One turn of that loop (unit tests drive it); returns false when it idled. */
bool sched_turn(void);

/*
 * Marks the current vCPU as about to block, unless it was woken since it began to run or
 * arch_vcpu_has_work(). The exit handler that calls it returns false (leave the run loop) when this
 * returns true.
 */
must_check bool sched_block(struct vcpu *vcpu);

/* Makes a blocked or stopped vCPU runnable, and a running one not block the next time it wants to;
 * no effect otherwise. Any CPU. No lock above run queues held. */
void sched_wake(struct vcpu *vcpu);

/* Makes a running vCPU leave its guest soon, so that it folds in what was posted. Any CPU. */
void sched_kick(struct vcpu *vcpu);

/*
 * For posting of interrupts, after what arch_vcpu_has_work() looks at was written: wakes a blocked
 * vCPU that has work, kicks a running one, leaves a stopped one alone. Any CPU.
 */
void sched_notify(struct vcpu *vcpu);

/* The current vCPU goes behind the others of its class. (Not sched_yield: that is libc's, in
 * tests.) */
void sched_give_way(struct vcpu *vcpu);

/* Takes the vCPU off the scheduler: it runs no more after its next exit. Any CPU. */
void sched_stop(struct vcpu *vcpu);

/* Moves the vCPU to another CPU, now or at its next exit. 0, -E_PERM by affinity, -E_NODEV when
 * that CPU is not online. Any CPU. */
must_check int sched_migrate(struct vcpu *vcpu, uint32_t cpu);

/* Calls fn for every vCPU that was added, with the list's lock held. */
void sched_for_each(void (*fn)(struct vcpu *vcpu, void *context), void *context);

/* Debug: every interval_ns each vCPU is moved to the next CPU that it may run on. 0 turns it off.
 */
void sched_debug_migrate(uint64_t interval_ns);

/* Debug: arch_vcpu_ask_swap() of each vCPU every interval_ns; 0: before every other entry. */
void sched_debug_swap(uint64_t interval_ns);
