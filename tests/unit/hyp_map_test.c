/* SPDX-License-Identifier: GPL-2.0-only */
/* The hypervisor's own mappings, touched through an MMU that knows nothing else. */
/* sources: mm/hyp_map.c mm/hyp_map_secret.c mm/window.c mm/pt.c mm/frame.c */
/* sources: mm/page_alloc.c core/epoch.c */
#include "tests/unit/hyp_fixture.h"

#include "mm/window.h"

static char *direct(uint64_t address)
{
	return (char *)(LAYOUT_DIRECT_BASE + address);
}

static char *private_page(unsigned page)
{
	return (char *)(LAYOUT_PRIVATE_BASE + page * PAGE_SIZE);
}

static struct pt_attr attr_at(const void *pointer)
{
	struct pt_attr attr;
	hpa_t target;

	return fake_walk((uintptr_t)pointer, &target, &attr) ? attr : (struct pt_attr){ .prot = 0 };
}

static uint32_t prot_at(const void *pointer)
{
	return attr_at(pointer).prot;
}

static uint64_t target_at(const void *pointer)
{
	struct pt_attr attr;
	hpa_t target;

	assert_true(fake_walk((uintptr_t)pointer, &target, &attr));
	return target.value;
}

/* ---- what is mapped ---- */

static void the_boot_paths_map_is_gone(void **state)
{
	(void)state;
	assert_true(fake_read_faults((char *)LAYOUT_BOOT_BASE + POOL));
	assert_true(fake_read_faults((char *)LAYOUT_BOOT_BASE));
}

static void only_the_pool_is_in_the_direct_map(void **state)
{
	(void)state;
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		fake_cpu_switch(cpu);
		assert_false(fake_write_faults(direct(POOL)));
		assert_true(fake_read_faults(direct(POOL - 1)));
		assert_true(fake_read_faults(direct(POOL + POOL_SIZE)));
		assert_true(fake_read_faults(direct(GUEST_RAM)));
		assert_true(fake_read_faults(direct(0)));
	}
	fake_cpu_switch(0);
	assert_int_equal(prot_at(direct(POOL)), PT_READ | PT_WRITE);
	assert_ptr_equal(hyp_map_pointer(hpa(POOL)), direct(POOL));
}

static void the_image_is_mapped_by_right(void **state)
{
	(void)state;
	assert_int_equal(prot_at(image_start), 0);
	assert_int_equal(prot_at(image_text_start), PT_READ | PT_EXECUTE);
	assert_int_equal(prot_at(image_text_end - 1), PT_READ | PT_EXECUTE);
	assert_int_equal(prot_at(image_text_end), PT_READ);
	assert_int_equal(prot_at(image_rodata_end), PT_READ | PT_WRITE);
	assert_int_equal(prot_at(image_end - 1), PT_READ | PT_WRITE);
	assert_int_equal(prot_at(image_end), 0);
	assert_int_equal(target_at(image_text_start), IMAGE + PAGE_SIZE);
	assert_int_equal(target_at(image_rodata_end), IMAGE + 4 * PAGE_SIZE);
}

static void each_cpu_finds_its_own_struct(void **state)
{
	const struct hyp_map_private *private = (void *)LAYOUT_PRIVATE_SELF;

	(void)state;
	assert_ptr_equal(private->self, &early_cpu);
	assert_int_equal(hyp_map_cpu_adopt(cpu_get(0)).value, target_at(direct(0) + POOL));
	assert_ptr_equal(private->self, cpu_get(0));
	fake_cpu_switch(1);
	assert_ptr_equal(private->self, cpu_get(1));
	fake_cpu_switch(0);
	assert_ptr_equal(private->self, cpu_get(0));
}

