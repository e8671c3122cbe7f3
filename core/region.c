/* SPDX-License-Identifier: GPL-2.0-only */
/* Region tables: a sorted array, whose readers run without a lock against a sequence count. */
#include "core/region.h"

#include "core/bits.h"
#include "core/err.h"

/* Writers make the count odd while they move entries. */
static void write_begin(struct region_table *table)
{
	lock_acquire(&table->lock);
	__atomic_store_n(&table->sequence, table->sequence + 1, __ATOMIC_RELAXED);
	atomic_fence();
}

static void write_end(struct region_table *table)
{
	__atomic_store_n(&table->sequence, table->sequence + 1, __ATOMIC_RELEASE);
	lock_release(&table->lock);
}

/* Index of the last region that starts at or below address, or -1. */
static int index_find(const struct region_table *table, uint64_t address)
{
	int low = 0, high = (int)__atomic_load_n(&table->count, __ATOMIC_RELAXED);

	while (low < high) {
		int middle = (low + high) / 2;

		if (table->regions[middle].start <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low - 1;
}

static bool overlaps(const struct region *a, const struct region *b)
{
	return a->start < b->start ? b->start - a->start < a->size : a->start - b->start < b->size;
}

static int insert(struct region_table *table, const struct region *region)
{
	int below = index_find(table, region->start);

	if (table->count == REGION_MAX) {
		return -E_NOMEM;
	}
	if (below >= 0 && overlaps(&table->regions[below], region)) {
		return -E_EXIST;
	}
	if (below + 1 < (int)table->count && overlaps(&table->regions[below + 1], region)) {
		return -E_EXIST;
	}
	for (int i = (int)table->count; i > below + 1; i--) {
		table->regions[i] = table->regions[i - 1];
	}
	table->regions[below + 1] = *region;
	table->count++;
	return 0;
}

int region_add(struct region_table *table, const struct region *region)
{
	int err;

	if (region->size == 0 || region->start + region->size - 1 < region->start) {
		return -E_RANGE;
	}
	write_begin(table);
	err = insert(table, region);
	write_end(table);
	return err;
}

int region_remove(struct region_table *table, uint64_t start)
{
	int at;

	write_begin(table);
	at = index_find(table, start);
	if (at < 0 || table->regions[at].start != start) {
		write_end(table);
		return -E_NOENT;
	}
	table->count--;
	for (int i = at; i < (int)table->count; i++) {
		table->regions[i] = table->regions[i + 1];
	}
	write_end(table);
	return 0;
}

/* The last region that starts at or below address; false: there is none. */
static bool last_find(struct region_table *table, uint64_t address, struct region *region)
{
	uint32_t sequence;
	int at;

	do {
		while (((sequence = atomic_load(&table->sequence)) & 1) != 0) {
			arch_relax();
		}
		at = index_find(table, address);
		if (at >= 0) {
			*region = table->regions[at];
		}
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&table->sequence, __ATOMIC_RELAXED) != sequence);
	return at >= 0;
}

bool region_find(struct region_table *table, uint64_t address, uint64_t size, struct region *region)
{
	return last_find(table, address, region) && address - region->start < region->size &&
	       region->size - (address - region->start) >= size;
}

/* The last region that starts in or below the range is the one that reaches furthest. */
bool region_overlaps(struct region_table *table, uint64_t start, uint64_t size)
{
	struct region range = { .start = start, .size = size }, last;

	return last_find(table, start + size - 1, &last) && overlaps(&last, &range);
}

enum region_result region_access(struct region_table *table, struct access *access)
{
	enum region_result result = REGION_ONES;
	struct region region;

	if (region_find(table, access->address, access->size, &region)) {
		access->offset = access->address - region.start;
		result = region.fn(region.device, access);
	}
	if (result == REGION_ONES && !access->is_write) {
		access->value = BITS(8 * access->size - 1, 0);
	}
	return result;
}
