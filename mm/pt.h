/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one page-table walker. A format descriptor says how entries of a kind of table look (host
 * x86-64, NPT, EPT, IOMMUs, Arm); the walker maps, unmaps, protects, splits, collapses and looks
 * up, for all of them. It holds no lock and flushes no TLB: its callers do both (stage2.c,
 * hyp_map.c).
 */
#pragma once

#include "core/types.h"

typedef uint64_t pte_t;

#define PT_LEVELS_MAX 5
#define PT_ENTRIES    512
#define PT_BATCH      64 /* entries changed before a call returns -E_RESTART */

enum pt_prot {
	PT_READ = 1,
	PT_WRITE = 2,
	PT_EXECUTE = 4,
	PT_USER = 8,    /* stage-1: user mode; formats without it ignore it */
	PT_GLOBAL = 16, /* stage-1: kept over address-space switches */
};

enum pt_memory { PT_MEMORY_WB, PT_MEMORY_WC, PT_MEMORY_WT, PT_MEMORY_UC };

struct pt_attr {
	uint32_t prot; /* enum pt_prot bits */
	enum pt_memory memory;
};

enum pt_kind { PT_EMPTY, PT_TABLE, PT_LEAF };

/* Level 0 holds 4 KiB leaves, level 1 2 MiB, level 2 1 GiB. */
static inline uint64_t pt_level_size(unsigned level)
{
	return PAGE_SIZE << (9 * level);
}

struct pt_format {
	const char *name;
	unsigned levels;        /* 4: the root is at level 3 */
	uint32_t leaf_levels;   /* bit n: leaves are allowed at level n */
	unsigned physical_bits; /* wider addresses are -E_RANGE; 0: no check */
	pte_t (*make_leaf)(hpa_t address, unsigned level, struct pt_attr attr);
	pte_t (*make_table)(hpa_t address);
	enum pt_kind (*kind)(pte_t entry, unsigned level);
	hpa_t (*address)(pte_t entry, unsigned level);
	struct pt_attr (*attr)(pte_t entry, unsigned level);
	/* Entry with accessed and dirty cleared; *accessed and *dirty say what they were. */
	pte_t (*clear_accessed)(pte_t entry, bool *accessed, bool *dirty);
	/* Stores an entry where hardware walks at any time: one aligned store and the ordering it
	 * needs. */
	void (*publish)(pte_t *slot, pte_t entry);
};

/* Where tables come from and go to. free is called only by pt_destroy and by collapse and unmap of
 * empty tables. */
struct pt_memory_ops {
	void *(*alloc)(void *context);            /* one zeroed page, direct-mapped, or NULL */
	void (*free)(void *context, void *table); /* after the epoch: hardware may still walk it */
};

struct pt {
	const struct pt_format *format;
	const struct pt_memory_ops *memory;
	void *context;
	pte_t *root;
};

/* Work on an address range; the walker advances it, so that a call that was cut short can go on. */
struct pt_range {
	uint64_t start; /* input address: virtual or guest physical */
	uint64_t size;
	hpa_t target;        /* map only */
	struct pt_attr attr; /* map and protect */
};

must_check int pt_init(struct pt *pt, const struct pt_format *format,
		       const struct pt_memory_ops *memory, void *context);

/*
 * Maps with the largest leaves that alignment allows. What was mapped there is replaced only where
 * `replace` says so, else -E_EXIST. -E_NOMEM leaves what is done in place; -E_RESTART: call again.
 */
must_check int pt_map(struct pt *pt, struct pt_range *range, bool replace);

/* Removes what is mapped in the range, splitting larger leaves at its ends. *changed: a flush is
 * due. */
must_check int pt_unmap(struct pt *pt, struct pt_range *range, bool *changed);

/* Changes prot and memory type of what is mapped in the range, splitting at its ends. */
must_check int pt_protect(struct pt *pt, struct pt_range *range, bool *changed);

/* Joins 512 leaves that are alike and contiguous into one, around address; -E_NOENT where they are
 * not. */
must_check int pt_collapse(struct pt *pt, uint64_t address, unsigned level);

struct pt_leaf {
	hpa_t address;  /* of the leaf's first byte */
	uint64_t start; /* input address of the leaf's first byte */
	unsigned level;
	struct pt_attr attr;
	pte_t entry;
};

/* The leaf that maps address, or -E_NOENT. */
must_check int pt_lookup(const struct pt *pt, uint64_t address, struct pt_leaf *leaf);

/* Reads and clears accessed and dirty over the range: fn is called for each leaf that had one of
 * them. */
must_check int pt_harvest(struct pt *pt, struct pt_range *range,
			  void (*fn)(void *context, const struct pt_leaf *leaf, bool dirty),
			  void *context);

/* Calls fn for every leaf (tests, self-test, destroy); stops at its first non-zero and returns
 * that. */
int pt_for_each(const struct pt *pt, int (*fn)(void *context, const struct pt_leaf *leaf),
		void *context);

/* Frees all tables, 64 entries at a time: -E_RESTART until done. Leaves' targets are the caller's.
 */
must_check int pt_destroy(struct pt *pt);