static void pointers_lead_back_to_frames(void **state)
{
	void *top;

	(void)state;
	assert_int_equal(hyp_map_hpa(direct(POOL + 5)).value, POOL + 5);
	assert_int_equal(hyp_map_hpa(image_rodata_end + 9).value, IMAGE + 4 * PAGE_SIZE + 9);
	assert_int_equal(hyp_map_stack(1, &top), 0);
	assert_int_equal(hyp_map_hpa((char *)top - 1).value, target_at((char *)top - 1));
	expect_assert_failure(hyp_map_hpa((void *)(LAYOUT_PRIVATE_BASE - 1)));
}

/* ---- later additions ---- */

static void a_later_pool_is_seen_by_every_cpu(void **state)
{
	/* The second goes on in a slot of the top level that no CPU had. */
	const uint64_t pools[] = { 6 * GIB, 512 * GIB - 2 * MIB, 600 * GIB };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(pools); i++) {
		assert_int_equal(hyp_map_direct(hpa(pools[i]), 4 * MIB), 0);
		for (uint32_t cpu = 0; cpu < 2; cpu++) {
			fake_cpu_switch(cpu);
			assert_int_equal(target_at(direct(pools[i])), pools[i]);
			assert_int_equal(target_at(direct(pools[i] + 4 * MIB - 1)),
					 pools[i] + 4 * MIB - 1);
		}
		fake_cpu_switch(0);
	}
	assert_int_equal(hyp_map_direct(hpa(POOL), PAGE_SIZE), -E_EXIST);
	assert_int_equal(hyp_map_direct(hpa(LAYOUT_DIRECT_SIZE), PAGE_SIZE), -E_RANGE);
	assert_int_equal(hyp_map_direct(hpa(~UINT64_C(0) & PAGE_MASK), 2 * PAGE_SIZE), -E_RANGE);
}

static void registers_are_uncached_and_seen_by_every_cpu(void **state)
{
	const uint64_t device = 7 * GIB + 0xff8;
	volatile char *registers = hyp_map_mmio(hpa(device), 16), *second;

	(void)state;
	assert_non_null(registers);
	assert_int_equal((uintptr_t)registers % PAGE_SIZE, 0xff8);
	registers[0] = 1;
	fake_cpu_switch(1);
	registers[15] = 2; /* on the second page */
	fake_cpu_switch(0);
	assert_int_equal(*(char *)fake_memory(hpa(device)), 1);
	assert_int_equal(*(char *)fake_memory(hpa(device + 15)), 2);
	assert_int_equal(prot_at((char *)registers), PT_READ | PT_WRITE);
	assert_int_equal(attr_at((char *)registers).memory, PT_MEMORY_UC);
	second = hyp_map_mmio(hpa(device), 1);
	assert_true(fake_read_faults(second - PAGE_SIZE)); /* a page between the two */
	assert_null(hyp_map_mmio(hpa(device), 0));
	assert_null(hyp_map_mmio(hpa(~UINT64_C(0)), 2));
	assert_null(hyp_map_mmio(hpa(GUEST_RAM), 4));
	assert_null(hyp_map_mmio(hpa(7 * GIB), LAYOUT_DIRECT_SIZE));
}

