/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtual CPU: an entity of the scheduler with an architecture's state embedded by value. */
#pragma once

#include "arch/arch_types.h"
#include "core/arch.h"
#include "core/lock.h"
#include "core/sched.h"
#include "core/vcpu_exit.h"

struct vm;

struct vcpu {
	/* const after init: */
	struct vm *vm;
	uint32_t index; /* in its VM */
	uint32_t home;  /* CPU that it was first placed on, once its VM runs; else UINT32_MAX */
	/* scheduler: */
	struct sched_entity sched;
	/* any CPU: */
	bool dump_asked; /* by vcpu_ask_dump(), until it is answered */
	/* owner CPU only: */
	uint64_t exits[EXIT_KINDS];
	struct arch_vcpu arch;
};

static inline struct vcpu *vcpu_of(struct sched_entity *entity)
{
	return container_of(entity, struct vcpu, sched);
}

/*
 * Its registers are to be shown, once: by a CPU that has it loaded and calls vcpu_answer_dump(), at
 * the latest when it is loaded the next time. So it may change its CPU meanwhile. Any CPU.
 */
static inline void vcpu_ask_dump(struct vcpu *vcpu)
{
	atomic_store(&vcpu->dump_asked, true);
}

static inline void vcpu_answer_dump(struct vcpu *vcpu)
{
	if (unlikely(atomic_load(&vcpu->dump_asked)) && atomic_swap(&vcpu->dump_asked, false)) {
		arch_vcpu_dump(vcpu);
	}
}

/* Creates vCPU `index` of vm, stopped. 0 or -E_NOMEM, -E_RANGE. */
must_check int vcpu_create(struct vm *vm, uint32_t index);

/* The whole life of a vCPU between two visits of the scheduler; it is loaded. */
void vcpu_run(struct vcpu *vcpu);
