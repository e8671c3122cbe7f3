/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's physical memory as its kernel gets to know it: the one list that every form of memory
 * map is made of, so that they agree, and from which the loader takes places. Boot CPU.
 */
#pragma once

#include "boot/boot_info.h"

#define GUEST_MAP_MAX            (BOOT_MEMORY_MAX + 256)
#define GUEST_MAP_EFI_DESCRIPTOR 40U /* UEFI 7.2 EFI_MEMORY_DESCRIPTOR */

/* Sorted, disjoint. USABLE is free; BOOT is the guest's too, but something of use lies in it. */
struct guest_map {
	struct boot_memory entries[GUEST_MAP_MAX];
	uint32_t count;
};

/* Starts from a map that boot_info_normalise() put in order. */
void guest_map_init(struct guest_map *map, const struct boot_memory *memory, uint32_t count);

/*
 * Makes what is USABLE or BOOT in a range another kind: RESERVED for what the guest does not get,
 * BOOT for what it finds there, ACPI_RECLAIM for tables. The range is widened to whole pages. 0 or
 * -E_NOMEM (too many pieces, nothing changed).
 */
must_check int guest_map_set(struct guest_map *map, uint64_t start, uint64_t size,
			     enum boot_memory_kind kind);

/* Whether all of a range is the guest's to fill: USABLE or BOOT. */
bool guest_map_is_ram(const struct guest_map *map, uint64_t start, uint64_t size);

/* What a place must be like: inside of [low, high), size and alignment in whole pages. */
struct guest_map_want {
	uint64_t size;
	uint64_t alignment;
	uint64_t low, high;
};

/* Finds the lowest free place and makes it BOOT. 0, or -E_NOMEM. */
must_check int guest_map_place(struct guest_map *map, const struct guest_map_want *want,
			       uint64_t *address);

/*
 * Steps through the map as EFI descriptors of 40 bytes, neighbours joined; *index is 0 at first.
 * False at the end.
 */
bool guest_map_efi_next(const struct guest_map *map, uint32_t *index,
			uint8_t descriptor[GUEST_MAP_EFI_DESCRIPTOR]);