static void stacks_have_guards_on_both_sides(void **state)
{
	void *tops[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(hyp_map_stack(LAYOUT_STACK_PAGES, &tops[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		char *top = tops[i], *bottom = top - LAYOUT_STACK_PAGES * PAGE_SIZE;

		assert_true(fake_write_faults(top));
		assert_false(fake_write_faults(top - 1));
		assert_false(fake_write_faults(bottom));
		assert_true(fake_write_faults(bottom - 1));
		fake_cpu_switch(1);
		assert_false(fake_write_faults(top - 1));
		fake_cpu_switch(0);
	}
}

static void the_start_root_has_one_page_and_what_is_shared(void **state)
{
	const uint64_t pages[] = { 0x8000, 0x9000 };
	hpa_t root;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(hyp_map_start_root(hpa(pages[i]), &root), 0);
		assert_true(root.value < 4 * GIB);
		fake_cpu_switch(2);
		arch_root_load(root);
		assert_int_equal(target_at((void *)pages[i]), pages[i]);
		assert_int_equal(prot_at((void *)pages[i]), PT_READ | PT_EXECUTE);
		assert_int_equal(prot_at((void *)pages[1 - i]), 0);
		assert_int_equal(prot_at(image_text_start), PT_READ | PT_EXECUTE);
		assert_int_equal(target_at(direct(600 * GIB)), 600 * GIB);
		assert_int_equal(prot_at((void *)LAYOUT_PRIVATE_SELF), 0);
		fake_cpu_switch(0);
	}
}

/* ---- windows ---- */

static void windows_reach_what_is_not_mapped(void **state)
{
	const uint64_t at = GUEST_RAM + PAGE_SIZE - 3;
	char text[3 * PAGE_SIZE];

	(void)state;
	window_write(hpa(at), "across", 7);
	assert_string_equal(fake_memory(hpa(at)), "across");
	window_read(hpa(at), text, 7);
	assert_string_equal(text, "across");
	memset(fake_memory(hpa(GUEST_RAM)), 0x11, 4 * PAGE_SIZE);
	window_read(hpa(GUEST_RAM + 5), text, sizeof(text));
	assert_int_equal(text[sizeof(text) - 1], 0x11);
	window_zero(hpa(GUEST_RAM + 1), 2 * PAGE_SIZE);
	assert_int_equal(*(char *)fake_memory(hpa(GUEST_RAM)), 0x11);
	assert_int_equal(*(char *)fake_memory(hpa(GUEST_RAM + 1)), 0);
	assert_int_equal(*(char *)fake_memory(hpa(GUEST_RAM + 2 * PAGE_SIZE)), 0);
	assert_int_equal(*(char *)fake_memory(hpa(GUEST_RAM + 2 * PAGE_SIZE + 1)), 0x11);
	window_read(hpa(at), text, 0);
}

static void words_are_the_same_until_one_changes(void **state)
{
	struct window_word words[3];
	char *memory = fake_memory(hpa(GUEST_RAM));

	(void)state;
	memset(memory, 0x22, 3 * PAGE_SIZE);
	for (unsigned i = 0; i < 3; i++) {
		window_word_take(&words[i], hpa(GUEST_RAM + i * PAGE_SIZE + 24 + i));
		assert_int_equal(words[i].value, 0x2222222222222222);
	}
	assert_true(window_words_are_same(words, 3));
	memory[16] = 0x33; /* the word before */
	memory[2 * PAGE_SIZE + 32] = 0x33;
	assert_true(window_words_are_same(words, 3));
	memory[2 * PAGE_SIZE + 31] = 0x33;
	assert_false(window_words_are_same(words, 3));
	assert_true(window_words_are_same(words, 2));
	memory[24] = 0x33;
	assert_false(window_words_are_same(words, 2));
	for (unsigned window = 0; window < LAYOUT_WINDOWS; window++) {
		assert_true(fake_read_faults((char *)LAYOUT_WINDOW_BASE + window * PAGE_SIZE));
	}
}

static void a_closed_window_shows_nothing(void **state)
{
	char *first, *second;

	(void)state;
	*(char *)fake_memory(hpa(GUEST_RAM + 7)) = 'a';
	*(char *)fake_memory(hpa(GUEST_RAM + PAGE_SIZE + 7)) = 'b';
	first = window_open(0, hpa(GUEST_RAM + 7));
	assert_int_equal(*first, 'a');
	window_close(0);
	assert_true(fake_read_faults(first));
	second = window_open(0, hpa(GUEST_RAM + PAGE_SIZE + 7));
	assert_ptr_equal(first, second);
	assert_int_equal(*second, 'b');
	window_close(0);
}

static void both_windows_and_copies_go_together(void **state)
{
	char *first = window_open(0, hpa(GUEST_RAM)),
	     *second = window_open(1, hpa(GUEST_RAM + 4096));
	char byte = 'x';

	(void)state;
	window_write(hpa(GUEST_RAM), &byte, 1);
	assert_int_equal(*first, 'x');
	*second = 'y';
	window_read(hpa(GUEST_RAM + PAGE_SIZE), &byte, 1);
	assert_int_equal(byte, 'y');
	window_close(0);
	assert_false(fake_read_faults(second));
	window_close(1);
}

static void a_window_is_open_on_its_own_cpu_only(void **state)
{
	char *page = window_open(0, hpa(GUEST_RAM));

	(void)state;
	assert_false(fake_read_faults(page));
	fake_cpu_switch(1);
	assert_true(fake_read_faults(page));
	*(char *)window_open(0, hpa(GUEST_RAM + PAGE_SIZE)) = '1';
	fake_cpu_switch(0);
	*page = '0';
	window_close(0);
	fake_cpu_switch(1);
	assert_int_equal(*page, '1');
	window_close(0);
	fake_cpu_switch(0);
}

static void opening_an_open_window_is_our_fault(void **state)
{
	(void)state;
	window_open(1, hpa(GUEST_RAM));
	expect_assert_failure(window_open(1, hpa(GUEST_RAM)));
	expect_assert_failure(window_open(2, hpa(GUEST_RAM)));
	window_close(1);
}

static void compare_exchange_says_what_was_there(void **state)
{
	uint64_t *word = fake_memory(hpa(GUEST_RAM + 8)), expected = 1;

	(void)state;
	*word = 5;
	assert_false(window_compare_exchange(hpa(GUEST_RAM + 8), &expected, 7));
	assert_int_equal(expected, 5);
	assert_int_equal(*word, 5);
	assert_true(window_compare_exchange(hpa(GUEST_RAM + 8), &expected, 7));
	assert_int_equal(*word, 7);
}

/* ---- secret pages ---- */

static void a_secret_frame_is_in_no_direct_map(void **state)
{
	hpa_t frame;

	(void)state;
	assert_int_equal(hyp_map_secret_alloc(&frame), 0);
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		fake_cpu_switch(cpu);
		assert_true(fake_read_faults(direct(frame.value)));
	}
	fake_cpu_switch(0);
	hyp_map_secret_free(frame);
}

static void a_secret_is_at_its_address_only_where_it_is_loaded(void **state)
{
	hpa_t frames[2];
	char *pages[2];

	(void)state;
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		fake_cpu_switch(cpu);
		assert_int_equal(hyp_map_secret_alloc(&frames[cpu]), 0);
		pages[cpu] = hyp_map_secret_load(3, frames[cpu]);
		assert_int_equal(*pages[cpu], 0);
		*pages[cpu] = (char)('0' + cpu);
	}
	assert_ptr_equal(pages[0], pages[1]);
	fake_cpu_switch(0);
	assert_int_equal(*pages[0], '0');
	hyp_map_secret_unload(3);
	assert_true(fake_read_faults(pages[0]));
	fake_cpu_switch(1);
	assert_int_equal(*pages[0], '1');
	hyp_map_secret_unload(3);
	assert_int_equal(*(char *)hyp_map_secret_load(3, frames[0]), '0'); /* it moved */
	hyp_map_secret_unload(3);
	fake_cpu_switch(0);
	for (unsigned i = 0; i < 2; i++) {
		hyp_map_secret_free(frames[i]);
		assert_int_equal(*(char *)fake_memory(frames[i]), 0); /* wiped */
	}
}

