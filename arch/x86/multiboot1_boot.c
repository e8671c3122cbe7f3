/* SPDX-License-Identifier: GPL-2.0-only */
/* Multiboot 1: header, information structure, entry. */
#include "arch/multiboot1_boot.h"

#include "arch/guest_e820.h"
#include "core/bits.h"
#include "core/err.h"
#include "core/loader_elf.h"
#include "core/string.h"

/* Multiboot 0.6.96, 3.1 "OS image format" */
#define HEADER_MAGIC   0x1badb002U
#define HEADER_LIMIT   8192U
#define FLAGS_REQUIRED BITS(15, 0)
#define FLAGS_KNOWN    BITS(2, 0) /* aligned modules, memory, a video mode (which none is set for) */

/* 3.2 "Machine state", 3.3 "Boot information format" */
#define BOOT_MAGIC      0x2badb002U
#define INFO_SIZE       120U
#define INFO_MEMORY     BIT(0)
#define INFO_CMDLINE    BIT(2)
#define INFO_MODULES    BIT(3)
#define INFO_MEMORY_MAP BIT(6)
#define INFO_LOADER     BIT(9)
#define MODULE_SIZE     16U
#define MEMORY_SIZE     24U
#define LOADER_NAME     "Caisson"

/* Where the parts lie, in one place: information, modules, memory map, texts. */
struct layout {
	uint64_t info;
	uint64_t modules;
	uint64_t memory;
	uint64_t texts;
	uint64_t end;
};

static bool find_header(const struct loader *loader, const struct loader_file *file,
			struct guest_kernel_found *found)
{
	static const struct guest_kernel_magic magic = { HEADER_MAGIC, 4, HEADER_LIMIT, 3 };

	return guest_kernel_find(loader, file, &magic, found);
}

bool multiboot1_boot_is(const struct loader *loader, const struct loader_file *file)
{
	struct guest_kernel_found found;

	return find_header(loader, file, &found);
}

static int place(const struct guest_kernel_elf *load, struct layout *layout)
{
	uint64_t modules_size = MODULE_SIZE * (uint64_t)load->kernel->module_count;
	uint64_t memory_size = MEMORY_SIZE * (uint64_t)guest_e820_count(load->loader->map);
	uint64_t size = INFO_SIZE + modules_size + memory_size +
			guest_kernel_text_size(load->kernel) + sizeof(LOADER_NAME);
	int err = loader_place(load->loader, size, GUEST_KERNEL_LOW, GUEST_KERNEL_HIGH,
			       &layout->info);

	layout->modules = layout->info + INFO_SIZE;
	layout->memory = layout->modules + modules_size;
	layout->texts = layout->memory + memory_size;
	layout->end = layout->info + size;
	return err;
}

/* KiB from address up to the first hole, or most. */
static uint32_t free_kib(const struct guest_map *map, uint64_t address, uint64_t most)
{
	struct guest_e820 entry;
	uint32_t index = 0;

	while (guest_e820_next(map, &index, &entry)) {
		if (entry.type == GUEST_E820_USABLE && entry.start <= address &&
		    address - entry.start < entry.size) {
			return (uint32_t)min_u64((entry.size - (address - entry.start)) / KIB,
						 most);
		}
	}
	return 0;
}

static void put_info(struct loader_stream *stream, const struct guest_kernel *kernel,
		     const struct layout *layout)
{
	const struct guest_map *map = stream->loader->map;
	uint64_t loader_name = layout->texts + strlen(kernel->cmdline) + 1;

	loader_put_u32(stream,
		       INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER);
	loader_put_u32(stream, free_kib(map, 0, 640));
	loader_put_u32(stream, free_kib(map, MIB, UINT32_MAX));
	loader_put_u32(stream, 0); /* boot device */
	loader_put_u32(stream, (uint32_t)layout->texts);
	loader_put_u32(stream, kernel->module_count);
	loader_put_u32(stream, (uint32_t)layout->modules);
	loader_put_u64(stream, 0); /* symbols, 16 bytes */
	loader_put_u64(stream, 0);
	loader_put_u32(stream, (uint32_t)(layout->texts - layout->memory));
	loader_put_u32(stream, (uint32_t)layout->memory);
	loader_put_u64(stream, 0); /* drives */
	loader_put_u32(stream, 0); /* configuration table */
	loader_put_u32(stream, (uint32_t)loader_name);
}

static void put_module(struct loader_stream *stream, const struct loader_file *module,
		       uint64_t text)
{
	loader_put_u32(stream, (uint32_t)module->start);
	loader_put_u32(stream, (uint32_t)(module->start + module->size));
	loader_put_u32(stream, (uint32_t)text);
	loader_put_u32(stream, 0);
}

/* An entry's first word is the size of what follows. */
static void put_memory(struct loader_stream *stream)
{
	struct guest_e820 entry;
	uint32_t index = 0;

	while (guest_e820_next(stream->loader->map, &index, &entry)) {
		loader_put_u32(stream, sizeof(entry));
		loader_put(stream, &entry, sizeof(entry));
	}
}

static int write_info(const struct guest_kernel_elf *load, const struct layout *layout)
{
	const struct guest_kernel *kernel = load->kernel;
	struct loader_stream info = { load->loader, layout->info, layout->modules, 0 };
	struct loader_stream lists = { load->loader, layout->modules, layout->texts, 0 };
	struct loader_stream texts = { load->loader, layout->texts, layout->end, 0 };

	put_info(&info, kernel, layout);
	(void)loader_put_text(&texts, kernel->cmdline);
	(void)loader_put_text(&texts, LOADER_NAME);
	for (uint32_t i = 0; i < kernel->module_count; i++) {
		put_module(&lists, &kernel->modules[i],
			   guest_kernel_put_module_text(&texts, &kernel->modules[i]));
	}
	put_memory(&lists);
	if (info.err != 0) {
		return info.err;
	}
	return lists.err != 0 ? lists.err : texts.err;
}

int multiboot1_boot_load(const struct guest_kernel_elf *load)
{
	struct layout layout = { 0 };
	struct guest_kernel_found header;
	int err;

	if (!find_header(load->loader, &load->kernel->kernel, &header)) {
		return -E_FORMAT;
	}
	if ((header.words[1] & FLAGS_REQUIRED & ~FLAGS_KNOWN) != 0) {
		return guest_kernel_refuse(load->kernel, "multiboot: it requires what is not known",
					   -E_NOTSUP);
	}
	err = guest_kernel_load_segments(load);
	err = err != 0 ? err : place(load, &layout);
	err = err != 0 ? err : write_info(load, &layout);
	if (err != 0) {
		return guest_kernel_refuse(load->kernel, "multiboot: it can not be loaded", err);
	}
	load->entry->rip = (uint32_t)loader_elf_physical(load->elf, load->elf->entry);
	load->entry->rax = BOOT_MAGIC;
	load->entry->rbx = layout.info;
	return 0;
}
