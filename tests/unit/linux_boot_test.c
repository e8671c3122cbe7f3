/* SPDX-License-Identifier: GPL-2.0-only */
/* A bzImage in a guest's memory: what is placed where, and the bytes of the zero page. */
/* arch: x86 */
/* sources: arch/x86/guest_kernel.c arch/x86/linux_boot.c arch/x86/linux_params.c */
/* sources: arch/x86/guest_e820.c arch/x86/pvh_boot.c arch/x86/multiboot1_boot.c */
/* sources: arch/x86/multiboot2_boot.c core/loader.c core/loader_elf.c core/guest_map.c */
#include "arch/linux_boot.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "guest_memory.h"

#define PREFERRED (16 * MIB)
#define INIT_SIZE (8 * MIB)
#define PAYLOAD   0x3000U
#define FILE_SIZE (5 * 512 + PAYLOAD)

static struct guest_kernel kernel;
static struct guest_entry entry;

static uint8_t *header(unsigned offset)
{
	return guest_memory + KERNEL_START + offset;
}

/* A kernel of protocol 2.15 with 4 setup sectors, as Debian's are. */
static int reset(void **state)
{
	(void)state;
	guest_reset();
	log_clear();
	memset(&entry, 0xee, sizeof(entry));
	kernel = (struct guest_kernel){
		.kernel = { KERNEL_START, FILE_SIZE, "vmlinuz", "" },
		.cmdline = "console=ttyS0",
	};
	memset(header(0), 0xcc, 0x1f1);
	*header(0x1f1) = 4;
	store_u32(header(0x1f4), PAYLOAD / 16);
	store_u16(header(0x1fe), 0xaa55);
	store_u16(header(0x200), 0x6aeb); /* jmp over a header of 6ah bytes behind 202h */
	memcpy(header(0x202), "HdrS", 4);
	store_u16(header(0x206), 0x20f);
	*header(0x211) = 1;
	store_u32(header(0x22c), 0x7fffffff);
	store_u32(header(0x230), 0x200000);
	*header(0x234) = 1;
	*header(0x235) = 21;
	store_u16(header(0x236), 0x3f);
	store_u32(header(0x238), 2047);
	store_u64(header(0x258), PREFERRED);
	store_u32(header(0x260), INIT_SIZE);
	memset(header(0x26c), 0xdd, 0x290 - 0x26c); /* setup code, no header any more */
	for (unsigned i = 0; i < PAYLOAD; i++) {
		*header(5 * 512 + i) = (uint8_t)(i * 7 + i / 256);
	}
	return 0;
}

static int load(void)
{
	int err = guest_kernel_load(&kernel, &guest_loader, &entry);

	assert_int_equal(guest_foreign_writes, 0);
	return err;
}

static void add_initrd(uint64_t start, uint64_t size)
{
	memset(guest_memory + start, 'i', size);
	kernel.modules[kernel.module_count++] =
		(struct loader_file){ start, size, "initrd.img", "" };
}

static void assert_loaded_at(uint64_t address)
{
	assert_int_equal(entry.rip, address + 0x200);
	assert_memory_equal(guest_memory + address, header(5 * 512), PAYLOAD);
	assert_int_equal(guest_u32(entry.rsi + 0x214), address);
}

static void linux_is_loaded_at_its_preferred_address(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);
	assert_loaded_at(PREFERRED);
	assert_int_equal(entry.mode, GUEST_ENTRY_LONG64);
	assert_string_equal(log_text, "");
}

static void linux_is_moved_up_where_that_is_taken(void **state)
{
	(void)state;
	assert_int_equal(
		guest_map_set(&guest_map, PREFERRED + INIT_SIZE - 1, 1, BOOT_MEMORY_RESERVED), 0);
	guest_first_map = guest_map;
	assert_int_equal(load(), 0);
	assert_loaded_at(PREFERRED + INIT_SIZE);
}

static void linux_is_not_loaded_over_its_own_file_or_initrd(void **state)
{
	(void)state;
	assert_int_equal(guest_map_set(&guest_map, 0, 38 * MIB, BOOT_MEMORY_RESERVED), 0);
	guest_first_map = guest_map;
	add_initrd(INITRD_START, 4096);
	assert_int_equal(load(), 0);
	assert_loaded_at(42 * MIB); /* behind the file, before the initrd: exactly 8 MiB */
	assert_int_equal(guest_memory[INITRD_START], 'i');
}

