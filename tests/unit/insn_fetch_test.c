/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/insn_fetch.c */
/*
 * Decoded instructions that are kept: used only while the guest's tables, the code and stage-2 are
 * what they were. Guest memory is an array; its page tables are at the pages of its own number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/insn_fetch.h"
#include "core/err.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/frame.h"

#define PAGES   16
#define OFFSET  (UINT64_C(1) << 40) /* host physical of guest physical 0 */
#define CR3     (1 * PAGE_SIZE)
#define CODE    (5 * PAGE_SIZE)
#define RIP     UINT64_C(0xffffffff81234567)
#define PRESENT 0x21

static uint8_t memory[PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t missing_page = UINT64_MAX;
static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static const struct insn store = { .op = INSN_MOV_STORE, .length = 7, .operand_size = 4 };

int stage2_lookup(struct stage2 *stage2, gpa_t address, struct pt_leaf *leaf)
{
	uint64_t page = align_down(address.value, PAGE_SIZE);

	assert_ptr_equal(stage2, &vm.stage2[0]);
	if (page >= sizeof(memory) || page == missing_page) {
		return -E_NOENT;
	}
	leaf->start = page;
	leaf->address = hpa(page + OFFSET);
	return 0;
}

struct frame *frame_find(hpa_t address)
{
	return address.value >= OFFSET ? (struct frame *)memory : NULL;
}

/* What the code in memory decodes to, and what was decoded. */
static struct insn decoded;
static uint8_t decoded_bytes[INSN_LENGTH_MAX];

int insn_decode(struct insn *insn, enum insn_mode mode, const uint8_t *bytes, size_t size)
{
	assert_int_equal(mode, INSN_MODE_64);
	memcpy(decoded_bytes, bytes, size);
	*insn = decoded;
	return 0;
}

static uint64_t word_at(uint64_t host)
{
	uint64_t value;

	assert_true(host >= OFFSET && host - OFFSET + 8 <= sizeof(memory));
	memcpy(&value, memory + (host - OFFSET), 8);
	return value;
}

void window_word_take(struct window_word *word, hpa_t address)
{
	word->entry = align_down(address.value, PAGE_SIZE);
	word->offset = (uint32_t)(align_down(address.value, 8) - word->entry);
	word->value = word_at(word->entry + word->offset);
}

bool window_words_are_same(const struct window_word *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (word_at(words[i].entry + words[i].offset) != words[i].value) {
			return false;
		}
	}
	return true;
}

static void set_entry(uint64_t table, unsigned shift, uint64_t value)
{
	memcpy(memory + table + (RIP >> shift & 511) * 8, &value, 8);
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	missing_page = UINT64_MAX;
	decoded = store;
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	vcpu.arch.insn_cr3 = CR3 | 0x18;
	vcpu.arch.insn_is_64_bit = true;
	guest.rip = RIP;
	set_entry(CR3, 39, 2 * PAGE_SIZE | PRESENT);
	set_entry(2 * PAGE_SIZE, 30, 3 * PAGE_SIZE | PRESENT);
	set_entry(3 * PAGE_SIZE, 21, 4 * PAGE_SIZE | PRESENT);
	set_entry(4 * PAGE_SIZE, 12, CODE | PRESENT);
	memcpy(memory + CODE + (RIP & 0xfff), "\x89\x34\x25\xb0\xd0\x5f\xff", 7);
	return 0;
}

static void fetch_finds_what_was_stored(void **state)
{
	const struct insn *found;

	(void)state;
	assert_null(insn_fetch_find(&vcpu));
	insn_fetch_store(&vcpu, &store);
	found = insn_fetch_find(&vcpu);
	assert_non_null(found);
	assert_memory_equal(found, &store, sizeof(store));
}

static void fetch_forgets_when_the_code_changes(void **state)
{
	(void)state;
	insn_fetch_store(&vcpu, &store);
	for (unsigned i = 0; i < 7; i++) {
		memory[CODE + (RIP & 0xfff) + i] ^= 1;
		assert_null(insn_fetch_find(&vcpu));
		memory[CODE + (RIP & 0xfff) + i] ^= 1;
	}
	assert_non_null(insn_fetch_find(&vcpu));
}

