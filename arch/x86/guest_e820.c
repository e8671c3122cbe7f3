/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's memory map as address range descriptors. */
#include "arch/guest_e820.h"

/* ACPI 6.5 table 15.6 "UEFI Memory Types and mapping to ACPI address range types" */
static uint32_t type_of(const struct boot_memory *memory)
{
	static const uint8_t types[BOOT_MEMORY_KINDS] = {
		[BOOT_MEMORY_USABLE] = GUEST_E820_USABLE,
		[BOOT_MEMORY_BOOT] = GUEST_E820_USABLE,
		[BOOT_MEMORY_RESERVED] = 2,
		[BOOT_MEMORY_ACPI_RECLAIM] = 3,
		[BOOT_MEMORY_ACPI_NVS] = 4,
		[BOOT_MEMORY_RUNTIME_CODE] = 2,
		[BOOT_MEMORY_RUNTIME_DATA] = 2,
		[BOOT_MEMORY_MMIO] = 2,
		[BOOT_MEMORY_UNUSABLE] = 5,
		[BOOT_MEMORY_PERSISTENT] = 7,
	};

	return memory->kind < BOOT_MEMORY_KINDS ? types[memory->kind] : 2;
}

bool guest_e820_next(const struct guest_map *map, uint32_t *index, struct guest_e820 *entry)
{
	if (*index >= map->count) {
		return false;
	}
	*entry = (struct guest_e820){ map->entries[*index].start, 0,
				      type_of(&map->entries[*index]) };
	for (; *index < map->count; (*index)++) {
		const struct boot_memory *next = &map->entries[*index];

		if (next->start != entry->start + entry->size || type_of(next) != entry->type) {
			break;
		}
		entry->size += next->size;
	}
	return true;
}

uint32_t guest_e820_count(const struct guest_map *map)
{
	struct guest_e820 entry;
	uint32_t index = 0, count = 0;

	while (guest_e820_next(map, &index, &entry)) {
		count++;
	}
	return count;
}
