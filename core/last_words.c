/* SPDX-License-Identifier: GPL-2.0-only */
/* The two copies of the last words: finding, checking, printing, writing. */
#include "core/last_words.h"

#include "arch/layout.h"
#include "boot/boot_info.h"
#include "core/control.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/string.h"
#include "mm/hyp_map.h"

#define CRC32_POLYNOMIAL UINT32_C(0xedb88320) /* IEEE 802.3, bits reversed */
#define LINE_SIZE        160

static const uint64_t places[] = { LAYOUT_LAST_WORDS_A, LAYOUT_LAST_WORDS_B };

static struct last_words previous; /* magic 0: there were none */
static bool is_ours[ARRAY_SIZE(places)];
static struct last_words *copies[ARRAY_SIZE(places)]; /* mapped uncached; NULL: not to be used */

static uint32_t crc32(const uint8_t *bytes, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (crc & 1 ? CRC32_POLYNOMIAL : 0);
		}
	}
	return ~crc;
}

static uint32_t checksum(const struct last_words *words)
{
	size_t start = offsetof(struct last_words, cpu);

	return crc32((const uint8_t *)words + start, sizeof(*words) - start);
}

bool last_words_are_valid(const struct last_words *words)
{
	return words->magic == LAST_WORDS_MAGIC && words->text_size <= sizeof(words->text) &&
	       words->checksum == checksum(words);
}

static bool touches(uint64_t place, uint64_t start, uint64_t size)
{
	return start < place + LAST_WORDS_SIZE && place < start + size;
}

/* What the loader brought is still needed. */
static bool place_is_loaded(uint64_t place)
{
	for (uint32_t i = 0; i < boot_info.module_count; i++) {
		if (touches(place, boot_info.modules[i].start, boot_info.modules[i].size)) {
			return true;
		}
	}
	return touches(place, boot_info.image_start, boot_info.image_size);
}

/* All of the place is one range of usable memory that nothing lies in. */
static bool place_is_usable(uint64_t place)
{
	for (uint32_t i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *at = &boot_info.memory[i];

		if (at->kind == BOOT_MEMORY_USABLE && at->start <= place &&
		    at->size >= LAST_WORDS_SIZE &&
		    place - at->start <= at->size - LAST_WORDS_SIZE) {
			return !place_is_loaded(place);
		}
	}
	return false;
}

/* Only what is whole stays in previous. */
static void read_place(unsigned i)
{
	if (previous.magic == LAST_WORDS_MAGIC) {
		return;
	}
	memcpy(&previous, hyp_map_pointer(hpa(places[i])), sizeof(previous));
	if (!last_words_are_valid(&previous)) {
		previous.magic = 0;
	}
}

void last_words_read(void)
{
	previous.magic = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		is_ours[i] = place_is_usable(places[i]) &&
			     control_withhold(places[i], LAST_WORDS_SIZE, "last words") == 0;
		if (is_ours[i]) {
			read_place(i);
		}
	}
}

static void print_text(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t length = 0;

		while (at + length < size && text[at + length] != '\n' && length < LINE_SIZE) {
			length++;
		}
		log(LOG_WARN, "| %.*s", (int)length, text + at);
		at += length;
		at += at < size && text[at] == '\n';
	}
}

bool last_words_were_found(void)
{
	return previous.magic == LAST_WORDS_MAGIC;
}

void last_words_print(void)
{
	if (!last_words_were_found()) {
		return;
	}
	log(LOG_WARN, "last words of the previous boot: panic on CPU %u after %llu ms: %.*s",
	    previous.cpu, (unsigned long long)(previous.time / 1000000), LAST_WORDS_MESSAGE,
	    previous.message);
	print_text(previous.text, previous.text_size);
	log(LOG_WARN, "end of the last words; the present boot goes on");
}

void last_words_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		copies[i] = is_ours[i] ? hyp_map_mmio(hpa(places[i]), LAST_WORDS_SIZE) : NULL;
		if (copies[i] == NULL) {
			log(LOG_WARN, "%#llx is no free memory: a panic leaves no words there",
			    (unsigned long long)places[i]);
			continue;
		}
		memset(copies[i], 0, LAST_WORDS_SIZE);
	}
}

/* The magic goes first out and last in, so that a reset in between leaves no half words. */
static void store(struct last_words *copy, const struct last_words *words)
{
	copy->magic = 0;
	atomic_fence();
	memcpy(&copy->checksum, &words->checksum,
	       sizeof(*words) - offsetof(struct last_words, checksum));
	atomic_fence();
	copy->magic = words->magic;
}

void last_words_write(const char *message)
{
	static struct last_words words;

	words.magic = LAST_WORDS_MAGIC;
	words.cpu = log_cpu();
	words.time = log_time();
	string_copy(words.message, message, sizeof(words.message));
	words.text_size = (uint32_t)log_tail(words.text, sizeof(words.text));
	words.checksum = checksum(&words);
	for (unsigned i = 0; i < ARRAY_SIZE(copies); i++) {
		if (copies[i] != NULL) {
			store(copies[i], &words);
		}
	}
}
