/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtual CPU: an entity of the scheduler with an architecture's state embedded by value. */
#pragma once

#include "arch/arch_types.h"
#include "core/sched.h"
#include "core/vcpu_exit.h"

struct vm;

struct vcpu {
	/* const after init: */
	struct vm *vm;
	uint32_t index; /* in its VM */
	/* scheduler: */
	struct sched_entity sched;
	/* owner CPU only: */
	uint64_t exits[EXIT_KINDS];
	struct arch_vcpu arch;
};

static inline struct vcpu *vcpu_of(struct sched_entity *entity)
{
	return container_of(entity, struct vcpu, sched);
}

/* Creates vCPU `index` of vm, stopped. 0 or -E_NOMEM, -E_RANGE. */
must_check int vcpu_create(struct vm *vm, uint32_t index);

/* The whole life of a vCPU between two visits of the scheduler; it is loaded. */
void vcpu_run(struct vcpu *vcpu);
