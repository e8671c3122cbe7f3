/* SPDX-License-Identifier: GPL-2.0-only */
/* Where every boot path ends. */
#pragma once

#include "core/types.h"

/*
 * Starts the hypervisor from boot_info, on the boot path's stack and tables. boot_error: 0, or why
 * the boot path could not read all that the loader said; the machine is then refused on the
 * console.
 */
noreturn void core_main(int boot_error);
