/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested page tables. Walks through them are user accesses, so every leaf has the user bit (APM2
 * 15.25.5 "Nested Table Walk"). Memory types are WB: the guest's PAT and the host's MTRRs decide
 * (APM2 15.25.8 "Combining Memory Types, MTRRs").
 */
#include "arch/npt.h"

#include "arch/msr.h"
#include "arch/pt_entry.h"

static pte_t make_leaf(hpa_t address, unsigned level, struct pt_attr attr)
{
	return address.value | pt_entry_rights(attr) | PTE_USER | (level > 0 ? PTE_LARGE : 0);
}

static struct pt_attr attr_of(pte_t entry, unsigned level)
{
	(void)level;
	return (struct pt_attr){ .prot = pt_entry_prot(entry), .memory = PT_MEMORY_WB };
}

static struct pt_format format = {
	.name = "npt",
	.levels = 4,
	.leaf_levels = BIT(0) | BIT(1),
	.make_leaf = make_leaf,
	.make_table = pt_entry_table,
	.kind = pt_entry_kind,
	.address = pt_entry_address,
	.attr = attr_of,
	.clear_accessed = pt_entry_clear_accessed,
	.set_accessed = pt_entry_set_accessed,
	.publish = pt_entry_publish,
};

#define CPUID_ADDRESS_SIZES UINT32_C(0x80000008)
#define ADDRESS_PHYSICAL    BITS(7, 0)
#define CPUID_EXTENDED      UINT32_C(0x80000001)
#define EXTENDED_EDX_1G     BIT(26)

/* Filled at the first call, on the boot CPU. */
const struct pt_format *npt_format(void)
{
	if (format.physical_bits == 0) {
		if ((cpuid(CPUID_EXTENDED, 0).edx & EXTENDED_EDX_1G) != 0) {
			format.leaf_levels |= BIT(2);
		}
		format.physical_bits =
			(unsigned)field_get(ADDRESS_PHYSICAL, cpuid(CPUID_ADDRESS_SIZES, 0).eax);
	}
	return &format;
}
