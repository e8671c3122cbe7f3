/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walker. Every operation goes over its range from terminal entry to terminal entry: an empty
 * one or a leaf, at whatever level. Where the entry is larger than what is to be done, it is split
 * into a table, and the walk looks again. Entries are changed by compare-exchange only, because
 * hardware sets accessed and dirty bits at any time.
 */
#include "mm/pt.h"

#include "core/bits.h"
#include "core/err.h"
#include "core/panic.h"
#include "mm/hyp_map.h"

/* An entry on the way to an input address, as it was read. */
struct slot {
	pte_t *entry;
	pte_t value;
	unsigned level;
};

struct walk {
	struct pt *pt;
	struct pt_range *range;
	bool maps, replace, changed;
	void (*harvested)(void *context, const struct pt_leaf *leaf, bool dirty);
	void *context;
};

/* Handles the entry that maps range->start: one of these, or an error. */
typedef int visit_fn(struct walk *walk, const struct slot *at);
enum { VISIT_DONE, VISIT_AGAIN, VISIT_SPLIT };

static pte_t *table_of(const struct pt_format *format, const struct slot *at)
{
	return hyp_map_pointer(format->address(at->value, at->level));
}

static enum pt_kind kind_of(const struct pt *pt, const struct slot *at)
{
	return at->value == 0 ? PT_EMPTY : pt->format->kind(at->value, at->level);
}

/* Goes down towards address, until an entry that is no table, or one at level `stop`. */
static struct slot descend(const struct pt *pt, uint64_t address, unsigned stop)
{
	pte_t *table = pt->root;
	struct slot at = { .level = pt->format->levels };

	do {
		at.level--;
		at.entry = &table[address / pt_level_size(at.level) % PT_ENTRIES];
		at.value = __atomic_load_n(at.entry, __ATOMIC_ACQUIRE);
		if (at.level == stop || kind_of(pt, &at) != PT_TABLE) {
			break;
		}
		table = table_of(pt->format, &at);
	} while (true);
	return at;
}

static struct pt_leaf leaf_of(const struct pt *pt, uint64_t address, const struct slot *at)
{
	return (struct pt_leaf){
		.address = pt->format->address(at->value, at->level),
		.start = align_down(address, pt_level_size(at->level)),
		.level = at->level,
		.attr = pt->format->attr(at->value, at->level),
		.entry = at->value,
	};
}

/* Tells who counts leaves; the entry has been changed already. */
static void report(const struct pt *pt, void (*fn)(void *context, const struct pt_leaf *leaf),
		   uint64_t address, const struct slot *at)
{
	if (fn != NULL && kind_of(pt, at) == PT_LEAF) {
		struct pt_leaf leaf = leaf_of(pt, address, at);

		fn(pt->context, &leaf);
	}
}

static pte_t make_leaf(const struct pt_format *format, const struct pt_leaf *leaf, pte_t like)
{
	bool accessed, dirty;

	format->clear_accessed(like, &accessed, &dirty);
	return format->set_accessed(format->make_leaf(leaf->address, leaf->level, leaf->attr),
				    accessed, dirty);
}

/* The leaf's 512 parts, or as many empty entries. */
static void fill(const struct pt *pt, pte_t *table, const struct slot *at)
{
	struct pt_leaf part;

	if (kind_of(pt, at) == PT_EMPTY) {
		return;
	}
	part = leaf_of(pt, 0, at);
	part.level = at->level - 1;
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		table[i] = make_leaf(pt->format, &part, at->value);
		part.address = hpa_add(part.address, pt_level_size(part.level));
	}
}

/* Puts a table in the place of a leaf or an empty entry; nothing changes for who walks by. */
static int split(const struct pt *pt, struct slot at)
{
	pte_t *table;

	assert(at.level > 0);
	table = pt->memory->alloc(pt->context);
	if (table == NULL) {
		return -E_NOMEM;
	}
	fill(pt, table, &at);
	while (!pt->format->publish(at.entry, at.value,
				    pt->format->make_table(hyp_map_direct_hpa(table)))) {
		at.value = __atomic_load_n(at.entry, __ATOMIC_ACQUIRE);
		fill(pt, table, &at);
	}
	return 0;
}

static bool table_is_empty(const pte_t *table)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (table[i] != 0) {
			return false;
		}
	}
	return true;
}

