/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU's last region of a table: most accesses go to the same device again. Owner CPU only. */
#pragma once

#include "core/region.h"

struct region_cache {
	uint32_t sequence;    /* of the table, when region was found */
	struct region region; /* size 0: none */
};

/* The region that holds all of the range, or NULL: region_find() without a copy where it is known.
 */
static inline const struct region *region_cache_find(struct region_cache *cache,
						     struct region_table *table, uint64_t address,
						     uint64_t size)
{
	/* What changes the table meanwhile leaves a sequence here that never comes again. */
	uint32_t sequence = atomic_load(&table->sequence);
	uint64_t offset = address - cache->region.start;

	if (cache->sequence == sequence && offset < cache->region.size &&
	    cache->region.size - offset >= size) {
		return &cache->region;
	}
	cache->sequence = sequence;
	if (!region_find(table, address, size, &cache->region)) {
		cache->region.size = 0;
		return NULL;
	}
	return &cache->region;
}

/* region_access() for a region that was found. */
static inline enum region_result region_cache_access(const struct region *region,
						     struct access *access)
{
	enum region_result result;

	access->offset = access->address - region->start;
	result = region->fn(region->device, access);
	if (result == REGION_ONES && !access->is_write) {
		access->value = UINT64_MAX >> (64 - 8 * access->size);
	}
	return result;
}
