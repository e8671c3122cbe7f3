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
/* Entries visited before a call returns -E_RESTART; large leaves count more. */
#define PT_BATCH      64

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
	bool is_canonical; /* input addresses are sign-extended from the top level's last bit */
	/* Whether one leaf may map all that is there: NULL: always. Level 0 always may. */
	bool (*is_uniform)(hpa_t address, unsigned level);
	pte_t (*make_leaf)(hpa_t address, unsigned level, struct pt_attr attr);
	pte_t (*make_table)(hpa_t address);
	enum pt_kind (*kind)(pte_t entry, unsigned level);
	hpa_t (*address)(pte_t entry, unsigned level);
	struct pt_attr (*attr)(pte_t entry, unsigned level);
	/* Entry with accessed and dirty cleared; *accessed and *dirty say what they were. */
	pte_t (*clear_accessed)(pte_t entry, bool *accessed, bool *dirty);
	/* The entry with what clear_accessed() took away. */
	pte_t (*set_accessed)(pte_t entry, bool accessed, bool dirty);
	/*
	 * Replaces `old` where hardware walks, and sets accessed and dirty, at any time: one atomic
	 * compare-exchange and the ordering it needs; false where the slot is not `old` any more.
	 * All zeroes is an empty entry in every format.
	 */
	bool (*publish)(pte_t *slot, pte_t old, pte_t entry);
};

struct pt_leaf {
	hpa_t address;  /* of the leaf's first byte */
	uint64_t start; /* input address of the leaf's first byte */
	unsigned level;
	struct pt_attr attr;
	pte_t entry;
};

/*
 * Where tables come from and go to, and who wants to know of leaves. free is called only by
 * pt_destroy and by collapse and unmap of empty tables; without it these leave their tables alone.
 * Splitting and collapsing neither adds nor drops leaves.
 */
struct pt_memory_ops {
	void *(*alloc)(void *context); /* one zeroed page, direct-mapped, or NULL */
	void (*free)(void *context,
		     void *table); /* must wait for the epoch: hardware may still walk it */
	void (*leaf_added)(void *context, const struct pt_leaf *leaf); /* may be NULL */
	void (*leaf_dropped)(void *context,
			     const struct pt_leaf *leaf); /* unmapped, replaced; may be NULL */
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
 * All that take a range: -E_INVAL where it is not page-aligned or attr lacks PT_READ, -E_RANGE
 * where it wraps or leaves the format's width. -E_NOMEM leaves what is done in place; -E_RESTART:
 * call again, the range says how far it came.
 */

/*
 * Maps with the largest leaves that alignment and tables that are there already allow. What was
 * mapped is replaced only where `replace` says so, else -E_EXIST.
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

/* The leaf that maps address, or -E_NOENT. */
must_check int pt_lookup(const struct pt *pt, uint64_t address, struct pt_leaf *leaf);

/* The level-0 entry of an address whose tables are all there, or NULL: for windows. */
pte_t *pt_slot(const struct pt *pt, uint64_t address);

/* Reads and clears accessed and dirty over the range: fn is called for each leaf that had one of
 * them, whole even if only a part lies in the range. */
must_check int pt_harvest(struct pt *pt, struct pt_range *range,
			  void (*fn)(void *context, const struct pt_leaf *leaf, bool dirty),
			  void *context);

/* Calls fn for every leaf (tests, self-test, destroy); stops at its first non-zero and returns
 * that. */
int pt_for_each(const struct pt *pt, int (*fn)(void *context, const struct pt_leaf *leaf),
		void *context);

/* Frees all tables, PT_BATCH at a time: -E_RESTART until done. Leaves are not told of: unmap first
 * where somebody wants to know. */
must_check int pt_destroy(struct pt *pt);
