/* SPDX-License-Identifier: GPL-2.0-only */
/* Which device the log is shown on: by the command line, then by the configuration. Boot CPU. */
#pragma once

#include "boot/config.h"

struct uart_16550;

/*
 * Sets up what console= of the command line names: com1 (default) to com4, none, or 0xADDRESS of a
 * memory-mapped UART, with an optional ",BAUD". A memory-mapped one waits for console_map().
 */
void console_init(void);

/* After hyp_map_init(): sets up a memory-mapped console that the command line named. */
void console_map(void);

/* The configuration's console, unless the command line has named one. After hyp_map_init(). */
void console_config(const struct config_console *config);

/* The UART that the log is shown on, or NULL. const after boot. */
struct uart_16550 *console_uart(void);
