/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's address space on x86-64, by top-level slot (512 GiB each). All of it is in the
 * upper half; the lower half stays empty, so that a stray user-half pointer faults.
 */
#pragma once

#include "core/types.h"

#define LAYOUT_BOOT_BASE UINT64_C(0) /* the boot path's tables map the first 4 GiB 1:1 */
#define LAYOUT_DIRECT_BASE \
	UINT64_C(0xffff800000000000) /* slots 256-383: hypervisor-owned frames at base + hpa */
#define LAYOUT_DIRECT_SIZE  (UINT64_C(128) << 39)        /* 64 TiB of physical addresses */
#define LAYOUT_MMIO_BASE    UINT64_C(0xffffc80000000000) /* slot 400 */
#define LAYOUT_STACK_BASE   UINT64_C(0xffffc88000000000) /* slot 401 */
#define LAYOUT_PRIVATE_BASE UINT64_C(0xffffc90000000000) /* slot 402: each CPU's own */
#define LAYOUT_PRIVATE_SELF LAYOUT_PRIVATE_BASE /* page 0: pointer to this CPU's struct cpu */
#define LAYOUT_WINDOW_BASE  (LAYOUT_PRIVATE_BASE + UINT64_C(0x100000))
#define LAYOUT_WINDOWS      5
#define LAYOUT_SECRET_BASE \
	(LAYOUT_PRIVATE_BASE + UINT64_C(0x180000)) /* secret slot n at base + n pages */
#define LAYOUT_SECRETS     16
#define LAYOUT_IMAGE_BASE  UINT64_C(0xffffffff80000000) /* slot 511: linked here */
#define LAYOUT_IMAGE_MAX   (UINT64_C(64) << 20)
#define LAYOUT_STACK_PAGES 4

/*
 * Physical places of the last words (core/last_words.h), a page each: inside of conventional
 * memory that neither firmware nor loader uses on the way from a warm reset to the next boot.
 */
#define LAYOUT_LAST_WORDS_A UINT64_C(0x01fff000)
#define LAYOUT_LAST_WORDS_B UINT64_C(0x07fff000)
