/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's own mappings. The boot CPU's top-level table is the model: all others share its
 * lower tables, but for the private slot.
 */
#include "mm/hyp_map.h"

#include "core/arch.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/string.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"

/* Placed by the linker script, page-aligned: text, read-only data, data. */
extern char image_start[], image_text_start[], image_text_end[], image_rodata_end[], image_end[];

static_assert(LAYOUT_PRIVATE_BASE / (2 * MIB) ==
		      (LAYOUT_SECRET_BASE + (LAYOUT_SECRETS - 1) * PAGE_SIZE) / (2 * MIB),
	      "a CPU's private pages share one table");

/* A CPU's top-level table, for the self-test and for new shared slots. */
struct root {
	struct root *next;
	pte_t *table;
};

uint64_t hyp_map_offset = LAYOUT_BOOT_BASE;

static struct lock map_lock = LOCK_INIT;
/* const after hyp_map_init(): */
static hpa_t image_hpa;
static struct root boot_root;
static pte_t *start_table; /* below 4 GiB, for hyp_map_start_root() */
/* map_lock: */
static struct pt shared;
static struct root *roots = &boot_root;
static uint64_t mmio_next = LAYOUT_MMIO_BASE;
static uint64_t stack_next = LAYOUT_STACK_BASE;
static uint64_t start_page;

/* Pages of the pool before there is an allocator; only hyp_map_init() uses them. */
static uint64_t early_next, early_end;

static void *early_alloc(void)
{
	void *page = hyp_map_pointer(hpa(early_next));

	if (early_next >= early_end) {
		refuse("the hypervisor's memory pool is too small for its own page tables");
	}
	early_next += PAGE_SIZE;
	return memset(page, 0, PAGE_SIZE);
}

static void *table_alloc(void *context)
{
	(void)context;
	return early_end != 0 ? early_alloc() : page_alloc(PAGE_USE_TABLES, 0);
}

/* Tables are shared between the CPUs' roots, so none is ever given back. */
static const struct pt_memory_ops memory = { .alloc = table_alloc };

static int map_all(struct pt *pt, struct pt_range range)
{
	int err;

	do {
		err = pt_map(pt, &range, false);
	} while (err == -E_RESTART);
	return err;
}

static struct pt_range range_of(uint64_t start, uint64_t size, hpa_t target, uint32_t prot)
{
	return (struct pt_range){
		.start = start,
		.size = size,
		.target = target,
		.attr = { .prot = prot, .memory = PT_MEMORY_WB },
	};
}

static unsigned slot_of(uint64_t address)
{
	return (unsigned)(address / pt_level_size(shared.format->levels - 1) % PT_ENTRIES);
}

/* Copies shared slots to a root that lacks them. Slots are only ever added, so nobody flushes. */
static void share_slots(pte_t *table, unsigned first, unsigned last)
{
	for (unsigned slot = first; slot <= last; slot++) {
		if (slot != slot_of(LAYOUT_PRIVATE_BASE) && table[slot] == 0) {
			atomic_store(&table[slot], shared.root[slot]);
		}
	}
}

/* What is mapped here every CPU sees on return. */
static int map_shared(struct pt_range range)
{
	unsigned first = slot_of(range.start), last = slot_of(range.start + range.size - 1);
	int err;

	lock_acquire(&map_lock);
	err = map_all(&shared, range);
	for (struct root *root = roots; root != NULL; root = root->next) {
		share_slots(root->table, first, last);
	}
	lock_release(&map_lock);
	return err;
}

static void must(int err)
{
	if (err != 0) {
		panic("hyp_map: the first tables can not be built (error %d)", err);
	}
}

/* text: execute, no write; rodata: neither; data to the end: write, no execute. */
static void map_image(void)
{
	const struct {
		const char *start, *end;
		uint32_t prot;
	} parts[] = {
		{ image_text_start, image_text_end, PT_READ | PT_EXECUTE },
		{ image_text_end, image_rodata_end, PT_READ },
		{ image_rodata_end, image_end, PT_READ | PT_WRITE },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t size = align_up((uint64_t)(parts[i].end - parts[i].start), PAGE_SIZE);
		hpa_t target = hpa_add(image_hpa, (uint64_t)(parts[i].start - image_start));

		must(map_all(&shared,
			     range_of((uintptr_t)parts[i].start, size, target, parts[i].prot)));
	}
}

