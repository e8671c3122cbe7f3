/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compiler and the tree need of the C library. The host's own serves the unit tests. */
#pragma once

#include "core/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t most);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t most);

/* Copies what fits and always ends the text; returns false where it was cut. size is at least 1. */
bool string_copy(char *to, const char *from, size_t size);
