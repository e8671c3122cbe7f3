/* SPDX-License-Identifier: GPL-2.0-only */
/* The page allocator for tests that do not link the real one: the host's heap, always zeroed. */
#include "mm/page_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "mm/hyp_map.h"
#include "tests/fake_arch/fake.h"

/* What lives for ever is kept reachable, or the leak check would find it. */
struct kept {
	struct kept *next;
	void *object;
};

static struct kept *all_kept;

FAKE void *page_alloc(enum page_use use, unsigned order)
{
	void *pages = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);

	(void)use;
	return pages == NULL ? NULL : memset(pages, 0, PAGE_SIZE << order);
}

FAKE void *page_alloc_node(enum page_use use, unsigned order, unsigned node)
{
	(void)node;
	return page_alloc(use, order);
}

FAKE void page_free(void *pages, enum page_use use, unsigned order)
{
	(void)use;
	(void)order;
	free(pages);
}

FAKE void page_retire(void *page, enum page_use use)
{
	page_free(page, use, 0);
}

FAKE void page_alloc_stats(struct page_stats *stats)
{
	*stats = (struct page_stats){ .free = UINT64_MAX };
}

FAKE void *page_alloc_forever(enum page_use use, size_t size)
{
	size_t rounded = align_up(size, 64);
	struct kept *kept = malloc(sizeof(*kept));

	(void)use;
	kept->object = aligned_alloc(64, rounded);
	kept->next = all_kept;
	all_kept = kept;
	return memset(kept->object, 0, rounded);
}

/* Of mm/hyp_map.c, for core/cpu.c: no tables, the host's own memory. */
FAKE hpa_t hyp_map_cpu_adopt(struct cpu *cpu)
{
	(void)cpu;
	return hpa(0);
}

FAKE int hyp_map_cpu_init(struct cpu *cpu, hpa_t *root)
{
	(void)cpu;
	*root = hpa(0);
	return 0;
}

FAKE int hyp_map_stack(unsigned pages, void **top)
{
	*top = (char *)page_alloc_forever(PAGE_USE_CPU, pages * PAGE_SIZE) + pages * PAGE_SIZE;
	return 0;
}

FAKE int hyp_map_secret_reserve(uint32_t cpus)
{
	(void)cpus;
	return 0;
}