/* Maps the page of a CPU's own pointers, and stores them in it. */
static int private_init(pte_t *root, void *page, struct cpu *cpu)
{
	struct pt pt = shared;
	struct hyp_map_private *private = page;
	int err;

	pt.root = root;
	err = map_all(&pt, range_of(LAYOUT_PRIVATE_SELF, PAGE_SIZE, hyp_map_direct_hpa(page),
				    PT_READ | PT_WRITE));
	if (err == 0) {
		private->self = cpu;
		private->table = pt_slot(&pt, LAYOUT_PRIVATE_BASE);
	}
	return err;
}

/* From here on physical memory is seen in the direct map, and so are the tables. */
static void direct_map_live(void)
{
	struct hyp_map_private *private = (void *)(uintptr_t)LAYOUT_PRIVATE_SELF;
	uint64_t moved = LAYOUT_DIRECT_BASE - hyp_map_offset;

	hyp_map_offset = LAYOUT_DIRECT_BASE;
	shared.root = (pte_t *)((uintptr_t)shared.root + moved);
	start_table = (pte_t *)((uintptr_t)start_table + moved);
	private->table = (pte_t *)((uintptr_t) private->table + moved);
	boot_root.table = shared.root;
}

void hyp_map_init(hpa_t pool, uint64_t pool_size, hpa_t image, struct cpu *cpu)
{
	uint64_t pages;

	early_next = pool.value;
	early_end = pool.value + pool_size;
	image_hpa = image;
	must(pt_init(&shared, arch_host_format(), &memory, NULL));
	start_table = early_alloc();
	map_image();
	must(map_all(&shared, range_of(LAYOUT_DIRECT_BASE + pool.value, pool_size, pool,
				       PT_READ | PT_WRITE)));
	must(private_init(shared.root, early_alloc(), cpu));
	arch_root_load(hyp_map_direct_hpa(shared.root));
	direct_map_live();
	pages = (early_next - pool.value) / PAGE_SIZE;
	must(page_alloc_add(hpa(early_next), early_end - early_next, 0));
	page_alloc_count(PAGE_USE_TABLES, pages);
	early_end = 0;
}

int hyp_map_direct(hpa_t start, uint64_t size)
{
	if (start.value + size > LAYOUT_DIRECT_SIZE || start.value + size < start.value) {
		return -E_RANGE;
	}
	return map_shared(
		range_of(LAYOUT_DIRECT_BASE + start.value, size, start, PT_READ | PT_WRITE));
}

int hyp_map_direct_remove(hpa_t start, uint64_t size)
{
	struct pt_range range = { .start = LAYOUT_DIRECT_BASE + start.value, .size = size };
	bool changed;
	int err;

	lock_acquire(&map_lock);
	do {
		err = pt_unmap(&shared, &range, &changed);
	} while (err == -E_RESTART);
	lock_release(&map_lock);
	for (uint64_t at = 0; at < size; at += PAGE_SIZE) {
		arch_tlb_flush_page(hyp_map_pointer(hpa_add(start, at)));
	}
	return err;
}

hpa_t hyp_map_hpa(const void *pointer)
{
	uint64_t address = (uintptr_t)pointer;
	struct pt_leaf leaf;

	if (address - LAYOUT_DIRECT_BASE < LAYOUT_DIRECT_SIZE) {
		return hpa(address - LAYOUT_DIRECT_BASE);
	}
	if (pt_lookup(&shared, address, &leaf) != 0) {
		panic("hyp_map: %p is not mapped", pointer);
	}
	return hpa_add(leaf.address, address - leaf.start);
}

/* Address space of a slot that is handed out upwards, a page left out after each piece; or 0. */
static uint64_t claim(uint64_t *next, uint64_t base, uint64_t size)
{
	uint64_t start;

	lock_acquire(&map_lock);
	start = *next;
	if (size > base + pt_level_size(shared.format->levels - 1) - PAGE_SIZE - start) {
		start = 0;
	} else {
		*next += size + PAGE_SIZE;
	}
	lock_release(&map_lock);
	return start;
}

void *hyp_map_mmio(hpa_t start, uint64_t size)
{
	uint64_t first = start.value & PAGE_MASK;
	uint64_t end = align_up(start.value + size, PAGE_SIZE);
	struct pt_range range;

	if (size == 0 || end <= first || frame_find(start) != NULL) {
		return NULL;
	}
	range = range_of(claim(&mmio_next, LAYOUT_MMIO_BASE, end - first), end - first, hpa(first),
			 PT_READ | PT_WRITE);
	range.attr.memory = PT_MEMORY_UC;
	if (range.start == 0 || map_shared(range) != 0) {
		return NULL;
	}
	return (void *)(uintptr_t)(range.start + (start.value - first));
}

