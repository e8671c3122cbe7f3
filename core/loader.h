/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What loading a kernel needs of its surroundings, and the small steps that all formats share.
 * Knows neither formats nor how memory is reached.
 */
#pragma once

#include "core/guest_map.h"

/* A file as the boot loader left it in memory. */
struct loader_file {
	uint64_t start;
	uint64_t size;
	const char *name; /* for messages */
	const char *args; /* of a module; may be empty */
};

struct loader {
	void *context;
	/* Reads where files lie. 0 or -E_... */
	int (*read)(void *context, uint64_t address, void *to, size_t size);
	/* Writes the guest's memory. 0 or -E_... */
	int (*write)(void *context, uint64_t address, const void *from, size_t size);
	struct guest_map *map;
	bool in_place; /* files lie in the guest's own memory, at these addresses */
};

/* Reads a part of a file; -E_RANGE where the file is shorter. */
must_check int loader_read(const struct loader *loader, const struct loader_file *file,
			   uint64_t offset, void *to, size_t size);

/* A part of a file and where it goes. */
struct loader_piece {
	uint64_t offset;
	uint64_t size;
	uint64_t to;
};

must_check int loader_copy(const struct loader *loader, const struct loader_file *file,
			   struct loader_piece piece);
must_check int loader_zero(const struct loader *loader, uint64_t address, uint64_t size);

/* Finds size bytes of free memory in [low, high), page-aligned, and zeroes them. */
must_check int loader_place(const struct loader *loader, uint64_t size, uint64_t low, uint64_t high,
			    uint64_t *address);

/*
 * Makes sure that the guest finds a file where it may stay: files that are not in place yet, or
 * whose memory is wanted for something else, are copied and get a new start.
 */
must_check int loader_move(const struct loader *loader, struct loader_file *file, uint64_t low,
			   uint64_t high);

/* Writes one thing after the other; after an error it does nothing more. */
struct loader_stream {
	const struct loader *loader;
	uint64_t at;
	uint64_t end;
	int err;
};

void loader_put(struct loader_stream *stream, const void *from, size_t size);
void loader_put_u32(struct loader_stream *stream, uint32_t value);
void loader_put_u64(struct loader_stream *stream, uint64_t value);

/* The text with its ending zero. Returns where it lies. */
uint64_t loader_put_text(struct loader_stream *stream, const char *text);

/* Zeroes up to a multiple of alignment. */
void loader_put_padding(struct loader_stream *stream, uint64_t alignment);
