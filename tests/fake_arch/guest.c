/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests' accesses: a CPU keeps the translations it has used until it enters with a newer
 * generation, so that rights which were taken away without one stay usable, and a test sees it.
 */
#include <assert.h>
#include <string.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "mm/hyp_map.h"
#include "mm/stage2.h"
#include "tests/fake_arch/fake.h"

#define TLB_SIZE 256

struct translation {
	uint64_t page;
	hpa_t target;
	uint32_t prot;
};

struct guest_tlb {
	struct stage2 *stage2; /* whose guest runs, or ran last */
	uint64_t generation;
	struct translation entries[TLB_SIZE];
	unsigned count;
};

static struct guest_tlb tlbs[FAKE_CPUS];

static struct guest_tlb *tlb_self(void)
{
	return &tlbs[arch_cpu_self()->index];
}

void fake_guest_enter(struct stage2 *stage2)
{
	struct guest_tlb *tlb = tlb_self();

	arch_cpu_self()->in_guest = true;
	if (tlb->stage2 != stage2 || tlb->generation != stage2->generation) {
		tlb->count = 0;
	}
	tlb->stage2 = stage2;
	tlb->generation = stage2->generation;
}

void fake_guest_leave(void)
{
	arch_cpu_self()->in_guest = false;
}

static struct translation *find(struct guest_tlb *tlb, uint64_t page)
{
	for (unsigned i = 0; i < tlb->count; i++) {
		if (tlb->entries[i].page == page) {
			return &tlb->entries[i];
		}
	}
	return NULL;
}

/* Walks and marks the leaf, as hardware does. */
static bool walk(const struct pt *pt, uint64_t address, bool is_write, struct translation *found)
{
	const struct pt_format *format = pt->format;
	pte_t *table = pt->root;

	for (unsigned level = format->levels; level-- > 0;) {
		pte_t *entry = &table[address / pt_level_size(level) % PT_ENTRIES];

		switch (format->kind(*entry, level)) {
		case PT_EMPTY:
			return false;
		case PT_LEAF:
			found->prot = format->attr(*entry, level).prot;
			found->target = hpa_add(format->address(*entry, level),
						found->page & (pt_level_size(level) - 1));
			if (is_write && (found->prot & PT_WRITE) == 0) {
				return false;
			}
			*entry = format->set_accessed(*entry, true, is_write);
			return true;
		case PT_TABLE:
			table = hyp_map_pointer(format->address(*entry, level));
		}
	}
	return false;
}

bool fake_guest_access(gpa_t address, bool is_write, hpa_t *target)
{
	struct guest_tlb *tlb = tlb_self();
	struct translation *entry = find(tlb, align_down(address.value, PAGE_SIZE));

	assert(arch_cpu_self()->in_guest);
	if (entry == NULL || (is_write && (entry->prot & PT_WRITE) == 0)) {
		struct translation new = { .page = align_down(address.value, PAGE_SIZE) };

		if (!walk(&tlb->stage2->pt, address.value, is_write, &new)) {
			return false;
		}
		entry = entry != NULL ? entry : &tlb->entries[tlb->count++ % TLB_SIZE];
		*entry = new;
	}
	if (target != NULL) {
		*target = hpa_add(entry->target, address.value & ~PAGE_MASK);
	}
	return true;
}

FAKE void arch_stage2_flush(struct stage2 *stage2)
{
	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);

		if (cpu->in_guest && tlbs[i].stage2 == stage2 &&
		    tlbs[i].generation != stage2->generation) {
			arch_cpu_kick(cpu);
		}
	}
}
