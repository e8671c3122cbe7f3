/* SPDX-License-Identifier: GPL-2.0-only */
/* vCPUs whose guests a test plays, on the CPUs of cores.h. Others act while a vCPU's state is put
 * away, or while a CPU idles. Defines functions. */
#pragma once

#include "tests/unit/cores.h"

#include <stdlib.h>

#include "core/err.h"
#include "core/vcpu.h"

#define VCPUS    8
#define SLICE    SCHED_SLICE_NS
#define MOVES_NS UINT64_C(10000000)

static struct vcpu vcpus[VCPUS];
static struct vcpu *ran[4096]; /* in order */
static uint32_t ran_on[4096];
static unsigned ran_count;
static unsigned dumped[VCPUS];
static void (*guest)(struct vcpu *vcpu);         /* what a vCPU does in its guest */
static void (*while_leaving)(struct vcpu *vcpu); /* what others do while its state is put away */
static void (*while_idling)(void);
static bool stops;
static bool blocked_result; /* of the last halt() */

noreturn void machine_finish(void)
{
	stops = true;
	mock_assert(0, "finish", __FILE__, __LINE__);
	abort();
}

void vcpu_run(struct vcpu *vcpu)
{
	assert_true(vcpu->arch.is_loaded);
	assert_int_equal(vcpu->sched.state, SCHED_RUNNING);
	assert_int_equal(vcpu->sched.cpu, arch_cpu_self()->index);
	ran_on[ran_count] = arch_cpu_self()->index;
	ran[ran_count++] = vcpu;
	if (guest != NULL) {
		guest(vcpu);
	}
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	assert_false(vcpu->arch.is_loaded);
	vcpu->arch.is_loaded = true;
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	assert_true(vcpu->arch.is_loaded);
	vcpu->arch.is_loaded = false;
	if (while_leaving != NULL) {
		while_leaving(vcpu);
	}
}

void arch_vcpu_dump(struct vcpu *vcpu)
{
	assert_true(vcpu->arch.is_loaded);
	dumped[vcpu - vcpus]++;
}

static inline void on_idle(void)
{
	if (while_idling != NULL) {
		while_idling();
	}
}

static inline int setup_with(uint32_t cpus)
{
	cores_start(cpus);
	fake_idle_hook = on_idle;
	memset(vcpus, 0, sizeof(vcpus));
	memset(dumped, 0, sizeof(dumped));
	ran_count = 0;
	guest = NULL;
	while_leaving = NULL;
	while_idling = NULL;
	stops = false;
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return setup_with(4);
}

static inline int setup_one_cpu(void **state)
{
	(void)state;
	return setup_with(1);
}

static inline int teardown(void **state)
{
	(void)state;
	for (unsigned n = 0; n < VCPUS; n++) {
		if (vcpus[n].sched.class != NULL) {
			vcpus[n].sched.state = SCHED_STOPPED;
			sched_remove(&vcpus[n]);
		}
	}
	return 0;
}

static bool turn_on(uint32_t cpu)
{
	fake_cpu_switch(cpu);
	return sched_turn();
}

static inline void add(unsigned n, uint32_t cpu)
{
	sched_add(&vcpus[n], cpu);
}

static inline void add_pinned(unsigned n, uint32_t cpu)
{
	bitmap_set(vcpus[n].sched.affinity, cpu);
	add(n, cpu);
}

static inline void add_and_wake(unsigned n, uint32_t cpu)
{
	add_pinned(n, cpu);
	sched_wake(&vcpus[n]);
}

static inline enum sched_state state_of(unsigned n)
{
	return vcpus[n].sched.state;
}

static inline void clear_kicks(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		fake_cpu_kicks(i);
	}
}

/* Starts vCPU n on a CPU and leaves it running there, with no kick or work outstanding. */
static inline void start_running(unsigned n, uint32_t cpu)
{
	add_and_wake(n, cpu);
	assert_true(turn_on(cpu));
	assert_ptr_equal(ran[ran_count - 1], &vcpus[n]);
	clear_kicks();
}

static inline void halt(struct vcpu *vcpu)
{
	blocked_result = sched_block(vcpu);
}