int hyp_map_stack(unsigned pages, void **top)
{
	uint64_t guard = claim(&stack_next, LAYOUT_STACK_BASE, (pages + 1) * PAGE_SIZE);
	uint64_t at = guard + PAGE_SIZE;

	if (guard == 0) {
		return -E_NOMEM;
	}
	for (; pages > 0; pages--, at += PAGE_SIZE) {
		void *page = page_alloc(PAGE_USE_CPU, 0);

		if (page == NULL || map_shared(range_of(at, PAGE_SIZE, hyp_map_direct_hpa(page),
							PT_READ | PT_WRITE)) != 0) {
			return -E_NOMEM;
		}
	}
	*top = (void *)(uintptr_t)at;
	return 0;
}

int hyp_map_cpu_init(struct cpu *cpu, hpa_t *root)
{
	struct root *new = page_alloc_forever(PAGE_USE_TABLES, sizeof(*new));
	pte_t *table = page_alloc(PAGE_USE_TABLES, 0);
	void *page = page_alloc(PAGE_USE_CPU, 0);

	/* What is missing here is missing for good: the machine is too small for its CPUs. */
	if (new == NULL || table == NULL || page == NULL || private_init(table, page, cpu) != 0) {
		return -E_NOMEM;
	}
	lock_acquire(&map_lock);
	share_slots(table, 0, PT_ENTRIES - 1);
	*new = (struct root){ .next = roots, .table = table };
	roots = new;
	lock_release(&map_lock);
	*root = hyp_map_direct_hpa(table);
	return 0;
}

hpa_t hyp_map_cpu_adopt(struct cpu *cpu)
{
	struct hyp_map_private *private = (void *)(uintptr_t)LAYOUT_PRIVATE_SELF;

	private->self = cpu;
	return hyp_map_direct_hpa(shared.root);
}

int hyp_map_start_root(hpa_t page, hpa_t *root)
{
	struct pt pt = shared;
	struct pt_range old = { .start = start_page, .size = PAGE_SIZE };
	bool changed;
	int err;

	pt.root = start_table;
	err = pt_unmap(&pt, &old, &changed);
	if (err != 0) {
		return err;
	}
	lock_acquire(&map_lock);
	share_slots(start_table, 0, PT_ENTRIES - 1);
	lock_release(&map_lock);
	start_page = page.value;
	*root = hyp_map_direct_hpa(start_table);
	return map_all(&pt, range_of(page.value, PAGE_SIZE, page, PT_READ | PT_EXECUTE));
}

/* ---- the self-test ---- */

static bool is_window(uint64_t address)
{
	return address - LAYOUT_WINDOW_BASE < LAYOUT_WINDOWS * PAGE_SIZE;
}

/* The first frame of a leaf that is somebody else's RAM; UINT64_MAX where there is none. */
static uint64_t foreign_frame(const struct pt_leaf *leaf)
{
	for (uint64_t at = 0; at < pt_level_size(leaf->level); at += PAGE_SIZE) {
		hpa_t frame = hpa_add(leaf->address, at);

		if (frame_find(frame) != NULL && frame_owner(frame) != FRAME_OWNER_HYPERVISOR) {
			return frame.value;
		}
	}
	return UINT64_MAX;
}

static int test_leaf(void *context, const struct pt_leaf *leaf)
{
	const uint32_t both = PT_WRITE | PT_EXECUTE;
	unsigned *faults = context;
	uint64_t foreign = is_window(leaf->start) ? UINT64_MAX : foreign_frame(leaf);

	if (foreign != UINT64_MAX) {
		log(LOG_ERROR, "self-test: %#llx maps frame %#llx of owner %u",
		    (unsigned long long)leaf->start, (unsigned long long)foreign,
		    frame_owner(hpa(foreign)));
		*faults += 1;
	}
	if ((leaf->attr.prot & both) == both) {
		log(LOG_ERROR, "self-test: %#llx is writable and executable",
		    (unsigned long long)leaf->start);
		*faults += 1;
	}
	return 0;
}

unsigned hyp_map_self_test(void)
{
	unsigned faults = 0;

	for (const struct root *root = roots; root != NULL; root = root->next) {
		struct pt pt = shared;

		pt.root = root->table;
		(void)pt_for_each(&pt, test_leaf, &faults);
	}
	return faults;
}
