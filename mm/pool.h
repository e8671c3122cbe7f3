/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much memory is withheld from the guests, and where: the first pool below 4 GiB, before the
 * number of CPUs is known; a second one, if need be, anywhere. Plain arithmetic on the boot path's
 * words, which may overlap, wrap or lie.
 */
#pragma once

#include "core/types.h"

#define POOL_ALIGNMENT (2 * MIB)

struct pool_range {
	uint64_t start, size;
};

struct pool_map {
	const struct pool_range *usable; /* conventional memory */
	uint32_t usable_count;
	const struct pool_range *taken; /* image, modules, loader's data, whatever is not usable */
	uint32_t taken_count;
};

/* Bytes that may be withheld in all: 8 MiB, 64 KiB a CPU, 0.4 % of the RAM. */
uint64_t pool_budget(uint64_t ram, uint32_t cpus);

/* The first pool's size: the budget for one CPU less the image, bounded, whole alignments. */
uint64_t pool_first_size(uint64_t ram, uint64_t image);

/* What is left of the budget for a second pool, in whole alignments; 0: none is needed. */
uint64_t pool_second_size(uint64_t ram, uint32_t cpus, uint64_t withheld);

/*
 * The highest aligned range of that size that ends at or below limit, lies in usable memory and
 * touches nothing taken. 0, or -E_NOMEM.
 */
must_check int pool_choose(const struct pool_map *map, uint64_t size, uint64_t limit,
			   uint64_t *start);
