/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's memory map: cutting pieces out of it, finding free places, its EFI form. */
#include "core/guest_map.h"

#include "core/bytes.h"
#include "core/err.h"
#include "core/string.h"

/* UEFI 7.2 EFI_MEMORY_TYPE */
#define EFI_RESERVED     0
#define EFI_LOADER_DATA  2
#define EFI_ACPI_RECLAIM 9

static uint64_t entry_end(const struct boot_memory *entry)
{
	return entry->start + entry->size;
}

static bool is_guests(const struct boot_memory *entry)
{
	return entry->kind == BOOT_MEMORY_USABLE || entry->kind == BOOT_MEMORY_BOOT;
}

void guest_map_init(struct guest_map *map, const struct boot_memory *memory, uint32_t count)
{
	map->count = (uint32_t)min_u64(count, GUEST_MAP_MAX);
	memcpy(map->entries, memory, map->count * sizeof(memory[0]));
}

/* The first entry that ends behind address. */
static uint32_t find_entry(const struct guest_map *map, uint64_t address)
{
	uint32_t low = 0, high = map->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (entry_end(&map->entries[middle]) <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* Makes address the start of an entry, if it lies inside of one. There is room. */
static void split(struct guest_map *map, uint64_t address)
{
	uint32_t index = find_entry(map, address);
	struct boot_memory *entry = &map->entries[index];

	if (index == map->count || entry->start >= address) {
		return;
	}
	memmove(entry + 1, entry, (map->count - index) * sizeof(*entry));
	map->count++;
	entry[1].start = address;
	entry[1].size = entry_end(entry) - address;
	entry->size = address - entry->start;
}

static void set_kind(struct boot_memory *entry, enum boot_memory_kind kind)
{
	entry->kind = kind;
	if (kind == BOOT_MEMORY_RESERVED) {
		entry->efi_type = EFI_RESERVED;
	} else if (kind == BOOT_MEMORY_ACPI_RECLAIM) {
		entry->efi_type = EFI_ACPI_RECLAIM;
	} else {
		entry->efi_type = EFI_LOADER_DATA;
	}
}

int guest_map_set(struct guest_map *map, uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	uint64_t end = align_up(start + size, PAGE_SIZE);

	start = align_down(start, PAGE_SIZE);
	if (size == 0 || end <= start) {
		return 0;
	}
	if (map->count + 2 > GUEST_MAP_MAX) {
		return -E_NOMEM;
	}
	split(map, start);
	split(map, end);
	for (uint32_t i = find_entry(map, start); i < map->count; i++) {
		if (map->entries[i].start >= end) {
			break;
		}
		if (is_guests(&map->entries[i])) {
			set_kind(&map->entries[i], kind);
		}
	}
	return 0;
}

bool guest_map_is_ram(const struct guest_map *map, uint64_t start, uint64_t size)
{
	uint64_t at = start, end = start + size;

	for (uint32_t i = find_entry(map, start); i < map->count && at < end; i++) {
		if (map->entries[i].start > at || !is_guests(&map->entries[i])) {
			return false;
		}
		at = entry_end(&map->entries[i]);
	}
	return at >= end && end >= start;
}

/* Where a place lies in the free run [start, end), or UINT64_MAX. */
static uint64_t place_in(const struct guest_map_want *want, uint64_t start, uint64_t end)
{
	uint64_t low = max_u64(start, want->low);
	uint64_t address = align_up(low, want->alignment);

	end = min_u64(end, want->high);
	if (address < low || address > end || end - address < want->size) {
		return UINT64_MAX;
	}
	return address;
}

int guest_map_place(struct guest_map *map, const struct guest_map_want *want, uint64_t *address)
{
	uint64_t start = 0, end = 0; /* of the free run, which may be several entries */

	for (uint32_t i = 0; i < map->count; i++) {
		const struct boot_memory *entry = &map->entries[i];

		if (entry->kind != BOOT_MEMORY_USABLE) {
			continue;
		}
		if (entry->start != end) {
			start = entry->start;
		}
		end = entry_end(entry);

		uint64_t found = place_in(want, start, end);

		if (found != UINT64_MAX) {
			*address = found;
			return guest_map_set(map, found, want->size, BOOT_MEMORY_BOOT);
		}
	}
	return -E_NOMEM;
}

bool guest_map_efi_next(const struct guest_map *map, uint32_t *index,
			uint8_t descriptor[GUEST_MAP_EFI_DESCRIPTOR])
{
	const struct boot_memory *entry = &map->entries[*index];

	if (*index >= map->count) {
		return false;
	}
	uint64_t size = 0;

	for (; *index < map->count; (*index)++) {
		const struct boot_memory *next = &map->entries[*index];

		if (next->start != entry->start + size || next->efi_type != entry->efi_type ||
		    next->efi_attribute != entry->efi_attribute) {
			break;
		}
		size += next->size;
	}
	memset(descriptor, 0, GUEST_MAP_EFI_DESCRIPTOR);
	store_u32(descriptor, entry->efi_type);
	store_u64(descriptor + 8, entry->start);
	store_u64(descriptor + 24, size / PAGE_SIZE);
	store_u64(descriptor + 32, entry->efi_attribute);
	return true;
}
