/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine that hyp_map_init() has taken over: two CPUs on tables of their own, frames by owner.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "mm/frame.h"
#include "mm/hyp_map.h"
#include "mm/page_alloc.h"
#include "tests/fake_arch/fake.h"

#define RAM       (4 * GIB)
#define IMAGE     (32 * MIB + 8 * KIB)
#define POOL      (256 * MIB)
#define POOL_SIZE (8 * MIB)
#define GUEST_RAM (64 * MIB)

/* Two pages of text, one of constants, three of data, after a page that nobody maps. */
asm(".data\n.balign 4096\n.globl image_start, image_text_start, image_text_end, image_rodata_end\n"
    ".globl image_end\n"
    "image_start: .zero 0x1000\nimage_text_start: .zero 0x2000\nimage_text_end: .zero 0x1000\n"
    "image_rodata_end: .zero 0x3000\nimage_end: .previous\n");
extern char image_start[], image_text_start[], image_text_end[], image_rodata_end[], image_end[];

static struct frame records[RAM / PAGE_SIZE];
static struct cpu early_cpu;

static inline int own(uint64_t start, uint64_t size, unsigned owner, enum frame_state state)
{
	return frame_set_owner_range(hpa(start), size, owner, state);
}

static inline int machine_init(void **state)
{
	hpa_t root;

	(void)state;
	fake_memory_init();
	fake_cpus_set(2);
	/* RAM comes with anything in it. */
	memset(fake_memory(hpa(POOL)), 0xa5, POOL_SIZE);
	hyp_map_init(hpa(POOL), POOL_SIZE, hpa(IMAGE), &early_cpu);
	if (frame_add(hpa(0), RAM, records) != 0 ||
	    own(IMAGE, (uint64_t)(image_end - image_start), FRAME_OWNER_HYPERVISOR,
		FRAME_HYPERVISOR) != 0 ||
	    own(POOL, POOL_SIZE, FRAME_OWNER_HYPERVISOR, FRAME_HYPERVISOR) != 0 ||
	    own(GUEST_RAM, 2 * MIB, FRAME_OWNER_CONTROL, FRAME_CONTROL) != 0 ||
	    hyp_map_secret_reserve(2) != 0 || hyp_map_cpu_init(cpu_get(1), &root) != 0) {
		return 1;
	}
	cpu_get(1)->root = root;
	fake_cpu_switch(1);
	arch_root_load(root);
	fake_cpu_switch(0);
	return 0;
}
