/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of the command line, by value. */
#include "core/option.h"

#include "boot/boot_info.h"
#include "core/string.h"

#define VALUE_SIZE 32

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9') {
		return (unsigned)(c - '0');
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : UINT32_MAX;
}

bool option_parse_number(const char *text, uint64_t *value)
{
	unsigned base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
	uint64_t number = 0;

	text += base == 16 ? 2 : 0;
	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		unsigned digit = digit_value(*text);

		if (digit >= base || number > (UINT64_MAX - digit) / base) {
			return false;
		}
		number = number * base + digit;
	}
	*value = number;
	return true;
}

bool option_number(const char *key, uint64_t *value)
{
	char text[VALUE_SIZE];

	return boot_option(boot_info.cmdline, key, text, sizeof(text)) &&
	       option_parse_number(text, value);
}

bool option_is(const char *key, const char *value)
{
	char text[VALUE_SIZE];

	return boot_option(boot_info.cmdline, key, text, sizeof(text)) && strcmp(text, value) == 0;
}
