/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/last_words.c core/log_format.c */
/* arch: x86 */
/* Writing last words and finding them again, over a memory that a test damages in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "arch/layout.h"
#include "boot/boot_info.h"
#include "core/control.h"
#include "core/last_words.h"
#include "core/log.h"
#include "core/string.h"
#include "mm/hyp_map.h"

#include "tests/unit/log_capture.h"

#define RAM_SIZE (512 * MIB)

struct boot_info boot_info;
uint64_t hyp_map_offset;
static unsigned withheld;
static const char *log_ring = "";

void *hyp_map_mmio(hpa_t start, uint64_t size)
{
	assert_true(start.value + size <= RAM_SIZE);
	return hyp_map_pointer(start);
}

int control_withhold(uint64_t start, uint64_t size, const char *name)
{
	(void)name;
	assert_true(start == LAYOUT_LAST_WORDS_A || start == LAYOUT_LAST_WORDS_B);
	assert_int_equal(size, LAST_WORDS_SIZE);
	withheld++;
	return 0;
}

uint32_t log_cpu(void)
{
	return 5;
}

uint64_t log_time(void)
{
	return UINT64_C(1234) * 1000000;
}

size_t log_tail(char *text, size_t size)
{
	size_t length = strnlen(log_ring, size);

	memcpy(text, log_ring, length);
	return length;
}

static struct last_words *copy_a(void)
{
	return hyp_map_pointer(hpa(LAYOUT_LAST_WORDS_A));
}

static struct last_words *copy_b(void)
{
	return hyp_map_pointer(hpa(LAYOUT_LAST_WORDS_B));
}

static int setup(void **state)
{
	void *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	assert_ptr_not_equal(ram, MAP_FAILED);
	hyp_map_offset = (uintptr_t)ram;
	boot_info.memory[0] = (struct boot_memory){ .size = RAM_SIZE, .kind = BOOT_MEMORY_USABLE };
	boot_info.memory_count = 1;
	withheld = 0;
	log_clear();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap((void *)(uintptr_t)hyp_map_offset, RAM_SIZE);
}

/* A boot up to the message of a panic. */
static void boot_and_panic(const char *message)
{
	last_words_read();
	last_words_init();
	last_words_write(message);
}

static void reboot(void)
{
	log_clear();
	last_words_read();
	last_words_print();
}

static void last_words_are_found_at_the_next_boot(void **state)
{
	(void)state;
	log_ring = "[ 1.0 c5] rax 1\n[ 1.0 c5]   main+0x10\n";
	boot_and_panic("out of cheese");
	reboot();
	assert_true(log_has(
		"last words of the previous boot: panic on CPU 5 after 1234 ms: out of cheese"));
	assert_true(log_has("| [ 1.0 c5] rax 1\n"));
	assert_true(log_has("| [ 1.0 c5]   main+0x10\n"));
}

static void last_words_are_withheld_in_both_places(void **state)
{
	(void)state;
	last_words_read();
	assert_int_equal(withheld, 2);
}

static void last_words_are_told_once(void **state)
{
	(void)state;
	boot_and_panic("once");
	reboot();
	last_words_init();
	reboot();
	assert_false(log_has("last words"));
}

static void last_words_of_one_damaged_copy_come_from_the_other(void **state)
{
	(void)state;
	boot_and_panic("survivor");
	copy_a()->text[100] ^= 1;
	reboot();
	assert_true(log_has("survivor"));
	memset(copy_b(), 0xff, LAST_WORDS_SIZE);
	copy_a()->text[100] ^= 1;
	reboot();
	assert_true(log_has("survivor"));
}

static void last_words_with_both_copies_damaged_are_none(void **state)
{
	(void)state;
	boot_and_panic("gone");
	copy_a()->message[0] = 'G';
	copy_b()->checksum ^= 0x80000000;
	reboot();
	assert_false(log_has("gone"));
	assert_false(log_has("last words"));
}

static void last_words_each_changed_byte_is_noticed(void **state)
{
	uint8_t *bytes = (uint8_t *)copy_a();

	(void)state;
	boot_and_panic("every byte counts");
	assert_true(last_words_are_valid(copy_a()));
	for (size_t i = 0; i < LAST_WORDS_SIZE; i++) {
		bytes[i] ^= 0x10;
		assert_false(last_words_are_valid(copy_a()));
		bytes[i] ^= 0x10;
	}
	assert_true(last_words_are_valid(copy_a()));
}