static void loading_a_loaded_slot_is_our_fault(void **state)
{
	hpa_t frame;

	(void)state;
	assert_int_equal(hyp_map_secret_alloc(&frame), 0);
	hyp_map_secret_load(0, frame);
	expect_assert_failure(hyp_map_secret_load(0, frame));
	expect_assert_failure(hyp_map_secret_load(LAYOUT_SECRETS, frame));
	hyp_map_secret_unload(0);
	hyp_map_secret_free(frame);
}

static void secrets_grow_and_are_never_given_twice(void **state)
{
	enum { COUNT = 100 };
	hpa_t frames[COUNT];

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(hyp_map_secret_alloc(&frames[i]), 0);
		assert_true(fake_read_faults(direct(frames[i].value)));
		for (unsigned j = 0; j < i; j++) {
			assert_true(frames[i].value != frames[j].value);
		}
	}
	for (unsigned i = 0; i < COUNT; i++) {
		hyp_map_secret_free(frames[i]);
	}
}

/* ---- the self-test ---- */

static void the_self_test_finds_a_live_machine_clean(void **state)
{
	(void)state;
	assert_int_equal(hyp_map_self_test(), 0);
}

static void the_self_test_excepts_open_windows(void **state)
{
	(void)state;
	window_open(0, hpa(GUEST_RAM));
	assert_int_equal(hyp_map_self_test(), 0);
	window_close(0);
}

