/* SPDX-License-Identifier: GPL-2.0-only */
/* Multiboot2 information structures, whole and broken. */
/* sources: boot/multiboot2/tags.c boot/boot_info.c */
#include "boot/multiboot2/tags.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "core/bytes.h"
#include "core/err.h"

static struct boot_info info;
static uint8_t data[65536];
static size_t used;

static void put(const void *from, size_t size)
{
	memcpy(data + used, from, size);
	used += size;
}

static void put_u32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put_u64(uint64_t value)
{
	put(&value, sizeof(value));
}

static size_t tag_start;

static void begin_tag(uint32_t type)
{
	used = align_up(used, 8);
	tag_start = used;
	put_u32(type);
	put_u32(0);
}

static void end_tag(void)
{
	store_u32(data + tag_start + 4, (uint32_t)(used - tag_start));
}

static void put_string_tag(uint32_t type, const char *text)
{
	begin_tag(type);
	put(text, strlen(text) + 1);
	end_tag();
}

static void put_module(uint32_t start, uint32_t end, const char *text)
{
	begin_tag(3);
	put_u32(start);
	put_u32(end);
	put(text, strlen(text) + 1);
	end_tag();
}

static void put_memory(uint64_t start, uint64_t size, uint32_t type)
{
	put_u64(start);
	put_u64(size);
	put_u32(type);
	put_u32(0);
}

static void put_memory_map(void)
{
	begin_tag(6);
	put_u32(24);
	put_u32(0);
	put_memory(0, 0x9fc00, 1);
	put_memory(0x9fc00, 0x400, 2);
	put_memory(0x100000, 0x7fe00000, 1);
	put_memory(0x7ff00000, 0x10000, 3);
	put_memory(0x7ff10000, 0x10000, 4);
	put_memory(0x7ff20000, 0x1000, 5);
	put_memory(0x7ff30000, 0x1000, 99);
	end_tag();
}

static int reset(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	memset(data, 0, sizeof(data));
	used = 8;
	log_clear();
	return 0;
}

static int parse(void)
{
	begin_tag(0);
	end_tag();
	store_u32(data, (uint32_t)used);
	/* An exact heap copy, so that the sanitizer sees each byte read past the end. */
	uint8_t *copy = malloc(used);

	memcpy(copy, data, used);
	int err = multiboot2_parse(&info, copy, used);

	free(copy);
	return err;
}

static void tags_give_texts_and_modules(void **state)
{
	(void)state;
	put_string_tag(1, "log=debug");
	put_string_tag(2, "GRUB 2.06");
	put_module(0x200000, 0x200800, "caisson.conf");
	put_module(0x300000, 0x300001, "vmlinuz  a=b c");
	put_module(0x400000, 0x400000, "");
	put_memory_map();
	assert_int_equal(parse(), 0);
	assert_string_equal(info.cmdline, "log=debug");
	assert_string_equal(info.loader, "GRUB 2.06");
	assert_int_equal(info.module_count, 3);
	assert_string_equal(info.modules[0].name, "caisson.conf");
	assert_string_equal(info.modules[0].args, "");
	assert_int_equal(info.modules[0].start, 0x200000);
	assert_int_equal(info.modules[0].size, 0x800);
	assert_string_equal(info.modules[1].name, "vmlinuz");
	assert_string_equal(info.modules[1].args, "a=b c");
	assert_string_equal(info.modules[2].name, "");
}

static void tags_give_the_bios_memory_map(void **state)
{
	static const enum boot_memory_kind kinds[] = {
		BOOT_MEMORY_USABLE,       BOOT_MEMORY_RESERVED, BOOT_MEMORY_USABLE,
		BOOT_MEMORY_ACPI_RECLAIM, BOOT_MEMORY_ACPI_NVS, BOOT_MEMORY_UNUSABLE,
		BOOT_MEMORY_RESERVED,
	};

	(void)state;
	put_memory_map();
	assert_int_equal(parse(), 0);
	assert_false(info.is_efi);
	assert_int_equal(info.memory_count, ARRAY_SIZE(kinds));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_int_equal(info.memory[i].kind, kinds[i]);
	}
	assert_int_equal(info.memory[2].size, 0x7fe00000);
}

static void put_efi_memory(uint32_t type, uint64_t start, uint64_t pages, uint64_t attribute)
{
	put_u32(type);
	put_u32(0);
	put_u64(start);
	put_u64(0);
	put_u64(pages);
	put_u64(attribute);
	put_u64(0); /* descriptors may be longer than what is known of them */
}

