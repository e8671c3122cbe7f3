/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of the road. panic() is for our own faults only: never on a value that a guest, firmware
 * or a file controls. It stops the other CPUs, prints registers and a symbolised backtrace on every
 * console, writes the last words and halts or resets as the configuration says.
 */
#pragma once

#include "core/types.h"

enum panic_action { PANIC_HALT, PANIC_RESET };

/* What panic() ends in; halt until it is called. */
void panic_action_set(enum panic_action action);

noreturn void panic(const char *format, ...) printf_like(1);

/*
 * Refuses to start: the machine or its configuration is not fit. Prints the message on every
 * console, in the form "caisson: refused to start: ...", and halts. Boot CPU only, before any guest
 * runs.
 */
noreturn void refuse(const char *format, ...) printf_like(1);

#define assert(condition)                                                                     \
	do {                                                                                  \
		if (unlikely(!(condition))) {                                                 \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition); \
		}                                                                             \
	} while (0)