static void linux_without_a_place_is_refused(void **state)
{
	(void)state;
	store_u32(header(0x260), 40 * MIB);
	assert_int_equal(load(), -E_NOMEM);
	assert_true(log_has("kernel vmlinuz: Linux: no free 40960 KiB for it from 1000000 on"));
	reset(state);
	*header(0x234) = 0; /* not relocatable */
	assert_int_equal(guest_map_set(&guest_map, PREFERRED, 1, BOOT_MEMORY_RESERVED), 0);
	guest_first_map = guest_map;
	assert_int_equal(load(), -E_NOMEM);
}

static void linux_zero_page_has_the_header_and_nothing_behind_it(void **state)
{
	static const uint8_t zeroes[0x290 - 0x26c];

	(void)state;
	kernel.rsdp = 0x123456789;
	assert_int_equal(load(), 0);

	uint64_t page = entry.rsi;

	assert_memory_equal(guest_memory + page + 0x202, "HdrS", 4);
	assert_int_equal(guest_u32(page + 0x260), INIT_SIZE);
	assert_int_equal(guest_memory[page + 0x1f1], 4);
	assert_int_equal(guest_memory[page + 0x1ef], 0); /* the sentinel */
	assert_int_equal(guest_memory[page + 0x210], 0xff);
	assert_int_equal(guest_u32(page + 0x1fa) & 0xffff, 0xffff);
	assert_true(guest_u64(page + 0x70) == 0x123456789);
	assert_memory_equal(guest_memory + page + 0x26c, zeroes, sizeof(zeroes));
	assert_int_equal(guest_u64(page + 0x250), 0);
	assert_int_equal(guest_u64(page + 0x1c0), 0);  /* no EFI */
	assert_int_equal(guest_memory[page + 0xf], 0); /* no screen */
}

static void linux_gets_its_command_line(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);
	assert_string_equal(guest_text(guest_u32(entry.rsi + 0x228)), "console=ttyS0");
	assert_int_equal(guest_u32(entry.rsi + 0xc8), 0);
}

static void linux_command_line_that_is_too_long_is_refused(void **state)
{
	(void)state;
	store_u32(header(0x238), 12);
	assert_int_equal(load(), -E_NOTSUP);
	assert_true(log_has("kernel vmlinuz: Linux: the command line is longer than it takes"));
	store_u32(header(0x238), 13);
	assert_int_equal(load(), 0);
}

static void linux_gets_its_initrd_in_place(void **state)
{
	(void)state;
	add_initrd(INITRD_START, 0x12345);
	assert_int_equal(load(), 0);
	assert_int_equal(guest_u32(entry.rsi + 0x218), INITRD_START);
	assert_int_equal(guest_u32(entry.rsi + 0x21c), 0x12345);
	assert_int_equal(guest_u32(entry.rsi + 0xc0), 0);
	assert_int_equal(guest_u32(entry.rsi + 0xc4), 0);
}

static void linux_initrd_in_low_memory_is_moved(void **state)
{
	(void)state;
	add_initrd(0x3000, 0x1800);
	assert_int_equal(load(), 0);

	uint32_t start = guest_u32(entry.rsi + 0x218);

	assert_true(start >= MIB);
	assert_int_equal(guest_memory[start], 'i');
	assert_int_equal(guest_memory[start + 0x17ff], 'i');
	assert_int_equal(kernel.modules[0].start, start);
}

static void linux_initrd_that_is_too_high_for_an_old_kernel_is_moved(void **state)
{
	(void)state;
	store_u16(header(0x236), 1);
	store_u32(header(0x22c), INITRD_START + 0x1fff);
	add_initrd(INITRD_START, 0x2000);
	assert_int_equal(load(), 0);
	assert_int_equal(guest_u32(entry.rsi + 0x218), INITRD_START);
	reset(state);
	store_u16(header(0x236), 1);
	store_u32(header(0x22c), INITRD_START + 0x1ffe);
	add_initrd(INITRD_START, 0x2000);
	assert_int_equal(load(), 0);
	assert_true(guest_u32(entry.rsi + 0x218) < INITRD_START);
}

static void linux_starts_with_low_memory_mapped_one_to_one(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);

	uint64_t table = guest_u64(entry.cr3) & ~UINT64_C(0xfff);

	assert_int_equal(guest_u64(entry.cr3) & 0xfff, 3);
	assert_int_equal(guest_u64(entry.cr3 + 8), 0);
	assert_int_equal(guest_u64(table + 32), 0);
	for (unsigned i = 0; i < 2048; i++) {
		uint64_t leaves = guest_u64(table + 8 * (i / 512));

		assert_int_equal(leaves & 0xfff, 3);
		assert_true(guest_u64((leaves & ~UINT64_C(0xfff)) + 8 * (i % 512)) ==
			    (i * 2 * MIB | 0x83));
	}
}

