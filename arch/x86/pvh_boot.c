/* SPDX-License-Identifier: GPL-2.0-only */
/* PVH: start info, module list, memory map, entry. */
#include "arch/pvh_boot.h"

#include "arch/guest_e820.h"
#include "core/err.h"
#include "core/loader_elf.h"
#include "core/log.h"
#include "core/string.h"

#define NOTE_NAME        "Xen"
#define NOTE_ENTRY       18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define START_INFO_MAGIC 0x336ec578U
#define START_INFO_V1    1U
#define START_INFO_SIZE  56U
#define MODULE_SIZE      32U
#define MEMORY_SIZE      24U

/* Where the parts lie, in one place: start info, modules, memory map, texts. */
struct layout {
	uint64_t start;
	uint64_t modules;
	uint64_t memory;
	uint64_t texts;
	uint64_t end;
	uint32_t memory_count;
};

static int place(const struct guest_kernel_elf *load, struct layout *layout)
{
	const struct guest_kernel *kernel = load->kernel;
	uint64_t modules_size = MODULE_SIZE * (uint64_t)kernel->module_count;

	layout->memory_count = guest_e820_count(load->loader->map);

	uint64_t memory_size = MEMORY_SIZE * (uint64_t)layout->memory_count;
	uint64_t size =
		START_INFO_SIZE + modules_size + memory_size + guest_kernel_text_size(kernel);
	int err = loader_place(load->loader, size, GUEST_KERNEL_LOW, GUEST_KERNEL_HIGH,
			       &layout->start);

	layout->modules = layout->start + START_INFO_SIZE;
	layout->memory = layout->modules + modules_size;
	layout->texts = layout->memory + memory_size;
	layout->end = layout->start + size;
	return err;
}

static void put_start_info(struct loader_stream *stream, const struct guest_kernel *kernel,
			   const struct layout *layout)
{
	loader_put_u32(stream, START_INFO_MAGIC);
	loader_put_u32(stream, START_INFO_V1);
	loader_put_u32(stream, 0); /* flags */
	loader_put_u32(stream, kernel->module_count);
	loader_put_u64(stream, kernel->module_count == 0 ? 0 : layout->modules);
	loader_put_u64(stream, layout->texts); /* the command line is the first text */
	loader_put_u64(stream, kernel->rsdp);
	loader_put_u64(stream, layout->memory);
	loader_put_u32(stream, layout->memory_count);
	loader_put_u32(stream, 0);
}

static void put_module(struct loader_stream *stream, const struct loader_file *module,
		       uint64_t text)
{
	loader_put_u64(stream, module->start);
	loader_put_u64(stream, module->size);
	loader_put_u64(stream, text);
	loader_put_u64(stream, 0);
}

static void put_memory(struct loader_stream *stream)
{
	struct guest_e820 entry;
	uint32_t index = 0;

	while (guest_e820_next(stream->loader->map, &index, &entry)) {
		loader_put(stream, &entry, sizeof(entry));
		loader_put_u32(stream, 0);
	}
}

static int write_start_info(const struct guest_kernel_elf *load, const struct layout *layout)
{
	const struct guest_kernel *kernel = load->kernel;
	struct loader_stream texts = { load->loader, layout->texts, layout->end, 0 };
	struct loader_stream stream = { load->loader, layout->start, layout->texts, 0 };

	put_start_info(&stream, kernel, layout);
	(void)loader_put_text(&texts, kernel->cmdline);
	for (uint32_t i = 0; i < kernel->module_count; i++) {
		put_module(&stream, &kernel->modules[i],
			   guest_kernel_put_module_text(&texts, &kernel->modules[i]));
	}
	put_memory(&stream);
	return stream.err != 0 ? stream.err : texts.err;
}

int pvh_boot_load(const struct guest_kernel_elf *load)
{
	struct layout layout = { 0 };
	uint64_t entry;
	int err;

	if (loader_elf_note(load->elf, NOTE_NAME, NOTE_ENTRY, &entry) != 0) {
		return -E_FORMAT;
	}
	if (entry >= GUEST_KERNEL_HIGH) {
		return guest_kernel_refuse(load->kernel, "PVH: its entry lies above 4 GiB",
					   -E_NOTSUP);
	}
	err = guest_kernel_load_segments(load);
	err = err != 0 ? err : place(load, &layout);
	err = err != 0 ? err : write_start_info(load, &layout);
	if (err != 0) {
		return guest_kernel_refuse(load->kernel, "PVH: it can not be loaded", err);
	}
	load->entry->rip = entry;
	load->entry->rbx = layout.start;
	return 0;
}
