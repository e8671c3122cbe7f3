/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Windows: one store to the entry opens one, since hardware keeps no translations of what was
 * empty; closing empties the entry and drops the translation.
 */
#include "mm/window.h"

#include "core/arch.h"
#include "core/lock.h"
#include "core/panic.h"
#include "core/string.h"
#include "mm/hyp_map.h"

/* 0 and 1 are anybody's; the copies here have their own. */
enum { WINDOW_COPY = 2, WINDOW_EXCHANGE = 3, WINDOW_MMIO = 4 };

static_assert(LAYOUT_WINDOWS == 5, "windows and their users");

static char *page_of(unsigned window)
{
	return (char *)(uintptr_t)(LAYOUT_WINDOW_BASE + window * PAGE_SIZE);
}

static pte_t leaf_of(hpa_t address, enum pt_memory memory)
{
	struct pt_attr attr = { .prot = PT_READ | PT_WRITE, .memory = memory };

	return arch_host_format()->make_leaf(hpa(address.value & PAGE_MASK), 0, attr);
}

static pte_t leaf(hpa_t address)
{
	return leaf_of(address, PT_MEMORY_WB);
}

static void *open_page(unsigned window, hpa_t address)
{
	char *page = page_of(window);
	pte_t *entry = hyp_map_private_slot(page);

	assert(*entry == 0);
	atomic_store(entry, window == WINDOW_MMIO ? leaf_of(address, PT_MEMORY_UC) : leaf(address));
	return page + (address.value & ~PAGE_MASK);
}

static void close_page(unsigned window)
{
	char *page = page_of(window);

	atomic_store(hyp_map_private_slot(page), 0);
	arch_tlb_flush_page(page);
}

void *window_open(unsigned window, hpa_t address)
{
	assert(window < WINDOW_COPY);
	return open_page(window, address);
}

void window_close(unsigned window)
{
	assert(window < WINDOW_COPY);
	close_page(window);
}

/* Bytes of the range in its first page. */
static size_t part_size(hpa_t address, size_t size)
{
	return min_u64(size, PAGE_SIZE - (address.value & ~PAGE_MASK));
}

void window_read(hpa_t from, void *to, size_t size)
{
	char *out = to;

	while (size > 0) {
		size_t part = part_size(from, size);

		memcpy(out, open_page(WINDOW_COPY, from), part);
		close_page(WINDOW_COPY);
		from = hpa_add(from, part);
		out += part;
		size -= part;
	}
}

void window_write(hpa_t to, const void *from, size_t size)
{
	const char *in = from;

	while (size > 0) {
		size_t part = part_size(to, size);

		memcpy(open_page(WINDOW_COPY, to), in, part);
		close_page(WINDOW_COPY);
		to = hpa_add(to, part);
		in += part;
		size -= part;
	}
}

void window_zero(hpa_t start, size_t size)
{
	while (size > 0) {
		size_t part = part_size(start, size);

		memset(open_page(WINDOW_COPY, start), 0, part);
		close_page(WINDOW_COPY);
		start = hpa_add(start, part);
		size -= part;
	}
}

uint64_t window_mmio_read(hpa_t at, unsigned size)
{
	const volatile void *from = open_page(WINDOW_MMIO, at);
	uint64_t value = size == 1   ? *(const volatile uint8_t *)from
			 : size == 2 ? *(const volatile uint16_t *)from
			 : size == 4 ? *(const volatile uint32_t *)from
				     : *(const volatile uint64_t *)from;

	close_page(WINDOW_MMIO);
	return value;
}

void window_mmio_write(hpa_t at, unsigned size, uint64_t value)
{
	volatile void *to = open_page(WINDOW_MMIO, at);

	if (size == 1) {
		*(volatile uint8_t *)to = (uint8_t)value;
	} else if (size == 2) {
		*(volatile uint16_t *)to = (uint16_t)value;
	} else if (size == 4) {
		*(volatile uint32_t *)to = (uint32_t)value;
	} else {
		*(volatile uint64_t *)to = value;
	}
	close_page(WINDOW_MMIO);
}

bool window_compare_exchange(hpa_t at, uint64_t *expected, uint64_t value)
{
	uint64_t *word;
	bool done;

	assert(is_aligned(at.value, sizeof(uint64_t)));
	word = open_page(WINDOW_EXCHANGE, at);
	done = __atomic_compare_exchange_n(word, expected, value, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
	close_page(WINDOW_EXCHANGE);
	return done;
}

void window_word_take(struct window_word *word, hpa_t address)
{
	hpa_t aligned = hpa(align_down(address.value, sizeof(uint64_t)));

	word->entry = leaf(aligned);
	word->offset = (uint32_t)(aligned.value & ~PAGE_MASK);
	window_read(aligned, &word->value, sizeof(word->value));
}

/* One page after the other in the same window, which need not be closed in between. */
bool window_words_are_same(const struct window_word *words, unsigned count)
{
	const char *page = page_of(WINDOW_COPY);
	pte_t *entry = hyp_map_private_slot(page);
	bool same = true;

	assert(*entry == 0);
	for (unsigned i = 0; i < count && same; i++) {
		atomic_store(entry, words[i].entry);
		same = __atomic_load_n((const uint64_t *)(const void *)(page + words[i].offset),
				       __ATOMIC_RELAXED) == words[i].value;
		arch_tlb_flush_page(page);
	}
	close_page(WINDOW_COPY);
	return same;
}
