/* SPDX-License-Identifier: GPL-2.0-only */
/* Device registers in memory, by functions, so that unit tests put their own device behind them. */
#pragma once

#include "core/types.h"

/* base is what hyp_map_mmio() returned. */
uint32_t mmio_read32(const void *base, unsigned offset);
void mmio_write32(void *base, unsigned offset, uint32_t value);
