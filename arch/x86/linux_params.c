/* SPDX-License-Identifier: GPL-2.0-only */
/* Filling Linux' zero page: setup header, command line, initrd, memory maps, EFI, screen. */
#include "arch/linux_params.h"

#include "arch/guest_e820.h"
#include "core/bytes.h"
#include "core/err.h"
#include "core/string.h"

/* zero-page.rst: offsets of struct boot_params */
#define SCREEN_IS_VGA        0x00f
#define SCREEN_WIDTH         0x012
#define SCREEN_HEIGHT        0x014
#define SCREEN_DEPTH         0x016
#define SCREEN_BASE          0x018
#define SCREEN_SIZE          0x01c
#define SCREEN_PITCH         0x024
#define SCREEN_COLORS        0x026
#define SCREEN_CAPABILITIES  0x036
#define SCREEN_BASE_HIGH     0x03a
#define ACPI_RSDP            0x070
#define EXT_RAMDISK_IMAGE    0x0c0
#define EXT_RAMDISK_SIZE     0x0c4
#define EXT_CMDLINE          0x0c8
#define EFI_INFO             0x1c0
#define E820_COUNT           0x1e8
#define HEADER_VIDEO_MODE    0x1fa
#define HEADER_LOADER        0x210
#define HEADER_CODE32_START  0x214
#define HEADER_RAMDISK_IMAGE 0x218
#define HEADER_RAMDISK_SIZE  0x21c
#define HEADER_CMDLINE       0x228
#define HEADER_SETUP_DATA    0x250
#define E820_TABLE           0x2d0

#define E820_MAX             128U
#define LOADER_UNDEFINED     0xff   /* boot.rst "type_of_loader" */
#define VIDEO_MODE_NORMAL    0xffff /* boot.rst "vid_mode" */
#define VIDEO_TYPE_VESA      0x23   /* VIDEO_TYPE_VLFB */
#define VIDEO_TYPE_EFI       0x70
#define VIDEO_CAN_64BIT_BASE 2
#define SETUP_E820_EXT       1
#define SETUP_DATA_HEADER    16U
#define EFI_SIGNATURE        "EL64"

/* The page that is being filled; after an error nothing more happens. */
struct page {
	const struct linux_params *params;
	uint64_t address;
	int err;
};

static void put(struct page *page, uint32_t offset, const void *from, size_t size)
{
	const struct loader *loader = page->params->loader;

	if (page->err == 0) {
		page->err = loader->write(loader->context, page->address + offset, from, size);
	}
}

static void put_u8(struct page *page, uint32_t offset, uint8_t value)
{
	put(page, offset, &value, sizeof(value));
}

static void put_u16(struct page *page, uint32_t offset, uint16_t value)
{
	put(page, offset, &value, sizeof(value));
}

static void put_u32(struct page *page, uint32_t offset, uint32_t value)
{
	put(page, offset, &value, sizeof(value));
}

static void put_u64(struct page *page, uint32_t offset, uint64_t value)
{
	put(page, offset, &value, sizeof(value));
}

/* Memory for something that the page points to; 0 after an error. */
static uint64_t place(struct page *page, uint64_t size)
{
	uint64_t address = 0;

	if (page->err == 0) {
		page->err = loader_place(page->params->loader, size, GUEST_KERNEL_LOW,
					 GUEST_KERNEL_HIGH, &address);
	}
	return page->err == 0 ? address : 0;
}

static void fill_header(struct page *page)
{
	const struct linux_params *params = page->params;

	put(page, LINUX_HEADER_START, params->header, params->header_end - LINUX_HEADER_START);
	put_u16(page, HEADER_VIDEO_MODE, VIDEO_MODE_NORMAL);
	put_u8(page, HEADER_LOADER, LOADER_UNDEFINED);
	put_u32(page, HEADER_CODE32_START, (uint32_t)params->load_address);
	put_u64(page, ACPI_RSDP, params->kernel->rsdp);
}

static void fill_cmdline(struct page *page)
{
	const struct loader *loader = page->params->loader;
	const char *cmdline = page->params->kernel->cmdline;
	uint64_t address = place(page, strlen(cmdline) + 1);

	if (page->err == 0) {
		page->err = loader->write(loader->context, address, cmdline, strlen(cmdline) + 1);
	}
	put_u32(page, HEADER_CMDLINE, (uint32_t)address);
	put_u32(page, EXT_CMDLINE, (uint32_t)(address >> 32));
}

static void fill_initrd(struct page *page)
{
	const struct guest_kernel *kernel = page->params->kernel;

	if (kernel->module_count == 0) {
		return;
	}
	put_u32(page, HEADER_RAMDISK_IMAGE, (uint32_t)kernel->modules[0].start);
	put_u32(page, EXT_RAMDISK_IMAGE, (uint32_t)(kernel->modules[0].start >> 32));
	put_u32(page, HEADER_RAMDISK_SIZE, (uint32_t)kernel->modules[0].size);
	put_u32(page, EXT_RAMDISK_SIZE, (uint32_t)(kernel->modules[0].size >> 32));
}

