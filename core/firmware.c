/* SPDX-License-Identifier: GPL-2.0-only */
/* Lets the ACPI parser at physical memory, within bounds. */
#include "core/firmware.h"

#include "boot/boot_info.h"
#include "core/log.h"
#include "drivers/acpi.h"
#include "drivers/acpi_sleep.h"
#include "mm/page_alloc.h"
#include "mm/window.h"

#define BIOS_END (1 * MIB) /* the BIOS areas below it are in no firmware's map */

static bool is_readable_kind(uint32_t kind)
{
	return kind != BOOT_MEMORY_MMIO && kind != BOOT_MEMORY_UNUSABLE;
}

/* Ranges may touch: what begins in one may end in the next. */
static bool is_memory(uint64_t start, uint64_t end)
{
	start = start < BIOS_END ? min_u64(end, BIOS_END) : start;
	for (uint32_t i = 0; i < boot_info.memory_count && start < end; i++) {
		const struct boot_memory *at = &boot_info.memory[i];

		if (is_readable_kind(at->kind) && start >= at->start &&
		    start - at->start < at->size) {
			start = at->start + at->size;
		}
	}
	return start >= end;
}

static bool read(uint64_t address, void *to, size_t size)
{
	if (address + size < address || !is_memory(address, address + size)) {
		return false;
	}
	window_read(hpa(address), to, size);
	return true;
}

static void *alloc(size_t size)
{
	return page_alloc_forever(PAGE_USE_BOOT, size);
}

void firmware_read(void)
{
	static const struct acpi_io io = { .read = read, .alloc = alloc };

	if (acpi_parse(&acpi, &io, boot_info.rsdp, boot_info.rsdp_size) != 0) {
		log(LOG_WARN, "acpi: no usable tables; one CPU is used");
		if (acpi_assume(&acpi, &io) != 0) {
			log(LOG_WARN, "acpi: no memory for a table in their place");
		}
	}
	acpi_sleep_read(&acpi_sleep, &io, acpi.dsdt_address);
}

uint32_t firmware_cpu_count(void)
{
	return acpi.present && acpi.cpu_count > 0 ? acpi.cpu_count : 1;
}
