/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's own address space: image (W^X), direct map of hypervisor-owned frames only,
 * MMIO, stacks with guard pages, and per CPU a private top-level slot. Addresses are laid out in
 * arch/layout.h. RAM of guests is never mapped here; window.h reaches it.
 */
#pragma once

#include "arch/layout.h"
#include "mm/pt.h"

struct cpu;

/*
 * Builds the shared tables from pages of the pool, which lies below 4 GiB where the boot path's
 * tables map it (LAYOUT_BOOT_BASE), switches the boot CPU to its own top-level table, whose `cpu`
 * becomes arch_cpu_self(), and gives the rest of the pool to the page allocator. image is where
 * image_start was loaded. After it nothing of the boot path's tables is live. No-execute must be
 * enabled already.
 */
void hyp_map_init(hpa_t pool, uint64_t pool_size, hpa_t image, struct cpu *cpu);

/* Adds hypervisor-owned frames to the direct map: read-write, never executable. Boot CPU only. */
must_check int hyp_map_direct(hpa_t start, uint64_t size);

/* Where physical memory is seen: the boot path's map until hyp_map_init() is done, the direct map
 * after. */
extern uint64_t hyp_map_offset;

/*
 * Takes frames out of the direct map, on every CPU; drops the translations of this one. One that
 * runs already may keep its own for a while: it does not use them.
 */
must_check int hyp_map_direct_remove(hpa_t start, uint64_t size);

/* Direct-map address of a hypervisor-owned frame, and back. */
static inline void *hyp_map_pointer(hpa_t address)
{
	return (void *)(uintptr_t)(hyp_map_offset + address.value);
}

static inline hpa_t hyp_map_direct_hpa(const void *pointer)
{
	return hpa((uintptr_t)pointer - hyp_map_offset);
}

hpa_t hyp_map_hpa(const void *pointer); /* image, direct map and stacks */

/* Maps device registers, uncached, never executable; NULL when out of address space or memory. */
void *hyp_map_mmio(hpa_t start, uint64_t size);

/* A stack with an unmapped guard page below and above; returns its top. */
must_check int hyp_map_stack(unsigned pages, void **top);

/* A new CPU's top-level table: the shared slots and its own private one. Boot CPU only. */
must_check int hyp_map_cpu_init(struct cpu *cpu, hpa_t *root);

/* Makes cpu the arch_cpu_self() of the calling CPU, whose table stays; returns that. For the boot
 * CPU, which ran on an early struct until its own was allocated. */
hpa_t hyp_map_cpu_adopt(struct cpu *cpu);

/*
 * A top-level table below 4 GiB for the first instructions of other CPUs: the shared slots, and one
 * page mapped 1:1, read and execute. Each call moves that page. Boot CPU only; live only until the
 * CPU has loaded its own.
 */
must_check int hyp_map_start_root(hpa_t page, hpa_t *root);

/* What stands at LAYOUT_PRIVATE_SELF on each CPU. */
struct hyp_map_private {
	struct cpu *self;
	pte_t *table; /* of all its private pages */
};

/* This CPU's entry for a page of its private slot: only it writes there. */
static inline pte_t *hyp_map_private_slot(const void *page)
{
	const struct hyp_map_private *private = (const void *)(uintptr_t)LAYOUT_PRIVATE_SELF;

	return &private->table[((uintptr_t)page - LAYOUT_PRIVATE_BASE) / PAGE_SIZE];
}

/*
 * Secret pages (a vCPU's registers, XSAVE area, VMCB): allocated outside of the direct map, mapped
 * only in the private slot of the CPU where the vCPU is loaded.
 */
must_check int hyp_map_secret_alloc(hpa_t *frame); /* zeroed */
void hyp_map_secret_free(hpa_t frame);
void *hyp_map_secret_load(unsigned slot, hpa_t frame); /* this CPU; same address on every CPU */
void hyp_map_secret_unload(unsigned slot);

/* Sets frames aside for as many vCPUs as there are CPUs, while no other CPU runs that could have a
 * translation of them. Boot CPU, once. */
must_check int hyp_map_secret_reserve(uint32_t cpus);

/*
 * The self-test: walks every CPU's live tables; counts leaves whose frame is RAM that is not the
 * hypervisor's, open windows excepted, and writable-and-executable leaves. Logs each; 0 when clean.
 */
unsigned hyp_map_self_test(void);
