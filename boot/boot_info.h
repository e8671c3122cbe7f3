/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every boot path hands to core_main(): one struct, in the hypervisor's own memory. Nothing
 * after it knows which firmware or loader the machine came by. All of it is the firmware's word:
 * ranges may overlap, wrap or lie, and are validated by who uses them.
 */
#pragma once

#include "core/types.h"

#define BOOT_MEMORY_MAX                                                           \
	1024 /* entries of the firmware's map; the rest is dropped with a warning \
	      */
#define BOOT_MODULE_MAX  32
#define BOOT_NAME_SIZE   64
#define BOOT_CMDLINE_MAX 2048

enum boot_memory_kind {
	BOOT_MEMORY_USABLE, /* conventional: ours to hand out */
	BOOT_MEMORY_BOOT,   /* EFI loader and boot-services memory: a guest's, but not the
			       hypervisor's */
	BOOT_MEMORY_RESERVED,
	BOOT_MEMORY_ACPI_RECLAIM,
	BOOT_MEMORY_ACPI_NVS,
	BOOT_MEMORY_RUNTIME_CODE, /* EFI runtime services */
	BOOT_MEMORY_RUNTIME_DATA,
	BOOT_MEMORY_MMIO,
	BOOT_MEMORY_UNUSABLE,
	BOOT_MEMORY_PERSISTENT,
	BOOT_MEMORY_KINDS,
};

/* One range of the firmware's map, sorted by start after boot_info_normalise(). */
struct boot_memory {
	uint64_t start;
	uint64_t size;
	uint64_t efi_attribute; /* UEFI 7.2 EFI_MEMORY_DESCRIPTOR.Attribute; 0 on BIOS */
	uint32_t kind;          /* enum boot_memory_kind */
	uint32_t efi_type;      /* UEFI 7.2 EFI_MEMORY_TYPE; 0 on BIOS */
};

/* A file that the loader brought. name is the first word of its command line, args the rest. */
struct boot_module {
	uint64_t start;
	uint64_t size;
	char name[BOOT_NAME_SIZE];
	char args[256];
};

struct boot_framebuffer {
	uint64_t address; /* 0: none */
	uint32_t pitch;   /* bytes a line */
	uint32_t width;
	uint32_t height;
	uint8_t bits_per_pixel;
	uint8_t red_shift, red_size, green_shift, green_size, blue_shift, blue_size;
};

struct boot_info {
	struct boot_memory memory[BOOT_MEMORY_MAX];
	uint32_t memory_count;
	uint32_t memory_dropped; /* entries that did not fit */
	struct boot_module modules[BOOT_MODULE_MAX];
	uint32_t module_count;
	uint32_t module_dropped;
	bool is_efi;
	uint64_t efi_system_table; /* physical; 0 when not EFI */
	uint32_t efi_descriptor_size;
	uint32_t efi_descriptor_version;
	uint8_t rsdp[36];   /* copy of ACPI's RSDP as the loader gave it */
	uint32_t rsdp_size; /* 0: the loader gave none; look in the BIOS areas or the EFI tables */
	struct boot_framebuffer framebuffer;
	uint64_t image_start; /* physical range of the hypervisor itself, bss included */
	uint64_t image_size;
	uint64_t entry_tsc; /* time stamp of the hypervisor's first instructions */
	char cmdline[BOOT_CMDLINE_MAX];
	char loader[BOOT_NAME_SIZE];
};

/* The one instance, filled by the boot path before core_main(). const after it. */
extern struct boot_info boot_info;

/*
 * Sorts the map by start, drops empty and wrapping entries, cuts overlaps so that the less usable
 * kind wins, and joins neighbours of the same kind, type and attribute. In place; host-tested and
 * fuzzed.
 */
void boot_info_normalise(struct boot_info *info);

/* The module of that name, or NULL. */
const struct boot_module *boot_info_module(const struct boot_info *info, const char *name);

/*
 * Looks key up in a command line of "key" and "key=value" words. Copies the value (empty for a bare
 * key) to value, cut to size; returns false where the key does not stand.
 */
bool boot_option(const char *cmdline, const char *key, char *value, size_t size);
