/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A buddy allocator. Each range keeps a record per page at its own start, so that free pages need
 * no contents and retired ones keep theirs. A block's first page has its state, order and use.
 */
#include "mm/page_alloc.h"

#include "core/bits.h"
#include "core/epoch.h"
#include "core/err.h"
#include "core/list.h"
#include "core/lock.h"
#include "core/panic.h"
#include "core/string.h"
#include "mm/hyp_map.h"

#define RANGES_MAX 64
#define ORDERS     (PAGE_ORDER_MAX + 1)

enum page_state { PAGE_INSIDE, PAGE_FREE, PAGE_USED, PAGE_RETIRED };

struct page {
	struct list link; /* PAGE_FREE: of its order; PAGE_RETIRED: in the order of epochs */
	uint64_t epoch;   /* PAGE_RETIRED */
	uint8_t state, order, use;
};

struct page_range {
	uint64_t first; /* page number of pages[0] */
	uint64_t count;
	uint64_t free;
	unsigned node;
	struct page *pages;
	struct list blocks[ORDERS];
};

static struct lock alloc_lock = LOCK_INIT;
/* alloc_lock: */
static struct page_range ranges[RANGES_MAX];
static uint32_t range_count;
static uint64_t used[PAGE_USES], total;
static struct list retired = { &retired, &retired };
static struct {
	char *next;
	size_t left;
} forever[PAGE_USES];

static struct page *page_of(const struct page_range *range, uint64_t number)
{
	return &range->pages[number - range->first];
}

static uint64_t number_of(const struct page_range *range, const struct page *page)
{
	return range->first + (uint64_t)(page - range->pages);
}

static void *pointer_of(uint64_t number)
{
	return hyp_map_pointer(hpa(number * PAGE_SIZE));
}

static struct page_range *range_of(uint64_t number)
{
	for (uint32_t i = 0; i < range_count; i++) {
		if (number - ranges[i].first < ranges[i].count) {
			return &ranges[i];
		}
	}
	panic("page_alloc: page %#llx is not in any pool", (unsigned long long)number);
}

static void block_insert(struct page_range *range, uint64_t number, unsigned order)
{
	struct page *page = page_of(range, number);

	page->state = PAGE_FREE;
	page->order = (uint8_t)order;
	list_add_head(&range->blocks[order], &page->link);
	range->free += BIT(order);
}

static void block_remove(struct page_range *range, struct page *page)
{
	list_remove(&page->link);
	page->state = PAGE_INSIDE;
	range->free -= BIT(page->order);
}

/* The free block of that order beside the one at number, or NULL. */
static struct page *buddy_of(const struct page_range *range, uint64_t number, unsigned order)
{
	uint64_t buddy = number ^ BIT(order);
	struct page *page;

	if (buddy - range->first >= range->count) {
		return NULL;
	}
	page = page_of(range, buddy);
	return page->state == PAGE_FREE && page->order == order ? page : NULL;
}

static void block_free(struct page_range *range, uint64_t number, unsigned order)
{
	page_of(range, number)->state = PAGE_INSIDE;
	for (; order < PAGE_ORDER_MAX; order++) {
		struct page *buddy = buddy_of(range, number, order);

		if (buddy == NULL) {
			break;
		}
		block_remove(range, buddy);
		number &= ~BIT(order);
	}
	block_insert(range, number, order);
}

/* Frees any run of pages, in the largest blocks that fit it. */
static void run_free(struct page_range *range, uint64_t number, uint64_t count)
{
	while (count > 0) {
		unsigned order = bits_highest(count);

		if (number != 0 && bits_lowest(number) < order) {
			order = bits_lowest(number);
		}
		order = order < PAGE_ORDER_MAX ? order : PAGE_ORDER_MAX;
		block_free(range, number, order);
		number += BIT(order);
		count -= BIT(order);
	}
}

