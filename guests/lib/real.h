/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of real mode's memory that only the library calls; the rest is in guest.h. */
#pragma once

#include "core/types.h"

/* A usable range of the loader's map: the first that fits below 640 KiB is taken. */
void real_offer_memory(uint64_t start, uint64_t size);
