/* SPDX-License-Identifier: GPL-2.0-only */
/* The multiboot2 path's C half: turns the loader's information into struct boot_info. */
#include "boot/multiboot2/multiboot2.h"

#include "arch/idt.h"
#include "arch/msr.h"
#include "boot/multiboot2/tags.h"
#include "core/main.h"

extern const char image_start[], image_end[];

/* The fixed part of the information: Multiboot2 3.6.2 "Basic tags structure". */
struct information {
	uint32_t size;
	uint32_t reserved;
};

noreturn void multiboot2_main(const void *data, uint64_t image)
{
	const struct information *information = data;
	uint64_t entry_tsc = rdtsc();
	int err;

	idt_init();
	err = multiboot2_parse(&boot_info, data, information->size);
	boot_info.entry_tsc = entry_tsc;
	boot_info.image_start = image;
	boot_info.image_size = (uint64_t)(image_end - image_start);
	core_main(err);
}
