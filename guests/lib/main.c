/* SPDX-License-Identifier: GPL-2.0-only */
/* A micro-guest's way from its loader to test_main(), and what the three loaders hand over. */
#include "guests/lib/acpi.h"
#include "guests/lib/apic.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/real.h"
#include "guests/lib/traps.h"

#define MAGIC_MULTIBOOT1     0x2badb002
#define MAGIC_MULTIBOOT2     0x36d76289
#define MAGIC_PVH            0x336ec578
#define MULTIBOOT1_CMDLINE   BIT(2)
#define MULTIBOOT1_HAS_MAP   BIT(6)
#define MULTIBOOT2_CMDLINE   1
#define MULTIBOOT2_TAG_MAP   6
#define MULTIBOOT2_TAG_ACPI1 14
#define MULTIBOOT2_TAG_ACPI2 15
#define PORT_PIC1_MASK       0x21
#define PORT_PIC2_MASK       0xa1
#define MEMORY_USABLE        1
#define CPUID_HYPERVISOR     0x40000000
#define SIGNATURE_KVMK       0x4b4d564b

noreturn void guest_start(uint32_t magic, const uint8_t *info);

struct memory_entry { /* multiboot 2 and PVH; multiboot 1 has its size before */
	uint64_t start, size;
	uint32_t type, reserved;
} __attribute__((packed));

struct multiboot1_info {
	uint32_t flags;
	uint32_t unused[3];
	uint32_t cmdline;
	uint32_t unused2[6];
	uint32_t map_size, map;
};

struct pvh_info { /* Xen's public/arch-x86/hvm/start_info.h, version 1 */
	uint32_t magic, version, flags, modules;
	uint64_t modlist, cmdline, rsdp, map;
	uint32_t map_entries, reserved;
};

static const char *cmdline = "";

const char *guest_cmdline(void)
{
	return cmdline;
}

static void offer(const struct memory_entry *entry)
{
	if (entry->type == MEMORY_USABLE) {
		real_offer_memory(entry->start, entry->size);
	}
}

static uint64_t read_multiboot1(const uint8_t *info)
{
	const struct multiboot1_info *mb = (const struct multiboot1_info *)(const void *)info;

	if ((mb->flags & MULTIBOOT1_CMDLINE) != 0) {
		cmdline = (const char *)(uint64_t)mb->cmdline;
	}
	if ((mb->flags & MULTIBOOT1_HAS_MAP) != 0) {
		const uint8_t *at = (const uint8_t *)(uint64_t)mb->map;
		const uint8_t *end = at + mb->map_size;
		uint32_t size;

		for (; at < end; at += size + sizeof(size)) {
			memcpy(&size, at, sizeof(size));
			offer((const struct memory_entry *)(const void *)(at + sizeof(size)));
		}
	}
	return 0;
}

static void read_multiboot2_map(const uint8_t *tag, uint32_t size)
{
	uint32_t entry_size;

	memcpy(&entry_size, tag + 8, sizeof(entry_size));
	for (uint32_t at = 16; at + entry_size <= size; at += entry_size) {
		offer((const struct memory_entry *)(const void *)(tag + at));
	}
}

static uint64_t read_multiboot2(const uint8_t *info)
{
	uint32_t total, type, size;
	uint64_t rsdp = 0;

	memcpy(&total, info, sizeof(total));
	for (uint32_t at = 8; at < total; at += (uint32_t)align_up(size, 8)) {
		memcpy(&type, info + at, sizeof(type));
		memcpy(&size, info + at + 4, sizeof(size));
		if (type == MULTIBOOT2_CMDLINE) {
			cmdline = (const char *)info + at + 8;
		} else if (type == MULTIBOOT2_TAG_MAP) {
			read_multiboot2_map(info + at, size);
		} else if (type == MULTIBOOT2_TAG_ACPI2 ||
			   (type == MULTIBOOT2_TAG_ACPI1 && rsdp == 0)) {
			rsdp = (uint64_t)(info + at + 8);
		}
	}
	return rsdp;
}

static uint64_t read_pvh(const uint8_t *info)
{
	const struct pvh_info *pvh = (const struct pvh_info *)(const void *)info;
	const struct memory_entry *map = (const struct memory_entry *)pvh->map;

	cmdline = pvh->cmdline != 0 ? (const char *)pvh->cmdline : cmdline;
	for (uint32_t i = 0; pvh->version >= 1 && i < pvh->map_entries; i++) {
		offer(&map[i]);
	}
	return pvh->rsdp;
}

static uint64_t read_info(uint32_t magic, const uint8_t *info)
{
	switch (magic) {
	case MAGIC_MULTIBOOT1:
		return read_multiboot1(info);
	case MAGIC_MULTIBOOT2:
		return read_multiboot2(info);
	case MAGIC_PVH:
		return read_pvh(info);
	default:
		report_error("unknown loader %x", magic);
		return 0;
	}
}

bool hypervisor_present(void)
{
	struct cpuid leaf = cpuid(CPUID_HYPERVISOR, 0);

	return (cpuid(1, 0).ecx & BIT(31)) != 0 && leaf.ebx == SIGNATURE_KVMK;
}

uint64_t hypercall(uint64_t number, uint64_t argument)
{
	asm volatile("vmmcall" : "+a"(number) : "D"(argument) : "memory");
	return number;
}

void guest_start(uint32_t magic, const uint8_t *info)
{
	console_init();
	out8(PORT_PIC1_MASK, 0xff); /* the firmware leaves its timer on */
	out8(PORT_PIC2_MASK, 0xff);
	traps_init();
	traps_cpu_init(0);
	print("\nmicro-guest: %s\n", test_title);
	acpi_init(read_info(magic, info));
	apic_cpu_init();
	cpu_init();
	test_main();
	guest_finish();
}
