/* SPDX-License-Identifier: GPL-2.0-only */
/* Which format a kernel has, and what the formats share. */
#include "arch/guest_kernel.h"

#include "arch/linux_boot.h"
#include "arch/multiboot1_boot.h"
#include "arch/multiboot2_boot.h"
#include "arch/pvh_boot.h"
#include "core/bytes.h"
#include "core/err.h"
#include "core/loader_elf.h"
#include "core/log.h"
#include "core/string.h"

#define MACHINE_386            3 /* ELF e_machine */
#define MACHINE_X86_64         62
#define EFI_DESCRIPTOR_DEFAULT 48U
#define EFI_DESCRIPTOR_MAX     128U
#define FIND_CHUNK             256U

int guest_kernel_refuse(const struct guest_kernel *kernel, const char *what, int err)
{
	log(LOG_ERROR, "kernel %s: %s", kernel->kernel.name, what);
	return err;
}

static bool are_words_right(const struct loader *loader, const struct loader_file *file,
			    const struct guest_kernel_magic *magic,
			    struct guest_kernel_found *found)
{
	uint32_t size = magic->words * (uint32_t)sizeof(found->words[0]);
	uint32_t sum = 0;

	if (found->offset + size > magic->limit ||
	    loader_read(loader, file, found->offset, found->words, size) != 0) {
		return false;
	}
	for (uint32_t i = 0; i < magic->words; i++) {
		sum += found->words[i];
	}
	return found->words[0] == magic->magic && sum == 0;
}

bool guest_kernel_find(const struct loader *loader, const struct loader_file *file,
		       const struct guest_kernel_magic *magic, struct guest_kernel_found *found)
{
	uint8_t chunk[FIND_CHUNK];
	uint64_t end = min_u64(file->size, magic->limit);

	for (uint64_t start = 0; start < end; start += sizeof(chunk)) {
		uint64_t size = min_u64(sizeof(chunk), end - start);

		if (loader_read(loader, file, start, chunk, (size_t)size) != 0) {
			return false;
		}
		for (uint64_t at = 0; at + 4 <= size; at += magic->alignment) {
			found->offset = start + at;
			if (load_u32(chunk + at) == magic->magic &&
			    are_words_right(loader, file, magic, found)) {
				return true;
			}
		}
	}
	return false;
}

/* Files that the segments' memory is wanted of go elsewhere; the ELF file itself may be one. */
static int move_files(const struct guest_kernel_elf *load)
{
	struct guest_kernel *kernel = load->kernel;
	struct loader_file *files[1 + GUEST_KERNEL_MODULES] = { &kernel->kernel };
	bool in_place = load->loader->in_place;

	for (uint32_t i = 0; i < kernel->module_count; i++) {
		files[1 + i] = &kernel->modules[i];
	}
	for (uint32_t i = 0; i <= kernel->module_count; i++) {
		bool is_hit = loader_elf_overlaps(load->elf, files[i]->start, files[i]->size) ||
			      files[i]->start + files[i]->size > GUEST_KERNEL_HIGH;

		if ((in_place && !is_hit) || (!in_place && i == 0)) {
			continue;
		}
		int err = loader_move(load->loader, files[i], GUEST_KERNEL_LOW, GUEST_KERNEL_HIGH);

		if (err != 0) {
			log(LOG_ERROR, "kernel %s: no free %llu KiB to move %s to",
			    kernel->kernel.name, (unsigned long long)(files[i]->size / KIB),
			    files[i]->name);
			return err;
		}
	}
	return 0;
}

int guest_kernel_load_segments(const struct guest_kernel_elf *load)
{
	int err = loader_elf_take(load->elf);

	err = err != 0 ? err : move_files(load);
	return err != 0 ? err : loader_elf_load(load->elf);
}

uint64_t guest_kernel_text_size(const struct guest_kernel *kernel)
{
	uint64_t size = strlen(kernel->cmdline) + 1;

	for (uint32_t i = 0; i < kernel->module_count; i++) {
		size += strlen(kernel->modules[i].name) + 1 + strlen(kernel->modules[i].args) + 1;
	}
	return size;
}

uint64_t guest_kernel_put_module_text(struct loader_stream *stream,
				      const struct loader_file *module)
{
	uint64_t at = stream->at;

	loader_put(stream, module->name, strlen(module->name));
	if (module->args[0] != 0) {
		loader_put(stream, " ", 1);
	}
	(void)loader_put_text(stream, module->args);
	return at;
}

