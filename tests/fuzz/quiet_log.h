/* SPDX-License-Identifier: GPL-2.0-only */
/* What a parser needs of the tree under a fuzzer: a log that formats, so that bad arguments show,
 * and drops. Defines functions. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/panic.h"
#include "core/string.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool condition)
{
	if (!condition) {
		__builtin_trap();
	}
}

__attribute__((weak)) void log(enum log_level level, const char *format, ...)
{
	char text[512];
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
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
	(void)format;
	abort();
}
