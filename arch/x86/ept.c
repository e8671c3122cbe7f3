/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended page tables. SDM3 29.3.2 "EPT Translation Mechanism". Memory types are those of the
 * MTRRs, which VT-x does not look at itself, and the guest's PAT may weaken them: SDM3 29.3.7
 * "EPT and Memory Typing".
 */
#include "arch/ept.h"

#include "arch/msr.h"
#include "arch/mtrr.h"
#include "arch/pt_entry.h"
#include "arch/vmcs.h"
#include "arch/vmx.h"
#include "mm/hyp_map.h"
#include "mm/stage2.h"

#define EPT_READ     BIT(0)
#define EPT_WRITE    BIT(1)
#define EPT_EXECUTE  BIT(2)
#define EPT_RIGHTS   BITS(2, 0)
#define EPT_MEMORY   BITS(5, 3)
#define EPT_LARGE    BIT(7) /* above level 0: a leaf */
#define EPT_ACCESSED BIT(8)
#define EPT_DIRTY    BIT(9)
#define EPT_ADDRESS  BITS(51, 12)

static const uint8_t types[] = {
	[PT_MEMORY_WB] = MTRR_WB,
	[PT_MEMORY_WC] = MTRR_WC,
	[PT_MEMORY_WT] = MTRR_WT,
	[PT_MEMORY_UC] = MTRR_UC,
};

static enum pt_memory memory_of(uint64_t type)
{
	switch (type) {
	case MTRR_WB:
		return PT_MEMORY_WB;
	case MTRR_WC:
		return PT_MEMORY_WC;
	case MTRR_WT:
	case MTRR_WP:
		return PT_MEMORY_WT;
	default:
		return PT_MEMORY_UC;
	}
}

/* The caller's opinion counts where the machine has none. */
static uint64_t type_of(hpa_t address, enum pt_memory memory)
{
	int type = mtrr_type(address.value);

	return type >= 0 ? (uint64_t)type : types[memory];
}

static bool is_uniform(hpa_t address, unsigned level)
{
	return mtrr_is_uniform(address.value, pt_level_size(level));
}

static pte_t make_leaf(hpa_t address, unsigned level, struct pt_attr attr)
{
	return address.value | EPT_READ | ((attr.prot & PT_WRITE) != 0 ? EPT_WRITE : 0) |
	       ((attr.prot & PT_EXECUTE) != 0 ? EPT_EXECUTE : 0) |
	       field_set(EPT_MEMORY, type_of(address, attr.memory)) | (level > 0 ? EPT_LARGE : 0);
}

/* A table's rights are all: its leaves decide. */
static pte_t make_table(hpa_t address)
{
	return address.value | EPT_RIGHTS;
}

static enum pt_kind kind(pte_t entry, unsigned level)
{
	if ((entry & EPT_RIGHTS) == 0) {
		return PT_EMPTY;
	}
	return level == 0 || (entry & EPT_LARGE) != 0 ? PT_LEAF : PT_TABLE;
}

static hpa_t address_of(pte_t entry, unsigned level)
{
	uint64_t mask = EPT_ADDRESS;

	if (kind(entry, level) == PT_LEAF) {
		mask &= ~(pt_level_size(level) - 1);
	}
	return hpa(entry & mask);
}

static struct pt_attr attr_of(pte_t entry, unsigned level)
{
	(void)level;
	return (struct pt_attr){
		.prot = PT_READ | ((entry & EPT_WRITE) != 0 ? PT_WRITE : 0U) |
			((entry & EPT_EXECUTE) != 0 ? PT_EXECUTE : 0U),
		.memory = memory_of(field_get(EPT_MEMORY, entry)),
	};
}

/* Without the flags, everything counts as touched. */
static bool has_accessed(void)
{
	return (vmx_facts.ept_vpid & VMX_EPT_ACCESSED) != 0;
}

static pte_t clear_accessed(pte_t entry, bool *accessed, bool *dirty)
{
	*accessed = !has_accessed() || (entry & EPT_ACCESSED) != 0;
	*dirty = !has_accessed() || (entry & EPT_DIRTY) != 0;
	return entry & ~(EPT_ACCESSED | EPT_DIRTY);
}

static pte_t set_accessed(pte_t entry, bool accessed, bool dirty)
{
	return entry | (accessed ? EPT_ACCESSED : 0) | (dirty ? EPT_DIRTY : 0);
}

static struct pt_format format = {
	.name = "ept",
	.levels = 4,
	.leaf_levels = BIT(0) | BIT(1),
	.is_uniform = is_uniform,
	.make_leaf = make_leaf,
	.make_table = make_table,
	.kind = kind,
	.address = address_of,
	.attr = attr_of,
	.clear_accessed = clear_accessed,
	.set_accessed = set_accessed,
	.publish = pt_entry_publish,
};

#define CPUID_ADDRESS_SIZES UINT32_C(0x80000008)
#define ADDRESS_PHYSICAL    BITS(7, 0)

/* Four levels translate 48 bits, whatever the CPU's addresses have. Filled at the first call, on
 * the boot CPU. */
const struct pt_format *ept_format(void)
{
	if (format.physical_bits == 0) {
		uint64_t bits = field_get(ADDRESS_PHYSICAL, cpuid(CPUID_ADDRESS_SIZES, 0).eax);

		if ((vmx_facts.ept_vpid & VMX_EPT_1G) != 0) {
			format.leaf_levels |= BIT(2);
		}
		format.physical_bits = (unsigned)min_u64(bits, 48);
	}
	return &format;
}

uint64_t ept_pointer(const struct stage2 *stage2)
{
	return hyp_map_direct_hpa(stage2->pt.root).value | field_set(VMCS_EPTP_MEMORY, MTRR_WB) |
	       field_set(VMCS_EPTP_LEVELS, format.levels - 1) |
	       (has_accessed() ? VMCS_EPTP_ACCESSED : 0);
}