static void put_efi_map(void)
{
	begin_tag(17);
	put_u32(48);
	put_u32(1);
	for (uint32_t type = 0; type <= 16; type++) {
		put_efi_memory(type, (type + 1) * UINT64_C(0x100000), 2, type);
	}
	put_efi_memory(7, 0x8000000, 1, 0x4000f);
	put_efi_memory(7, 0x9000000, UINT64_MAX / 2, 0xf);
	end_tag();
}

static void tags_prefer_the_efi_map_in_any_order(void **state)
{
	static const enum boot_memory_kind kinds[] = {
		BOOT_MEMORY_RESERVED,     BOOT_MEMORY_BOOT,     BOOT_MEMORY_BOOT,
		BOOT_MEMORY_BOOT,         BOOT_MEMORY_BOOT,     BOOT_MEMORY_RUNTIME_CODE,
		BOOT_MEMORY_RUNTIME_DATA, BOOT_MEMORY_USABLE,   BOOT_MEMORY_UNUSABLE,
		BOOT_MEMORY_ACPI_RECLAIM, BOOT_MEMORY_ACPI_NVS, BOOT_MEMORY_MMIO,
		BOOT_MEMORY_MMIO,         BOOT_MEMORY_RESERVED, BOOT_MEMORY_PERSISTENT,
		BOOT_MEMORY_RESERVED,     BOOT_MEMORY_RESERVED, BOOT_MEMORY_BOOT,
	};

	for (unsigned order = 0; order < 2; order++) {
		reset(state);
		if (order == 0) {
			put_memory_map();
		}
		put_efi_map();
		if (order == 1) {
			put_memory_map();
		}
		begin_tag(12);
		put_u64(0x7f123000);
		end_tag();
		assert_int_equal(parse(), 0);
		assert_true(info.is_efi);
		assert_int_equal(info.efi_system_table, 0x7f123000);
		assert_int_equal(info.efi_descriptor_size, 48);
		assert_int_equal(info.efi_descriptor_version, 1);
		assert_int_equal(info.memory_count, ARRAY_SIZE(kinds));
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			assert_int_equal(info.memory[i].kind, kinds[i]);
			assert_int_equal(info.memory[i].size,
					 i == ARRAY_SIZE(kinds) - 1 ? 0x1000 : 0x2000);
		}
		assert_int_equal(info.memory[5].efi_type, 5);
		assert_int_equal(info.memory[5].efi_attribute, 5);
		assert_true(log_has("EFI map: 7fffffffffffffff pages do not exist"));
	}
}

static void put_framebuffer(uint32_t pitch, uint8_t type)
{
	static const uint8_t color[] = { 16, 8, 8, 8, 0, 8 };
	const uint8_t tail[] = { 32, type, 0, 0 };

	begin_tag(8);
	put_u64(0xc0000000);
	put_u32(pitch);
	put_u32(1024);
	put_u32(768);
	put(tail, sizeof(tail));
	put(color, sizeof(color));
	end_tag();
}

static void tags_give_a_direct_color_framebuffer(void **state)
{
	(void)state;
	put_framebuffer(4096, 1);
	put_memory_map();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.address, 0xc0000000);
	assert_int_equal(info.framebuffer.pitch, 4096);
	assert_int_equal(info.framebuffer.width, 1024);
	assert_int_equal(info.framebuffer.height, 768);
	assert_int_equal(info.framebuffer.bits_per_pixel, 32);
	assert_int_equal(info.framebuffer.red_shift, 16);
	assert_int_equal(info.framebuffer.green_shift, 8);
	assert_int_equal(info.framebuffer.blue_shift, 0);
	assert_int_equal(info.framebuffer.blue_size, 8);
}

static void tags_leave_other_framebuffers_out(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		reset(state);
		put_framebuffer(i == 0 ? 4095 : 4096, i == 0 ? 1 : 2);
		put_memory_map();
		assert_int_equal(parse(), 0);
		assert_int_equal(info.framebuffer.address, 0);
	}
}

static void tags_prefer_the_new_rsdp_in_any_order(void **state)
{
	for (unsigned order = 0; order < 2; order++) {
		uint8_t rsdp[36];

		reset(state);
		for (unsigned i = 0; i < 2; i++) {
			bool is_new = i == order;

			memset(rsdp, is_new ? 'n' : 'o', sizeof(rsdp));
			begin_tag(is_new ? 15 : 14);
			put(rsdp, is_new ? 36 : 20);
			end_tag();
		}
		put_memory_map();
		assert_int_equal(parse(), 0);
		assert_int_equal(info.rsdp_size, 36);
		assert_int_equal(info.rsdp[0], 'n');
		assert_int_equal(info.rsdp[35], 'n');
	}
}

