/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compiler wants of a C library, and the page tables of start.asm. */
#include "guests/lib/guest.h"

extern uint64_t page_directories[];

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *result = to;

	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	return result;
}

void *memset(void *to, int byte, size_t size)
{
	void *result = to;

	asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
	return result;
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

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length] != 0) {
		length++;
	}
	return length;
}

uint64_t *page_entry(uint64_t address)
{
	return &page_directories[address >> 21];
}
