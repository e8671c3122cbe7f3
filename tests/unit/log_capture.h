/* SPDX-License-Identifier: GPL-2.0-only */
/* A log for tests of one part: what was logged since log_clear() is text to look for. Defines
 * functions. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/panic.h"
#include "core/string.h"

static char log_text[1 << 16];

static inline void log_clear(void)
{
	log_text[0] = 0;
}

static inline bool log_has(const char *text)
{
	return strstr(log_text, text) != NULL;
}

void log(enum log_level level, const char *format, ...)
{
	size_t used = strlen(log_text);
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	vsnprintf(log_text + used, sizeof(log_text) - used, format, arguments);
	va_end(arguments);
	used = strlen(log_text);
	snprintf(log_text + used, sizeof(log_text) - used, "\n");
}

__attribute__((weak)) int log_format(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(text, size, format, arguments);

	va_end(arguments);
	return length;
}

__attribute__((weak)) bool string_copy(char *to, const char *from, size_t size)
{
	return snprintf(to, size, "%s", from) < (int)size;
}

__attribute__((weak)) noreturn void panic(const char *format, ...)
{
	fprintf(stderr, "panic: %s\n", format);
	abort();
}
