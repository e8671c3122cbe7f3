/* SPDX-License-Identifier: GPL-2.0-only */
/* Secret pages: frames that are in no CPU's direct map, in chunks of the page allocator's blocks.
 */
#include "core/arch.h"
#include "core/bits.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/panic.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"
#include "mm/window.h"

#define CHUNK_ORDER    4
#define FRAMES_A_CHUNK BIT(CHUNK_ORDER)
#define FRAMES_A_CPU   4

struct chunk {
	struct chunk *next;
	hpa_t start;
	uint64_t free; /* bit n: frame n */
};

static struct lock secret_lock = LOCK_INIT;
/* secret_lock: */
static struct chunk *chunks;
static uint64_t free_count;

static int add_chunk(void)
{
	struct chunk *chunk = page_alloc_forever(PAGE_USE_VM, sizeof(*chunk));
	void *frames = chunk != NULL ? page_alloc(PAGE_USE_VM, CHUNK_ORDER) : NULL;
	int err;

	if (frames == NULL) {
		return -E_NOMEM;
	}
	chunk->start = hyp_map_direct_hpa(frames);
	err = hyp_map_direct_remove(chunk->start, PAGE_SIZE << CHUNK_ORDER);
	if (err != 0) {
		return err;
	}
	chunk->free = BITS(FRAMES_A_CHUNK - 1, 0);
	chunk->next = chunks;
	chunks = chunk;
	free_count += FRAMES_A_CHUNK;
	return 0;
}

int hyp_map_secret_reserve(uint32_t cpus)
{
	int err = 0;

	lock_acquire(&secret_lock);
	while (err == 0 && free_count < cpus * FRAMES_A_CPU) {
		err = add_chunk();
	}
	lock_release(&secret_lock);
	return err;
}

static bool take_frame(hpa_t *frame)
{
	for (struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
		if (chunk->free != 0) {
			unsigned index = bits_lowest(chunk->free);

			chunk->free &= ~BIT(index);
			free_count--;
			*frame = hpa_add(chunk->start, index * PAGE_SIZE);
			return true;
		}
	}
	return false;
}

int hyp_map_secret_alloc(hpa_t *frame)
{
	int err = 0;

	lock_acquire(&secret_lock);
	while (err == 0 && !take_frame(frame)) {
		err = add_chunk();
	}
	lock_release(&secret_lock);
	return err;
}

static void give_frame(hpa_t frame)
{
	for (struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
		uint64_t index = (frame.value - chunk->start.value) / PAGE_SIZE;

		if (frame.value >= chunk->start.value && index < FRAMES_A_CHUNK) {
			assert((chunk->free & BIT(index)) == 0);
			chunk->free |= BIT(index);
			free_count++;
			return;
		}
	}
	panic("hyp_map: %#llx is no secret frame", (unsigned long long)frame.value);
}

void hyp_map_secret_free(hpa_t frame)
{
	window_zero(frame, PAGE_SIZE);
	lock_acquire(&secret_lock);
	give_frame(frame);
	lock_release(&secret_lock);
}

static char *page_of(unsigned slot)
{
	assert(slot < LAYOUT_SECRETS);
	return (char *)(uintptr_t)(LAYOUT_SECRET_BASE + slot * PAGE_SIZE);
}

void *hyp_map_secret_load(unsigned slot, hpa_t frame)
{
	struct pt_attr attr = { .prot = PT_READ | PT_WRITE, .memory = PT_MEMORY_WB };
	char *page = page_of(slot);
	pte_t *entry = hyp_map_private_slot(page);

	assert(*entry == 0);
	atomic_store(entry, arch_host_format()->make_leaf(frame, 0, attr));
	return page;
}

void hyp_map_secret_unload(unsigned slot)
{
	char *page = page_of(slot);

	atomic_store(hyp_map_private_slot(page), 0);
	arch_tlb_flush_page(page);
}
