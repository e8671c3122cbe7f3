/* SPDX-License-Identifier: GPL-2.0-only */
/* What a processor calls itself, for messages to people: CPUID 80000002h to 80000004h. */
#pragma once

#include "core/types.h"

#define BRAND_SIZE 49 /* 48 letters and a zero */

/* This CPU's name; "" where it has none. */
void brand_read(char brand[BRAND_SIZE]);

/* One blank between words and none around them; a letter that no console can show is a '?'. Pure.
 */
void brand_tidy(char brand[BRAND_SIZE]);
