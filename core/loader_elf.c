/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF executables: headers, segments, notes. The file is not trusted. */
#include "core/loader_elf.h"

#include "core/bytes.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"

#define CLASS_32      1
#define CLASS_64      2
#define LITTLE_ENDIAN 1
#define EXECUTABLE    2
#define SHARED        3
#define HEADER_32     52U
#define HEADER_64     64U
#define SEGMENT_32    32U
#define SEGMENT_64    56U
#define SEGMENTS_MAX  64U
#define NOTE_NAME_MAX 16U

static int refuse(const struct loader_elf *elf, const char *what)
{
	log(LOG_ERROR, "kernel %s: ELF: %s", elf->file->name, what);
	return -E_NOTSUP;
}

static void read_header(struct loader_elf *elf, const uint8_t *header)
{
	elf->machine = load_u16(header + 18);
	if (elf->is_64) {
		elf->entry = load_u64(header + 24);
		elf->segments_offset = load_u64(header + 32);
		elf->segment_size = load_u16(header + 54);
		elf->segment_count = load_u16(header + 56);
	} else {
		elf->entry = load_u32(header + 24);
		elf->segments_offset = load_u32(header + 28);
		elf->segment_size = load_u16(header + 42);
		elf->segment_count = load_u16(header + 44);
	}
}

static int check_header(const struct loader_elf *elf, const uint8_t *header)
{
	uint16_t type = load_u16(header + 16);
	uint64_t table_size = (uint64_t)elf->segment_size * elf->segment_count;

	if (header[5] != LITTLE_ENDIAN || (type != EXECUTABLE && type != SHARED)) {
		return refuse(elf, "it is no little-endian executable");
	}
	if (elf->segment_size < (elf->is_64 ? SEGMENT_64 : SEGMENT_32) || elf->segment_count == 0 ||
	    elf->segment_count > SEGMENTS_MAX) {
		return refuse(elf, "expected 1 to 64 segments of the usual size");
	}
	if (elf->segments_offset > elf->file->size ||
	    table_size > elf->file->size - elf->segments_offset) {
		return refuse(elf, "the file ends before its segment headers");
	}
	return 0;
}

int loader_elf_open(struct loader_elf *elf, const struct loader *loader,
		    const struct loader_file *file)
{
	uint8_t header[HEADER_64];

	*elf = (struct loader_elf){ .loader = loader, .file = file };
	if (loader_read(loader, file, 0, header, HEADER_32) != 0 ||
	    memcmp(header, "\177ELF", 4) != 0) {
		return -E_FORMAT;
	}
	elf->is_64 = header[4] == CLASS_64;
	if (!elf->is_64 && header[4] != CLASS_32) {
		return refuse(elf, "it has neither 32 nor 64 bits");
	}
	if (elf->is_64 && loader_read(loader, file, 0, header, HEADER_64) != 0) {
		return refuse(elf, "the file ends inside of its header");
	}
	read_header(elf, header);
	return check_header(elf, header);
}

int loader_elf_segment(const struct loader_elf *elf, unsigned index, struct loader_segment *segment)
{
	uint8_t bytes[SEGMENT_64] = { 0 };
	int err = loader_read(elf->loader, elf->file,
			      elf->segments_offset + (uint64_t)index * elf->segment_size, bytes,
			      elf->is_64 ? SEGMENT_64 : SEGMENT_32);

	if (err != 0) {
		return err;
	}
	if (elf->is_64) {
		*segment = (struct loader_segment){
			.type = load_u32(bytes),
			.offset = load_u64(bytes + 8),
			.virtual = load_u64(bytes + 16),
			.physical = load_u64(bytes + 24),
			.file_size = load_u64(bytes + 32),
			.memory_size = load_u64(bytes + 40),
		};
	} else {
		*segment = (struct loader_segment){
			.type = load_u32(bytes),
			.offset = load_u32(bytes + 4),
			.virtual = load_u32(bytes + 8),
			.physical = load_u32(bytes + 12),
			.file_size = load_u32(bytes + 16),
			.memory_size = load_u32(bytes + 20),
		};
	}
	return 0;
}

struct note_search {
	const char *name;
	uint32_t type;
	uint64_t *value;
};

/* The note at offset of a segment, if it is the one that is searched for. */
static bool read_note(const struct loader_elf *elf, const struct note_search *search,
		      uint64_t offset, const uint32_t header[3])
{
	char name[NOTE_NAME_MAX] = "";
	uint64_t value_offset = offset + 12 + align_up(header[0], 4);

	if (header[2] != search->type || header[0] != strlen(search->name) + 1 ||
	    header[0] > sizeof(name) || (header[1] != 4 && header[1] != 8)) {
		return false;
	}
	*search->value = 0;
	return loader_read(elf->loader, elf->file, offset + 12, name, header[0]) == 0 &&
	       memcmp(name, search->name, header[0]) == 0 &&
	       loader_read(elf->loader, elf->file, value_offset, search->value, header[1]) == 0;
}