/* Memory for the entries that the page has no room for: boot.rst "setup_data". */
static struct loader_stream place_e820_rest(struct page *page, uint32_t count)
{
	uint32_t size = count * (uint32_t)sizeof(struct guest_e820);
	uint64_t address = place(page, SETUP_DATA_HEADER + size);
	struct loader_stream stream = { page->params->loader, address,
					address + SETUP_DATA_HEADER + size, page->err };

	put_u64(page, HEADER_SETUP_DATA, address);
	loader_put_u64(&stream, 0); /* no other node follows */
	loader_put_u32(&stream, SETUP_E820_EXT);
	loader_put_u32(&stream, size);
	return stream;
}

static void fill_e820(struct page *page)
{
	const struct guest_map *map = page->params->loader->map;
	uint32_t total = guest_e820_count(map);
	uint32_t count = (uint32_t)min_u64(total, E820_MAX);
	struct loader_stream rest = { .err = page->err };
	struct guest_e820 entry;
	uint32_t index = 0;

	if (total > count) {
		rest = place_e820_rest(page, total - count); /* before the map is stepped through */
	}
	put_u8(page, E820_COUNT, (uint8_t)count);
	for (uint32_t i = 0; guest_e820_next(map, &index, &entry); i++) {
		if (i < count) {
			put(page, E820_TABLE + i * (uint32_t)sizeof(entry), &entry, sizeof(entry));
		} else {
			loader_put(&rest, &entry, sizeof(entry));
		}
	}
	page->err = page->err != 0 ? page->err : rest.err;
}

static void fill_efi(struct page *page)
{
	const struct guest_kernel *kernel = page->params->kernel;
	/* Taking the map's own place may cut an entry in three. */
	uint64_t most = (page->params->loader->map->count + 2ULL) * guest_kernel_efi_step(kernel);
	uint64_t map = place(page, most);
	struct loader_stream stream = { page->params->loader, map, map + most, page->err };

	guest_kernel_put_efi_map(&stream, kernel);
	page->err = stream.err;

	put(page, EFI_INFO, EFI_SIGNATURE, 4);
	put_u32(page, EFI_INFO + 4, (uint32_t)kernel->efi_system_table);
	put_u32(page, EFI_INFO + 8, guest_kernel_efi_step(kernel));
	put_u32(page, EFI_INFO + 12, kernel->efi_descriptor_version);
	put_u32(page, EFI_INFO + 16, (uint32_t)map);
	put_u32(page, EFI_INFO + 20, (uint32_t)(stream.at - map));
	put_u32(page, EFI_INFO + 24, (uint32_t)(kernel->efi_system_table >> 32));
	put_u32(page, EFI_INFO + 28, (uint32_t)(map >> 32));
}

static void fill_screen(struct page *page)
{
	const struct guest_kernel *kernel = page->params->kernel;
	const struct boot_framebuffer *screen = &kernel->framebuffer;
	bool is_efi = kernel->efi_system_table != 0;
	uint64_t size = (uint64_t)screen->pitch * screen->height;
	const uint8_t colors[] = { screen->red_size,    screen->red_shift, screen->green_size,
				   screen->green_shift, screen->blue_size, screen->blue_shift };

	if (screen->address == 0) {
		return;
	}
	put_u8(page, SCREEN_IS_VGA, is_efi ? VIDEO_TYPE_EFI : VIDEO_TYPE_VESA);
	put_u16(page, SCREEN_WIDTH, (uint16_t)screen->width);
	put_u16(page, SCREEN_HEIGHT, (uint16_t)screen->height);
	put_u16(page, SCREEN_DEPTH, screen->bits_per_pixel);
	put_u32(page, SCREEN_BASE, (uint32_t)screen->address);
	/* The VESA driver counts in units of 64 KiB. */
	put_u32(page, SCREEN_SIZE, (uint32_t)(is_efi ? size : (size + 0xffff) / 0x10000));
	put_u16(page, SCREEN_PITCH, (uint16_t)screen->pitch);
	put(page, SCREEN_COLORS, colors, sizeof(colors));
	put_u32(page, SCREEN_CAPABILITIES, VIDEO_CAN_64BIT_BASE);
	put_u32(page, SCREEN_BASE_HIGH, (uint32_t)(screen->address >> 32));
}

int linux_params_write(const struct linux_params *params, uint64_t *zero_page)
{
	struct page page = { .params = params };

	page.address = place(&page, PAGE_SIZE);
	fill_header(&page);
	fill_cmdline(&page);
	fill_initrd(&page);
	fill_screen(&page);
	fill_e820(&page);
	if (params->kernel->efi_system_table != 0) {
		fill_efi(&page); /* last: everything else has its place in the map */
	}
	*zero_page = page.address;
	return page.err;
}
