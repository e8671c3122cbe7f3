/* SPDX-License-Identifier: GPL-2.0-only */
/* Multiboot2 tags into struct boot_info. Every length is the loader's word and checked before use.
 */
#include "boot/multiboot2/tags.h"

#include "core/bits.h"
#include "core/bytes.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"

#define HEADER_SIZE         8U /* of the structure: total size, reserved; of a tag: type, size */
#define FRAMEBUFFER_RGB     1  /* framebuffer type "direct RGB color" */
#define EFI_DESCRIPTOR_SIZE 40U
#define EFI_MEMORY_SP       BIT(18) /* UEFI 7.2: specific-purpose memory */
#define RSDP_OLD_SIZE       20U
#define RSDP_NEW_SIZE       36U

/* UEFI 7.2 EFI_MEMORY_TYPE */
enum efi_type {
	EFI_RESERVED,
	EFI_LOADER_CODE,
	EFI_LOADER_DATA,
	EFI_BOOT_SERVICES_CODE,
	EFI_BOOT_SERVICES_DATA,
	EFI_RUNTIME_CODE,
	EFI_RUNTIME_DATA,
	EFI_CONVENTIONAL,
	EFI_UNUSABLE,
	EFI_ACPI_RECLAIM,
	EFI_ACPI_NVS,
	EFI_MMIO,
	EFI_MMIO_PORTS,
	EFI_PAL_CODE,
	EFI_PERSISTENT,
	EFI_UNACCEPTED,
	EFI_TYPES,
};

/* A tag's bytes, header included. */
struct tag {
	const uint8_t *at;
	uint32_t size;
};

struct parser {
	struct boot_info *info;
	bool has_memory_map;
	bool has_efi_map;
	bool has_boot_services;
};

struct tag_kind {
	const char *name;
	uint32_t least; /* bytes, header included */
	void (*parse)(struct parser *parser, struct tag tag);
};

/* A string that may lack its end, cut to size. */
static void copy_string(char *to, size_t size, const uint8_t *from, size_t from_size)
{
	size_t length = 0;

	while (length < from_size && length < size - 1 && from[length] != 0) {
		to[length] = (char)from[length];
		length++;
	}
	to[length] = 0;
}

static void parse_cmdline(struct parser *parser, struct tag tag)
{
	copy_string(parser->info->cmdline, BOOT_CMDLINE_MAX, tag.at + HEADER_SIZE,
		    tag.size - HEADER_SIZE);
}

static void parse_loader(struct parser *parser, struct tag tag)
{
	copy_string(parser->info->loader, BOOT_NAME_SIZE, tag.at + HEADER_SIZE,
		    tag.size - HEADER_SIZE);
}

/* Splits a module's command line: "vmlinuz quiet" has the name "vmlinuz". */
static void name_module(struct boot_module *module, const uint8_t *text, size_t size)
{
	size_t length = 0;

	while (length < size && text[length] != 0 && text[length] != ' ') {
		length++;
	}
	copy_string(module->name, sizeof(module->name), text, length);
	while (length < size && text[length] == ' ') {
		length++;
	}
	copy_string(module->args, sizeof(module->args), text + length, size - length);
}

static void parse_module(struct parser *parser, struct tag tag)
{
	struct boot_info *info = parser->info;
	uint32_t start = load_u32(tag.at + 8);
	uint32_t end = load_u32(tag.at + 12);

	if (end < start) {
		log(LOG_WARN, "multiboot2: module at %x ends at %x: left out", start, end);
		return;
	}
	if (info->module_count == BOOT_MODULE_MAX) {
		info->module_dropped++;
		return;
	}
	struct boot_module *module = &info->modules[info->module_count++];

	module->start = start;
	module->size = end - start;
	name_module(module, tag.at + 16, tag.size - 16);
}

static void add_memory(struct boot_info *info, struct boot_memory memory)
{
	if (info->memory_count == BOOT_MEMORY_MAX) {
		info->memory_dropped++;
		return;
	}
	info->memory[info->memory_count++] = memory;
}

/* ACPI 6.5 table 15.1 "Address Range Types", which the memory map tag uses. */
static uint32_t kind_of_e820(uint32_t type)
{
	switch (type) {
	case 1:
		return BOOT_MEMORY_USABLE;
	case 3:
		return BOOT_MEMORY_ACPI_RECLAIM;
	case 4:
		return BOOT_MEMORY_ACPI_NVS;
	case 5:
		return BOOT_MEMORY_UNUSABLE;
	case 7:
		return BOOT_MEMORY_PERSISTENT;
	default:
		return BOOT_MEMORY_RESERVED;
	}
}

