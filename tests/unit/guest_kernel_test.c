/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF kernels by PVH and multiboot 1 and 2, and the refusal of what is no kernel. */
/* arch: x86 */
/* sources: arch/x86/guest_kernel.c arch/x86/linux_boot.c arch/x86/linux_params.c */
/* sources: arch/x86/guest_e820.c arch/x86/pvh_boot.c arch/x86/multiboot1_boot.c */
/* sources: arch/x86/multiboot2_boot.c core/loader.c core/loader_elf.c core/guest_map.c */
#include "arch/guest_kernel.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "guest_memory.h"

#define CODE_OFFSET   0x1000U
#define CODE_SIZE     0x2345U
#define CODE_MEMORY   0x8000U
#define CODE_ADDRESS  (8 * MIB)
#define VIRTUAL       UINT64_C(0xffffffff80000000)
#define HEADER_OFFSET 0x400U /* of a multiboot header */
#define NOTE_OFFSET   0x200U
#define FILE_SIZE     (CODE_OFFSET + CODE_SIZE)

static struct guest_kernel kernel;
static struct guest_entry entry;

static uint8_t *file(uint64_t offset)
{
	return guest_memory + KERNEL_START + offset;
}

static void put_segment_64(unsigned index, uint32_t type, const uint64_t fields[5])
{
	uint8_t *at = file(64 + 56 * index);

	store_u32(at, type);
	for (unsigned i = 0; i < 5; i++) {
		store_u64(at + 8 + 8 * i, fields[i]);
	}
}

/* An ELF64 of one segment, linked high, and room for one of notes. */
static void build_elf_64(void)
{
	const uint64_t fields[] = { CODE_OFFSET, VIRTUAL + CODE_ADDRESS, CODE_ADDRESS, CODE_SIZE,
				    CODE_MEMORY };

	memcpy(file(0), "\177ELF\2\1\1", 7);
	store_u16(file(16), 2);
	store_u16(file(18), 62);
	store_u64(file(24), VIRTUAL + CODE_ADDRESS + 0x30);
	store_u64(file(32), 64);
	store_u16(file(54), 56);
	store_u16(file(56), 2);
	put_segment_64(0, 1, fields);
	for (unsigned i = 0; i < CODE_SIZE; i++) {
		*file(CODE_OFFSET + i) = (uint8_t)(i * 5 + i / 256);
	}
}

static void build_elf_32(void)
{
	memcpy(file(0), "\177ELF\1\1\1", 7);
	store_u16(file(16), 2);
	store_u16(file(18), 3);
	store_u32(file(24), CODE_ADDRESS + 0x30);
	store_u32(file(28), 52);
	store_u16(file(42), 32);
	store_u16(file(44), 1);
	store_u32(file(52), 1);
	store_u32(file(56), CODE_OFFSET);
	store_u32(file(60), CODE_ADDRESS);
	store_u32(file(64), CODE_ADDRESS);
	store_u32(file(68), CODE_SIZE);
	store_u32(file(72), CODE_MEMORY);
	for (unsigned i = 0; i < CODE_SIZE; i++) {
		*file(CODE_OFFSET + i) = (uint8_t)(i * 5 + i / 256);
	}
}

/* Another note first, then Xen's of type 18. */
static void add_pvh_note(void)
{
	const uint64_t fields[] = { NOTE_OFFSET, 0, 0, 20 + 20, 0 };
	uint8_t *at = file(NOTE_OFFSET);

	put_segment_64(1, 4, fields);
	store_u32(at, 4);
	store_u32(at + 4, 4);
	store_u32(at + 8, 18);
	memcpy(at + 12, "Foo", 4);
	store_u32(at + 16, 0xbad);
	store_u32(at + 20, 4);
	store_u32(at + 24, 4);
	store_u32(at + 28, 18);
	memcpy(at + 32, "Xen", 4);
	store_u32(at + 36, CODE_ADDRESS + 0x10);
}

static void add_multiboot1(uint32_t flags)
{
	store_u32(file(HEADER_OFFSET), 0x1badb002);
	store_u32(file(HEADER_OFFSET + 4), flags);
	store_u32(file(HEADER_OFFSET + 8), 0U - (0x1badb002U + flags));
}

static uint32_t header_end;

static void add_multiboot2_tag(uint16_t type, uint16_t flags, uint32_t size)
{
	store_u16(file(HEADER_OFFSET + header_end), type);
	store_u16(file(HEADER_OFFSET + header_end + 2), flags);
	store_u32(file(HEADER_OFFSET + header_end + 4), size);
	header_end += (uint32_t)align_up(size, 8);
}

