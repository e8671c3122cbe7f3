/* SPDX-License-Identifier: GPL-2.0-only */
/* Multiboot2: header tags, information tags, entry. */
#include "arch/multiboot2_boot.h"

#include "arch/guest_e820.h"
#include "core/bytes.h"
#include "core/err.h"
#include "core/loader_elf.h"
#include "core/string.h"

/* Multiboot2 2.0, 3.1 "OS image format" */
#define HEADER_MAGIC        0xe85250d6U
#define HEADER_LIMIT        32768U
#define HEADER_SIZE         16U
#define ARCHITECTURE_I386   0U
#define TAG_OPTIONAL        1U
#define TAG_HEADER          8U
#define HEADER_TAG_END      0U
#define HEADER_TAG_ENTRY    3U
#define HEADER_TAG_SERVICES 7U /* keep EFI boot services: they are gone */
#define HEADER_TAG_LAST     10U

/* 3.3 "I386 machine state", 3.6 "Boot information format" */
#define BOOT_MAGIC      0x36d76289U
#define TAG_END         0U
#define TAG_CMDLINE     1U
#define TAG_LOADER      2U
#define TAG_MODULE      3U
#define TAG_MEMORY_MAP  6U
#define TAG_FRAMEBUFFER 8U
#define TAG_EFI64       12U
#define TAG_NEW_RSDP    15U
#define TAG_EFI_MAP     17U
#define MEMORY_SIZE     24U
#define FRAMEBUFFER_RGB 1U
#define FIXED_TAGS      256U /* at most, of the tags that are neither text nor list */
#define LOADER_NAME     "Caisson"

static bool find_header(const struct loader *loader, const struct loader_file *file,
			struct guest_kernel_found *found)
{
	static const struct guest_kernel_magic magic = { HEADER_MAGIC, 8, HEADER_LIMIT, 4 };

	return guest_kernel_find(loader, file, &magic, found) &&
	       found->words[1] == ARCHITECTURE_I386;
}

bool multiboot2_boot_is(const struct loader *loader, const struct loader_file *file)
{
	struct guest_kernel_found found;

	return find_header(loader, file, &found);
}

static int read_tag(const struct guest_kernel_elf *load, uint64_t offset, uint8_t tag[12])
{
	const struct loader_file *file = &load->kernel->kernel;
	int err = loader_read(load->loader, file, offset, tag, TAG_HEADER);

	if (err == 0 && load_u16(tag) == HEADER_TAG_ENTRY && load_u32(tag + 4) >= 12) {
		err = loader_read(load->loader, file, offset, tag, 12);
	}
	return err;
}

static bool is_tag_known(const uint8_t *tag)
{
	uint16_t type = load_u16(tag);

	return (load_u16(tag + 2) & TAG_OPTIONAL) != 0 ||
	       (type <= HEADER_TAG_LAST && type != HEADER_TAG_SERVICES);
}

/* Looks for what we can not do, and for an entry other than the ELF's. */
static int check_tags(const struct guest_kernel_elf *load, const struct guest_kernel_found *header)
{
	uint64_t at = header->offset + HEADER_SIZE;
	uint64_t end = header->offset + header->words[2];
	uint8_t tag[12] = { 0 };

	while (at + TAG_HEADER <= end) {
		if (read_tag(load, at, tag) != 0 || load_u32(tag + 4) < TAG_HEADER) {
			break;
		}
		if (load_u16(tag) == HEADER_TAG_END) {
			return 0;
		}
		if (!is_tag_known(tag)) {
			return guest_kernel_refuse(load->kernel,
						   "multiboot2: it requires what is not known",
						   -E_NOTSUP);
		}
		if (load_u16(tag) == HEADER_TAG_ENTRY) {
			load->entry->rip = load_u32(tag + 8);
		}
		at += align_up(load_u32(tag + 4), 8);
	}
	return guest_kernel_refuse(load->kernel, "multiboot2: its header has no end", -E_NOTSUP);
}

static void put_tag(struct loader_stream *stream, uint32_t type, uint64_t size)
{
	loader_put_padding(stream, 8);
	loader_put_u32(stream, type);
	loader_put_u32(stream, TAG_HEADER + (uint32_t)size);
}

static void put_text_tag(struct loader_stream *stream, uint32_t type, const char *text)
{
	put_tag(stream, type, strlen(text) + 1);
	(void)loader_put_text(stream, text);
}

static void put_module(struct loader_stream *stream, const struct loader_file *module)
{
	size_t args = strlen(module->args);

	put_tag(stream, TAG_MODULE, 8 + strlen(module->name) + (args == 0 ? 0 : args + 1) + 1);
	loader_put_u32(stream, (uint32_t)module->start);
	loader_put_u32(stream, (uint32_t)(module->start + module->size));
	(void)guest_kernel_put_module_text(stream, module);
}

