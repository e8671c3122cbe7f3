/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fake page-table format, unlike any hardware's: kind in bits 15:14, the frame's number from
 * bit 16 up. Leaves at three levels. The host's and stage-2's are alike.
 */
#include "core/arch.h"
#include "core/bits.h"
#include "mm/pt.h"
#include "tests/fake_arch/fake.h"

#define ENTRY_PROT     BITS(4, 0)
#define ENTRY_MEMORY   BITS(6, 5)
#define ENTRY_ACCESSED BIT(7)
#define ENTRY_DIRTY    BIT(8)
#define ENTRY_LEVEL    BITS(11, 9) /* of a leaf: found elsewhere, it is an error */
#define ENTRY_KIND     BITS(15, 14)
#define ENTRY_FRAME    BITS(63, 16)

static pte_t make_leaf(hpa_t address, unsigned level, struct pt_attr attr)
{
	return field_set(ENTRY_KIND, PT_LEAF) | field_set(ENTRY_FRAME, address.value / PAGE_SIZE) |
	       field_set(ENTRY_PROT, attr.prot) | field_set(ENTRY_MEMORY, attr.memory) |
	       field_set(ENTRY_LEVEL, level);
}

static pte_t make_table(hpa_t address)
{
	return field_set(ENTRY_KIND, PT_TABLE) | field_set(ENTRY_FRAME, address.value / PAGE_SIZE);
}

static enum pt_kind kind(pte_t entry, unsigned level)
{
	enum pt_kind found = (enum pt_kind)field_get(ENTRY_KIND, entry);

	if (found == PT_LEAF && field_get(ENTRY_LEVEL, entry) != level) {
		__builtin_trap();
	}
	return found;
}

static hpa_t address_of(pte_t entry, unsigned level)
{
	(void)level;
	return hpa(field_get(ENTRY_FRAME, entry) * PAGE_SIZE);
}

static struct pt_attr attr_of(pte_t entry, unsigned level)
{
	(void)level;
	return (struct pt_attr){ .prot = (uint32_t)field_get(ENTRY_PROT, entry),
				 .memory = (enum pt_memory)field_get(ENTRY_MEMORY, entry) };
}

static pte_t clear_accessed(pte_t entry, bool *accessed, bool *dirty)
{
	*accessed = (entry & ENTRY_ACCESSED) != 0;
	*dirty = (entry & ENTRY_DIRTY) != 0;
	return entry & ~(ENTRY_ACCESSED | ENTRY_DIRTY);
}

static pte_t set_accessed(pte_t entry, bool accessed, bool dirty)
{
	return entry | (accessed ? ENTRY_ACCESSED : 0) | (dirty ? ENTRY_DIRTY : 0);
}

static bool publish(pte_t *slot, pte_t old, pte_t entry)
{
	if (fake_publish_hook != NULL) {
		fake_publish_hook(slot);
	}
	return __atomic_compare_exchange_n(slot, &old, entry, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

void (*fake_publish_hook)(pte_t *slot);

static const struct pt_format format = {
	.name = "fake",
	.levels = 4,
	.leaf_levels = BIT(0) | BIT(1) | BIT(2),
	.physical_bits = 44,
	.make_leaf = make_leaf,
	.make_table = make_table,
	.kind = kind,
	.address = address_of,
	.attr = attr_of,
	.clear_accessed = clear_accessed,
	.set_accessed = set_accessed,
	.publish = publish,
};

FAKE const struct pt_format *arch_stage2_format(void)
{
	return &format;
}

FAKE const struct pt_format *arch_host_format(void)
{
	return &format;
}
