/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own page tables: the memory types that their entries choose by. */
#pragma once

#include "core/types.h"

/*
 * IA32_PAT for every CPU: the reset value, but entry 4 is WC. APM2 7.8 "Page-Attribute Table
 * Mechanism". 0 WB, 1 WT, 2 UC-, 3 UC, 4 WC, 5 WT, 6 UC-, 7 UC.
 */
#define PT_HOST_PAT UINT64_C(0x0007040100070406)
