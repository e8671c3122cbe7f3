/* SPDX-License-Identifier: GPL-2.0-only */
/* The boot information's one instance, the order of its memory map, and look-ups in it. */
#include "boot/boot_info.h"

#include "core/string.h"

struct boot_info boot_info;

/* How much a kind forbids: where ranges overlap, the higher one is believed. */
static unsigned memory_rank(const struct boot_memory *memory)
{
	static const uint8_t ranks[BOOT_MEMORY_KINDS] = {
		[BOOT_MEMORY_USABLE] = 0,       [BOOT_MEMORY_BOOT] = 1,
		[BOOT_MEMORY_ACPI_RECLAIM] = 2, [BOOT_MEMORY_PERSISTENT] = 3,
		[BOOT_MEMORY_RESERVED] = 4,     [BOOT_MEMORY_ACPI_NVS] = 5,
		[BOOT_MEMORY_RUNTIME_CODE] = 6, [BOOT_MEMORY_RUNTIME_DATA] = 7,
		[BOOT_MEMORY_MMIO] = 8,         [BOOT_MEMORY_UNUSABLE] = 9,
	};

	return memory->kind < BOOT_MEMORY_KINDS ? ranks[memory->kind] : 9;
}

static uint64_t memory_end(const struct boot_memory *memory)
{
	return memory->start + memory->size;
}

/* Whether a stands before b: by start, then the one that wins an overlap. */
static bool is_before(const struct boot_memory *a, const struct boot_memory *b)
{
	if (a->start != b->start) {
		return a->start < b->start;
	}
	return memory_rank(a) > memory_rank(b);
}

static void remove_entry(struct boot_info *info, uint32_t index)
{
	info->memory_count--;
	memmove(&info->memory[index], &info->memory[index + 1],
		(info->memory_count - index) * sizeof(info->memory[0]));
}

/* Moves the entry at index to its place among those above it, which are sorted. */
static void sift_up(struct boot_info *info, uint32_t index)
{
	struct boot_memory moved = info->memory[index];

	while (index + 1 < info->memory_count && is_before(&info->memory[index + 1], &moved)) {
		info->memory[index] = info->memory[index + 1];
		index++;
	}
	info->memory[index] = moved;
}

/* Puts a piece in behind index. Without room it is dropped: what the map lacks, nobody uses. */
static void insert_piece(struct boot_info *info, uint32_t index, struct boot_memory piece)
{
	if (info->memory_count == BOOT_MEMORY_MAX) {
		info->memory_dropped++;
		return;
	}
	memmove(&info->memory[index + 2], &info->memory[index + 1],
		(info->memory_count - index - 1) * sizeof(info->memory[0]));
	info->memory[index + 1] = piece;
	info->memory_count++;
	sift_up(info, index + 1);
}

static void drop_empty(struct boot_info *info)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < info->memory_count; i++) {
		const struct boot_memory *memory = &info->memory[i];

		if (memory->size != 0 && memory_end(memory) > memory->start) {
			info->memory[kept++] = *memory;
		}
	}
	info->memory_count = kept;
}

static void sort(struct boot_info *info)
{
	for (uint32_t i = info->memory_count; i-- > 0;) {
		sift_up(info, i);
	}
}

/*
 * Cuts the overlap of an entry and the one behind it, of which the first starts lower, or at the
 * same address and wins. One of the two gets smaller each time, so that the caller's loop ends.
 */
static void cut_overlap(struct boot_info *info, uint32_t index)
{
	struct boot_memory *low = &info->memory[index];
	struct boot_memory *high = low + 1;
	uint64_t low_end = memory_end(low);
	uint64_t high_end = memory_end(high);

	if (memory_rank(low) >= memory_rank(high)) {
		if (high_end <= low_end) {
			remove_entry(info, index + 1);
			return;
		}
		high->start = low_end;
		high->size = high_end - low_end;
		sift_up(info, index + 1);
		return;
	}
	struct boot_memory tail = *low;

	low->size = high->start - low->start;
	if (low_end > high_end) {
		tail.start = high_end;
		tail.size = low_end - high_end;
		insert_piece(info, index + 1, tail);
	}
}

static bool can_join(const struct boot_memory *a, const struct boot_memory *b)
{
	return memory_end(a) == b->start && a->kind == b->kind && a->efi_type == b->efi_type &&
	       a->efi_attribute == b->efi_attribute;
}

static void join_neighbours(struct boot_info *info)
{
	uint32_t last = 0;

	for (uint32_t i = 1; i < info->memory_count; i++) {
		if (can_join(&info->memory[last], &info->memory[i])) {
			info->memory[last].size += info->memory[i].size;
		} else {
			info->memory[++last] = info->memory[i];
		}
	}
	if (info->memory_count != 0) {
		info->memory_count = last + 1;
	}
}

void boot_info_normalise(struct boot_info *info)
{
	drop_empty(info);
	sort(info);
	for (uint32_t i = 0; i + 1 < info->memory_count;) {
		if (memory_end(&info->memory[i]) > info->memory[i + 1].start) {
			cut_overlap(info, i);
		} else {
			i++;
		}
	}
	join_neighbours(info);
}

const struct boot_module *boot_info_module(const struct boot_info *info, const char *name)
{
	for (uint32_t i = 0; i < info->module_count; i++) {
		if (strcmp(info->modules[i].name, name) == 0) {
			return &info->modules[i];
		}
	}
	return NULL;
}

static size_t word_length(const char *text)
{
	size_t length = 0;

	while (text[length] != 0 && text[length] != ' ') {
		length++;
	}
	return length;
}

static void copy_cut(char *to, size_t size, const char *from, size_t length)
{
	if (length > size - 1) {
		length = size - 1;
	}
	memcpy(to, from, length);
	to[length] = 0;
}

bool boot_option(const char *cmdline, const char *key, char *value, size_t size)
{
	size_t key_length = strlen(key);

	for (size_t length; (length = word_length(cmdline)) != 0 || *cmdline == ' ';
	     cmdline += length + (cmdline[length] == ' ')) {
		if (length < key_length || memcmp(cmdline, key, key_length) != 0) {
			continue;
		}
		if (length == key_length) {
			value[0] = 0;
			return true;
		}
		if (cmdline[key_length] == '=') {
			copy_cut(value, size, cmdline + key_length + 1, length - key_length - 1);
			return true;
		}
	}
	return false;
}
