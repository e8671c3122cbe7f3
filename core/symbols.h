/* SPDX-License-Identifier: GPL-2.0-only */
/* The image's own symbol table, made by scripts/link_symbols: names for addresses of its text. */
#pragma once

#include "core/types.h"

struct symbol {
	uint32_t offset; /* from image_start; sorted */
	uint32_t name;   /* offset in symbol_names */
};

extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];

/*
 * The function that an address lies in, and how far in; NULL outside of the text, or when the image
 * has no table. Takes no lock: panic uses it.
 */
const char *symbol_find(uint64_t address, uint64_t *offset);