/* Entries that nobody meant, on either CPU. */
static unsigned self_test_with(uint32_t cpu, unsigned page, uint64_t target, uint32_t prot)
{
	struct pt_attr attr = { .prot = prot, .memory = PT_MEMORY_WB };
	pte_t *entry;
	unsigned found;

	fake_cpu_switch(cpu);
	entry = hyp_map_private_slot(private_page(page));
	*entry = arch_host_format()->make_leaf(hpa(target), 0, attr);
	fake_cpu_switch(0);
	found = hyp_map_self_test();
	*entry = 0;
	return found;
}

static void the_self_test_finds_a_planted_guest_frame(void **state)
{
	(void)state;
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		assert_int_equal(self_test_with(cpu, 300, GUEST_RAM, PT_READ), 1);
		assert_int_equal(self_test_with(cpu, 300, GUEST_RAM + 64 * MIB, PT_READ), 1);
		assert_int_equal(self_test_with(cpu, 300, POOL, PT_READ), 0);
		assert_int_equal(self_test_with(cpu, 300, RAM + GIB, PT_READ), 0); /* no RAM */
	}
	/* The pages beside the windows are no windows. */
	assert_int_equal(self_test_with(1, 15, GUEST_RAM, PT_READ), 1);
	assert_int_equal(self_test_with(1, 16 + LAYOUT_WINDOWS, GUEST_RAM, PT_READ), 1);
}

static void the_self_test_finds_a_foreign_frame_in_a_large_leaf(void **state)
{
	(void)state;
	records[(POOL + 3 * MIB) / PAGE_SIZE].word ^= FRAME_OWNER_HYPERVISOR ^ FRAME_OWNER_CONTROL;
	assert_int_equal(hyp_map_self_test(), 2); /* once a CPU */
	records[(POOL + 3 * MIB) / PAGE_SIZE].word ^= FRAME_OWNER_HYPERVISOR ^ FRAME_OWNER_CONTROL;
	assert_int_equal(hyp_map_self_test(), 0);
}

static void the_self_test_finds_writable_code(void **state)
{
	(void)state;
	assert_int_equal(self_test_with(1, 300, POOL, PT_READ | PT_WRITE | PT_EXECUTE), 1);
	assert_int_equal(self_test_with(0, 300, POOL, PT_READ | PT_EXECUTE), 0);
}

/* ---- what it costs ---- */

static void a_cpu_costs_few_pages(void **state)
{
	struct page_stats before, after;
	hpa_t root;

	(void)state;
	page_alloc_stats(&before);
	assert_int_equal(hyp_map_cpu_init(cpu_get(2), &root), 0);
	page_alloc_stats(&after);
	assert_in_range(before.free - after.free, 1, 6);
}

