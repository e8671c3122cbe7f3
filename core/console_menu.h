/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The escape menu of the console: Ctrl-A and a key. It answers on the console while the guests go
 * on, also when they hang.
 */
#pragma once

#include "core/types.h"

/* Takes a byte of input: the byte for the guest, or -1 when the menu has eaten it. One at a time.
 */
must_check int console_menu_filter(uint8_t byte);
