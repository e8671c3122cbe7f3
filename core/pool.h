/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in the firmware's memory map the hypervisor's own memory may lie. Pure: host-tested. */
#pragma once

#include "core/control.h"

struct boot_info;

/*
 * The highest address of size bytes, in one range of usable memory and below limit, that touches
 * neither the image, nor a module, nor a hole, nor the first MiB; of 2 MiB alignment where that
 * fits the range, else of a page's. 0 where there is none. The map is normalised; the modules'
 * ranges may overlap, wrap or lie. size is of whole pages.
 */
uint64_t pool_find(const struct boot_info *info, uint64_t size, uint64_t limit);

/* Usable bytes of the map, by which the budget is reckoned. */
uint64_t pool_usable(const struct boot_info *info);