static void begin_multiboot2(void)
{
	header_end = 16;
}

static void end_multiboot2(void)
{
	add_multiboot2_tag(0, 0, 8);
	store_u32(file(HEADER_OFFSET), 0xe85250d6);
	store_u32(file(HEADER_OFFSET + 4), 0);
	store_u32(file(HEADER_OFFSET + 8), header_end);
	store_u32(file(HEADER_OFFSET + 12), 0U - (0xe85250d6U + header_end));
}

static int reset(void **state)
{
	(void)state;
	guest_reset();
	log_clear();
	memset(&entry, 0xee, sizeof(entry));
	kernel = (struct guest_kernel){
		.kernel = { KERNEL_START, FILE_SIZE, "kernel.elf", "" },
		.cmdline = "a=b",
	};
	memset(guest_memory + CODE_ADDRESS, 0xaa, CODE_MEMORY);
	return 0;
}

static void add_module(uint64_t start, uint64_t size, const char *args)
{
	memset(guest_memory + start, 'm', size);
	kernel.modules[kernel.module_count++] = (struct loader_file){ start, size, "mod", args };
}

static int load(void)
{
	int err = guest_kernel_load(&kernel, &guest_loader, &entry);

	assert_int_equal(guest_foreign_writes, 0);
	return err;
}

static void assert_code_is_loaded(void)
{
	for (unsigned i = 0; i < CODE_MEMORY; i++) {
		assert_int_equal(guest_memory[CODE_ADDRESS + i],
				 i < CODE_SIZE ? (uint8_t)(i * 5 + i / 256) : 0);
	}
	assert_int_equal(entry.mode, GUEST_ENTRY_PROTECTED32);
}

/* ---- PVH ---- */

static void pvh_kernel_gets_its_start_info(void **state)
{
	(void)state;
	build_elf_64();
	add_pvh_note();
	add_module(INITRD_START, 0x3000, "x y");
	kernel.rsdp = 0x5000;
	assert_int_equal(load(), 0);
	assert_code_is_loaded();
	assert_int_equal(entry.rip, CODE_ADDRESS + 0x10);

	uint64_t info = entry.rbx;
	uint64_t modules = guest_u64(info + 16);

	assert_int_equal(guest_u32(info), 0x336ec578);
	assert_int_equal(guest_u32(info + 4), 1);
	assert_int_equal(guest_u32(info + 8), 0);
	assert_int_equal(guest_u32(info + 12), 1);
	assert_string_equal(guest_text(guest_u64(info + 24)), "a=b");
	assert_int_equal(guest_u64(info + 32), 0x5000);
	assert_int_equal(guest_u64(modules), INITRD_START);
	assert_int_equal(guest_u64(modules + 8), 0x3000);
	assert_string_equal(guest_text(guest_u64(modules + 16)), "mod x y");
	assert_int_equal(guest_u32(info + 48), 5);

	uint64_t memory = guest_u64(info + 40);

	assert_int_equal(guest_u64(memory + 3 * 24), 2 * MIB);
	assert_int_equal(guest_u64(memory + 3 * 24 + 8), 2 * MIB);
	assert_int_equal(guest_u32(memory + 3 * 24 + 16), 2);
	assert_int_equal(guest_u32(memory + 3 * 24 + 20), 0);
}

static void pvh_is_chosen_before_multiboot(void **state)
{
	(void)state;
	build_elf_64();
	add_pvh_note();
	add_multiboot1(0);
	assert_int_equal(load(), 0);
	assert_int_equal(entry.rip, CODE_ADDRESS + 0x10);
	assert_int_equal(entry.rax, 0);
}

static void note_that_ends_early_is_no_note(void **state)
{
	(void)state;
	build_elf_64();
	add_pvh_note();
	store_u32(file(NOTE_OFFSET + 4), 0xfffffff0);
	assert_int_equal(load(), -E_FORMAT);
}

/* ---- multiboot 1 ---- */

