/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the parts of the multiboot2 boot path: entry, C half, tag parser. Multiboot2 2.0. */
#pragma once

#include "core/types.h"

/*
 * From entry.asm, on the boot stack, with the first 4 GiB mapped 1:1. data: the loader's boot
 * information; image: physical address of the image.
 */
noreturn void multiboot2_main(const void *data, uint64_t image);
/*
 * From entry.asm, on the boot stack, with the first 4 GiB mapped 1:1. data: the loader's boot
 * information; image: physical address of the image.
 */
noreturn void multiboot2_main(const void *data, uint64_t image);
