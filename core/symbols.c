/* SPDX-License-Identifier: GPL-2.0-only */
/* Look-up in the image's symbol table. The table is generated: scripts/link_symbols. */
#include "core/symbols.h"

extern const char image_start[], image_text_end[];

/* Number of the symbols that start at or below that offset. */
static uint32_t symbols_up_to(uint64_t offset)
{
	uint32_t low = 0, high = symbol_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (symbol_table[middle].offset <= offset) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	uint64_t start = (uintptr_t)image_start;
	uint32_t count;

	if (address < start || address >= (uintptr_t)image_text_end) {
		return NULL;
	}
	count = symbols_up_to(address - start);
	if (count == 0) {
		return NULL;
	}
	*offset = address - start - symbol_table[count - 1].offset;
	return symbol_names + symbol_table[count - 1].name;
}
