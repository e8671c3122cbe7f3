/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control guest's terminal: joins the console's UART, its interrupt, the escape menu and a
 * virtual UART at the same ports.
 */
#pragma once

#include "core/types.h"

struct uart_16550;
struct vm;

/*
 * The UART may be NULL, or one in memory: the guest then has no terminal. Boot CPU; the interrupt
 * is taken by the calling CPU.
 */
must_check int vconsole_init(struct vm *vm, struct uart_16550 *uart);
