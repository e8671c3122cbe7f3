/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads a guest's kernel of any format that we know, with what it needs to start: Linux' bzImage,
 * an ELF with a PVH note, an ELF with a multiboot 1 or 2 header. How memory is reached is the
 * caller's.
 */
#pragma once

#include "arch/guest_entry.h"
#include "boot/config.h"
#include "core/loader.h"

#define GUEST_KERNEL_MODULES (CONFIG_MODULES_MAX + 1)
#define GUEST_KERNEL_LOW     MIB       /* nothing is placed below: starting CPUs need it */
#define GUEST_KERNEL_HIGH    (4 * GIB) /* nothing is placed above: kernels start below */

struct guest_kernel {
	struct loader_file kernel;
	struct loader_file modules[GUEST_KERNEL_MODULES]; /* the initrd is the first */
	uint32_t module_count;
	const char *cmdline;
	uint64_t rsdp;             /* the guest's own, see guest_tables.h; 0 without ACPI */
	uint8_t rsdp_bytes[36];    /* and its contents */
	uint64_t efi_system_table; /* 0 without EFI */
	uint32_t efi_descriptor_size;
	uint32_t efi_descriptor_version;
	struct boot_framebuffer framebuffer; /* address 0: none, or the hypervisor's */
};

/*
 * Places and loads everything, and says how the guest starts. The map must lack what the guest does
 * not get, and have its tables marked; files may be moved. 0, or an error that has been logged:
 * -E_FORMAT (a format that is not known), -E_NOTSUP, -E_NOMEM, or what read and write said.
 */
must_check int guest_kernel_load(struct guest_kernel *kernel, const struct loader *loader,
				 struct guest_entry *entry);

/* ---- for the formats ---- */

struct loader_elf;

/* A kernel that is an ELF, and how it is to be entered; entry is empty at first. */
struct guest_kernel_elf {
	struct guest_kernel *kernel;
	const struct loader_elf *elf;
	const struct loader *loader;
	struct guest_entry *entry;
};

/* Takes the segments, moves files out of their way and loads them. */
must_check int guest_kernel_load_segments(const struct guest_kernel_elf *load);

/* A magic number near the start of a file, the first of some words whose sum is 0. */
struct guest_kernel_magic {
	uint32_t magic;
	uint32_t alignment;
	uint32_t limit; /* all words end before it */
	uint32_t words; /* at most 4 */
};

/* Finds it: its offset and its words are set. */
struct guest_kernel_found {
	uint64_t offset;
	uint32_t words[4];
};
bool guest_kernel_find(const struct loader *loader, const struct loader_file *file,
		       const struct guest_kernel_magic *magic, struct guest_kernel_found *found);

/* The texts of the command line and of the modules ("name args"), their size, and one of them. */
uint64_t guest_kernel_text_size(const struct guest_kernel *kernel);
uint64_t guest_kernel_put_module_text(struct loader_stream *stream,
				      const struct loader_file *module);

/* The step between EFI descriptors, and the map as it is now in them. */
uint32_t guest_kernel_efi_step(const struct guest_kernel *kernel);
void guest_kernel_put_efi_map(struct loader_stream *stream, const struct guest_kernel *kernel);

/* Logs what does not fit, by the kernel's name; returns err. */
int guest_kernel_refuse(const struct guest_kernel *kernel, const char *what, int err);
