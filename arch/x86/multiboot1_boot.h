/* SPDX-License-Identifier: GPL-2.0-only */
/* Multiboot 0.6.96: an ELF with a header in its first 8 KiB, entered in 32-bit mode. */
#pragma once

#include "arch/guest_kernel.h"

/* Whether there is a header. */
bool multiboot1_boot_is(const struct loader *loader, const struct loader_file *file);

/* -E_FORMAT without a header; else 0 or an error that has been logged. */
must_check int multiboot1_boot_load(const struct guest_kernel_elf *load);
