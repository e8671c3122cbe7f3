/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own page-table format: four levels, leaves of 4 KiB and 2 MiB. */
#include "arch/pt_host.h"

#include "arch/pt_entry.h"
#include "core/arch.h"

/* Entries of PT_HOST_PAT, as PAT, PCD and PWT name them. */
static uint64_t type_bits(enum pt_memory memory, unsigned level)
{
	switch (memory) {
	case PT_MEMORY_WB:
		return 0;
	case PT_MEMORY_WT:
		return PTE_PWT;
	case PT_MEMORY_WC:
		return level == 0 ? PTE_PAT_4K : PTE_PAT_LARGE;
	case PT_MEMORY_UC:
		break;
	}
	return PTE_PCD | PTE_PWT;
}

static enum pt_memory type_of(pte_t entry, unsigned level)
{
	if ((entry & (level == 0 ? PTE_PAT_4K : PTE_PAT_LARGE)) != 0) {
		return PT_MEMORY_WC;
	}
	if ((entry & PTE_PCD) != 0) {
		return PT_MEMORY_UC;
	}
	return (entry & PTE_PWT) != 0 ? PT_MEMORY_WT : PT_MEMORY_WB;
}

static pte_t make_leaf(hpa_t address, unsigned level, struct pt_attr attr)
{
	return address.value | pt_entry_rights(attr) | type_bits(attr.memory, level) |
	       (level > 0 ? PTE_LARGE : 0) | ((attr.prot & PT_USER) != 0 ? PTE_USER : 0) |
	       ((attr.prot & PT_GLOBAL) != 0 ? PTE_GLOBAL : 0);
}

static struct pt_attr attr_of(pte_t entry, unsigned level)
{
	return (struct pt_attr){
		.prot = pt_entry_prot(entry) | ((entry & PTE_USER) != 0 ? PT_USER : 0U) |
			((entry & PTE_GLOBAL) != 0 ? PT_GLOBAL : 0U),
		.memory = type_of(entry, level),
	};
}

static const struct pt_format format = {
	.name = "host",
	.levels = 4,
	.leaf_levels = BIT(0) | BIT(1),
	.physical_bits = 52,
	.is_canonical = true,
	.make_leaf = make_leaf,
	.make_table = pt_entry_table,
	.kind = pt_entry_kind,
	.address = pt_entry_address,
	.attr = attr_of,
	.clear_accessed = pt_entry_clear_accessed,
	.set_accessed = pt_entry_set_accessed,
	.publish = pt_entry_publish,
};

const struct pt_format *arch_host_format(void)
{
	return &format;
}
