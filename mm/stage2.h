/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's stage-2: guest physical to host physical. Maps frames with their counts kept in the frame
 * database, counts flush generations, and charges its table pages to the VM. GPA = HPA is the
 * control guest's loader's business; nothing here assumes it.
 */
#pragma once

#include "core/lock.h"
#include "mm/pt.h"

struct vm;

struct stage2 {
	struct pt pt;
	struct lock lock;
	struct vm *vm;
	uint64_t generation;  /* grows with every change that takes rights away; a vCPU flushes when
				 it saw an older one */
	uint64_t table_pages; /* charged to the VM */
	uint64_t destroyed;   /* stage2_destroy(): input addresses below are unmapped */
};

must_check int stage2_init(struct stage2 *stage2, struct vm *vm);

/* range.start is a GPA. See pt.h for restart, errors and splitting. Any CPU; takes stage2->lock. */
must_check int stage2_map(struct stage2 *stage2, struct pt_range *range);
must_check int stage2_unmap(struct stage2 *stage2, struct pt_range *range);
must_check int stage2_protect(struct stage2 *stage2, struct pt_range *range);

/* The same, called again until done: for boot and for callers that may take that long. */
must_check int stage2_map_all(struct stage2 *stage2, struct pt_range range);

must_check int stage2_lookup(struct stage2 *stage2, gpa_t address, struct pt_leaf *leaf);

/*
 * To be called when unmap and protect are done: every CPU that is inside a guest of this stage-2
 * with an older generation is kicked; it flushes before its next entry. Returns at once; frames are
 * free after the epoch.
 */
void stage2_flush(struct stage2 *stage2);

/* No vCPU runs on it any more. -E_RESTART until done; -E_NOMEM: later. */
must_check int stage2_destroy(struct stage2 *stage2);
