/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Last words: what a panic leaves in memory that a warm reset keeps, for the next boot to print.
 * Two copies in fixed places (LAYOUT_LAST_WORDS_A and _B), each with a checksum: firmware and
 * loaders use memory as they like, and a copy may be half written. Boot CPU, but for the write.
 */
#pragma once

#include "core/types.h"

#define LAST_WORDS_SIZE    (4 * KIB) /* of one copy */
#define LAST_WORDS_MESSAGE 256

struct last_words {
	uint64_t magic;
#define LAST_WORDS_MAGIC UINT64_C(0x73647257206c7374) /* "tsl Wrds" */
	uint32_t checksum;                            /* CRC-32 of what follows */
	uint32_t cpu;
	uint64_t time; /* nanoseconds since that boot */
	uint32_t text_size;
	char message[LAST_WORDS_MESSAGE];
	char text[LAST_WORDS_SIZE - LAST_WORDS_MESSAGE - 28]; /* the log's end, with registers and
								 backtrace */
};
static_assert(sizeof(struct last_words) == LAST_WORDS_SIZE, "last words");

/* A whole copy, not torn or overwritten? */
bool last_words_are_valid(const struct last_words *words);

/*
 * Looks for the words of the previous boot, in the places that are usable memory of this machine,
 * keeps them, and withholds the places from everybody. Before anything else is done with memory, on
 * the boot path's tables.
 */
void last_words_read(void);

/* Logs what was found, if any. */
void last_words_print(void);
bool last_words_were_found(void);

/*
 * Maps the places uncached (a reset may lose what is only in a cache) and erases them. After
 * hyp_map_init(), before there are frame records.
 */
void last_words_init(void);

/* Leaves words for the next boot. From panic(): takes no lock but the log's. */
void last_words_write(const char *message);
