/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log: one ring in memory, echoed to the consoles. Lines carry the time since boot and the CPU.
 * Any CPU may log at any time except from NMI and machine-check handlers.
 */
#pragma once

#include <stdarg.h>

#include "core/types.h"

enum log_level {
	LOG_ERROR, /* something does not work */
	LOG_WARN,  /* something works less well than it could */
	LOG_INFO,  /* what a person who boots the machine wants to see */
	LOG_DEBUG, /* off unless the command line says log=debug */
};

/* One line, without its newline. Formats: %c %s %d %i %u %x %X %p %%, with l, ll, z, -, 0, width,
 * .* */
void log(enum log_level level, const char *format, ...) printf_like(2);

/* Lines above this level are neither kept nor shown. */
void log_level_set(enum log_level level);

/* Formats into text, always ended; returns the length it would have had. */
int log_format(char *text, size_t size, const char *format, ...) printf_like(3);
int log_format_list(char *text, size_t size, const char *format, va_list args);

/* A sink for the log's text. The list is only added to, at boot. write may spin but never block. */
struct console {
	const char *name;
	void (*write)(struct console *console, const char *text, size_t size);
	struct console *next;
};

/* Registers a console and replays the ring to it, so that nothing said before is lost. */
void log_console_add(struct console *console);

/* Stops echoing to the consoles (the ring keeps filling), or starts it again. */
void log_console_mute(bool mute);

/* From now on arch_cpu_self() and arch_time_now() may be called: until then lines say CPU 0, time
 * 0.
 */
void log_cpus_ready(void);
bool log_has_cpus(void);

/* This CPU's index, or 0 before log_cpus_ready(). */
uint32_t log_cpu(void);

/* Nanoseconds since boot, or 0 before log_cpus_ready(). */
uint64_t log_time(void);

/* Copies ring text from *position on, advances it; returns the bytes copied, 0 at the end. */
size_t log_read(uint64_t *position, char *text, size_t size);

/* The last bytes of the ring, at most size; returns how many. */
size_t log_tail(char *text, size_t size);

/* For panic, when the others have stopped: forgets a lock that one of them held, and unmutes.
 * Consoles are to forget theirs too. */
void log_break_lock(void);
bool log_is_broken(void);
