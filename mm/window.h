/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Windows: a few pages of each CPU's private address space through which it reaches memory that the
 * hypervisor does not map. A window is open only inside these functions. Owner CPU only.
 */
#pragma once

#include "core/types.h"

/* Copies physical memory, page by page. The range must be RAM or firmware memory: the caller
 * checked. */
void window_read(hpa_t from, void *to, size_t size);
void window_write(hpa_t to, const void *from, size_t size);
void window_zero(hpa_t start, size_t size);

/* One aligned 64-bit compare-exchange (guest page-table accessed bits); true when it happened. */
bool window_compare_exchange(hpa_t at, uint64_t *expected, uint64_t value);

/*
 * One access of a device's registers, uncached, of 1, 2, 4 or 8 bytes inside of a page. Whose they
 * are is the caller's to check.
 */
uint64_t window_mmio_read(hpa_t at, unsigned size);
void window_mmio_write(hpa_t at, unsigned size, uint64_t value);

/*
 * Opens window 0 or 1 on the page of address and returns a pointer to address. Closed by
 * window_close; not kept over a return to the scheduler.
 */
void *window_open(unsigned window, hpa_t address);
void window_close(unsigned window);

/*
 * An aligned word of memory that is looked at again and again. Prepared once; whose frame it is
 * must be certain at every use.
 */
struct window_word {
	uint64_t entry; /* of the window's page table */
	uint64_t value;
	uint32_t offset; /* in the page */
};

/* Takes the word that holds address, as it is now. */
void window_word_take(struct window_word *word, hpa_t address);

/* True when all are still what they were. */
bool window_words_are_same(const struct window_word *words, unsigned count);