static void a_thousand_cpus_share_what_comes_later(void **state)
{
	enum { CPUS = 1021 };
	const uint64_t more = GIB;
	hpa_t root = hpa(0), last = hpa(0);

	(void)state;
	assert_int_equal(hyp_map_direct(hpa(more), 32 * MIB), 0);
	assert_int_equal(page_alloc_add(hpa(more), 32 * MIB, 1), 0);
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(hyp_map_cpu_init(cpu_get(3), &root), 0);
		assert_true(root.value != last.value);
		last = root;
	}
	assert_int_equal(hyp_map_direct(hpa(LAYOUT_DIRECT_SIZE - 2 * MIB), 2 * MIB), 0);
	fake_cpu_switch(3);
	arch_root_load(last);
	assert_int_equal(target_at(direct(LAYOUT_DIRECT_SIZE - 1)), LAYOUT_DIRECT_SIZE - 1);
	assert_ptr_equal(((struct hyp_map_private *)LAYOUT_PRIVATE_SELF)->self, cpu_get(3));
	fake_cpu_switch(0);
}

static void the_pool_runs_out_without_a_fault(void **state)
{
	hpa_t root, frame;
	void *top;

	(void)state;
	while (page_alloc(PAGE_USE_LOG, 0) != NULL) {
	}
	assert_int_equal(hyp_map_cpu_init(cpu_get(3), &root), -E_NOMEM);
	assert_int_equal(hyp_map_stack(1, &top), -E_NOMEM);
	assert_int_equal(hyp_map_direct(hpa(100 * GIB), PAGE_SIZE), -E_NOMEM);
	for (unsigned i = 0; hyp_map_secret_alloc(&frame) == 0; i++) {
		assert_in_range(i, 0, 200);
	}
	assert_int_equal(hyp_map_secret_reserve(1000), -E_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boot_paths_map_is_gone),
		cmocka_unit_test(only_the_pool_is_in_the_direct_map),
		cmocka_unit_test(the_image_is_mapped_by_right),
		cmocka_unit_test(each_cpu_finds_its_own_struct),
		cmocka_unit_test(pointers_lead_back_to_frames),
		cmocka_unit_test(a_later_pool_is_seen_by_every_cpu),
		cmocka_unit_test(registers_are_uncached_and_seen_by_every_cpu),
		cmocka_unit_test(stacks_have_guards_on_both_sides),
		cmocka_unit_test(the_start_root_has_one_page_and_what_is_shared),
		cmocka_unit_test(windows_reach_what_is_not_mapped),
		cmocka_unit_test(words_are_the_same_until_one_changes),
		cmocka_unit_test(a_closed_window_shows_nothing),
		cmocka_unit_test(both_windows_and_copies_go_together),
		cmocka_unit_test(a_window_is_open_on_its_own_cpu_only),
		cmocka_unit_test(opening_an_open_window_is_our_fault),
		cmocka_unit_test(compare_exchange_says_what_was_there),
		cmocka_unit_test(a_secret_frame_is_in_no_direct_map),
		cmocka_unit_test(a_secret_is_at_its_address_only_where_it_is_loaded),
		cmocka_unit_test(loading_a_loaded_slot_is_our_fault),
		cmocka_unit_test(secrets_grow_and_are_never_given_twice),
		cmocka_unit_test(the_self_test_finds_a_live_machine_clean),
		cmocka_unit_test(the_self_test_excepts_open_windows),
		cmocka_unit_test(the_self_test_finds_a_planted_guest_frame),
		cmocka_unit_test(the_self_test_finds_a_foreign_frame_in_a_large_leaf),
		cmocka_unit_test(the_self_test_finds_writable_code),
		cmocka_unit_test(a_cpu_costs_few_pages),
		cmocka_unit_test(a_thousand_cpus_share_what_comes_later),
		cmocka_unit_test(the_pool_runs_out_without_a_fault),
	};

	return cmocka_run_group_tests(tests, machine_init, NULL);
}
