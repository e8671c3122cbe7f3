/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame database. RAM ranges are sorted, so that a look-up is a binary search. */
#include "mm/frame.h"

#include "core/err.h"
#include "core/lock.h"
#include "core/panic.h"

#define FRAME_RANGES_MAX 1024
#define MMIO_RANGES_MAX  192

struct frame_range {
	uint64_t start, size;
	struct frame *frames;
};

struct mmio_range {
	uint64_t start, size;
	const char *name;
};

/* const after boot: */
static struct frame_range ranges[FRAME_RANGES_MAX];
static uint32_t range_count;
static struct mmio_range mmio_ranges[MMIO_RANGES_MAX];
static uint32_t mmio_count;

uint64_t frame_records_size(uint64_t size)
{
	return size / PAGE_SIZE * sizeof(struct frame);
}

int frame_add(hpa_t start, uint64_t size, struct frame *records)
{
	if (size == 0 || !is_aligned(start.value | size, PAGE_SIZE)) {
		return -E_INVAL;
	}
	if (start.value + size - 1 < start.value) {
		return -E_RANGE;
	}
	if (range_count == FRAME_RANGES_MAX) {
		return -E_NOMEM;
	}
	if (range_count > 0 &&
	    start.value < ranges[range_count - 1].start + ranges[range_count - 1].size) {
		return -E_EXIST;
	}
	ranges[range_count++] = (struct frame_range){ start.value, size, records };
	return 0;
}

/* The range that holds address, or the first one above it; NULL where there is none. */
static const struct frame_range *range_find(uint64_t address)
{
	uint32_t low = 0, high = range_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (address - ranges[middle].start < ranges[middle].size) {
			return &ranges[middle];
		}
		if (address < ranges[middle].start) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return low < range_count ? &ranges[low] : NULL;
}

bool frame_is_ram(hpa_t start, uint64_t size)
{
	const struct frame_range *range = range_find(start.value);

	return range != NULL && (start.value >= range->start || range->start - start.value < size);
}

struct frame *frame_find(hpa_t address)
{
	const struct frame_range *range = range_find(address.value);

	if (range == NULL || address.value < range->start) {
		return NULL;
	}
	return &range->frames[(address.value - range->start) / PAGE_SIZE];
}

static uint64_t word_of(hpa_t address)
{
	const struct frame *frame = frame_find(address);

	return frame != NULL ? atomic_load(&frame->word) : 0;
}

unsigned frame_owner(hpa_t address)
{
	return (unsigned)field_get(FRAME_OWNER, word_of(address));
}

enum frame_state frame_state(hpa_t address)
{
	return (enum frame_state)field_get(FRAME_STATE, word_of(address));
}

