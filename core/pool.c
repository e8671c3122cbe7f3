/* SPDX-License-Identifier: GPL-2.0-only */
/* The search for the hypervisor's own memory, from the top down: what is low is precious. */
#include "core/pool.h"

#include "boot/boot_info.h"

#define POOL_LOWEST    MIB
#define POOL_ALIGNMENT (2 * MIB)

/* The lower end of something that touches the range, or its own end where nothing does. What wraps
 * reaches to the end of all addresses. */
static uint64_t collide(uint64_t start, uint64_t end, uint64_t taken_start, uint64_t taken_size)
{
	uint64_t taken_last = taken_start + taken_size - 1;
	bool is_hit = taken_size != 0 && taken_start < end &&
		      (taken_last >= start || taken_last < taken_start);

	return is_hit ? taken_start : end;
}

/* The same for all that is taken: the lowest of what touches the range. */
static uint64_t collide_any(const struct boot_info *info, uint64_t start, uint64_t end)
{
	const struct control_hole *holes;
	uint32_t hole_count = control_holes(&holes);
	uint64_t lowest = collide(start, end, info->image_start, info->image_size);

	for (uint32_t i = 0; i < info->module_count; i++) {
		lowest = min_u64(
			lowest, collide(start, end, info->modules[i].start, info->modules[i].size));
	}
	for (uint32_t i = 0; i < hole_count; i++) {
		lowest = min_u64(lowest, collide(start, end, holes[i].start, holes[i].size));
	}
	return lowest;
}

/* A start that is aligned saves tables, the hypervisor's own and the guest's below. */
static uint64_t find_in(const struct boot_info *info, uint64_t start, uint64_t end, uint64_t size)
{
	while (end > start && end - start >= size) {
		uint64_t at = end - size, lowest;

		at = align_down(at, POOL_ALIGNMENT) >= start ? align_down(at, POOL_ALIGNMENT) : at;
		lowest = collide_any(info, at, at + size);
		if (lowest == at + size) {
			return at;
		}
		end = align_down(lowest, PAGE_SIZE);
	}
	return 0;
}

uint64_t pool_find(const struct boot_info *info, uint64_t size, uint64_t limit)
{
	for (uint32_t i = info->memory_count; i > 0; i--) {
		const struct boot_memory *range = &info->memory[i - 1];
		uint64_t start = max_u64(align_up(range->start, PAGE_SIZE), POOL_LOWEST);
		uint64_t end = align_down(min_u64(range->start + range->size, limit), PAGE_SIZE);
		uint64_t at = 0;

		if (range->kind == BOOT_MEMORY_USABLE) {
			at = find_in(info, start, end, size);
		}
		if (at != 0) {
			return at;
		}
	}
	return 0;
}

uint64_t pool_usable(const struct boot_info *info)
{
	uint64_t usable = 0;

	for (uint32_t i = 0; i < info->memory_count; i++) {
		usable += info->memory[i].kind == BOOT_MEMORY_USABLE ? info->memory[i].size : 0;
	}
	return usable;
}