static void multiboot1_kernel_gets_its_information(void **state)
{
	(void)state;
	build_elf_32();
	add_multiboot1(3 | 1 << 16);
	add_module(INITRD_START, 0x3001, "");
	add_module(INITRD_START + 0x10000, 0x10, "arg");
	assert_int_equal(load(), 0);
	assert_code_is_loaded();
	assert_int_equal(entry.rip, CODE_ADDRESS + 0x30);
	assert_int_equal(entry.rax, 0x2badb002);

	uint64_t info = entry.rbx;
	uint64_t modules = guest_u32(info + 24);
	uint64_t memory = guest_u32(info + 48);

	assert_int_equal(guest_u32(info), 0x24d);
	assert_int_equal(guest_u32(info + 4), 640);
	assert_int_equal(guest_u32(info + 8), 1024); /* up to the hypervisor */
	assert_string_equal(guest_text(guest_u32(info + 16)), "a=b");
	assert_int_equal(guest_u32(info + 20), 2);
	assert_int_equal(guest_u32(modules), INITRD_START);
	assert_int_equal(guest_u32(modules + 4), INITRD_START + 0x3001);
	assert_string_equal(guest_text(guest_u32(modules + 8)), "mod");
	assert_int_equal(guest_u32(modules + 16), INITRD_START + 0x10000);
	assert_string_equal(guest_text(guest_u32(modules + 24)), "mod arg");
	assert_int_equal(guest_u32(info + 44), 5 * 24);
	assert_int_equal(guest_u32(memory), 20);
	assert_int_equal(guest_u64(memory + 4 * 24 + 4), 4 * MIB);
	assert_int_equal(guest_u64(memory + 4 * 24 + 12), 60 * MIB);
	assert_int_equal(guest_u32(memory + 4 * 24 + 20), 1);
	assert_string_equal(guest_text(guest_u32(info + 64)), "Caisson");
}

static void multiboot1_entry_of_a_kernel_linked_high_is_physical(void **state)
{
	(void)state;
	build_elf_64();
	add_multiboot1(0);
	assert_int_equal(load(), 0);
	assert_int_equal(entry.rip, CODE_ADDRESS + 0x30);
}

static void multiboot1_header_must_be_near_and_whole(void **state)
{
	(void)state;
	build_elf_32();
	add_multiboot1(0);
	store_u32(file(HEADER_OFFSET + 8), 1);
	assert_int_equal(load(), -E_FORMAT);
	reset(state);
	build_elf_32();
	memcpy(file(8192 - 8), file(HEADER_OFFSET), 12);
	assert_int_equal(load(), -E_FORMAT);
	reset(state);
	build_elf_32();
	add_multiboot1(0);
	memcpy(file(8192 - 12), file(HEADER_OFFSET), 12);
	memset(file(HEADER_OFFSET), 0, 12);
	assert_int_equal(load(), 0);
}

static void multiboot1_requirement_that_is_not_known_is_refused(void **state)
{
	(void)state;
	build_elf_32();
	add_multiboot1(8);
	assert_int_equal(load(), -E_NOTSUP);
	assert_true(log_has("kernel kernel.elf: multiboot: it requires what is not known"));
}

/* ---- multiboot 2 ---- */

static uint64_t find_tag(uint32_t type)
{
	uint64_t end = entry.rbx + guest_u32(entry.rbx);

	for (uint64_t at = entry.rbx + 8; at < end; at += align_up(guest_u32(at + 4), 8)) {
		assert_true(is_aligned(at, 8) && guest_u32(at + 4) >= 8);
		if (guest_u32(at) == type) {
			return at;
		}
	}
	return 0;
}

