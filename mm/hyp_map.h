/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's own address space: image (W^X), direct map of hypervisor-owned frames only,
 * MMIO, stacks with guard pages, and per CPU a private top-level slot. Addresses are laid out in
 * arch/layout.h. RAM of guests is never mapped here; window.h reaches it.
 */
#pragma once

#include "mm/pt.h"

struct cpu;

/*
 * Builds the shared tables from pages of early_start..early_end (in the hypervisor's future memory)
 * and switches the boot CPU to its own top-level table. After it nothing of the boot path's tables
 * is live.
 */
void hyp_map_init(hpa_t pool, uint64_t pool_size);

/* Adds hypervisor-owned frames to the direct map: read-write, never executable. Boot CPU only. */
must_check int hyp_map_direct(hpa_t start, uint64_t size);

/* Direct-map address of a hypervisor-owned frame, and back. */
void *hyp_map_pointer(hpa_t address);
hpa_t hyp_map_hpa(const void *pointer); /* image, direct map and stacks */

/* Maps device registers, uncached, never executable; NULL when out of address space or memory. */
void *hyp_map_mmio(hpa_t start, uint64_t size);

/* A stack with an unmapped guard page below and above; returns its top. */
must_check int hyp_map_stack(unsigned pages, void **top);

/* A new CPU's top-level table: the shared slots and its own private one. cpu->arch or cpu->root
 * gets it. */
must_check int hyp_map_cpu_init(struct cpu *cpu);

/*
 * Secret pages (a vCPU's registers, XSAVE area, VMCB): allocated outside of the direct map, mapped
 * only in the private slot of the CPU where the vCPU is loaded.
 */
must_check int hyp_map_secret_alloc(hpa_t *frame);
void hyp_map_secret_free(hpa_t frame);
void *hyp_map_secret_load(unsigned slot, hpa_t frame); /* this CPU; same address on every CPU */
void hyp_map_secret_unload(unsigned slot);

/*
 * The self-test: walks every CPU's live tables; counts leaves whose frame is RAM that is not the
 * hypervisor's, open windows excepted, and writable-and-executable leaves. Logs each; 0 when clean.
 */
unsigned hyp_map_self_test(void);