/* Takes out the tables on the way to address that have nothing left in them, bottom up. */
static void prune(const struct pt *pt, uint64_t address)
{
	for (unsigned level = 1; level < pt->format->levels && pt->memory->free != NULL; level++) {
		struct slot at = descend(pt, address, level);
		pte_t *table;

		if (at.level != level || kind_of(pt, &at) != PT_TABLE) {
			continue;
		}
		table = table_of(pt->format, &at);
		if (!table_is_empty(table) || !pt->format->publish(at.entry, at.value, 0)) {
			return;
		}
		pt->memory->free(pt->context, table);
	}
}

static bool address_fits(const struct pt_format *format, uint64_t address)
{
	unsigned width = PAGE_SHIFT + 9 * format->levels;

	if (format->is_canonical) {
		uint64_t high = address >> (width - 1);

		return high == 0 || high == ~UINT64_C(0) >> (width - 1);
	}
	return address >> width == 0;
}

static int range_check(const struct pt_format *format, const struct pt_range *range)
{
	uint64_t last = range->start + range->size - 1;

	if (!is_aligned(range->start | range->size, PAGE_SIZE)) {
		return -E_INVAL;
	}
	if (last < range->start || !address_fits(format, range->start) ||
	    !address_fits(format, last) || (range->start ^ last) >> 63 != 0) {
		return -E_RANGE;
	}
	return 0;
}

static int attr_check(const struct pt_format *format, const struct pt_range *range, uint64_t target)
{
	uint64_t last = range->size != 0 ? target + range->size - 1 : target;

	if ((range->attr.prot & PT_READ) == 0 || !is_aligned(target, PAGE_SIZE)) {
		return -E_INVAL;
	}
	if (last < target || (format->physical_bits != 0 && last >> format->physical_bits != 0)) {
		return -E_RANGE;
	}
	return 0;
}

/* Bytes of the range in the entry. */
static uint64_t part_size(const struct pt_range *range, unsigned level)
{
	uint64_t size = pt_level_size(level);

	return min_u64(range->size, size - (range->start & (size - 1)));
}

static void range_advance(struct pt_range *range, uint64_t size)
{
	range->start += size;
	range->size -= size;
	range->target = hpa_add(range->target, size);
}

/* What a visit counts against the batch: the frames of a large leaf are counted one by one. */
static unsigned cost_of(const struct walk *walk, const struct slot *at)
{
	bool is_leaf = walk->maps || kind_of(walk->pt, at) == PT_LEAF;

	return at->level > 0 && is_leaf ? PT_BATCH / 4 : 1;
}

static int walk_range(struct walk *walk, visit_fn *visit)
{
	struct pt_range *range = walk->range;
	int err = range->size == 0 ? 0 : range_check(walk->pt->format, range);
	unsigned cost = 0;

	while (err >= 0 && range->size != 0) {
		struct slot at;

		if (cost >= PT_BATCH) {
			return -E_RESTART;
		}
		at = descend(walk->pt, range->start, 0);
		err = visit(walk, &at);
		cost += err == VISIT_DONE ? cost_of(walk, &at) : 1;
		if (err == VISIT_SPLIT) {
			err = split(walk->pt, at);
		} else if (err == VISIT_DONE) {
			range_advance(range, part_size(range, at.level));
		}
	}
	return err < 0 ? err : 0;
}

/* The entry as a whole lies in the range, and where it is to become a leaf, the target fits. */
static bool covers(const struct pt_range *range, unsigned level)
{
	return part_size(range, level) == pt_level_size(level);
}

static bool is_uniform(const struct pt *pt, hpa_t target, unsigned level)
{
	return pt->format->is_uniform == NULL || pt->format->is_uniform(target, level);
}

static bool may_be_leaf(const struct pt *pt, const struct pt_range *range, unsigned level)
{
	return (pt->format->leaf_levels & BIT(level)) != 0 && covers(range, level) &&
	       is_aligned(range->target.value, pt_level_size(level)) &&
	       is_uniform(pt, range->target, level);
}

static int visit_map(struct walk *walk, const struct slot *at)
{
	const struct pt *pt = walk->pt;
	const struct pt_range *range = walk->range;
	struct slot new = { .level = at->level };

	if (!walk->replace && kind_of(pt, at) != PT_EMPTY) {
		return -E_EXIST;
	}
	if (!may_be_leaf(pt, range, at->level)) {
		return VISIT_SPLIT;
	}
	new.value = pt->format->make_leaf(range->target, at->level, range->attr);
	if (!pt->format->publish(at->entry, at->value, new.value)) {
		return VISIT_AGAIN;
	}
	report(pt, pt->memory->leaf_dropped, range->start, at);
	report(pt, pt->memory->leaf_added, range->start, &new);
	return VISIT_DONE;
}

