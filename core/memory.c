/* SPDX-License-Identifier: GPL-2.0-only */
/* How the hypervisor gets its memory, and the frame records of all of it. */
#include "core/memory.h"

#include "boot/boot_info.h"
#include "core/control.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/pool.h"
#include "mm/frame.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"

#define BUDGET_FIXED     (8 * MIB)
#define BUDGET_LATER     (16 * KIB) /* of it for what others withhold: other CPUs' start page */
#define BUDGET_CPU       (64 * KIB)
#define BUDGET_PART      250        /* one in 250 bytes: 0.4 % */
#define FIRST_POOL_MAX   (64 * MIB) /* below 4 GiB, where the boot path's tables reach */
#define FIRST_POOL_LIMIT (4 * GIB)
#define PIECE_MAX        (64 * MIB)
#define GUESTS_MIN       (64 * MIB) /* less is no use to any control guest */
#define RECORDS_RAM_MAX  (2 * GIB)  /* RAM of one array of records: what one allocation holds */

static void withhold(uint64_t start, uint64_t size, const char *name)
{
	if (control_withhold(start, size, name) != 0) {
		refuse("the firmware's memory map is too fragmented for the hypervisor's memory");
	}
}

static uint64_t withheld(void)
{
	const struct control_hole *holes;
	uint32_t count = control_holes(&holes);
	uint64_t size = 0;

	for (uint32_t i = 0; i < count; i++) {
		size += holes[i].is_spare ? 0 : holes[i].size;
	}
	return size;
}

static uint64_t take(uint64_t size, uint64_t limit)
{
	uint64_t start = pool_find(&boot_info, size, limit);

	if (start == 0) {
		refuse("the hypervisor needs %llu MiB of usable memory in one piece below %llu "
		       "MiB, "
		       "and this machine has %llu MiB in all: give it more",
		       (unsigned long long)(size / MIB), (unsigned long long)(limit / MIB),
		       (unsigned long long)(pool_usable(&boot_info) / MIB));
	}
	withhold(start, size, "pool");
	return start;
}

/* More memory, anywhere, for the allocator. */
static void add(uint64_t size)
{
	for (uint64_t piece; size > 0; size -= piece) {
		uint64_t start;
		int err;

		piece = min_u64(size, PIECE_MAX);
		start = take(piece, LAYOUT_DIRECT_SIZE);
		err = hyp_map_direct(hpa(start), piece);
		err = err != 0 ? err : page_alloc_add(hpa(start), piece, 0);
		if (err != 0) {
			refuse("no page tables for %llu KiB of the hypervisor's memory (error %d)",
			       (unsigned long long)(piece / KIB), -err);
		}
	}
}

static void check_size(uint64_t usable)
{
	if (usable < BUDGET_FIXED + GUESTS_MIN) {
		refuse("%llu MiB of usable memory are too little: the hypervisor takes %llu and a "
		       "control guest needs %llu",
		       (unsigned long long)(usable / MIB), (unsigned long long)(BUDGET_FIXED / MIB),
		       (unsigned long long)(GUESTS_MIN / MIB));
	}
}

void memory_init(struct cpu *cpu)
{
	uint64_t usable = pool_usable(&boot_info);
	uint64_t size, first, pool;

	check_size(usable);
	withhold(boot_info.image_start, align_up(boot_info.image_size, PAGE_SIZE), "image");
	size = align_down(BUDGET_FIXED + usable / BUDGET_PART - BUDGET_LATER - withheld(),
			  PAGE_SIZE);
	first = min_u64(size, FIRST_POOL_MAX);
	pool = take(first, FIRST_POOL_LIMIT);
	hyp_map_init(hpa(pool), first, hpa(boot_info.image_start), cpu);
	add(size - first);
}

void memory_add_cpus(uint32_t count)
{
	add(count * BUDGET_CPU);
}

/* RAM as the control guest's map has it: core/control.c gives the same ranges away. */
static void add_records(uint64_t start, uint64_t end)
{
	for (uint64_t size; start < end; start += size) {
		struct frame *records;
		int err;

		size = min_u64(end - start, RECORDS_RAM_MAX);
		records = page_alloc_forever(PAGE_USE_FRAMES, frame_records_size(size));
		if (records == NULL) {
			refuse("no memory for the records of %llu MiB of RAM",
			       (unsigned long long)(size / MIB));
		}
		err = frame_add(hpa(start), size, records);
		if (err != 0) {
			refuse("memory %#llx to %#llx can not be recorded (error %d): the "
			       "firmware's map is too fragmented",
			       (unsigned long long)start, (unsigned long long)(start + size), -err);
		}
	}
}

static void own_withheld(void)
{
	const struct control_hole *holes;
	uint32_t count = control_holes(&holes);

	for (uint32_t i = 0; i < count; i++) {
		int err = frame_set_owner_range(hpa(holes[i].start), holes[i].size,
						FRAME_OWNER_HYPERVISOR, FRAME_HYPERVISOR);

		if (err != 0) {
			panic("memory: the %s at %#llx is not all RAM (error %d)", holes[i].name,
			      (unsigned long long)holes[i].start, -err);
		}
	}
}

/* Ranges may share a page: it belongs to the first. */
void memory_init_frames(void)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *range = &boot_info.memory[i];
		uint64_t start = max_u64(align_down(range->start, PAGE_SIZE), end);

		if (!control_is_ram(range)) {
			continue;
		}
		end = max_u64(end, align_up(range->start + range->size, PAGE_SIZE));
		add_records(start, end);
	}
	own_withheld();
}

void memory_print(void)
{
	static const char *const names[PAGE_USES] = {
		[PAGE_USE_FRAMES] = "frame records",
		[PAGE_USE_TABLES] = "own tables",
		[PAGE_USE_STAGE2] = "stage-2",
		[PAGE_USE_CPU] = "per CPU",
		[PAGE_USE_VM] = "VMs",
		[PAGE_USE_LOG] = "log",
		[PAGE_USE_BOOT] = "firmware tables",
	};
	struct page_stats stats;

	page_alloc_stats(&stats);
	log(LOG_INFO, "memory withheld from the guests: %llu KiB of %llu MiB; image %llu KiB",
	    (unsigned long long)(withheld() / KIB),
	    (unsigned long long)(pool_usable(&boot_info) / MIB),
	    (unsigned long long)(boot_info.image_size / KIB));
	for (unsigned i = 0; i < PAGE_USES; i++) {
		if (stats.used[i] != 0) {
			log(LOG_INFO, "  %-16s %6llu KiB", names[i],
			    (unsigned long long)(stats.used[i] * PAGE_SIZE / KIB));
		}
	}
	log(LOG_INFO, "  %-16s %6llu KiB", "reserve",
	    (unsigned long long)(stats.free * PAGE_SIZE / KIB));
}
