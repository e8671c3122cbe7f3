/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF executables of 32 and 64 bits, little-endian, loaded by their physical addresses. */
#pragma once

#include "core/loader.h"

#define LOADER_ELF_LOAD 1 /* segment types: ELF "Program Header" */
#define LOADER_ELF_NOTE 4

struct loader_elf {
	const struct loader *loader;
	const struct loader_file *file; /* may be moved between the calls */
	bool is_64;
	uint16_t machine;
	uint64_t entry; /* virtual */
	uint64_t segments_offset;
	uint16_t segment_size;
	uint16_t segment_count;
};

struct loader_segment {
	uint32_t type;
	uint64_t offset;
	uint64_t file_size;
	uint64_t virtual;
	uint64_t physical;
	uint64_t memory_size;
};

/* 0; -E_FORMAT where the file is no ELF; -E_NOTSUP where it is another kind of one (logged). */
must_check int loader_elf_open(struct loader_elf *elf, const struct loader *loader,
			       const struct loader_file *file);

must_check int loader_elf_segment(const struct loader_elf *elf, unsigned index,
				  struct loader_segment *segment);

/* The 32- or 64-bit value of a note, or -E_NOENT. */
must_check int loader_elf_note(const struct loader_elf *elf, const char *name, uint32_t type,
			       uint64_t *value);

/*
 * Takes the memory of all segments in the guest's map: BOOT from then on. -E_NOMEM where a part of
 * it is not the guest's (logged), -E_NOENT where there is nothing to load.
 */
must_check int loader_elf_take(const struct loader_elf *elf);

/* Whether any segment's memory and the range have a page in common. */
bool loader_elf_overlaps(const struct loader_elf *elf, uint64_t start, uint64_t size);

/* Copies the segments, whose memory is taken and clear of the file. */
must_check int loader_elf_load(const struct loader_elf *elf);

/* The physical address of a virtual one; itself where no segment has it. */
uint64_t loader_elf_physical(const struct loader_elf *elf, uint64_t virtual);