static void linux_starts_with_a_flat_gdt_and_a_stack(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);
	assert_int_equal(entry.code_selector, 0x10);
	assert_int_equal(entry.data_selector, 0x18);
	assert_int_equal(entry.gdt_limit, 31);
	assert_true(guest_u64(entry.gdt_base) == 0);
	assert_true(guest_u64(entry.gdt_base + 0x10) == 0x00af9b000000ffff);
	assert_true(guest_u64(entry.gdt_base + 0x18) == 0x00cf93000000ffff);
	assert_true(entry.rsp > entry.gdt_base + 32 && entry.rsp <= entry.gdt_base + 4096);
	assert_int_equal(entry.rax, 0);
	assert_int_equal(entry.rbx, 0);
}

static void linux_gets_its_memory_map(void **state)
{
	static const struct {
		uint64_t start, size;
		uint32_t type;
	} expected[] = {
		{ 0, 0xa0000, 1 },       { 0xf0000, 0x10000, 2 },  { MIB, MIB, 1 },
		{ 2 * MIB, 2 * MIB, 2 }, { 4 * MIB, 60 * MIB, 1 },
	};

	(void)state;
	assert_int_equal(load(), 0);
	assert_int_equal(guest_memory[entry.rsi + 0x1e8], ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(guest_u64(entry.rsi + 0x2d0 + 20 * i), expected[i].start);
		assert_int_equal(guest_u64(entry.rsi + 0x2d8 + 20 * i), expected[i].size);
		assert_int_equal(guest_u32(entry.rsi + 0x2e0 + 20 * i), expected[i].type);
	}
}

static void linux_memory_map_of_more_than_128_entries_goes_on_in_setup_data(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(
			guest_map_set(&guest_map, 56 * MIB + i * 0x2000, 1, BOOT_MEMORY_RESERVED),
			0);
	}
	guest_first_map = guest_map;
	assert_int_equal(load(), 0);
	assert_int_equal(guest_memory[entry.rsi + 0x1e8], 128);

	uint64_t data = guest_u64(entry.rsi + 0x250);
	uint64_t end =
		guest_u64(entry.rsi + 0x2d0 + 20 * 127) + guest_u64(entry.rsi + 0x2d8 + 20 * 127);

	assert_true(data >= MIB);
	assert_int_equal(guest_u64(data), 0);
	assert_int_equal(guest_u32(data + 8), 1);
	assert_int_equal(guest_u32(data + 12), 20 * (205 - 128));
	for (uint64_t at = data + 16; at < data + 16 + guest_u32(data + 12); at += 20) {
		assert_int_equal(guest_u64(at), end);
		end += guest_u64(at + 8);
	}
	assert_int_equal(end, 64 * MIB);
}

static void linux_gets_the_efi_map_in_which_its_places_are_taken(void **state)
{
	(void)state;
	kernel.efi_system_table = 0x1234567890;
	kernel.efi_descriptor_size = 48;
	kernel.efi_descriptor_version = 1;
	assert_int_equal(load(), 0);

	uint64_t info = entry.rsi + 0x1c0;
	uint64_t map = guest_u32(info + 16);
	uint32_t size = guest_u32(info + 20);
	const uint64_t taken[] = { PREFERRED,
				   entry.rsi,
				   entry.cr3,
				   entry.gdt_base,
				   KERNEL_START,
				   map,
				   guest_u32(entry.rsi + 0x228) };
	uint64_t end = 0;

	assert_memory_equal(guest_memory + info, "EL64", 4);
	assert_int_equal(guest_u32(info + 4), 0x34567890);
	assert_int_equal(guest_u32(info + 24), 0x12);
	assert_int_equal(guest_u32(info + 8), 48);
	assert_int_equal(guest_u32(info + 12), 1);
	assert_int_equal(size % 48, 0);
	for (uint64_t at = map; at < map + size; at += 48) {
		uint64_t start = guest_u64(at + 8), bytes = guest_u64(at + 24) * 4096;

		assert_true(start >= end && bytes != 0);
		end = start + bytes;
		for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
			if (taken[i] >= start && taken[i] < end) {
				assert_int_equal(guest_u32(at), 2);
			}
		}
	}
	assert_int_equal(end, 64 * MIB);
}

