/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of the long-mode page tables, which the host's own and AMD's nested tables share;
 * pt_entry_publish() serves Intel's too. APM2 5.3 "Long-Mode Page Translation", 15.25.5 "Nested
 * Table Walk".
 */
#pragma once

#include "core/bits.h"
#include "mm/pt.h"

#define PTE_PRESENT   BIT(0)
#define PTE_WRITE     BIT(1)
#define PTE_USER      BIT(2)
#define PTE_PWT       BIT(3)
#define PTE_PCD       BIT(4)
#define PTE_ACCESSED  BIT(5)
#define PTE_DIRTY     BIT(6)
#define PTE_PAT_4K    BIT(7) /* in level 0 */
#define PTE_LARGE     BIT(7) /* above it: a leaf */
#define PTE_GLOBAL    BIT(8)
#define PTE_PAT_LARGE BIT(12) /* in leaves above level 0 */
#define PTE_ADDRESS   BITS(51, 12)
#define PTE_NX        BIT(63)

static inline uint64_t pt_entry_rights(struct pt_attr attr)
{
	return PTE_PRESENT | ((attr.prot & PT_WRITE) != 0 ? PTE_WRITE : 0) |
	       ((attr.prot & PT_EXECUTE) != 0 ? 0 : PTE_NX);
}

static inline uint32_t pt_entry_prot(pte_t entry)
{
	return PT_READ | ((entry & PTE_WRITE) != 0 ? PT_WRITE : 0U) |
	       ((entry & PTE_NX) != 0 ? 0U : PT_EXECUTE);
}

static inline enum pt_kind pt_entry_kind(pte_t entry, unsigned level)
{
	if ((entry & PTE_PRESENT) == 0) {
		return PT_EMPTY;
	}
	return level == 0 || (entry & PTE_LARGE) != 0 ? PT_LEAF : PT_TABLE;
}

/* A table's rights are all: its leaves decide. */
static inline pte_t pt_entry_table(hpa_t address)
{
	return address.value | PTE_PRESENT | PTE_WRITE | PTE_USER;
}

static inline hpa_t pt_entry_address(pte_t entry, unsigned level)
{
	uint64_t mask = PTE_ADDRESS;

	if (pt_entry_kind(entry, level) == PT_LEAF) {
		mask &= ~(pt_level_size(level) - 1);
	}
	return hpa(entry & mask);
}

static inline pte_t pt_entry_clear_accessed(pte_t entry, bool *accessed, bool *dirty)
{
	*accessed = (entry & PTE_ACCESSED) != 0;
	*dirty = (entry & PTE_DIRTY) != 0;
	return entry & ~(PTE_ACCESSED | PTE_DIRTY);
}

static inline pte_t pt_entry_set_accessed(pte_t entry, bool accessed, bool dirty)
{
	return entry | (accessed ? PTE_ACCESSED : 0) | (dirty ? PTE_DIRTY : 0);
}

/* Locked operations order the table's contents before the entry that refers to it. */
static inline bool pt_entry_publish(pte_t *slot, pte_t old, pte_t entry)
{
	return __atomic_compare_exchange_n(slot, &old, entry, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}