int page_alloc_add(hpa_t start, uint64_t size, unsigned node)
{
	uint64_t count = size / PAGE_SIZE;
	uint64_t records = align_up(count * sizeof(struct page), PAGE_SIZE) / PAGE_SIZE;
	struct page_range *range = &ranges[range_count];

	if (!is_aligned(start.value | size, PAGE_SIZE) || count <= records) {
		return -E_INVAL;
	}
	if (range_count == RANGES_MAX) {
		return -E_NOMEM;
	}
	*range = (struct page_range){ .first = start.value / PAGE_SIZE + records,
				      .count = count - records,
				      .node = node,
				      .pages = hyp_map_pointer(start) };
	memset(range->pages, 0, records * PAGE_SIZE);
	for (unsigned order = 0; order < ORDERS; order++) {
		list_init(&range->blocks[order]);
	}
	lock_acquire(&alloc_lock);
	range_count++;
	total += count;
	run_free(range, range->first, range->count);
	lock_release(&alloc_lock);
	return 0;
}

/* Takes a block out of a range; the number of its first page, or 0. */
static uint64_t range_take(struct page_range *range, unsigned order)
{
	unsigned from = order;
	struct page *page;
	uint64_t number;

	while (from < ORDERS && list_is_empty(&range->blocks[from])) {
		from++;
	}
	if (from == ORDERS) {
		return 0;
	}
	page = list_entry(range->blocks[from].next, struct page, link);
	number = number_of(range, page);
	block_remove(range, page);
	while (from > order) {
		from--;
		block_insert(range, number + BIT(from), from);
	}
	return number;
}

static void mark_used(struct page_range *range, uint64_t number, unsigned order, enum page_use use)
{
	struct page *page = page_of(range, number);

	page->state = PAGE_USED;
	page->order = (uint8_t)order;
	page->use = (uint8_t)use;
	used[use] += BIT(order);
}

/* Frees retired pages whose epoch has passed: a few, so that nobody pays for all. */
static void reap(void)
{
	for (unsigned i = 0; i < 4 && !list_is_empty(&retired); i++) {
		struct page *page = list_entry(retired.next, struct page, link);
		struct page_range *range = ranges;

		if (!epoch_passed(page->epoch)) {
			epoch_nudge(page->epoch);
			return;
		}
		while ((uintptr_t)page - (uintptr_t)range->pages >=
		       range->count * sizeof(struct page)) {
			range++;
		}
		list_remove(&page->link);
		used[page->use]--;
		block_free(range, number_of(range, page), 0);
	}
}

/* The ranges of a node have precedence, then the emptiest; a range is passed over once it failed.
 */
static void *take(enum page_use use, unsigned order, int node)
{
	uint64_t failed = 0;

	for (uint32_t tries = 0; tries < range_count; tries++) {
		struct page_range *best = NULL;
		uint64_t number;

		for (uint32_t i = 0; i < range_count; i++) {
			struct page_range *range = &ranges[i];
			bool near = node >= 0 && range->node == (unsigned)node;
			bool best_near = best != NULL && node >= 0 && best->node == (unsigned)node;

			if ((failed & BIT(i)) == 0 &&
			    (best == NULL || near > best_near ||
			     (near == best_near && range->free > best->free))) {
				best = range;
			}
		}
		number = range_take(best, order);
		if (number != 0) {
			mark_used(best, number, order, use);
			return pointer_of(number);
		}
		failed |= BIT(best - ranges);
	}
	return NULL;
}

static void *alloc_zeroed(enum page_use use, unsigned order, int node)
{
	void *pages;

	assert(order <= PAGE_ORDER_MAX && use < PAGE_USES);
	lock_acquire(&alloc_lock);
	reap();
	pages = take(use, order, node);
	lock_release(&alloc_lock);
	if (pages != NULL) {
		memset(pages, 0, PAGE_SIZE << order);
	}
	return pages;
}

void *page_alloc_node(enum page_use use, unsigned order, unsigned node)
{
	return alloc_zeroed(use, order, (int)node);
}

void *page_alloc(enum page_use use, unsigned order)
{
	return alloc_zeroed(use, order, -1);
}

