/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory, page by page: look-up in stage-2, then a window. The frame that was looked up stays
 * the guest's until this CPU passes a quiescent point, so it need not be held.
 */
#include "mm/guest_mem.h"

#include "core/err.h"
#include "mm/frame.h"
#include "mm/stage2.h"
#include "mm/window.h"

/* What to do with a piece of physical memory; buffer is where the piece begins in the caller's. */
typedef void piece_fn(hpa_t address, char *buffer, size_t size);

struct access {
	struct stage2 *stage2;
	uint32_t prot;
	piece_fn *fn;
};

static int find(const struct access *access, uint64_t at, hpa_t *address)
{
	struct pt_leaf leaf;

	if (stage2_lookup(access->stage2, gpa(at), &leaf) != 0 ||
	    (leaf.attr.prot & access->prot) != access->prot) {
		return -E_RANGE;
	}
	*address = hpa_add(leaf.address, at - leaf.start);
	return frame_find(*address) != NULL ? 0 : -E_RANGE;
}

static int for_each_piece(const struct access *access, gpa_t start, char *buffer, size_t size)
{
	uint64_t at = start.value;

	if (size != 0 && at + size - 1 < at) {
		return -E_RANGE;
	}
	while (size > 0) {
		size_t piece = min_u64(size, PAGE_SIZE - (at & ~PAGE_MASK));
		hpa_t address;
		int err = find(access, at, &address);

		if (err != 0) {
			return err;
		}
		access->fn(address, buffer, piece);
		at += piece;
		buffer = buffer != NULL ? buffer + piece : NULL;
		size -= piece;
	}
	return 0;
}

static void read_piece(hpa_t address, char *buffer, size_t size)
{
	window_read(address, buffer, size);
}

static void write_piece(hpa_t address, char *buffer, size_t size)
{
	window_write(address, buffer, size);
}

static void zero_piece(hpa_t address, char *buffer, size_t size)
{
	(void)buffer;
	window_zero(address, size);
}

int guest_mem_read(struct stage2 *stage2, gpa_t from, void *to, size_t size)
{
	struct access access = { stage2, PT_READ, read_piece };

	return for_each_piece(&access, from, to, size);
}

int guest_mem_write(struct stage2 *stage2, gpa_t to, const void *from, size_t size)
{
	struct access access = { stage2, PT_READ | PT_WRITE, write_piece };

	/* The pieces of a write are only read. */
	return for_each_piece(&access, to, (char *)(uintptr_t)from, size);
}

int guest_mem_zero(struct stage2 *stage2, gpa_t start, size_t size)
{
	struct access access = { stage2, PT_READ | PT_WRITE, zero_piece };

	return for_each_piece(&access, start, NULL, size);
}

int guest_mem_compare_exchange(struct stage2 *stage2, gpa_t at, uint64_t *expected, uint64_t value)
{
	struct access access = { stage2, PT_READ | PT_WRITE, NULL };
	hpa_t address;
	int err =
		is_aligned(at.value, sizeof(value)) ? find(&access, at.value, &address) : -E_RANGE;

	if (err != 0) {
		return err;
	}
	return window_compare_exchange(address, expected, value) ? 0 : -E_BUSY;
}
