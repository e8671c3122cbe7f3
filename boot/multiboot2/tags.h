/* SPDX-License-Identifier: GPL-2.0-only */
/* The Multiboot2 information structure (Multiboot2 2.0, 3.6 "Boot information format"), read
 * defensively. */
#pragma once

#include "boot/boot_info.h"

/*
 * Fills info, which is zeroed, from the structure at data, of which size bytes may be read; the
 * memory map comes out normalised. A broken tag is logged and left out. 0; -E_FORMAT where the
 * structure itself is broken or has no memory map; -E_NOTSUP where the loader left EFI boot
 * services running.
 */
must_check int multiboot2_parse(struct boot_info *info, const void *data, size_t size);