uint32_t guest_kernel_efi_step(const struct guest_kernel *kernel)
{
	uint32_t size = kernel->efi_descriptor_size;

	if (size < GUEST_MAP_EFI_DESCRIPTOR || size > EFI_DESCRIPTOR_MAX || size % 8 != 0) {
		return EFI_DESCRIPTOR_DEFAULT;
	}
	return size;
}

void guest_kernel_put_efi_map(struct loader_stream *stream, const struct guest_kernel *kernel)
{
	uint8_t descriptor[EFI_DESCRIPTOR_MAX] = { 0 };
	uint32_t index = 0;

	while (guest_map_efi_next(stream->loader->map, &index, descriptor)) {
		loader_put(stream, descriptor, guest_kernel_efi_step(kernel));
	}
}

/* What the guest finds in its memory must not be handed out as free. */
static int take_files(const struct guest_kernel *kernel, const struct loader *loader)
{
	int err = guest_map_set(loader->map, kernel->kernel.start, kernel->kernel.size,
				BOOT_MEMORY_BOOT);

	for (uint32_t i = 0; err == 0 && i < kernel->module_count; i++) {
		err = guest_map_set(loader->map, kernel->modules[i].start, kernel->modules[i].size,
				    BOOT_MEMORY_BOOT);
	}
	return err;
}

/* Each returns -E_FORMAT, and says nothing, where the file is not of its format. */
static int load_elf(const struct guest_kernel_elf *load)
{
	static int (*const formats[])(const struct guest_kernel_elf *load) = {
		pvh_boot_load,
		multiboot2_boot_load,
		multiboot1_boot_load,
	};

	if (load->elf->machine != MACHINE_386 && load->elf->machine != MACHINE_X86_64) {
		return guest_kernel_refuse(load->kernel, "ELF: it is for another machine",
					   -E_NOTSUP);
	}
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		int err = formats[i](load);

		if (err != -E_FORMAT) {
			return err;
		}
	}
	return guest_kernel_refuse(load->kernel,
				   "found an ELF with neither a PVH note nor a multiboot 1 or 2 "
				   "header: expected one of them",
				   -E_FORMAT);
}

static int refuse_unknown(const struct guest_kernel *kernel, const struct loader *loader)
{
	uint8_t bytes[8] = { 0 };

	if (multiboot1_boot_is(loader, &kernel->kernel) ||
	    multiboot2_boot_is(loader, &kernel->kernel)) {
		return guest_kernel_refuse(
			kernel,
			"found a multiboot header in a file that is no ELF: expected an ELF",
			-E_NOTSUP);
	}
	size_t size = (size_t)min_u64(sizeof(bytes), kernel->kernel.size);
	int err = loader_read(loader, &kernel->kernel, 0, bytes, size);

	if (err != 0) {
		return guest_kernel_refuse(kernel, "its file can not be read", err);
	}
	log(LOG_ERROR,
	    "kernel %s: found %llu bytes that start with %02x %02x %02x %02x: expected a Linux "
	    "bzImage, "
	    "or an ELF with a PVH note or a multiboot 1 or 2 header",
	    kernel->kernel.name, (unsigned long long)kernel->kernel.size, bytes[0], bytes[1],
	    bytes[2], bytes[3]);
	return -E_FORMAT;
}

int guest_kernel_load(struct guest_kernel *kernel, const struct loader *loader,
		      struct guest_entry *entry)
{
	struct loader_elf elf;
	int err = loader->in_place ? take_files(kernel, loader) : 0;

	if (err != 0) {
		return guest_kernel_refuse(kernel, "the memory map has too many pieces", err);
	}
	if (linux_boot_is(loader, &kernel->kernel)) {
		return linux_boot_load(kernel, loader, entry);
	}
	err = loader_elf_open(&elf, loader, &kernel->kernel);
	if (err == -E_FORMAT) {
		return refuse_unknown(kernel, loader);
	}
	*entry = (struct guest_entry){
		.mode = GUEST_ENTRY_PROTECTED32,
		.code_selector = 0x10,
		.data_selector = 0x18,
	};
	return err != 0 ? err : load_elf(&(struct guest_kernel_elf){ kernel, &elf, loader, entry });
}
