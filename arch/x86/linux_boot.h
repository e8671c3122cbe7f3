/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux' 64-bit boot protocol (Documentation/arch/x86/boot.rst, 2.15, "64-bit Boot Protocol"): a
 * bzImage, its zero page, and page tables for its first instructions.
 */
#pragma once

#include "arch/guest_kernel.h"

/* Whether the file starts like a bzImage. */
bool linux_boot_is(const struct loader *loader, const struct loader_file *file);

must_check int linux_boot_load(struct guest_kernel *kernel, const struct loader *loader,
			       struct guest_entry *entry);