int pt_map(struct pt *pt, struct pt_range *range, bool replace)
{
	struct walk walk = { .pt = pt, .range = range, .maps = true, .replace = replace };
	int err = attr_check(pt->format, range, range->target.value);

	return err != 0 ? err : walk_range(&walk, visit_map);
}

static int visit_unmap(struct walk *walk, const struct slot *at)
{
	const struct pt *pt = walk->pt;
	const struct pt_range *range = walk->range;
	uint64_t end = range->start + part_size(range, at->level);

	if (kind_of(pt, at) == PT_LEAF) {
		bool is_counted = pt->memory->leaf_dropped != NULL;

		if (!covers(range, at->level) || (is_counted && at->level > 1)) {
			return VISIT_SPLIT;
		}
		if (!pt->format->publish(at->entry, at->value, 0)) {
			return VISIT_AGAIN;
		}
		walk->changed = true;
		report(pt, pt->memory->leaf_dropped, range->start, at);
	}
	/* The walk leaves this table: the last moment to see that nothing is left in it. */
	if (is_aligned(end, pt_level_size(at->level + 1)) || end == range->start + range->size) {
		prune(pt, range->start);
	}
	return VISIT_DONE;
}

int pt_unmap(struct pt *pt, struct pt_range *range, bool *changed)
{
	struct walk walk = { .pt = pt, .range = range };
	int err = walk_range(&walk, visit_unmap);

	*changed = walk.changed;
	return err;
}

static int visit_protect(struct walk *walk, const struct slot *at)
{
	const struct pt_format *format = walk->pt->format;
	struct pt_leaf leaf;
	pte_t entry;

	if (kind_of(walk->pt, at) == PT_EMPTY) {
		return VISIT_DONE;
	}
	leaf = leaf_of(walk->pt, walk->range->start, at);
	leaf.attr = walk->range->attr;
	entry = make_leaf(format, &leaf, at->value);
	if (entry == at->value) {
		return VISIT_DONE;
	}
	if (!covers(walk->range, at->level)) {
		return VISIT_SPLIT;
	}
	if (!format->publish(at->entry, at->value, entry)) {
		return VISIT_AGAIN;
	}
	walk->changed = true;
	return VISIT_DONE;
}

int pt_protect(struct pt *pt, struct pt_range *range, bool *changed)
{
	struct walk walk = { .pt = pt, .range = range };
	int err = attr_check(pt->format, range, 0);

	err = err != 0 ? err : walk_range(&walk, visit_protect);
	*changed = walk.changed;
	return err;
}

static int visit_harvest(struct walk *walk, const struct slot *at)
{
	const struct pt_format *format = walk->pt->format;
	bool accessed, dirty;
	struct pt_leaf leaf;
	pte_t entry;

	if (kind_of(walk->pt, at) == PT_EMPTY) {
		return VISIT_DONE;
	}
	entry = format->clear_accessed(at->value, &accessed, &dirty);
	if (!accessed && !dirty) {
		return VISIT_DONE;
	}
	if (!format->publish(at->entry, at->value, entry)) {
		return VISIT_AGAIN;
	}
	leaf = leaf_of(walk->pt, walk->range->start, at);
	walk->harvested(walk->context, &leaf, dirty);
	return VISIT_DONE;
}

int pt_harvest(struct pt *pt, struct pt_range *range,
	       void (*fn)(void *context, const struct pt_leaf *leaf, bool dirty), void *context)
{
	struct walk walk = { .pt = pt, .range = range, .harvested = fn, .context = context };

	return walk_range(&walk, visit_harvest);
}

int pt_init(struct pt *pt, const struct pt_format *format, const struct pt_memory_ops *memory,
	    void *context)
{
	*pt = (struct pt){ .format = format, .memory = memory, .context = context };
	pt->root = memory->alloc(context);
	return pt->root != NULL ? 0 : -E_NOMEM;
}

int pt_lookup(const struct pt *pt, uint64_t address, struct pt_leaf *leaf)
{
	struct slot at;

	if (!address_fits(pt->format, address)) {
		return -E_NOENT;
	}
	at = descend(pt, address, 0);
	if (kind_of(pt, &at) != PT_LEAF) {
		return -E_NOENT;
	}
	*leaf = leaf_of(pt, address, &at);
	return 0;
}

