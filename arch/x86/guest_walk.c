/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's page tables, walked as APM2 5.3 "Long-Mode Page Translation" and 5.2 "Legacy-Mode
 * Page Translation" say. Segments are in guest_linear.c. */
#include "arch/guest_walk.h"

#include "arch/msr.h"
#include "core/err.h"
#include "mm/guest_mem.h"

#define PTE_PRESENT  BIT(0)
#define PTE_WRITE    BIT(1)
#define PTE_USER     BIT(2)
#define PTE_ACCESSED BIT(5)
#define PTE_DIRTY    BIT(6)
#define PTE_LARGE    BIT(7)
#define PTE_NX       BIT(63)

#define PF_PRESENT  BIT(0)
#define PF_WRITE    BIT(1)
#define PF_USER     BIT(2)
#define PF_RESERVED BIT(3)
#define PF_FETCH    BIT(4)

#define RETRIES_MAX 8 /* others may change the entry that gets its accessed bit */

struct walk {
	struct stage2 *stage2;
	const struct guest_paging *paging;
	uint64_t linear;
	unsigned access;
	/* of the table format: */
	unsigned entry_size, levels, level_bits;
	/* so far: */
	uint64_t rights; /* PTE_WRITE and PTE_USER that all levels grant */
	bool no_execute;
};

static bool has_nx(const struct guest_paging *paging)
{
	return (paging->efer & EFER_NXE) != 0;
}

static uint32_t error_code(const struct walk *walk, uint64_t cause)
{
	const struct guest_paging *paging = walk->paging;
	uint64_t error = cause;
	bool tells_fetch = has_nx(paging) || (paging->cr4 & CR4_SMEP) != 0;

	error |= (walk->access & GUEST_WRITE) != 0 ? PF_WRITE : 0;
	error |= (walk->access & GUEST_FETCH) != 0 && tells_fetch ? PF_FETCH : 0;
	error |= paging->cpl == 3 ? PF_USER : 0;
	return (uint32_t)error;
}

static void format_choose(struct walk *walk)
{
	const struct guest_paging *paging = walk->paging;

	if ((paging->cr4 & CR4_PAE) == 0) {
		walk->entry_size = 4;
		walk->levels = 2;
		walk->level_bits = 10;
		return;
	}
	walk->entry_size = 8;
	walk->levels = (paging->efer & EFER_LMA) != 0 ? 4 : 3;
	walk->level_bits = 9;
}

static unsigned level_shift(const struct walk *walk, unsigned level)
{
	return PAGE_SHIFT + walk->level_bits * level;
}

static gpa_t entry_address(const struct walk *walk, uint64_t table, unsigned level)
{
	uint64_t index = walk->linear >> level_shift(walk, level) & (BIT(walk->level_bits) - 1);

	/* PAE's top level has four entries and is aligned to 32 bytes. */
	if (walk->levels == 3 && level == 2) {
		index &= 3;
	}
	return gpa(table + index * walk->entry_size);
}

static uint64_t root(const struct walk *walk)
{
	uint64_t cr3 = walk->paging->cr3;

	switch (walk->levels) {
	case 4:
		return cr3 & BITS(51, 12);
	case 3:
		return cr3 & BITS(31, 5);
	default:
		return cr3 & BITS(31, 12);
	}
}

static bool is_leaf(const struct walk *walk, uint64_t entry, unsigned level)
{
	if (level == 0) {
		return true;
	}
	if (walk->levels == 2) {
		return (entry & PTE_LARGE) != 0 && (walk->paging->cr4 & CR4_PSE) != 0;
	}
	/* 1 GiB pages exist in long mode only; in PAE's top level the bit is reserved. */
	return (entry & PTE_LARGE) != 0 && (level == 1 || (level == 2 && walk->levels == 4));
}

static bool has_reserved_bits(const struct walk *walk, uint64_t entry, unsigned level)
{
	const struct guest_paging *paging = walk->paging;
	uint64_t reserved = 0;

	if (walk->levels == 2) {
		/* PSE-36: bits 20:13 are address bits 39:32, bit 21 is reserved. */
		return is_leaf(walk, entry, level) && level == 1 && (entry & BIT(21)) != 0;
	}
	if (paging->physical_bits < 52) {
		reserved |= BITS(51, paging->physical_bits);
	}
	if (walk->levels == 3) {
		reserved |= BITS(62, 52);
	}
	if (!has_nx(paging)) {
		reserved |= PTE_NX;
	}
	if (walk->levels == 3 && level == 2) {
		/* Bits 2:1 and 8:5 are reserved too, but QEMU sets the accessed bit there: what the
		 * CPU has walked must not fail here. */
		reserved |= BITS(63, 52);
	} else if (level == 3) {
		reserved |= PTE_LARGE;
	} else if (level > 0 && is_leaf(walk, entry, level)) {
		reserved |= BITS(level_shift(walk, level) - 1, 13);
	}
	return (entry & reserved) != 0;
}

static int entry_read(const struct walk *walk, gpa_t at, uint64_t *entry)
{
	uint32_t narrow;
	int err;

	if (walk->entry_size == 8) {
		return guest_mem_read(walk->stage2, at, entry, 8);
	}
	err = guest_mem_read(walk->stage2, at, &narrow, 4);
	*entry = narrow;
	return err;
}

