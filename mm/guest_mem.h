/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only way to touch guest memory: by guest physical address, through a stage-2 (of a VM:
 * &vm->stage2[0]) and this CPU's window, with overflow and rights checked. Never partial: -E_RANGE
 * leaves the rest undone but reported.
 */
#pragma once

#include "core/types.h"

struct stage2;

/* 0, or -E_RANGE where a part of the range is not mapped as RAM of the guest (or not writable). */
must_check int guest_mem_read(struct stage2 *stage2, gpa_t from, void *to, size_t size);
must_check int guest_mem_write(struct stage2 *stage2, gpa_t to, const void *from, size_t size);
must_check int guest_mem_zero(struct stage2 *stage2, gpa_t start, size_t size);

/* One aligned 64-bit compare-exchange; 0, -E_RANGE, or -E_BUSY with *expected holding what was
 * there. */
must_check int guest_mem_compare_exchange(struct stage2 *stage2, gpa_t at, uint64_t *expected,
					  uint64_t value);