static void linux_gets_the_screen(void **state)
{
	(void)state;
	kernel.framebuffer =
		(struct boot_framebuffer){ 0x8c0000000, 4096, 1024, 768, 32, 16, 8, 8, 8, 0, 8 };
	assert_int_equal(load(), 0);
	assert_int_equal(guest_memory[entry.rsi + 0xf], 0x23);
	assert_int_equal(guest_u32(entry.rsi + 0x12), 1024 | 768 << 16);
	assert_int_equal(guest_u32(entry.rsi + 0x18), 0xc0000000);
	assert_int_equal(guest_u32(entry.rsi + 0x1c), 48);
	assert_int_equal(guest_u32(entry.rsi + 0x3a), 8);
	assert_memory_equal(guest_memory + entry.rsi + 0x26, "\x08\x10\x08\x08\x08\x00", 6);
}

/* EFI's driver counts in bytes where VESA's counts in units of 64 KiB. */
static void linux_gets_the_efi_screen(void **state)
{
	(void)state;
	kernel.efi_system_table = 0x1234567890;
	kernel.framebuffer =
		(struct boot_framebuffer){ 0xc0000000, 3200, 800, 600, 32, 16, 8, 8, 8, 0, 8 };
	assert_int_equal(load(), 0);
	assert_int_equal(guest_memory[entry.rsi + 0xf], 0x70);
	assert_int_equal(guest_u32(entry.rsi + 0x1c), 3200 * 600);
}

static void linux_of_another_kind_is_refused(void **state)
{
	static const struct {
		unsigned offset;
		uint16_t value;
		const char *message;
	} cases[] = {
		{ 0x206, 0x20b, "Linux: expected boot protocol 2.12 with a 64-bit entry" },
		{ 0x236, 0x3e, "Linux: expected boot protocol 2.12 with a 64-bit entry" },
		{ 0x211, 0, "Linux: expected a bzImage, found a zImage" },
		{ 0x230, 3, "Linux: its alignment is no power of two" },
		{ 0x232, 3, "Linux: its alignment is no power of two" },
		{ 0x1f4, PAYLOAD / 16 + 1, "Linux: the file is cut off" },
		{ 0x1f4, 0x20, "Linux: the file is cut off" },
		{ 0x1f1, 0xff, "Linux: the file is cut off" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reset(state);
		store_u16(header(cases[i].offset), cases[i].value);
		assert_true(load() != 0);
		assert_true(log_has(cases[i].message));
	}
}

static void linux_file_that_is_not_padded_to_16_is_loaded(void **state)
{
	(void)state;
	kernel.kernel.size = FILE_SIZE - 15;
	assert_int_equal(load(), 0);
	kernel.kernel.size = FILE_SIZE - 16;
	assert_int_equal(load(), -E_FORMAT);
}

static void linux_that_can_not_be_written_is_an_error(void **state)
{
	(void)state;
	guest_must_fail = true;
	assert_int_equal(load(), -E_RANGE);
	assert_true(log_has("kernel vmlinuz: Linux: can not be loaded"));
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(linux_is_loaded_at_its_preferred_address),
		TEST(linux_is_moved_up_where_that_is_taken),
		TEST(linux_is_not_loaded_over_its_own_file_or_initrd),
		TEST(linux_without_a_place_is_refused),
		TEST(linux_zero_page_has_the_header_and_nothing_behind_it),
		TEST(linux_gets_its_command_line),
		TEST(linux_command_line_that_is_too_long_is_refused),
		TEST(linux_gets_its_initrd_in_place),
		TEST(linux_initrd_in_low_memory_is_moved),
		TEST(linux_initrd_that_is_too_high_for_an_old_kernel_is_moved),
		TEST(linux_starts_with_low_memory_mapped_one_to_one),
		TEST(linux_starts_with_a_flat_gdt_and_a_stack),
		TEST(linux_gets_its_memory_map),
		TEST(linux_memory_map_of_more_than_128_entries_goes_on_in_setup_data),
		TEST(linux_gets_the_efi_map_in_which_its_places_are_taken),
		TEST(linux_gets_the_screen),
		TEST(linux_gets_the_efi_screen),
		TEST(linux_of_another_kind_is_refused),
		TEST(linux_file_that_is_not_padded_to_16_is_loaded),
		TEST(linux_that_can_not_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
