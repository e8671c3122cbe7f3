/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest's memory map in the form that PCs have had since E820h of interrupt 15h. */
#pragma once

#include "core/guest_map.h"

/* ACPI 6.5, 15.1 "INT 15H, E820H"; types of table 15.1 */
struct guest_e820 {
	uint64_t start;
	uint64_t size;
	uint32_t type;
} __attribute__((packed));
static_assert(sizeof(struct guest_e820) == 20, "address range descriptor");

#define GUEST_E820_USABLE 1

/* Steps through the map, neighbours of a type joined; *index is 0 at first. False at the end. */
bool guest_e820_next(const struct guest_map *map, uint32_t *index, struct guest_e820 *entry);

uint32_t guest_e820_count(const struct guest_map *map);
