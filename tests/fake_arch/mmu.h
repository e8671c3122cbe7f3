/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the fake CPUs and the fake MMU. */
#pragma once

#include "core/types.h"

/* Puts one CPU's translations away and another's in force, stale ones and all. */
void fake_mmu_switch(uint32_t from, uint32_t to);
