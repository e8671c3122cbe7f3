/* SPDX-License-Identifier: GPL-2.0-only */
/* Stage-2 tables of a VM: the walker under a lock, with frames counted and rights given notice. */
#include "mm/stage2.h"

#include "core/arch.h"
#include "core/err.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"

/* Called with stage2->lock held, or while nobody else knows the VM. */
static void *table_alloc(void *context)
{
	struct stage2 *stage2 = context;
	void *table = page_alloc(PAGE_USE_STAGE2, 0);

	stage2->table_pages += table != NULL;
	return table;
}

/*
 * The generation grows before the table's epoch begins: a CPU that passes the epoch by entering a
 * guest then sees it and flushes what it has cached of the walk through this table.
 */
static void table_free(void *context, void *table)
{
	struct stage2 *stage2 = context;

	stage2->table_pages--;
	atomic_add(&stage2->generation, 1);
	page_retire(table, PAGE_USE_STAGE2);
}

static void count_leaf(void *context, const struct pt_leaf *leaf)
{
	(void)context;
	frame_map_get(leaf->address, pt_level_size(leaf->level));
}

static void discount_leaf(void *context, const struct pt_leaf *leaf)
{
	(void)context;
	frame_map_put(leaf->address, pt_level_size(leaf->level));
}

static const struct pt_memory_ops memory = {
	.alloc = table_alloc,
	.free = table_free,
	.leaf_added = count_leaf,
	.leaf_dropped = discount_leaf,
};

int stage2_init(struct stage2 *stage2, struct vm *vm)
{
	*stage2 = (struct stage2){ .vm = vm };
	return pt_init(&stage2->pt, arch_stage2_format(), &memory, stage2);
}

int stage2_map(struct stage2 *stage2, struct pt_range *range)
{
	int err;

	lock_acquire(&stage2->lock);
	err = pt_map(&stage2->pt, range, false);
	lock_release(&stage2->lock);
	return err;
}

/* Unmap and protect: rights may have been taken away, so vCPUs flush what they saw before. */
static int change(struct stage2 *stage2, struct pt_range *range,
		  int (*fn)(struct pt *pt, struct pt_range *range, bool *changed))
{
	bool changed = false;
	int err;

	lock_acquire(&stage2->lock);
	err = fn(&stage2->pt, range, &changed);
	if (changed) {
		atomic_add(&stage2->generation, 1);
	}
	lock_release(&stage2->lock);
	return err;
}

int stage2_unmap(struct stage2 *stage2, struct pt_range *range)
{
	return change(stage2, range, pt_unmap);
}

int stage2_protect(struct stage2 *stage2, struct pt_range *range)
{
	return change(stage2, range, pt_protect);
}

int stage2_map_all(struct stage2 *stage2, struct pt_range range)
{
	int err;

	do {
		err = stage2_map(stage2, &range);
	} while (err == -E_RESTART);
	return err;
}

int stage2_lookup(struct stage2 *stage2, gpa_t address, struct pt_leaf *leaf)
{
	int err;

	lock_acquire(&stage2->lock);
	err = pt_lookup(&stage2->pt, address.value, leaf);
	lock_release(&stage2->lock);
	return err;
}

void stage2_flush(struct stage2 *stage2)
{
	arch_stage2_flush(stage2);
}

/* Unmaps first, so that no frame stays counted; how far that came is kept in the stage-2. */
int stage2_destroy(struct stage2 *stage2)
{
	uint64_t end = pt_level_size(stage2->pt.format->levels);
	struct pt_range range = { .start = stage2->destroyed, .size = end - stage2->destroyed };
	int err = stage2_unmap(stage2, &range);

	stage2->destroyed = range.start;
	return err != 0 ? err : pt_destroy(&stage2->pt);
}
