/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory and text functions. Words at a time; the compiler must not find a memcpy() in memcpy(). */
#include "core/string.h"

/* Any address, any type. */
typedef uint64_t word_t __attribute__((aligned(1), may_alias));

#define WORD sizeof(word_t)

/* Hides a loop's shape from the compiler, which would replace it with a call to itself. */
static inline void keep_loop(void)
{
	__asm__ volatile("" : : : "memory");
}

/* Four words a turn, for pages; larger blocks gain little. */
#define BLOCK (4 * WORD)

static void copy_up(char *to, const char *from, size_t size)
{
	for (; size >= BLOCK; size -= BLOCK, to += BLOCK, from += BLOCK) {
		word_t *out = (word_t *)(void *)to;
		const word_t *in = (const word_t *)(const void *)from;
		word_t a = in[0], b = in[1], c = in[2], d = in[3];

		out[0] = a;
		out[1] = b;
		out[2] = c;
		out[3] = d;
		keep_loop();
	}
	for (; size >= WORD; size -= WORD, to += WORD, from += WORD) {
		*(word_t *)(void *)to = *(const word_t *)(const void *)from;
		keep_loop();
	}
	for (; size > 0; size--) {
		*to++ = *from++;
		keep_loop();
	}
}

static void copy_down(char *to, const char *from, size_t size)
{
	for (; size >= WORD; size -= WORD) {
		*(word_t *)(void *)(to + size - WORD) =
			*(const word_t *)(const void *)(from + size - WORD);
		keep_loop();
	}
	for (; size > 0; size--) {
		to[size - 1] = from[size - 1];
		keep_loop();
	}
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	copy_up(to, from, size);
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to <= (uintptr_t)from) {
		copy_up(to, from, size);
	} else {
		copy_down(to, from, size);
	}
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	word_t word = (uint8_t)byte * (~UINT64_C(0) / 255);
	char *at = to;

	for (; size >= BLOCK; size -= BLOCK, at += BLOCK) {
		word_t *out = (word_t *)(void *)at;

		out[0] = word;
		out[1] = word;
		out[2] = word;
		out[3] = word;
		keep_loop();
	}
	for (; size >= WORD; size -= WORD, at += WORD) {
		*(word_t *)(void *)at = word;
		keep_loop();
	}
	for (; size > 0; size--) {
		*at++ = (char)byte;
		keep_loop();
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a, *right = b;

	for (size_t i = 0; i < size; i++) {
		if (left[i] != right[i]) {
			return left[i] < right[i] ? -1 : 1;
		}
	}
	return 0;
}

size_t strnlen(const char *text, size_t most)
{
	size_t length = 0;

	while (length < most && text[length] != '\0') {
		length++;
		keep_loop();
	}
	return length;
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t most)
{
	for (size_t i = 0; i < most; i++) {
		if (a[i] != b[i]) {
			return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
		}
		if (a[i] == '\0') {
			break;
		}
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

bool string_copy(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
	to[length] = '\0';
	return from[length] == '\0';
}
