/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The values of caisson.conf: slices of its text and how they are read as numbers, sizes, lists and
 * names. Knows nothing of keys and sections; every function returns false where the text is not
 * such a value.
 */
#pragma once

#include "boot/config.h"

/* A part of the file: not zero-ended. */
struct config_text {
	const char *at;
	size_t size;
};

/* Where a mistake is: line 0 stands for a default, which has none. */
struct config_place {
	uint32_t line;
	const char *key;
};

/* Sets "caisson.conf:LINE: KEY: expected EXPECTED, found 'FOUND'", cut to what is printable.
 * -E_INVAL. */
int config_value_refuse(struct config_error *error, struct config_place place, const char *expected,
			struct config_text found);

/* A slice of a zero-ended text. */
struct config_text config_text(const char *text);

/* Without the white space at both ends. */
struct config_text config_text_trim(struct config_text text);

bool config_text_equals(struct config_text text, const char *other);

/* Cuts the first character c and what follows off text into *rest (without c); false where there is
 * no c. */
bool config_text_split(struct config_text *text, char c, struct config_text *rest);

/* Takes the next word off a list separated by commas or white space; false at its end. */
bool config_text_word(struct config_text *list, struct config_text *word);

/* Copies text zero-ended into size bytes; false where it does not fit. */
bool config_value_copy(struct config_text text, char *to, size_t size);

/* A decimal number, or a hexadecimal one after 0x. */
bool config_value_number(struct config_text text, uint64_t *value);

/* A number with an optional K, M or G. */
bool config_value_size(struct config_text text, uint64_t *value);

/* A list such as "0-2,5", or "rest". */
bool config_value_cpus(struct config_text text, struct config_cpus *cpus);

/* A PCI function, "0000:00:05.0" or "00:05.0". */
bool config_value_device(struct config_text text, uint16_t *segment, uint16_t *bdf);

/* "com1,115200", "mmio,0xfe030000,115200", "fb" or "none". */
bool config_value_console(struct config_text text, struct config_console *console);
