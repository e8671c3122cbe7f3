/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control guest: which memory is its own, 1:1, and its start. The only place that knows GPA =
 * HPA. How a kernel is loaded is the architecture's (arch_control_load()).
 */
#pragma once

#include "core/vm.h"

struct boot_info;
struct boot_memory;
struct config;

/* Is that range of the firmware's map memory, whoever owns it now? */
bool control_is_ram(const struct boot_memory *memory);

/* A range of RAM that the control guest does not get although the firmware's map has it. */
struct control_hole {
	uint64_t start;
	uint64_t size;
	const char *name;
	bool is_spare; /* nobody's: 'memory =' asks for less than there is */
};

#define CONTROL_HOLES_MAX 32

/* Withholds a range: the pool, the image, last words, the start page of other CPUs. Boot CPU,
 * before create. */
must_check int control_withhold(uint64_t start, uint64_t size, const char *name);

/* The holes, for the guest's memory map; sorted by start. */
uint32_t control_holes(const struct control_hole **holes);

/*
 * Creates the control guest and its vCPUs as configured, gives it all other RAM and loads its
 * kernel. A failure has been logged. Boot CPU.
 */
must_check int control_create(const struct boot_info *info, const struct config *config);

/* Makes its first vCPU runnable, once: another CPU may have entered it before this returns. */
void control_start(void);

/*
 * First fault on something that is no RAM: maps 4 KiB, or 2 MiB where all of it may be mapped, 1:1.
 * 0 also when another vCPU has mapped it meanwhile.
 * -E_PERM where it is the hypervisor's; -E_EXIST where a device of ours has a part of its page, or
 * memory is short: each access there is control_mmio_access()'s.
 */
must_check int control_map_fault(struct vm *vm, gpa_t address);

/* Takes away what was mapped of the pages that a region, which was added before, touches. Any CPU.
 */
must_check int control_unmap(struct vm *vm, uint64_t start, uint64_t size);

/*
 * Carries out an access that no region holds, of the guest's own registers in a page that it shares
 * with one. -E_PERM where they are not its own.
 */
must_check int control_mmio_access(struct vm *vm, struct access *access);
