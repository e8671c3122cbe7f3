/* SPDX-License-Identifier: GPL-2.0-only */
/* The fake hypervisor's address space: where a host process has room, out of its heap and shadow.
 */
#pragma once

#include "core/types.h"

#define LAYOUT_BOOT_BASE    UINT64_C(0x200000000000)
#define LAYOUT_DIRECT_BASE  UINT64_C(0x210000000000) /* two slots */
#define LAYOUT_DIRECT_SIZE  (UINT64_C(2) << 39)
#define LAYOUT_MMIO_BASE    UINT64_C(0x230000000000)
#define LAYOUT_STACK_BASE   UINT64_C(0x230080000000) /* shares a slot with MMIO */
#define LAYOUT_PRIVATE_BASE UINT64_C(0x240000000000)
#define LAYOUT_PRIVATE_SELF LAYOUT_PRIVATE_BASE
#define LAYOUT_WINDOW_BASE  (LAYOUT_PRIVATE_BASE + UINT64_C(0x10000))
#define LAYOUT_WINDOWS      5
#define LAYOUT_SECRET_BASE  (LAYOUT_PRIVATE_BASE + UINT64_C(0x20000))
#define LAYOUT_SECRETS      16
#define LAYOUT_STACK_PAGES  4
