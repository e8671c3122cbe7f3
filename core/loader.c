/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps of loading: copying out of files, zeroing, finding places, writing in a stream. */
#include "core/loader.h"

#include "core/err.h"
#include "core/string.h"

#define CHUNK_SIZE 1024U /* on the stack */

int loader_read(const struct loader *loader, const struct loader_file *file, uint64_t offset,
		void *to, size_t size)
{
	if (offset > file->size || size > file->size - offset) {
		return -E_RANGE;
	}
	return loader->read(loader->context, file->start + offset, to, size);
}

int loader_copy(const struct loader *loader, const struct loader_file *file,
		struct loader_piece piece)
{
	uint8_t chunk[CHUNK_SIZE];

	for (uint64_t done = 0; done < piece.size;) {
		size_t size = (size_t)min_u64(sizeof(chunk), piece.size - done);
		int err = loader_read(loader, file, piece.offset + done, chunk, size);

		if (err == 0) {
			err = loader->write(loader->context, piece.to + done, chunk, size);
		}
		if (err != 0) {
			return err;
		}
		done += size;
	}
	return 0;
}

int loader_zero(const struct loader *loader, uint64_t address, uint64_t size)
{
	static const uint8_t zeroes[CHUNK_SIZE];

	for (uint64_t done = 0; done < size;) {
		size_t part = (size_t)min_u64(sizeof(zeroes), size - done);
		int err = loader->write(loader->context, address + done, zeroes, part);

		if (err != 0) {
			return err;
		}
		done += part;
	}
	return 0;
}

int loader_place(const struct loader *loader, uint64_t size, uint64_t low, uint64_t high,
		 uint64_t *address)
{
	const struct guest_map_want want = {
		.size = align_up(max_u64(size, 1), PAGE_SIZE),
		.alignment = PAGE_SIZE,
		.low = low,
		.high = high,
	};
	int err = guest_map_place(loader->map, &want, address);

	return err != 0 ? err : loader_zero(loader, *address, want.size);
}

int loader_move(const struct loader *loader, struct loader_file *file, uint64_t low, uint64_t high)
{
	uint64_t address;
	int err;

	if (file->size == 0) {
		return 0;
	}
	err = loader_place(loader, file->size, low, high, &address);
	if (err == 0) {
		err = loader_copy(loader, file, (struct loader_piece){ 0, file->size, address });
	}
	if (err == 0) {
		file->start = address;
	}
	return err;
}

void loader_put(struct loader_stream *stream, const void *from, size_t size)
{
	if (stream->err != 0) {
		return;
	}
	if (size > stream->end - stream->at) {
		stream->err = -E_NOMEM;
		return;
	}
	stream->err = stream->loader->write(stream->loader->context, stream->at, from, size);
	stream->at += size;
}

void loader_put_u32(struct loader_stream *stream, uint32_t value)
{
	loader_put(stream, &value, sizeof(value));
}

void loader_put_u64(struct loader_stream *stream, uint64_t value)
{
	loader_put(stream, &value, sizeof(value));
}

uint64_t loader_put_text(struct loader_stream *stream, const char *text)
{
	uint64_t at = stream->at;

	loader_put(stream, text, strlen(text) + 1);
	return at;
}

void loader_put_padding(struct loader_stream *stream, uint64_t alignment)
{
	static const uint8_t zero;

	while (stream->err == 0 && !is_aligned(stream->at, alignment)) {
		loader_put(stream, &zero, 1);
	}
}