static void multiboot2_kernel_gets_its_tags(void **state)
{
	(void)state;
	build_elf_64();
	begin_multiboot2();
	add_multiboot2_tag(1, 0, 12);
	add_multiboot2_tag(6, 0, 8);
	end_multiboot2();
	add_module(INITRD_START, 0x3001, "x");
	add_module(INITRD_START + 0x8000, 1, "");
	kernel.rsdp = 0x5000;
	memset(kernel.rsdp_bytes, 'r', sizeof(kernel.rsdp_bytes));
	kernel.framebuffer.address = 0xc0000000;
	kernel.framebuffer.red_shift = 16;
	assert_int_equal(load(), 0);
	assert_code_is_loaded();
	assert_int_equal(entry.rax, 0x36d76289);
	assert_int_equal(entry.rip, CODE_ADDRESS + 0x30);
	assert_string_equal(guest_text(find_tag(1) + 8), "a=b");
	assert_string_equal(guest_text(find_tag(2) + 8), "Caisson");
	assert_int_equal(guest_u32(find_tag(3) + 4), 16 + sizeof("mod x"));
	assert_int_equal(guest_u32(find_tag(3) + 8), INITRD_START);
	assert_int_equal(guest_u32(find_tag(3) + 12), INITRD_START + 0x3001);
	assert_string_equal(guest_text(find_tag(3) + 16), "mod x");
	assert_int_equal(guest_u32(find_tag(6) + 4), 16 + 5 * 24);
	assert_int_equal(guest_u32(find_tag(6) + 8), 24);
	assert_int_equal(guest_u64(find_tag(6) + 16 + 2 * 24), MIB);
	assert_int_equal(guest_u32(find_tag(8) + 4), 38);
	assert_int_equal(guest_u64(find_tag(8) + 8), 0xc0000000);
	assert_int_equal(guest_memory[find_tag(8) + 32], 16);
	assert_int_equal(guest_memory[find_tag(15) + 8 + 35], 'r');
	assert_int_equal(guest_u32(find_tag(15) + 4), 44);
	assert_int_equal(find_tag(12), 0);
	assert_int_equal(find_tag(17), 0);

	uint64_t end = find_tag(0);

	assert_int_equal(end + 8, entry.rbx + guest_u32(entry.rbx));
}

static void multiboot2_kernel_gets_the_efi_map(void **state)
{
	(void)state;
	build_elf_64();
	begin_multiboot2();
	end_multiboot2();
	kernel.efi_system_table = 0x123456789;
	assert_int_equal(load(), 0);
	assert_true(guest_u64(find_tag(12) + 8) == 0x123456789);
	assert_int_equal(guest_u32(find_tag(17) + 8), 48);
	assert_int_equal((guest_u32(find_tag(17) + 4) - 16) % 48, 0);
	assert_true(guest_u32(find_tag(17) + 4) > 16 + 5 * 48);
}

static void multiboot2_entry_tag_wins(void **state)
{
	(void)state;
	build_elf_64();
	begin_multiboot2();
	store_u32(file(HEADER_OFFSET + 16 + 8), CODE_ADDRESS + 0x44);
	add_multiboot2_tag(3, 0, 12);
	end_multiboot2();
	assert_int_equal(load(), 0);
	assert_int_equal(entry.rip, CODE_ADDRESS + 0x44);
}