pte_t *pt_slot(const struct pt *pt, uint64_t address)
{
	struct slot at = descend(pt, address, 0);

	return at.level == 0 ? at.entry : NULL;
}

/* 512 leaves, alike and contiguous, from the start of a larger one; *whole becomes that. */
static bool is_collapsible(const struct pt *pt, pte_t *table, struct pt_leaf *whole)
{
	const struct pt_format *format = pt->format;
	struct slot at = { .value = table[0], .level = whole->level - 1 };
	struct pt_leaf part;

	if (kind_of(pt, &at) != PT_LEAF) {
		return false;
	}
	part = leaf_of(pt, whole->start, &at);
	whole->address = part.address;
	whole->attr = part.attr;
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (make_leaf(format, &part, table[i]) != table[i]) {
			return false;
		}
		part.address = hpa_add(part.address, pt_level_size(part.level));
	}
	return is_aligned(whole->address.value, pt_level_size(whole->level));
}

int pt_collapse(struct pt *pt, uint64_t address, unsigned level)
{
	struct slot at = descend(pt, address, level);
	struct pt_leaf whole = { .start = address, .level = level };
	pte_t *table, entry;

	if ((pt->format->leaf_levels & BIT(level)) == 0 || level == 0 || at.level != level ||
	    kind_of(pt, &at) != PT_TABLE || pt->memory->free == NULL) {
		return -E_NOENT;
	}
	table = table_of(pt->format, &at);
	if (!is_collapsible(pt, table, &whole) || !is_uniform(pt, whole.address, level)) {
		return -E_NOENT;
	}
	/* Hardware may still mark the parts, where nobody looks any more: so count it as marked. */
	entry = pt->format->make_leaf(whole.address, level, whole.attr);
	entry = pt->format->set_accessed(entry, true, true);
	if (!pt->format->publish(at.entry, at.value, entry)) {
		return -E_NOENT;
	}
	pt->memory->free(pt->context, table);
	return 0;
}

struct visitor {
	const struct pt *pt;
	int (*fn)(void *context, const struct pt_leaf *leaf);
	void *context;
};

static int visit_table(const struct visitor *visitor, pte_t *table, unsigned level, uint64_t start)
{
	const struct pt *pt = visitor->pt;
	unsigned unused = 64 - (PAGE_SHIFT + 9 * pt->format->levels);
	int stop = 0;

	for (unsigned i = 0; i < PT_ENTRIES && stop == 0; i++, start += pt_level_size(level)) {
		struct slot at = { .value = table[i], .level = level };

		if (kind_of(pt, &at) == PT_TABLE) {
			stop = visit_table(visitor, table_of(pt->format, &at), level - 1, start);
		} else if (kind_of(pt, &at) == PT_LEAF) {
			struct pt_leaf leaf = leaf_of(pt, start, &at);

			if (pt->format->is_canonical) {
				leaf.start = (uint64_t)((int64_t)(start << unused) >> unused);
			}
			stop = visitor->fn(visitor->context, &leaf);
		}
	}
	return stop;
}

int pt_for_each(const struct pt *pt, int (*fn)(void *context, const struct pt_leaf *leaf),
		void *context)
{
	struct visitor visitor = { .pt = pt, .fn = fn, .context = context };

	return visit_table(&visitor, pt->root, pt->format->levels - 1, 0);
}

/* The first table that a table of that level refers to. */
static bool first_table(const struct pt *pt, pte_t *table, unsigned level, struct slot *found)
{
	for (unsigned i = 0; i < PT_ENTRIES && level > 0; i++) {
		struct slot at = { .entry = &table[i], .value = table[i], .level = level };

		if (kind_of(pt, &at) == PT_TABLE) {
			*found = at;
			return true;
		}
	}
	return false;
}

/* Nobody walks these tables any more. */
int pt_destroy(struct pt *pt)
{
	for (unsigned tables = 0; tables < PT_BATCH; tables++) {
		struct slot at = { .level = pt->format->levels };
		pte_t *table = pt->root;

		while (first_table(pt, table, at.level - 1, &at)) {
			table = table_of(pt->format, &at);
		}
		pt->memory->free(pt->context, table);
		if (table == pt->root) {
			pt->root = NULL;
			return 0;
		}
		*at.entry = 0;
	}
	return -E_RESTART;
}