static void put_memory_map(struct loader_stream *stream)
{
	const struct guest_map *map = stream->loader->map;
	struct guest_e820 entry;
	uint32_t index = 0;

	put_tag(stream, TAG_MEMORY_MAP, 8 + (uint64_t)guest_e820_count(map) * MEMORY_SIZE);
	loader_put_u32(stream, MEMORY_SIZE);
	loader_put_u32(stream, 0);
	while (guest_e820_next(map, &index, &entry)) {
		loader_put(stream, &entry, sizeof(entry));
		loader_put_u32(stream, 0);
	}
}

static uint32_t efi_descriptor_count(const struct guest_map *map)
{
	uint8_t descriptor[GUEST_MAP_EFI_DESCRIPTOR];
	uint32_t index = 0, count = 0;

	while (guest_map_efi_next(map, &index, descriptor)) {
		count++;
	}
	return count;
}

static void put_efi(struct loader_stream *stream, const struct guest_kernel *kernel)
{
	uint32_t step = guest_kernel_efi_step(kernel);

	if (kernel->efi_system_table == 0) {
		return;
	}
	put_tag(stream, TAG_EFI64, 8);
	loader_put_u64(stream, kernel->efi_system_table);
	put_tag(stream, TAG_EFI_MAP,
		8 + (uint64_t)efi_descriptor_count(stream->loader->map) * step);
	loader_put_u32(stream, step);
	loader_put_u32(stream, kernel->efi_descriptor_version);
	guest_kernel_put_efi_map(stream, kernel);
}

static void put_framebuffer(struct loader_stream *stream, const struct boot_framebuffer *screen)
{
	const uint8_t tail[] = { screen->bits_per_pixel,
				 FRAMEBUFFER_RGB,
				 0,
				 0,
				 screen->red_shift,
				 screen->red_size,
				 screen->green_shift,
				 screen->green_size,
				 screen->blue_shift,
				 screen->blue_size };

	if (screen->address == 0) {
		return;
	}
	put_tag(stream, TAG_FRAMEBUFFER, 20 + sizeof(tail));
	loader_put_u64(stream, screen->address);
	loader_put_u32(stream, screen->pitch);
	loader_put_u32(stream, screen->width);
	loader_put_u32(stream, screen->height);
	loader_put(stream, tail, sizeof(tail));
}

static void put_rsdp(struct loader_stream *stream, const struct guest_kernel *kernel)
{
	if (kernel->rsdp != 0) {
		put_tag(stream, TAG_NEW_RSDP, sizeof(kernel->rsdp_bytes));
		loader_put(stream, kernel->rsdp_bytes, sizeof(kernel->rsdp_bytes));
	}
}

static void put_tags(struct loader_stream *stream, const struct guest_kernel *kernel)
{
	put_text_tag(stream, TAG_CMDLINE, kernel->cmdline);
	put_text_tag(stream, TAG_LOADER, LOADER_NAME);
	for (uint32_t i = 0; i < kernel->module_count; i++) {
		put_module(stream, &kernel->modules[i]);
	}
	put_memory_map(stream);
	put_efi(stream, kernel);
	put_framebuffer(stream, &kernel->framebuffer);
	put_rsdp(stream, kernel);
	put_tag(stream, TAG_END, 0);
}

/* The maps are written when everything has its place, their own included. */
static uint64_t information_most(const struct guest_kernel_elf *load)
{
	const struct guest_kernel *kernel = load->kernel;
	uint64_t entries = load->loader->map->count + 2ULL;

	return FIXED_TAGS + guest_kernel_text_size(kernel) + 32ULL * kernel->module_count +
	       entries * (MEMORY_SIZE + guest_kernel_efi_step(kernel));
}

static int write_information(const struct guest_kernel_elf *load, uint64_t *address)
{
	uint64_t most = information_most(load);
	int err = loader_place(load->loader, most, GUEST_KERNEL_LOW, GUEST_KERNEL_HIGH, address);
	struct loader_stream stream = { load->loader, *address + 8, *address + most, err };

	put_tags(&stream, load->kernel);

	/* The size comes first and is known last. */
	struct loader_stream head = { load->loader, *address, *address + 8, stream.err };

	loader_put_u32(&head, (uint32_t)(stream.at - *address));
	return head.err;
}

int multiboot2_boot_load(const struct guest_kernel_elf *load)
{
	struct guest_kernel_found header;
	int err;

	if (!find_header(load->loader, &load->kernel->kernel, &header)) {
		return -E_FORMAT;
	}
	load->entry->rip = (uint32_t)loader_elf_physical(load->elf, load->elf->entry);
	err = check_tags(load, &header);
	err = err != 0 ? err : guest_kernel_load_segments(load);
	err = err != 0 ? err : write_information(load, &load->entry->rbx);
	if (err != 0) {
		return guest_kernel_refuse(load->kernel, "multiboot2: it can not be loaded", err);
	}
	load->entry->rax = BOOT_MAGIC;
	return 0;
}
