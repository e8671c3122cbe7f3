/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel file of any bytes, in a guest of 1 MiB to 32 MiB: it is loaded, or refused; only memory
 * of the guest is written, and a module keeps its contents. The first byte is options: EFI, ACPI, a
 * screen, a module in the way.
 */
/* arch: x86 */
/* sources: arch/x86/guest_kernel.c arch/x86/linux_boot.c arch/x86/linux_params.c */
/* sources: arch/x86/guest_e820.c arch/x86/pvh_boot.c arch/x86/multiboot1_boot.c */
/* sources: arch/x86/multiboot2_boot.c core/loader.c core/loader_elf.c core/guest_map.c */
#include "arch/guest_kernel.h"

#include "quiet_log.h"

#include "core/bits.h"
#include "core/err.h"

#define GUEST_SIZE   (32 * MIB)
#define KERNEL_START (24 * MIB)
#define FILE_MAX     (4 * MIB)
#define MODULE_SIZE  0x1800U
#define WITH_EFI     BIT(0)
#define WITH_ACPI    BIT(1)
#define WITH_SCREEN  BIT(2)
#define WITH_MODULE  BIT(3)
#define MODULE_LOW   BIT(4)
#define NOT_IN_PLACE BIT(5)

static uint8_t memory[GUEST_SIZE];
static struct guest_map map, first_map;

static int guest_read(void *context, uint64_t address, void *to, size_t size)
{
	(void)context;
	require(address <= GUEST_SIZE && size <= GUEST_SIZE - address);
	memcpy(to, memory + address, size);
	return 0;
}

static int guest_write(void *context, uint64_t address, const void *from, size_t size)
{
	(void)context;
	require(size == 0 || guest_map_is_ram(&first_map, address, size));
	memcpy(memory + address, from, size);
	return 0;
}

static void build_map(void)
{
	static const struct boot_memory ranges[] = {
		{ 0, 0xa0000, 15, BOOT_MEMORY_USABLE, 7 },
		{ 0xf0000, 0x10000, 0, BOOT_MEMORY_RESERVED, 0 },
		{ MIB, 31 * MIB, 15, BOOT_MEMORY_USABLE, 7 },
	};

	guest_map_init(&map, ranges, ARRAY_SIZE(ranges));
	require(guest_map_set(&map, 2 * MIB, 2 * MIB, BOOT_MEMORY_RESERVED) == 0);
	first_map = map;
}

static struct guest_kernel build_kernel(uint8_t options, size_t size)
{
	struct guest_kernel kernel = {
		.kernel = { KERNEL_START, size, "fuzzed", "" },
		.cmdline = "console=ttyS0",
	};

	if ((options & WITH_EFI) != 0) {
		kernel.efi_system_table = 0x1000;
		kernel.efi_descriptor_size = 48;
	}
	if ((options & WITH_ACPI) != 0) {
		kernel.rsdp = 0xf0000;
	}
	if ((options & WITH_SCREEN) != 0) {
		kernel.framebuffer = (struct boot_framebuffer){ .address = 0xc0000000 };
	}
	if ((options & WITH_MODULE) != 0) {
		uint64_t start = (options & MODULE_LOW) != 0 ? 0x4000 : 16 * MIB;

		kernel.modules[kernel.module_count++] =
			(struct loader_file){ start, MODULE_SIZE, "module", "args" };
		memset(memory + start, 'm', MODULE_SIZE);
	}
	return kernel;
}

static void check(const struct guest_kernel *kernel, const struct guest_entry *entry)
{
	require(entry->mode == GUEST_ENTRY_LONG64 || entry->rip <= UINT32_MAX);
	for (uint32_t i = 0; i < kernel->module_count; i++) {
		uint64_t start = kernel->modules[i].start;

		for (uint32_t at = 0; at < MODULE_SIZE; at++) {
			require(memory[start + at] == 'm');
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_entry entry;

	if (size == 0 || size > FILE_MAX) {
		return 0;
	}
	const struct loader loader = { NULL, guest_read, guest_write, &map,
				       (data[0] & NOT_IN_PLACE) == 0 };
	struct guest_kernel kernel = build_kernel(data[0], size - 1);

	build_map();
	memcpy(memory + KERNEL_START, data + 1, size - 1);
	if (guest_kernel_load(&kernel, &loader, &entry) == 0) {
		check(&kernel, &entry);
	}
	return 0;
}
