/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of 64 MiB for loader tests: its memory, its map, and a loader of both that notes writes
 * to what is not the guest's. Defines functions; comes after log_capture.h and cmocka.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/err.h"
#include "core/loader.h"

#define GUEST_SIZE   (64 * MIB)
#define KERNEL_START (40 * MIB) /* where the test's boot loader left the kernel */
#define INITRD_START (50 * MIB)

static uint8_t guest_memory[GUEST_SIZE];
static struct guest_map guest_map;
static struct guest_map guest_first_map; /* as it was before anything was loaded */
static uint64_t guest_foreign_writes;
static bool guest_must_fail;

static int guest_read(void *context, uint64_t address, void *to, size_t size)
{
	(void)context;
	if (address > GUEST_SIZE || size > GUEST_SIZE - address) {
		return -E_RANGE;
	}
	memcpy(to, guest_memory + address, size);
	return 0;
}

static int guest_write(void *context, uint64_t address, const void *from, size_t size)
{
	(void)context;
	if (size != 0 && !guest_map_is_ram(&guest_first_map, address, size)) {
		guest_foreign_writes++;
	}
	if (guest_must_fail || address > GUEST_SIZE || size > GUEST_SIZE - address) {
		return -E_RANGE;
	}
	memcpy(guest_memory + address, from, size);
	return 0;
}

static const struct loader guest_loader = { NULL, guest_read, guest_write, &guest_map, true };

/* 640 KiB, the hypervisor at 2 to 4 MiB, the rest. */
static inline void guest_reset(void)
{
	static const struct boot_memory ranges[] = {
		{ 0, 0xa0000, 15, BOOT_MEMORY_USABLE, 7 },
		{ 0xf0000, 0x10000, 0, BOOT_MEMORY_RESERVED, 0 },
		{ MIB, 63 * MIB, 15, BOOT_MEMORY_USABLE, 7 },
	};

	memset(guest_memory, 0, sizeof(guest_memory));
	guest_map_init(&guest_map, ranges, ARRAY_SIZE(ranges));
	assert_int_equal(guest_map_set(&guest_map, 2 * MIB, 2 * MIB, BOOT_MEMORY_RESERVED), 0);
	guest_first_map = guest_map;
	guest_foreign_writes = 0;
	guest_must_fail = false;
}

static inline uint32_t guest_u32(uint64_t address)
{
	assert_true(address + 4 <= GUEST_SIZE);
	return load_u32(guest_memory + address);
}

static inline uint64_t guest_u64(uint64_t address)
{
	assert_true(address + 8 <= GUEST_SIZE);
	return load_u64(guest_memory + address);
}

static inline const char *guest_text(uint64_t address)
{
	assert_true(address < GUEST_SIZE);
	return (const char *)guest_memory + address;
}
