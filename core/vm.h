/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest: stage-2, vCPUs, device regions, policy. */
#pragma once

#include "arch/arch_types.h"
#include "core/lock.h"
#include "core/region.h"
#include "mm/stage2.h"

struct vcpu;

#define VM_ID_CONTROL 2 /* = FRAME_OWNER_CONTROL */
#define VM_VCPUS_MAX  1024

enum vm_stop_reason {
	VM_STOP_NONE,
	VM_STOP_POWER_OFF,
	VM_STOP_RESET,
	VM_STOP_TRIPLE_FAULT,
	VM_STOP_ERROR, /* something that the guest did, or that we can not do */
};

struct vm {
	/* const after init: */
	uint16_t id; /* owner id of its frames */
	char name[32];
	uint32_t vcpu_count;
	struct vcpu **vcpus;
	bool is_control;         /* unclaimed memory, MMIO and ports are its own, 1:1 */
	struct stage2 stage2[2]; /* [1]: a second view of memory (SMM); unused so far */
	struct region_table memory_regions;
	struct region_table port_regions;
	/* vm->lock: */
	struct lock lock;
	enum vm_stop_reason stop_reason;
	/* atomically: */
	uint64_t ones_count; /* accesses to what it may not touch */
	bool ones_logged;
	struct arch_vm arch;
};

/* The control guest, from its creation on. */
extern struct vm *vm_control;

/* A VM without vCPUs. NULL when there is no memory. */
struct vm *vm_create(uint16_t id, const char *name, uint32_t vcpu_count);

/*
 * Stops all vCPUs for a reason that is logged once. Never returns to the guest: the caller's
 * handler returns false. For the control guest the machine follows: power-off, reset, or what its
 * policy for errors says.
 */
void vm_stop(struct vm *vm, enum vm_stop_reason reason, const char *format, ...) printf_like(3);

/* Counts an access to what the guest may not touch; the first one of a VM is logged. */
void vm_count_ones(struct vm *vm, const char *what, uint64_t address);