static void parse_memory_map(struct parser *parser, struct tag tag)
{
	uint32_t entry_size = load_u32(tag.at + 8);

	if (entry_size < 24) {
		log(LOG_WARN, "multiboot2: memory map: entry size %u is too small", entry_size);
		return;
	}
	if (parser->has_efi_map || parser->has_memory_map) {
		return;
	}
	parser->has_memory_map = true;
	for (uint32_t at = 16; tag.size - at >= entry_size; at += entry_size) {
		add_memory(parser->info, (struct boot_memory){
						 .start = load_u64(tag.at + at),
						 .size = load_u64(tag.at + at + 8),
						 .kind = kind_of_e820(load_u32(tag.at + at + 16)),
					 });
	}
}

static uint32_t kind_of_efi(uint32_t type, uint64_t attribute)
{
	static const uint8_t kinds[EFI_TYPES] = {
		[EFI_RESERVED] = BOOT_MEMORY_RESERVED,
		[EFI_LOADER_CODE] = BOOT_MEMORY_BOOT,
		[EFI_LOADER_DATA] = BOOT_MEMORY_BOOT,
		[EFI_BOOT_SERVICES_CODE] = BOOT_MEMORY_BOOT,
		[EFI_BOOT_SERVICES_DATA] = BOOT_MEMORY_BOOT,
		[EFI_RUNTIME_CODE] = BOOT_MEMORY_RUNTIME_CODE,
		[EFI_RUNTIME_DATA] = BOOT_MEMORY_RUNTIME_DATA,
		[EFI_CONVENTIONAL] = BOOT_MEMORY_USABLE,
		[EFI_UNUSABLE] = BOOT_MEMORY_UNUSABLE,
		[EFI_ACPI_RECLAIM] = BOOT_MEMORY_ACPI_RECLAIM,
		[EFI_ACPI_NVS] = BOOT_MEMORY_ACPI_NVS,
		[EFI_MMIO] = BOOT_MEMORY_MMIO,
		[EFI_MMIO_PORTS] = BOOT_MEMORY_MMIO,
		[EFI_PAL_CODE] = BOOT_MEMORY_RESERVED,
		[EFI_PERSISTENT] = BOOT_MEMORY_PERSISTENT,
		[EFI_UNACCEPTED] = BOOT_MEMORY_RESERVED,
	};

	if (type == EFI_CONVENTIONAL && (attribute & EFI_MEMORY_SP) != 0) {
		return BOOT_MEMORY_BOOT;
	}
	return type < EFI_TYPES ? kinds[type] : BOOT_MEMORY_RESERVED;
}

static void add_efi_descriptor(struct boot_info *info, const uint8_t *at)
{
	uint64_t pages = load_u64(at + 24);

	if (pages > UINT64_MAX / PAGE_SIZE) {
		log(LOG_WARN, "multiboot2: EFI map: %llx pages do not exist: entry left out",
		    (unsigned long long)pages);
		return;
	}
	struct boot_memory memory = {
		.start = load_u64(at + 8),
		.size = pages * PAGE_SIZE,
		.efi_attribute = load_u64(at + 32),
		.efi_type = load_u32(at),
	};

	memory.kind = kind_of_efi(memory.efi_type, memory.efi_attribute);
	add_memory(info, memory);
}

/* The EFI map wins over the one that the loader made of it. */
static void parse_efi_map(struct parser *parser, struct tag tag)
{
	struct boot_info *info = parser->info;
	uint32_t entry_size = load_u32(tag.at + 8);

	if (entry_size < EFI_DESCRIPTOR_SIZE) {
		log(LOG_WARN, "multiboot2: EFI map: descriptor size %u is too small", entry_size);
		return;
	}
	if (parser->has_efi_map) {
		return;
	}
	parser->has_efi_map = true;
	info->memory_count = 0;
	info->memory_dropped = 0;
	info->efi_descriptor_size = entry_size;
	info->efi_descriptor_version = load_u32(tag.at + 12);
	for (uint32_t at = 16; tag.size - at >= entry_size; at += entry_size) {
		add_efi_descriptor(info, tag.at + at);
	}
}

static bool is_color_field(const uint8_t *field, uint8_t bits_per_pixel)
{
	return field[0] + field[1] <= bits_per_pixel && field[1] <= 8;
}

static bool is_direct_color(const uint8_t *tag)
{
	uint8_t bits = tag[28];

	return tag[29] == FRAMEBUFFER_RGB && bits <= 32 && is_color_field(tag + 32, bits) &&
	       is_color_field(tag + 34, bits) && is_color_field(tag + 36, bits);
}