static void fetch_forgets_when_a_table_entry_changes(void **state)
{
	static const uint64_t tables[][2] = {
		{ CR3, 39 }, { 2 * PAGE_SIZE, 30 }, { 3 * PAGE_SIZE, 21 }, { 4 * PAGE_SIZE, 12 }
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		(void)setup(NULL);
		insn_fetch_store(&vcpu, &store);
		assert_non_null(insn_fetch_find(&vcpu));
		set_entry(tables[i][0], (unsigned)tables[i][1], 9 * PAGE_SIZE | PRESENT);
		assert_null(insn_fetch_find(&vcpu));
	}
}

static void fetch_forgets_when_stage2_took_rights_away(void **state)
{
	(void)state;
	insn_fetch_store(&vcpu, &store);
	vm.stage2[0].generation++;
	assert_null(insn_fetch_find(&vcpu));
}

/* The code was changed after its fetch: the old instruction would be taken for the new bytes. */
static void fetch_keeps_what_the_bytes_it_compares_say(void **state)
{
	(void)state;
	decoded.immediate = 5;
	insn_fetch_store(&vcpu, &store);
	assert_memory_equal(decoded_bytes, memory + CODE + (RIP & 0xfff), 7);
	assert_memory_equal(insn_fetch_find(&vcpu), &decoded, sizeof(decoded));
	decoded.length = 6;
	insn_fetch_store(&vcpu, &store);
	assert_null(insn_fetch_find(&vcpu));
}

static void fetch_is_of_one_address_space_and_mode(void **state)
{
	(void)state;
	insn_fetch_store(&vcpu, &store);
	vcpu.arch.insn_cr3 ^= PAGE_SIZE;
	assert_null(insn_fetch_find(&vcpu));
	vcpu.arch.insn_cr3 ^= PAGE_SIZE;
	vcpu.arch.insn_is_64_bit = false;
	assert_null(insn_fetch_find(&vcpu));
	insn_fetch_store(&vcpu, &store);
	vcpu.arch.insn_is_64_bit = true;
	assert_null(insn_fetch_find(&vcpu));
}

static void fetch_of_another_rip_in_the_same_slot_replaces(void **state)
{
	(void)state;
	insn_fetch_store(&vcpu, &store);
	guest.rip = RIP + 0x400;
	assert_null(insn_fetch_find(&vcpu));
	insn_fetch_store(&vcpu, &store);
	assert_non_null(insn_fetch_find(&vcpu));
	guest.rip = RIP;
	assert_null(insn_fetch_find(&vcpu));
}

static void fetch_knows_large_pages(void **state)
{
	(void)state;
	set_entry(3 * PAGE_SIZE, 21, 0x80 | PRESENT); /* 2 MiB from guest physical 0 */
	guest.rip = (RIP & ~UINT64_C(0x1fffff)) | (CODE + 0x100);
	insn_fetch_store(&vcpu, &store);
	assert_non_null(insn_fetch_find(&vcpu));
	memory[CODE + 0x100] ^= 1;
	assert_null(insn_fetch_find(&vcpu));
}

static void fetch_does_not_keep_what_crosses_a_page(void **state)
{
	(void)state;
	guest.rip = (RIP & ~UINT64_C(0xfff)) | 0xffa;
	insn_fetch_store(&vcpu, &store);
	assert_null(insn_fetch_find(&vcpu));
	guest.rip = (RIP & ~UINT64_C(0xfff)) | 0xff9;
	insn_fetch_store(&vcpu, &store);
	assert_non_null(insn_fetch_find(&vcpu));
}

static void fetch_does_not_keep_what_is_not_memory(void **state)
{
	(void)state;
	for (uint64_t page = PAGE_SIZE; page <= CODE; page += PAGE_SIZE) {
		missing_page = page;
		insn_fetch_store(&vcpu, &store);
		assert_null(insn_fetch_find(&vcpu));
	}
	missing_page = UINT64_MAX;
	set_entry(4 * PAGE_SIZE, 12, CODE);
	insn_fetch_store(&vcpu, &store);
	assert_null(insn_fetch_find(&vcpu));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fetch_finds_what_was_stored),
		TEST(fetch_forgets_when_the_code_changes),
		TEST(fetch_forgets_when_a_table_entry_changes),
		TEST(fetch_forgets_when_stage2_took_rights_away),
		TEST(fetch_keeps_what_the_bytes_it_compares_say),
		TEST(fetch_is_of_one_address_space_and_mode),
		TEST(fetch_of_another_rip_in_the_same_slot_replaces),
		TEST(fetch_knows_large_pages),
		TEST(fetch_does_not_keep_what_crosses_a_page),
		TEST(fetch_does_not_keep_what_is_not_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
