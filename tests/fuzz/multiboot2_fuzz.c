/* SPDX-License-Identifier: GPL-2.0-only */
/* A Multiboot2 information structure of any bytes: what comes out is in order. */
/* sources: boot/multiboot2/tags.c boot/boot_info.c */
#include "boot/multiboot2/tags.h"

#include "core/err.h"
#include "quiet_log.h"

static struct boot_info info;

static void check_memory(void)
{
	uint64_t end = 0;

	require(info.memory_count <= BOOT_MEMORY_MAX);
	for (uint32_t i = 0; i < info.memory_count; i++) {
		const struct boot_memory *memory = &info.memory[i];

		require(memory->size != 0 && memory->start >= end);
		end = memory->start + memory->size;
		require(end > memory->start);
		require(memory->kind < BOOT_MEMORY_KINDS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char value[16];

	memset(&info, 0, sizeof(info));
	int err = multiboot2_parse(&info, data, size);

	require(err == 0 || err == -E_FORMAT || err == -E_NOTSUP);
	if (err == 0) {
		check_memory();
	}
	require(info.module_count <= BOOT_MODULE_MAX);
	for (uint32_t i = 0; i < info.module_count; i++) {
		require(strnlen(info.modules[i].name, BOOT_NAME_SIZE) < BOOT_NAME_SIZE);
		require(boot_info_module(&info, info.modules[i].name) != NULL);
	}
	require(strnlen(info.cmdline, BOOT_CMDLINE_MAX) < BOOT_CMDLINE_MAX);
	if (boot_option(info.cmdline, "log", value, sizeof(value))) {
		require(strnlen(value, sizeof(value)) < sizeof(value));
	}
	require(info.rsdp_size == 0 || info.rsdp_size == 20 || info.rsdp_size == 36);
	return 0;
}