static void tags_give_the_load_base(void **state)
{
	(void)state;
	begin_tag(21);
	put_u32(0x400000);
	end_tag();
	put_memory_map();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.image_start, 0x400000);
}

static void tags_refuse_a_loader_that_left_boot_services_on(void **state)
{
	(void)state;
	put_efi_map();
	begin_tag(18);
	end_tag();
	assert_int_equal(parse(), -E_NOTSUP);
}

static void tags_refuse_a_structure_without_a_map(void **state)
{
	(void)state;
	put_string_tag(1, "x");
	assert_int_equal(parse(), -E_FORMAT);
	assert_true(log_has("there is no memory map"));
}

static void tags_refuse_a_wrong_total_size(void **state)
{
	(void)state;
	store_u32(data, 4);
	assert_int_equal(multiboot2_parse(&info, data, sizeof(data)), -E_FORMAT);
	store_u32(data, sizeof(data) + 1);
	assert_int_equal(multiboot2_parse(&info, data, sizeof(data)), -E_FORMAT);
	assert_int_equal(multiboot2_parse(&info, data, 7), -E_FORMAT);
}

static void tags_stop_at_a_tag_of_wrong_length(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		reset(state);
		put_memory_map();
		begin_tag(1);
		put("abc", 4);
		end_tag();
		store_u32(data + tag_start + 4, i == 0 ? 7 : 10000);
		put_string_tag(2, "never read");
		assert_int_equal(parse(), 0);
		assert_string_equal(info.loader, "");
		assert_true(log_has(i == 0 ? "tag 1: length 7 is wrong: rest left out"
					   : "tag 1: length 10000 is wrong: rest left out"));
	}
}

static void tags_leave_out_what_is_too_short(void **state)
{
	static const uint32_t types[] = { 1, 2, 3, 6, 8, 12, 14, 15, 17, 21 };

	(void)state;
	put_memory_map();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		begin_tag(types[i]);
		end_tag();
	}
	begin_tag(17);
	put_u32(39);
	put_u32(1);
	end_tag();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.memory_count, 7);
	assert_int_equal(info.rsdp_size, 0);
	assert_true(log_has("multiboot2: module: length 8 is too small: left out"));
	assert_true(log_has("multiboot2: EFI map: descriptor size 39 is too small"));
}

static void tags_survive_a_string_without_an_end(void **state)
{
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	begin_tag(1);
	put(text, sizeof(text));
	end_tag();
	begin_tag(3);
	put_u32(0);
	put_u32(1);
	put(text, sizeof(text));
	end_tag();
	put_memory_map();
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
	assert_int_equal(strlen(info.modules[0].name), BOOT_NAME_SIZE - 1);
}

static void tags_count_what_does_not_fit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BOOT_MODULE_MAX + 3; i++) {
		put_module(0x1000 * i, 0x1000 * i + 1, "m");
	}
	put_module(2, 1, "backwards");
	begin_tag(6);
	put_u32(24);
	put_u32(0);
	for (unsigned i = 0; i < BOOT_MEMORY_MAX + 5; i++) {
		put_memory(0x2000 * i, 0x1000, 1);
	}
	end_tag();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.module_count, BOOT_MODULE_MAX);
	assert_int_equal(info.module_dropped, 3);
	assert_true(log_has("module at 2 ends at 1: left out"));
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX);
	assert_int_equal(info.memory_dropped, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tags_give_texts_and_modules, reset),
		cmocka_unit_test_setup(tags_give_the_bios_memory_map, reset),
		cmocka_unit_test(tags_prefer_the_efi_map_in_any_order),
		cmocka_unit_test_setup(tags_give_a_direct_color_framebuffer, reset),
		cmocka_unit_test(tags_leave_other_framebuffers_out),
		cmocka_unit_test(tags_prefer_the_new_rsdp_in_any_order),
		cmocka_unit_test_setup(tags_give_the_load_base, reset),
		cmocka_unit_test_setup(tags_refuse_a_loader_that_left_boot_services_on, reset),
		cmocka_unit_test_setup(tags_refuse_a_structure_without_a_map, reset),
		cmocka_unit_test_setup(tags_refuse_a_wrong_total_size, reset),
		cmocka_unit_test(tags_stop_at_a_tag_of_wrong_length),
		cmocka_unit_test_setup(tags_leave_out_what_is_too_short, reset),
		cmocka_unit_test_setup(tags_survive_a_string_without_an_end, reset),
		cmocka_unit_test_setup(tags_count_what_does_not_fit, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