/* Name size, value size, type; then name and value, each padded to 4 bytes. */
static bool find_note(const struct loader_elf *elf, const struct note_search *search,
		      const struct loader_segment *segment)
{
	uint64_t at = 0;
	uint32_t header[3];

	if (segment->offset > elf->file->size ||
	    segment->file_size > elf->file->size - segment->offset) {
		return false;
	}
	while (segment->file_size - at >= sizeof(header)) {
		uint64_t offset = segment->offset + at;

		if (loader_read(elf->loader, elf->file, offset, header, sizeof(header)) != 0) {
			return false;
		}
		if (read_note(elf, search, offset, header)) {
			return true;
		}
		at += sizeof(header) + align_up(header[0], 4) + align_up(header[1], 4);
		if (at > segment->file_size) {
			return false;
		}
	}
	return false;
}

int loader_elf_note(const struct loader_elf *elf, const char *name, uint32_t type, uint64_t *value)
{
	const struct note_search search = { name, type, value };
	struct loader_segment segment;

	for (unsigned i = 0; i < elf->segment_count; i++) {
		int err = loader_elf_segment(elf, i, &segment);

		if (err != 0) {
			return err;
		}
		if (segment.type == LOADER_ELF_NOTE && find_note(elf, &search, &segment)) {
			return 0;
		}
	}
	return -E_NOENT;
}

static bool is_loaded(const struct loader_segment *segment)
{
	return segment->type == LOADER_ELF_LOAD && segment->memory_size != 0;
}

static int take_segment(const struct loader_elf *elf, const struct loader_segment *segment)
{
	uint64_t start = align_down(segment->physical, PAGE_SIZE);
	uint64_t end = align_up(segment->physical + segment->memory_size, PAGE_SIZE);

	if (segment->file_size > segment->memory_size || segment->offset > elf->file->size ||
	    segment->file_size > elf->file->size - segment->offset) {
		return refuse(elf, "a segment is not inside of the file");
	}
	if (segment->physical > UINT64_MAX - segment->memory_size || end <= start ||
	    !guest_map_is_ram(elf->loader->map, start, end - start)) {
		log(LOG_ERROR,
		    "kernel %s: ELF: its segment at %llx, %llu KiB, is not in free memory",
		    elf->file->name, (unsigned long long)segment->physical,
		    (unsigned long long)(segment->memory_size / KIB));
		return -E_NOMEM;
	}
	return guest_map_set(elf->loader->map, start, end - start, BOOT_MEMORY_BOOT);
}

int loader_elf_take(const struct loader_elf *elf)
{
	struct loader_segment segment;
	bool is_any = false;

	for (unsigned i = 0; i < elf->segment_count; i++) {
		int err = loader_elf_segment(elf, i, &segment);

		if (err == 0 && is_loaded(&segment)) {
			is_any = true;
			err = take_segment(elf, &segment);
		}
		if (err != 0) {
			return err;
		}
	}
	if (!is_any) {
		(void)refuse(elf, "it has no segment to load");
		return -E_NOENT;
	}
	return 0;
}

bool loader_elf_overlaps(const struct loader_elf *elf, uint64_t start, uint64_t size)
{
	uint64_t first = align_down(start, PAGE_SIZE), end = align_up(start + size, PAGE_SIZE);
	struct loader_segment segment;

	for (unsigned i = 0; i < elf->segment_count; i++) {
		if (loader_elf_segment(elf, i, &segment) == 0 && is_loaded(&segment) &&
		    align_down(segment.physical, PAGE_SIZE) < end &&
		    segment.physical + segment.memory_size > first) {
			return true;
		}
	}
	return false;
}

static int load_segment(const struct loader_elf *elf, const struct loader_segment *segment)
{
	int err = loader_copy(
		elf->loader, elf->file,
		(struct loader_piece){ segment->offset, segment->file_size, segment->physical });

	return err != 0 ? err
			: loader_zero(elf->loader, segment->physical + segment->file_size,
				      segment->memory_size - segment->file_size);
}

int loader_elf_load(const struct loader_elf *elf)
{
	struct loader_segment segment;

	for (unsigned i = 0; i < elf->segment_count; i++) {
		int err = loader_elf_segment(elf, i, &segment);

		if (err == 0 && is_loaded(&segment)) {
			err = load_segment(elf, &segment);
		}
		if (err != 0) {
			return err;
		}
	}
	return 0;
}

uint64_t loader_elf_physical(const struct loader_elf *elf, uint64_t virtual)
{
	struct loader_segment segment;

	for (unsigned i = 0; i < elf->segment_count; i++) {
		if (loader_elf_segment(elf, i, &segment) == 0 && is_loaded(&segment) &&
		    virtual - segment.virtual < segment.memory_size) {
			return segment.physical + (virtual - segment.virtual);
		}
	}
	return virtual;
}
