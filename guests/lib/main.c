/* SPDX-License-Identifier: GPL-2.0-only */
/* A micro-guest's way from its loader to test_main(), and what the three loaders hand over. */
#include "guests/lib/acpi.h"
#include "guests/lib/apic.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/guest.h"
#include "guests/lib/real.h"
#include "guests/lib/traps.h"

#define MAGIC_MULTIBOOT1       0x2badb002
#define MAGIC_MULTIBOOT2       0x36d76289
#define MAGIC_PVH              0x336ec578
#define MULTIBOOT1_HAS_CMDLINE BIT(2)
#define MULTIBOOT1_HAS_MAP     BIT(6)
#define MULTIBOOT2_TAG_CMDLINE 1
#define MULTIBOOT2_TAG_MAP     6
#define MULTIBOOT2_TAG_ACPI1   14
#define MULTIBOOT2_TAG_ACPI2   15
#define PORT_PIC1_MASK         0x21
#define PORT_PIC2_MASK         0xa1
#define MEMORY_USABLE          1
#define CPUID_HYPERVISOR       0x40000000
#define SIGNATURE_KVMK         0x4b4d564b

noreturn void guest_start(uint32_t magic, const uint8_t *info);

struct memory_entry { /* multiboot 2 and PVH; multiboot 1 has its size before */
	uint64_t start, size;
	uint32_t type, reserved;
} __attribute__((packed));

struct multiboot1_info {
	uint32_t flags;
	uint32_t unused[3];
	uint32_t cmdline;
	uint32_t unused_modules[6];
	uint32_t map_size, map;
};

struct pvh_info { /* Xen's public/arch-x86/hvm/start_info.h, version 1 */
	uint32_t magic, version, flags, modules;
	uint64_t modlist, cmdline, rsdp, map;
	uint32_t map_entries, reserved;
};

static char cmdline[256];

static void keep_cmdline(const char *text)
{
	for (size_t i = 0; text != NULL && text[i] != '\0' && i < sizeof(cmdline) - 1; i++) {
		cmdline[i] = text[i];
	}
}

/* The word behind "name=", or NULL. */
static const char *find_option(const char *name)
{
	size_t length = strlen(name);

	for (const char *at = cmdline; *at != '\0'; at++) {
		if ((at == cmdline || at[-1] == ' ') && memcmp(at, name, length) == 0 &&
		    at[length] == '=') {
			return at + length + 1;
		}
	}
	return NULL;
}

const char *guest_word(const char *name)
{
	static char word[64];
	const char *from = find_option(name);
	size_t size = 0;

	while (from != NULL && from[size] != '\0' && from[size] != ' ' && size < sizeof(word) - 1) {
		word[size] = from[size];
		size++;
	}
	word[size] = '\0';
	return word;
}

uint64_t guest_number(const char *name, uint64_t otherwise)
{
	const char *at = find_option(name);
	uint64_t number = 0;
	uint64_t base = 10;

	if (at == NULL) {
		return otherwise;
	}
	if (at[0] == '0' && at[1] == 'x') {
		base = 16;
		at += 2;
	}
	for (; *at != '\0' && *at != ' '; at++) {
		number = number * base + (uint64_t)(*at >= 'a' ? *at - 'a' + 10 : *at - '0');
	}
	return number;
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

	if ((mb->flags & MULTIBOOT1_HAS_CMDLINE) != 0) {
		keep_cmdline((const char *)(uint64_t)mb->cmdline);
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
		if (type == MULTIBOOT2_TAG_CMDLINE) {
			keep_cmdline((const char *)info + at + 8);
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

	keep_cmdline((const char *)pvh->cmdline);
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

bool cpu_is_intel(void)
{
	return cpuid(0, 0).ebx == 0x756e6547; /* "Genu" */
}

/* Asked for once: CPUID is an exit, and benchmarks count. */
void hypercall_raw(uint64_t regs[HYPERCALL_REGS])
{
	static int is_intel = -1;

	if (is_intel < 0) {
		is_intel = cpu_is_intel();
	}
	if (is_intel != 0) {
		asm volatile("vmcall"
			     : "+a"(regs[0]), "+b"(regs[1]), "+c"(regs[2]), "+d"(regs[3]),
			       "+S"(regs[4]), "+D"(regs[5])
			     :
			     : "memory");
	} else {
		asm volatile("vmmcall"
			     : "+a"(regs[0]), "+b"(regs[1]), "+c"(regs[2]), "+d"(regs[3]),
			       "+S"(regs[4]), "+D"(regs[5])
			     :
			     : "memory");
	}
}

uint64_t hypercall(uint64_t number, uint64_t argument)
{
	uint64_t regs[HYPERCALL_REGS] = { number, argument };

	hypercall_raw(regs);
	return regs[0];
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
