/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of the hypervisor's own command line: key and key=value words. boot_option() finds them.
 */
#pragma once

#include "core/types.h"

/* The number behind key=, decimal or 0x hexadecimal; false where the key or a whole number is
 * missing. */
bool option_number(const char *key, uint64_t *value);

/* Is key=value there, word for word? */
bool option_is(const char *key, const char *value);

/* A whole number as option_number() reads it. */
bool option_parse_number(const char *text, uint64_t *value);
