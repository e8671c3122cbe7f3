/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's own memory: whole pages out of ranges withheld from the guests at boot, buddy by
 * order. Every page is counted by its use, so that the memory withheld can be printed by owner.
 * Pages are mapped in the direct map while allocated or free; secret ones are taken out of it
 * (mm/hyp_map.h).
 */
#pragma once

#include "core/types.h"

#define PAGE_ORDER_MAX 10 /* 4 MiB */

enum page_use {
	PAGE_USE_FRAMES, /* frame records */
	PAGE_USE_TABLES, /* the hypervisor's own page tables */
	PAGE_USE_STAGE2,
	PAGE_USE_CPU, /* struct cpu, stacks, windows */
	PAGE_USE_VM,  /* vm, vcpu, interrupt controllers, bitmaps */
	PAGE_USE_LOG,
	PAGE_USE_BOOT, /* tables of the firmware, copied; loader state */
	PAGE_USES,
};

/*
 * Adds a range of RAM (page-aligned, direct-mapped already) of a NUMA node. Boot CPU only. A range
 * is at most 64; -E_NOMEM past that.
 */
must_check int page_alloc_add(hpa_t start, uint64_t size, unsigned node);

/* 2^order zeroed, aligned pages, from the node if it has them, else from any; NULL when there are
 * none. */
void *page_alloc_node(enum page_use use, unsigned order, unsigned node);

/* The same from whatever node has most. Any CPU; takes the allocator's lock. */
void *page_alloc(enum page_use use, unsigned order);

/* Gives pages back: the same use and order they were allocated with. Asserted. */
void page_free(void *pages, enum page_use use, unsigned order);

/* Gives one page back once the epoch has passed: hardware or another CPU may still read it. Its
 * contents stay until then. */
void page_retire(void *page, enum page_use use);

/* Counts pages that were taken from a range before it was added. */
void page_alloc_count(enum page_use use, uint64_t pages);

/*
 * Small objects that live for ever, zeroed and 64-byte aligned, packed into pages of that use;
 * larger than a page they get pages of their own. NULL when there is no memory.
 */
void *page_alloc_forever(enum page_use use, size_t size);

/* Pages in use by each owner (retired ones too, until they are free), and the free ones. The rest
 * of the total is the allocator's own records. */
struct page_stats {
	uint64_t used[PAGE_USES];
	uint64_t free;
	uint64_t total;
};
void page_alloc_stats(struct page_stats *stats);