static void last_words_cut_off_by_the_reset_are_none(void **state)
{
	struct last_words whole;

	(void)state;
	boot_and_panic("torn");
	whole = *copy_a();
	memset(copy_b(), 0, LAST_WORDS_SIZE);
	for (size_t written = 0; written < LAST_WORDS_SIZE; written += 64) {
		memset(copy_a(), 0xaa, LAST_WORDS_SIZE);
		memcpy(copy_a(), &whole, written);
		reboot();
		assert_false(log_has("torn"));
	}
}

static void last_words_of_random_memory_are_none(void **state)
{
	uint8_t *bytes = (uint8_t *)copy_a();

	(void)state;
	for (size_t i = 0; i < LAST_WORDS_SIZE; i++) {
		bytes[i] = (uint8_t)rand();
	}
	copy_a()->magic = LAST_WORDS_MAGIC;
	reboot();
	assert_false(log_has("last words"));
}

static void last_words_need_usable_memory(void **state)
{
	(void)state;
	boot_info.memory[0].size = LAYOUT_LAST_WORDS_A + LAST_WORDS_SIZE - 1;
	boot_and_panic("nowhere");
	assert_int_equal(withheld, 0);
	assert_int_equal(copy_a()->magic, 0);
	boot_info.memory[0].size = LAYOUT_LAST_WORDS_A + LAST_WORDS_SIZE;
	withheld = 0;
	boot_and_panic("small machine");
	assert_int_equal(withheld, 1);
	reboot();
	assert_true(log_has("small machine"));
}

static void last_words_in_reserved_memory_are_not_read(void **state)
{
	(void)state;
	boot_and_panic("private");
	boot_info.memory[0].kind = BOOT_MEMORY_RUNTIME_DATA;
	reboot();
	assert_false(log_has("private"));
}

static void last_words_leave_modules_and_the_image_alone(void **state)
{
	uint8_t *file = hyp_map_pointer(hpa(LAYOUT_LAST_WORDS_A));

	(void)state;
	boot_info.modules[0].start = LAYOUT_LAST_WORDS_A + LAST_WORDS_SIZE - 1;
	boot_info.modules[0].size = 1;
	boot_info.module_count = 1;
	boot_info.image_start = LAYOUT_LAST_WORDS_B - 1;
	boot_info.image_size = 2;
	file[LAST_WORDS_SIZE - 1] = 0x5a;
	boot_and_panic("elsewhere");
	assert_int_equal(withheld, 0);
	assert_int_equal(file[LAST_WORDS_SIZE - 1], 0x5a);
	boot_info.modules[0].start++;
	boot_info.image_start--;
	boot_and_panic("beside them");
	assert_int_equal(withheld, 2);
	boot_info.module_count = 0;
	boot_info.image_size = 0;
}

static void last_words_hold_a_log_of_any_length(void **state)
{
	static char full[3 * LAST_WORDS_SIZE];

	(void)state;
	memset(full, 'x', sizeof(full) - 1);
	log_ring = full;
	boot_and_panic("full");
	reboot();
	assert_true(log_has("full"));
	assert_true(log_has("| xxxx"));
	log_ring = "";
}

static void last_words_cut_a_long_message(void **state)
{
	char message[2 * LAST_WORDS_MESSAGE];

	(void)state;
	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	boot_and_panic(message);
	assert_int_equal(strlen(copy_a()->message), LAST_WORDS_MESSAGE - 1);
	reboot();
	assert_true(log_has("mmmm"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(last_words_are_found_at_the_next_boot, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_are_withheld_in_both_places, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_are_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(last_words_of_one_damaged_copy_come_from_the_other,
						setup, teardown),
		cmocka_unit_test_setup_teardown(last_words_with_both_copies_damaged_are_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_each_changed_byte_is_noticed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_cut_off_by_the_reset_are_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_of_random_memory_are_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_need_usable_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(last_words_in_reserved_memory_are_not_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_leave_modules_and_the_image_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_hold_a_log_of_any_length, setup,
						teardown),
		cmocka_unit_test_setup_teardown(last_words_cut_a_long_message, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
