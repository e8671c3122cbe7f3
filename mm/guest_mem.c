/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory, page by page: look-up in stage-2, then a window. The frame that was looked up stays
 * the guest's until this CPU passes a quiescent point, so it need not be held.
 */
#include "mm/guest_mem.h"

#include "core/err.h"
#include "core/vm.h"
#include "mm/frame.h"
#include "mm/window.h"

struct guest_range {
	struct vm *vm;
	uint64_t at;
	size_t size;
	uint32_t prot;
};

/* The next piece in one page; *size is 0 at the end. */
static int next_piece(struct guest_range *range, hpa_t *address, size_t *size)
{
	struct pt_leaf leaf;

	*size = min_u64(range->size, PAGE_SIZE - (range->at & ~PAGE_MASK));
	if (range->size == 0) {
		return 0;
	}
	if (stage2_lookup(&range->vm->stage2[0], gpa(range->at), &leaf) != 0 ||
	    (leaf.attr.prot & range->prot) != range->prot) {
		return -E_RANGE;
	}
	*address = hpa_add(leaf.address, range->at - leaf.start);
	if (frame_find(*address) == NULL) {
		return -E_RANGE;
	}
	range->at += *size;
	range->size -= *size;
	return 0;
}

static bool wraps(gpa_t start, size_t size)
{
	return size != 0 && start.value + size - 1 < start.value;
}

int guest_mem_read(struct vm *vm, gpa_t from, void *to, size_t size)
{
	struct guest_range range = { vm, from.value, size, PT_READ };
	int err = wraps(from, size) ? -E_RANGE : 0;
	char *out = to;

	while (err == 0 && range.size != 0) {
		hpa_t address;
		size_t part;

		err = next_piece(&range, &address, &part);
		if (err == 0) {
			window_read(address, out, part);
			out += part;
		}
	}
	return err;
}

int guest_mem_write(struct vm *vm, gpa_t to, const void *from, size_t size)
{
	struct guest_range range = { vm, to.value, size, PT_READ | PT_WRITE };
	int err = wraps(to, size) ? -E_RANGE : 0;
	const char *in = from;

	while (err == 0 && range.size != 0) {
		hpa_t address;
		size_t part;

		err = next_piece(&range, &address, &part);
		if (err == 0) {
			window_write(address, in, part);
			in += part;
		}
	}
	return err;
}

int guest_mem_zero(struct vm *vm, gpa_t start, size_t size)
{
	struct guest_range range = { vm, start.value, size, PT_READ | PT_WRITE };
	int err = wraps(start, size) ? -E_RANGE : 0;

	while (err == 0 && range.size != 0) {
		hpa_t address;
		size_t part;

		err = next_piece(&range, &address, &part);
		if (err == 0) {
			window_zero(address, part);
		}
	}
	return err;
}

int guest_mem_compare_exchange(struct vm *vm, gpa_t at, uint64_t *expected, uint64_t value)
{
	struct guest_range range = { vm, at.value, sizeof(value), PT_READ | PT_WRITE };
	hpa_t address;
	size_t part;
	int err;

	if (!is_aligned(at.value, sizeof(value))) {
		return -E_RANGE;
	}
	err = next_piece(&range, &address, &part);
	if (err != 0) {
		return err;
	}
	return window_compare_exchange(address, expected, value) ? 0 : -E_BUSY;
}
