/* SPDX-License-Identifier: GPL-2.0-only */
/* Choosing the hypervisor's memory. */
#include "mm/pool.h"

#include "core/err.h"

#define BUDGET_BASE      (8 * MIB)
#define BUDGET_A_CPU     (64 * KIB)
#define BUDGET_RAM_SHARE 250 /* 0.4 % */

/* Below 4 GiB memory is scarce; what large machines need more comes from the second pool. */
#define FIRST_MAX (64 * MIB)

uint64_t pool_budget(uint64_t ram, uint32_t cpus)
{
	return BUDGET_BASE + cpus * BUDGET_A_CPU + ram / BUDGET_RAM_SHARE;
}

uint64_t pool_first_size(uint64_t ram, uint64_t image)
{
	uint64_t budget = pool_budget(ram, 1);

	budget = budget > image ? budget - image : 0;
	return align_down(min_u64(budget, FIRST_MAX), POOL_ALIGNMENT);
}

uint64_t pool_second_size(uint64_t ram, uint32_t cpus, uint64_t withheld)
{
	uint64_t budget = pool_budget(ram, cpus);

	return budget > withheld ? align_down(budget - withheld, POOL_ALIGNMENT) : 0;
}

/* End of a range; where it wraps, the end of the address space. */
static uint64_t end_of(const struct pool_range *range)
{
	uint64_t end = range->start + range->size;

	return end < range->start ? UINT64_MAX : end;
}

/* The taken range that [start, start + size) touches, or NULL. */
static const struct pool_range *taken_by(const struct pool_map *map, uint64_t start, uint64_t size)
{
	for (uint32_t i = 0; i < map->taken_count; i++) {
		const struct pool_range *taken = &map->taken[i];

		if (taken->size != 0 && taken->start < start + size && end_of(taken) > start) {
			return taken;
		}
	}
	return NULL;
}

/* The highest place in a usable range, stepping below whatever is in the way; 0 where none is. */
static uint64_t place_in(const struct pool_map *map, uint64_t floor, uint64_t end, uint64_t size)
{
	while (end >= size && align_down(end - size, POOL_ALIGNMENT) >= floor) {
		uint64_t at = align_down(end - size, POOL_ALIGNMENT);
		const struct pool_range *taken = taken_by(map, at, size);

		if (taken == NULL) {
			return at;
		}
		end = taken->start;
	}
	return 0;
}

int pool_choose(const struct pool_map *map, uint64_t size, uint64_t limit, uint64_t *start)
{
	uint64_t best = 0;

	for (uint32_t i = 0; i < map->usable_count && size != 0; i++) {
		const struct pool_range *usable = &map->usable[i];
		uint64_t end = min_u64(end_of(usable), limit);

		/* The first megabytes are the firmware's and the other CPUs' first page. */
		best = max_u64(best,
			       place_in(map, max_u64(usable->start, POOL_ALIGNMENT), end, size));
	}
	*start = best;
	return best != 0 ? 0 : -E_NOMEM;
}
