/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One terminal for the log and a guest's console. A line of the log never stands inside of a line
 * of the guest: what the guest had written of its line is written again when it goes on.
 */
#pragma once

#include "core/types.h"

struct uart_16550;

/* Puts itself between the log and the UART. Boot CPU, once. */
void console_mux_init(struct uart_16550 *uart);

/* The guest's output, as it is. Any CPU. */
void console_mux_write(const char *bytes, size_t size);

/* Text of the hypervisor that is not for the log: whole lines. Any CPU. */
void console_mux_show(const char *text, size_t size);

/* Shows the guest's unfinished line again now: after answers to a person, who waits at a prompt. */
void console_mux_restore(void);