/* Sets bits in an entry, unless somebody changed it meanwhile: -E_BUSY. Exchanges are of 8 bytes,
 * which may be two entries. */
static int entry_mark(const struct walk *walk, gpa_t at, uint64_t entry, uint64_t bits)
{
	gpa_t aligned = gpa(align_down(at.value, 8));
	unsigned shift = (unsigned)(at.value % 8) * 8;
	uint64_t mask = walk->entry_size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;
	uint64_t old;
	int err = guest_mem_read(walk->stage2, aligned, &old, 8);

	if (err != 0) {
		return err;
	}
	if ((old & mask) != entry << shift) {
		return -E_BUSY;
	}
	return guest_mem_compare_exchange(walk->stage2, aligned, &old, old | bits << shift);
}

static void rights_add(struct walk *walk, uint64_t entry, unsigned level)
{
	if (walk->levels == 3 && level == 2) {
		return; /* PAE's top level has no rights */
	}
	walk->rights &= entry;
	walk->no_execute |= has_nx(walk->paging) && (entry & PTE_NX) != 0;
}

/* APM2 5.6 "Page-Protection Checks". */
static bool is_allowed(const struct walk *walk)
{
	const struct guest_paging *paging = walk->paging;
	bool is_user = paging->cpl == 3, page_is_user = (walk->rights & PTE_USER) != 0;

	if (is_user && !page_is_user) {
		return false;
	}
	if ((walk->access & GUEST_FETCH) != 0) {
		return !walk->no_execute &&
		       (is_user || !page_is_user || (paging->cr4 & CR4_SMEP) == 0);
	}
	if (!is_user && page_is_user && (paging->cr4 & CR4_SMAP) != 0 &&
	    (paging->rflags & RFLAGS_AC) == 0) {
		return false;
	}
	return (walk->access & GUEST_WRITE) == 0 || (walk->rights & PTE_WRITE) != 0 ||
	       (!is_user && (paging->cr0 & CR0_WP) == 0);
}

static gpa_t leaf_address(const struct walk *walk, uint64_t entry, unsigned level)
{
	uint64_t offset = walk->linear & (BIT(level_shift(walk, level)) - 1);
	uint64_t base = entry & BITS(51, 12);

	if (walk->levels == 2 && level == 1) {
		base = (entry & BITS(31, 22)) | field_get(BITS(20, 13), entry) << 32;
	}
	return gpa((base & ~(BIT(level_shift(walk, level)) - 1)) | offset);
}

/* One level: 1: go on in *table; 0: *address is it; -E_BUSY: again; -E_PERM. */
static int walk_level(struct walk *walk, unsigned level, uint64_t *table, gpa_t *address,
		      uint32_t *error)
{
	gpa_t at = entry_address(walk, *table, level);
	uint64_t entry, marks = PTE_ACCESSED;
	bool leaf;

	/* Where there is no memory the processor reads ones: reserved bits among them. */
	if (entry_read(walk, at, &entry) != 0) {
		entry = walk->entry_size == 8 ? UINT64_MAX : UINT32_MAX;
	}
	if ((entry & PTE_PRESENT) == 0) {
		*error = error_code(walk, 0);
		return -E_PERM;
	}
	if (has_reserved_bits(walk, entry, level)) {
		*error = error_code(walk, PF_PRESENT | PF_RESERVED);
		return -E_PERM;
	}
	rights_add(walk, entry, level);
	leaf = is_leaf(walk, entry, level);
	if (leaf && !is_allowed(walk)) {
		*error = error_code(walk, PF_PRESENT);
		return -E_PERM;
	}
	if (leaf && (walk->access & GUEST_WRITE) != 0) {
		marks |= PTE_DIRTY;
	}
	if ((entry & marks) != marks && !(walk->levels == 3 && level == 2)) {
		int err = entry_mark(walk, at, entry, marks);

		if (err == -E_BUSY) {
			return err;
		}
	}
	if (leaf) {
		*address = leaf_address(walk, entry, level);
		return 0;
	}
	*table = entry & BITS(51, 12);
	return 1;
}

static int walk_once(struct walk *walk, gpa_t *address, uint32_t *error)
{
	uint64_t table;
	unsigned level;
	int answer = 1;

	format_choose(walk);
	walk->rights = PTE_WRITE | PTE_USER;
	walk->no_execute = false;
	table = root(walk);
	for (level = walk->levels; level-- > 0 && answer == 1;) {
		answer = walk_level(walk, level, &table, address, error);
	}
	return answer;
}

int guest_walk(struct stage2 *stage2, const struct guest_paging *paging, uint64_t linear,
	       unsigned access, gpa_t *address, uint32_t *error)
{
	struct walk walk = {
		.stage2 = stage2, .paging = paging, .linear = linear, .access = access
	};
	int answer = -E_BUSY;

	if ((paging->cr0 & CR0_PG) == 0) {
		*address = gpa((uint32_t)linear);
		return 0;
	}
	if ((paging->efer & EFER_LMA) == 0) {
		walk.linear = (uint32_t)linear;
	}
	for (unsigned i = 0; i < RETRIES_MAX && answer == -E_BUSY; i++) {
		answer = walk_once(&walk, address, error);
	}
	if (answer == -E_BUSY) {
		/* As if the instruction had come a moment earlier: it is run again. */
		*error = error_code(&walk, 0);
		return -E_PERM;
	}
	return answer;
}