/* Replaces *old, or reads it again where another CPU was faster. */
static bool word_replace(struct frame *frame, uint64_t *old, uint64_t new)
{
	return __atomic_compare_exchange_n(&frame->word, old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static uint64_t word_with(uint64_t word, unsigned owner, enum frame_state state)
{
	return (word & ~(FRAME_OWNER | FRAME_STATE)) | field_set(FRAME_OWNER, owner) |
	       field_set(FRAME_STATE, state);
}

int frame_set_owner(hpa_t address, unsigned from, unsigned to, enum frame_state state)
{
	struct frame *frame = frame_find(address);
	uint64_t word;

	if (frame == NULL) {
		return -E_NOENT;
	}
	word = atomic_load(&frame->word);
	do {
		if (field_get(FRAME_OWNER, word) != from) {
			return -E_PERM;
		}
		if (from != to && (word & (FRAME_MAP_COUNT | FRAME_PIN_COUNT)) != 0) {
			return -E_BUSY;
		}
	} while (!word_replace(frame, &word, word_with(word, to, state)));
	return 0;
}

/* The records of a range's next piece, up to the end of its array; an empty one at a hole. */
struct piece {
	struct frame *at, *end;
};

/* Takes the next piece out of [*start, end), and skips what is no RAM. */
static bool next_piece(uint64_t *start, uint64_t end, struct piece *piece)
{
	const struct frame_range *range = *start < end ? range_find(*start) : NULL;

	if (range == NULL || range->start >= end) {
		return false;
	}
	*start = max_u64(*start, range->start);
	piece->at = &range->frames[(*start - range->start) / PAGE_SIZE];
	*start = min_u64(end, range->start + range->size);
	piece->end = &range->frames[(*start - range->start + PAGE_SIZE - 1) / PAGE_SIZE];
	return true;
}

static int give_piece(struct piece piece, unsigned to, enum frame_state state)
{
	for (; piece.at < piece.end; piece.at++) {
		unsigned owner = (unsigned)field_get(FRAME_OWNER, piece.at->word);

		if (owner != FRAME_OWNER_NOBODY && owner != to) {
			return -E_PERM;
		}
		piece.at->word = word_with(piece.at->word, to, state);
	}
	return 0;
}

int frame_set_owner_range(hpa_t start, uint64_t size, unsigned to, enum frame_state state)
{
	uint64_t at = align_down(start.value, PAGE_SIZE), end = start.value + size;
	int err = 0;

	while (at < end && err == 0) {
		struct piece piece;

		if (frame_find(hpa(at)) == NULL || !next_piece(&at, end, &piece)) {
			return -E_NOENT;
		}
		err = give_piece(piece, to, state);
	}
	return err;
}

static void map_get(struct frame *frame)
{
	uint64_t word = atomic_load(&frame->word);

	while ((word & FRAME_MAP_COUNT) != FRAME_MAP_COUNT &&
	       !word_replace(frame, &word, word + field_set(FRAME_MAP_COUNT, 1))) {
	}
}

/* A saturated count has lost its meaning: the frame counts as mapped for ever. */
static void map_put(struct frame *frame)
{
	uint64_t word = atomic_load(&frame->word);

	do {
		if ((word & FRAME_MAP_COUNT) == FRAME_MAP_COUNT) {
			return;
		}
		assert((word & FRAME_MAP_COUNT) != 0);
	} while (!word_replace(frame, &word, word - field_set(FRAME_MAP_COUNT, 1)));
}

static void for_each(hpa_t start, uint64_t size, void (*fn)(struct frame *frame))
{
	uint64_t at = start.value, end = start.value + size;
	struct piece piece;

	while (next_piece(&at, end, &piece)) {
		for (; piece.at < piece.end; piece.at++) {
			fn(piece.at);
		}
	}
}

void frame_map_get(hpa_t start, uint64_t size)
{
	for_each(start, size, map_get);
}

void frame_map_put(hpa_t start, uint64_t size)
{
	for_each(start, size, map_put);
}

int frame_pin(hpa_t address)
{
	struct frame *frame = frame_find(address);
	uint64_t word;

	if (frame == NULL) {
		return -E_NOENT;
	}
	word = atomic_load(&frame->word);
	do {
		if ((word & FRAME_PIN_COUNT) == FRAME_PIN_COUNT) {
			return -E_BUSY;
		}
	} while (!word_replace(frame, &word, word + field_set(FRAME_PIN_COUNT, 1)));
	return 0;
}

void frame_unpin(hpa_t address)
{
	struct frame *frame = frame_find(address);
	uint64_t word;

	assert(frame != NULL);
	word = atomic_load(&frame->word);
	do {
		assert((word & FRAME_PIN_COUNT) != 0);
	} while (!word_replace(frame, &word, word - field_set(FRAME_PIN_COUNT, 1)));
}

int frame_mmio_reserve(hpa_t start, uint64_t size, const char *name)
{
	if (size == 0 || start.value + size - 1 < start.value) {
		return -E_RANGE;
	}
	if (mmio_count == MMIO_RANGES_MAX) {
		return -E_NOMEM;
	}
	mmio_ranges[mmio_count++] = (struct mmio_range){ start.value, size, name };
	return 0;
}

const char *frame_mmio_owner(hpa_t start, uint64_t size)
{
	for (uint32_t i = 0; i < mmio_count; i++) {
		const struct mmio_range *range = &mmio_ranges[i];

		if (start.value < range->start ? range->start - start.value < size
					       : start.value - range->start < range->size) {
			return range->name;
		}
	}
	return NULL;
}