/* Text modes and palettes are no console of ours. */
static void parse_framebuffer(struct parser *parser, struct tag tag)
{
	struct boot_framebuffer framebuffer = {
		.address = load_u64(tag.at + 8),
		.pitch = load_u32(tag.at + 16),
		.width = load_u32(tag.at + 20),
		.height = load_u32(tag.at + 24),
		.bits_per_pixel = tag.at[28],
	};

	if (tag.size < 38 || !is_direct_color(tag.at)) {
		return;
	}
	framebuffer.red_shift = tag.at[32];
	framebuffer.red_size = tag.at[33];
	framebuffer.green_shift = tag.at[34];
	framebuffer.green_size = tag.at[35];
	framebuffer.blue_shift = tag.at[36];
	framebuffer.blue_size = tag.at[37];
	if ((uint64_t)framebuffer.width * framebuffer.bits_per_pixel > 8ULL * framebuffer.pitch ||
	    framebuffer.address > UINT64_MAX - (uint64_t)framebuffer.pitch * framebuffer.height) {
		log(LOG_WARN, "multiboot2: framebuffer: a line of %u pixels in %u bytes: left out",
		    framebuffer.width, framebuffer.pitch);
		return;
	}
	parser->info->framebuffer = framebuffer;
}

static void parse_efi64(struct parser *parser, struct tag tag)
{
	parser->info->is_efi = true;
	parser->info->efi_system_table = load_u64(tag.at + 8);
}

static void copy_rsdp(struct boot_info *info, struct tag tag, uint32_t size)
{
	if (info->rsdp_size >= size) {
		return;
	}
	memcpy(info->rsdp, tag.at + HEADER_SIZE, size);
	info->rsdp_size = size;
}

static void parse_rsdp_old(struct parser *parser, struct tag tag)
{
	copy_rsdp(parser->info, tag, RSDP_OLD_SIZE);
}

static void parse_rsdp_new(struct parser *parser, struct tag tag)
{
	copy_rsdp(parser->info, tag, RSDP_NEW_SIZE);
}

static void parse_boot_services(struct parser *parser, struct tag tag)
{
	(void)tag;
	parser->has_boot_services = true;
}

static void parse_load_base(struct parser *parser, struct tag tag)
{
	parser->info->image_start = load_u32(tag.at + 8);
}

/* Multiboot2 2.0, 3.6.2 to 3.6.20; what has no row here is not needed. */
static const struct tag_kind tag_kinds[] = {
	[1] = { "command line", 9, parse_cmdline },
	[2] = { "loader name", 9, parse_loader },
	[3] = { "module", 16, parse_module },
	[6] = { "memory map", 16, parse_memory_map },
	[8] = { "framebuffer", 32, parse_framebuffer },
	[12] = { "EFI system table", 16, parse_efi64 },
	[14] = { "old RSDP", HEADER_SIZE + RSDP_OLD_SIZE, parse_rsdp_old },
	[15] = { "new RSDP", HEADER_SIZE + RSDP_NEW_SIZE, parse_rsdp_new },
	[17] = { "EFI map", 16, parse_efi_map },
	[18] = { "EFI boot services", 8, parse_boot_services },
	[21] = { "load base", 12, parse_load_base },
};

static void parse_tag(struct parser *parser, struct tag tag)
{
	uint32_t type = load_u32(tag.at);

	if (type >= ARRAY_SIZE(tag_kinds) || tag_kinds[type].parse == NULL) {
		return;
	}
	if (tag.size < tag_kinds[type].least) {
		log(LOG_WARN, "multiboot2: %s: length %u is too small: left out",
		    tag_kinds[type].name, tag.size);
		return;
	}
	tag_kinds[type].parse(parser, tag);
}

/* Tags start at multiples of 8 and end with one of type 0. */
static void parse_tags(struct parser *parser, const uint8_t *data, uint32_t total)
{
	uint32_t at = HEADER_SIZE;

	while (total - at >= HEADER_SIZE && load_u32(data + at) != 0) {
		uint32_t size = load_u32(data + at + 4);

		if (size < HEADER_SIZE || size > total - at) {
			log(LOG_WARN, "multiboot2: tag %u: length %u is wrong: rest left out",
			    load_u32(data + at), size);
			return;
		}
		parse_tag(parser, (struct tag){ data + at, size });
		if (align_up(size, 8) > total - at) {
			return;
		}
		at += (uint32_t)align_up(size, 8);
	}
}

int multiboot2_parse(struct boot_info *info, const void *data, size_t size)
{
	struct parser parser = { .info = info };

	if (size < HEADER_SIZE || load_u32(data) < HEADER_SIZE || load_u32(data) > size) {
		log(LOG_ERROR, "multiboot2: the information structure's length is wrong");
		return -E_FORMAT;
	}
	parse_tags(&parser, data, load_u32(data));
	if (parser.has_boot_services) {
		log(LOG_ERROR, "multiboot2: the loader left EFI boot services running");
		return -E_NOTSUP;
	}
	if (info->memory_count == 0) {
		log(LOG_ERROR, "multiboot2: there is no memory map");
		return -E_FORMAT;
	}
	boot_info_normalise(info);
	return 0;
}
