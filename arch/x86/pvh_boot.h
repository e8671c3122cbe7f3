/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PVH: an ELF whose note names a 32-bit entry, started with a struct hvm_start_info (Xen's
 * public/arch-x86/hvm/start_info.h and docs/misc/pvh.pandoc).
 */
#pragma once

#include "arch/guest_kernel.h"

/* -E_FORMAT without the note; else 0 or an error that has been logged. */
must_check int pvh_boot_load(const struct guest_kernel_elf *load);