static void multiboot2_requirements_that_are_not_known_are_refused(void **state)
{
	static const struct {
		uint16_t type, flags;
		int err;
	} cases[] = { { 7, 0, -E_NOTSUP }, { 7, 1, 0 }, { 11, 0, -E_NOTSUP }, { 11, 1, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reset(state);
		build_elf_64();
		begin_multiboot2();
		add_multiboot2_tag(cases[i].type, cases[i].flags, 8);
		end_multiboot2();
		assert_int_equal(load(), cases[i].err);
	}
	reset(state);
	build_elf_64();
	begin_multiboot2();
	add_multiboot2_tag(6, 0, 0); /* a tag of no size */
	header_end += 8;
	end_multiboot2();
	assert_int_equal(load(), -E_NOTSUP);
	assert_true(log_has("multiboot2: its header has no end"));
}

/* ---- files in the way ---- */

static void module_in_a_segments_memory_is_moved(void **state)
{
	(void)state;
	build_elf_32();
	add_multiboot1(0);
	add_module(CODE_ADDRESS + CODE_MEMORY - 1, 0x1800, "");
	assert_int_equal(load(), 0);
	assert_code_is_loaded();

	uint64_t start = guest_u32(guest_u32(entry.rbx + 24));

	assert_true(start != CODE_ADDRESS + CODE_MEMORY - 1);
	assert_int_equal(guest_memory[start], 'm');
	assert_int_equal(guest_memory[start + 0x17ff], 'm');
}

static void kernel_file_in_its_segments_memory_is_moved(void **state)
{
	(void)state;
	build_elf_32();
	add_multiboot1(0);
	memmove(guest_memory + CODE_ADDRESS + 0x100, file(0), FILE_SIZE);
	kernel.kernel.start = CODE_ADDRESS + 0x100;
	assert_int_equal(load(), 0);
	assert_code_is_loaded();
}

static void segment_in_the_hypervisors_memory_is_refused(void **state)
{
	(void)state;
	build_elf_32();
	add_multiboot1(0);
	store_u32(file(64), 4 * MIB - 1);
	assert_int_equal(load(), -E_NOMEM);
	assert_true(log_has("kernel kernel.elf: ELF: its segment at 3fffff, 32 KiB, is not in "
			    "free memory"));
}

static void files_outside_of_the_guest_are_copied_in(void **state)
{
	struct loader loader = guest_loader;

	(void)state;
	loader.in_place = false;
	build_elf_32();
	add_multiboot1(0);
	add_module(INITRD_START, 0x100, "");
	assert_int_equal(guest_kernel_load(&kernel, &loader, &entry), 0);
	assert_code_is_loaded();
	assert_true(guest_u32(guest_u32(entry.rbx + 24)) != INITRD_START);
	assert_int_equal(guest_memory[guest_u32(guest_u32(entry.rbx + 24))], 'm');
}

/* ---- what is no kernel ---- */

static void unknown_format_is_named_with_what_is_known(void **state)
{
	(void)state;
	memcpy(file(0), "#!/b", 4);
	assert_int_equal(load(), -E_FORMAT);
	assert_true(log_has("kernel kernel.elf: found 13125 bytes that start with 23 21 2f 62: "
			    "expected a Linux "
			    "bzImage, or an ELF with a PVH note or a multiboot 1 or 2 header"));
	reset(state);
	kernel.kernel.size = 0;
	assert_int_equal(load(), -E_FORMAT);
}

static void elf_without_an_entry_of_ours_is_refused(void **state)
{
	(void)state;
	build_elf_64();
	assert_int_equal(load(), -E_FORMAT);
	assert_true(log_has("found an ELF with neither a PVH note nor a multiboot 1 or 2 header"));
}

static void multiboot_without_elf_is_refused(void **state)
{
	(void)state;
	add_multiboot1(1 << 16);
	assert_int_equal(load(), -E_NOTSUP);
	assert_true(log_has("found a multiboot header in a file that is no ELF: expected an ELF"));
}

static void elf_that_is_broken_is_refused(void **state)
{
	static const struct {
		unsigned offset;
		uint64_t value;
		const char *message;
	} cases[] = {
		{ 4, 3, "neither 32 nor 64 bits" },
		{ 5, 2, "no little-endian executable" },
		{ 16, 1, "no little-endian executable" },
		{ 18, 183, "for another machine" },
		{ 54, 55, "expected 1 to 64 segments" },
		{ 56, 0, "expected 1 to 64 segments" },
		{ 56, 65, "expected 1 to 64 segments" },
		{ 32, FILE_SIZE - 111, "ends before its segment headers" },
		{ 64, 0, "no segment to load" },
		{ 64 + 8, FILE_SIZE, "a segment is not inside of the file" },
		{ 64 + 32, CODE_MEMORY + 1, "a segment is not inside of the file" },
		{ 64 + 24, UINT64_MAX - 10, "is not in free memory" },
		{ 64 + 40, UINT64_MAX, "is not in free memory" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reset(state);
		build_elf_64();
		add_multiboot1(0);
		if (cases[i].offset == 4 || cases[i].offset == 5) {
			*file(cases[i].offset) = (uint8_t)cases[i].value;
		} else if (cases[i].offset == 32 || cases[i].offset > 64) {
			store_u64(file(cases[i].offset), cases[i].value);
		} else {
			store_u16(file(cases[i].offset), (uint16_t)cases[i].value);
		}
		assert_true(load() != 0);
		assert_true(log_has(cases[i].message));
	}
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pvh_kernel_gets_its_start_info),
		TEST(pvh_is_chosen_before_multiboot),
		TEST(note_that_ends_early_is_no_note),
		TEST(multiboot1_kernel_gets_its_information),
		TEST(multiboot1_entry_of_a_kernel_linked_high_is_physical),
		TEST(multiboot1_header_must_be_near_and_whole),
		TEST(multiboot1_requirement_that_is_not_known_is_refused),
		TEST(multiboot2_kernel_gets_its_tags),
		TEST(multiboot2_kernel_gets_the_efi_map),
		TEST(multiboot2_entry_tag_wins),
		TEST(multiboot2_requirements_that_are_not_known_are_refused),
		TEST(module_in_a_segments_memory_is_moved),
		TEST(kernel_file_in_its_segments_memory_is_moved),
		TEST(segment_in_the_hypervisors_memory_is_refused),
		TEST(files_outside_of_the_guest_are_copied_in),
		TEST(unknown_format_is_named_with_what_is_known),
		TEST(elf_without_an_entry_of_ours_is_refused),
		TEST(multiboot_without_elf_is_refused),
		TEST(elf_that_is_broken_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
