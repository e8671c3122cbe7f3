/* SPDX-License-Identifier: GPL-2.0-only */
/* The table itself: reading the machine, order, look-up. What guests see is cpuid_policy.c's. */
#include "arch/cpuid.h"

#include "arch/bochs.h"
#include "arch/fpu.h"
#include "arch/msr.h"
#include "core/panic.h"
#include "core/string.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

#define XSAVE_LEGACY_SIZE 576 /* the legacy region and the header */
#define XSAVE_ALIGN       64
#define XSAVE_ALIGNED     BIT(1) /* of D.n ECX: starts at 64 bytes in the compacted form */

/* Which of the index arrays, and where in it; false: none. */
static bool locate(uint32_t leaf, uint32_t *range, uint32_t *at)
{
	*at = leaf & 0xff;
	switch (leaf >> 8) {
	case 0:
		*range = 0;
		break;
	case CPUID_LEAF_EXT >> 8:
		*range = 1;
		break;
	case CPUID_LEAF_KVM >> 8:
		*range = 2;
		break;
	case CPUID_LEAF_OWN >> 8:
		*range = 3;
		break;
	default:
		return false;
	}
	return *at < CPUID_RANGE_SIZE;
}

static void index_rebuild(struct cpuid_table *table)
{
	uint32_t range, at;

	memset(table->index, 0, sizeof(table->index));
	for (uint32_t i = table->count; i-- > 0;) {
		if (locate(table->entries[i].leaf, &range, &at)) {
			table->index[range][at] = (uint8_t)(i + 1);
		}
	}
}

static bool comes_before(const struct cpuid_entry *entry, uint32_t leaf, uint32_t subleaf)
{
	return entry->leaf != leaf ? entry->leaf < leaf : entry->subleaf < subleaf;
}

struct cpuid_entry *cpuid_add(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf)
{
	uint32_t at = table->count;

	assert(table->count < CPUID_ENTRIES_MAX);
	while (at > 0 && !comes_before(&table->entries[at - 1], leaf, subleaf)) {
		table->entries[at] = table->entries[at - 1];
		at--;
	}
	table->entries[at] = (struct cpuid_entry){ .leaf = leaf, .subleaf = subleaf };
	table->count++;
	index_rebuild(table);
	return &table->entries[at];
}

const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, uint32_t leaf,
				     uint32_t subleaf)
{
	uint32_t range, at, slot;

	if (!locate(leaf, &range, &at) || table->index[range][at] == 0) {
		return NULL;
	}
	slot = table->index[range][at] - 1U;
	if (!table->entries[slot].has_subleaf) {
		return &table->entries[slot];
	}
	while (slot < table->count && comes_before(&table->entries[slot], leaf, subleaf)) {
		slot++;
	}
	if (slot == table->count || table->entries[slot].leaf != leaf ||
	    table->entries[slot].subleaf != subleaf) {
		return NULL;
	}
	return &table->entries[slot];
}

uint32_t cpuid_get(const struct cpuid_table *table, uint32_t leaf, enum cpuid_register reg)
{
	const struct cpuid_entry *entry = cpuid_find(table, leaf, 0);

	return entry == NULL ? 0 : entry->regs[reg];
}

static uint32_t standard_end(const struct cpuid_entry *component)
{
	return component->regs[CPUID_EBX] + component->regs[CPUID_EAX];
}

uint32_t cpuid_xsave_size(const struct cpuid_table *table, uint64_t xcr0, bool compacted)
{
	uint32_t size = XSAVE_LEGACY_SIZE;

	for (uint32_t i = 2; i < 63; i++) {
		const struct cpuid_entry *component = cpuid_find(table, 0xd, i);

		if ((xcr0 & BIT(i)) == 0 || component == NULL) {
			continue;
		}
		if (!compacted) {
			size = (uint32_t)max_u64(size, standard_end(component));
			continue;
		}
		if ((component->regs[CPUID_ECX] & XSAVE_ALIGNED) != 0) {
			size = (uint32_t)align_up(size, XSAVE_ALIGN);
		}
		size += component->regs[CPUID_EAX];
	}
	return size;
}

static uint32_t max_leaf(uint32_t leaf)
{
	return cpuid(leaf & CPUID_LEAF_EXT, 0).eax;
}

void cpuid_read_host(struct cpuid_table *table)
{
	for (uint32_t i = 0; i < cpuid_policy_count; i++) {
		const struct cpuid_policy *policy = &cpuid_policies[i];
		struct cpuid host = { 0 };
		struct cpuid_entry *entry;

		if (policy->leaf <= max_leaf(policy->leaf)) {
			host = cpuid(policy->leaf, policy->subleaf);
		}
		entry = cpuid_add(table, policy->leaf, policy->subleaf);
		entry->regs[CPUID_EAX] = host.eax;
		entry->regs[CPUID_EBX] = host.ebx;
		entry->regs[CPUID_ECX] = host.ecx;
		entry->regs[CPUID_EDX] = host.edx;
	}
}

int cpuid_vm_init(struct vm *vm)
{
	struct cpuid_topology topology = { .vcpu_count = vm->vcpu_count,
					   .is_control = vm->id == VM_ID_CONTROL };

	vm->arch.cpuid = page_alloc_forever(PAGE_USE_VM, sizeof(*vm->arch.cpuid));
	if (vm->arch.cpuid == NULL) {
		return -E_NOMEM;
	}
	cpuid_read_host(vm->arch.cpuid);
	bochs_cpuid_correct(vm->arch.cpuid);
	cpuid_apply_policy(vm->arch.cpuid, &topology, fpu_xcr0_supported());
	return 0;
}