/* The page that pages points to, which the caller holds with that use and order. */
static struct page *page_held(struct page_range **range, void *pages, enum page_use use,
			      unsigned order)
{
	hpa_t address = hyp_map_direct_hpa(pages);
	struct page *page;

	*range = range_of(address.value / PAGE_SIZE);
	page = page_of(*range, address.value / PAGE_SIZE);
	assert(is_aligned(address.value, PAGE_SIZE) && page->state == PAGE_USED &&
	       page->use == use && page->order == order);
	return page;
}

void page_free(void *pages, enum page_use use, unsigned order)
{
	struct page_range *range;
	struct page *page;

	lock_acquire(&alloc_lock);
	page = page_held(&range, pages, use, order);
	used[use] -= BIT(order);
	block_free(range, number_of(range, page), order);
	lock_release(&alloc_lock);
}

void page_retire(void *pages, enum page_use use)
{
	struct page_range *range;
	struct page *page;

	lock_acquire(&alloc_lock);
	page = page_held(&range, pages, use, 0);
	page->state = PAGE_RETIRED;
	page->epoch = epoch_now();
	list_add_tail(&retired, &page->link);
	reap();
	lock_release(&alloc_lock);
}

/* The first run of count free pages in a range, as whole blocks; 0 where there is none. */
static uint64_t run_find(const struct page_range *range, uint64_t count)
{
	uint64_t at = range->first, start = at;

	while (at < range->first + range->count) {
		const struct page *page = page_of(range, at);

		at += BIT(page->order);
		if (page->state != PAGE_FREE) {
			start = at;
		} else if (at - start >= count) {
			return start;
		}
	}
	return 0;
}

/* Takes a run that is larger than any block, or no power of two; single pages from then on. */
static void *run_take(enum page_use use, uint64_t count)
{
	for (uint32_t i = 0; i < range_count; i++) {
		struct page_range *range = &ranges[i];
		uint64_t start = run_find(range, count), end = start;

		if (start == 0) {
			continue;
		}
		while (end - start < count) {
			struct page *page = page_of(range, end);

			end += BIT(page->order);
			block_remove(range, page);
		}
		for (uint64_t at = start; at < start + count; at++) {
			mark_used(range, at, 0, use);
		}
		run_free(range, start + count, end - start - count);
		return pointer_of(start);
	}
	return NULL;
}

/* What is left of the page in use is given up where the object does not fit it. */
static void *forever_take(enum page_use use, size_t size)
{
	char *object;

	if (forever[use].left < size) {
		forever[use].next = take(use, 0, -1);
		forever[use].left = forever[use].next != NULL ? PAGE_SIZE : 0;
		if (forever[use].next == NULL) {
			return NULL;
		}
	}
	object = forever[use].next;
	forever[use].next += size;
	forever[use].left -= size;
	return object;
}

void *page_alloc_forever(enum page_use use, size_t size)
{
	void *object;

	assert(use < PAGE_USES && size > 0);
	size = align_up(size, 64);
	lock_acquire(&alloc_lock);
	if (size <= PAGE_SIZE / 2) {
		object = forever_take(use, size);
	} else {
		object = run_take(use, align_up(size, PAGE_SIZE) / PAGE_SIZE);
	}
	lock_release(&alloc_lock);
	if (object != NULL) {
		memset(object, 0, size);
	}
	return object;
}

void page_alloc_count(enum page_use use, uint64_t pages)
{
	lock_acquire(&alloc_lock);
	used[use] += pages;
	total += pages;
	lock_release(&alloc_lock);
}

void page_alloc_stats(struct page_stats *stats)
{
	lock_acquire(&alloc_lock);
	*stats = (struct page_stats){ .total = total };
	for (unsigned use = 0; use < PAGE_USES; use++) {
		stats->used[use] = used[use];
	}
	for (uint32_t i = 0; i < range_count; i++) {
		stats->free += ranges[i].free;
	}
	lock_release(&alloc_lock);
}
