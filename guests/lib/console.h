/* SPDX-License-Identifier: GPL-2.0-only */
/* The serial console of a micro-guest: COM1, polled. */
#pragma once

#include <stdarg.h>

void console_init(void);
void console_char(char c);
void console_print(const char *format, va_list args);
