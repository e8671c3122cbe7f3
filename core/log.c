/* SPDX-License-Identifier: GPL-2.0-only */
/* The log ring and its echo to the consoles. Formatting is log_format.c's. */
#include "core/log.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/lock.h"
#include "core/string.h"

#define LOG_RING_SIZE UINT64_C(65536)
#define LOG_LINE_SIZE 512

/* log_lock: */
static struct lock log_lock = LOCK_INIT;
static char ring[LOG_RING_SIZE];
static uint64_t ring_end; /* bytes ever written; byte n is at n % LOG_RING_SIZE */
static struct console *consoles;
static bool is_muted;
static bool is_broken; /* locks are of no use any more: a panic is told */

static enum log_level level_max = LOG_INFO;
static bool has_cpus;

void log_level_set(enum log_level level)
{
	level_max = level;
}

void log_cpus_ready(void)
{
	has_cpus = true;
}

bool log_has_cpus(void)
{
	return has_cpus;
}

uint32_t log_cpu(void)
{
	return has_cpus ? arch_cpu_self()->index : 0;
}

uint64_t log_time(void)
{
	return has_cpus ? arch_time_now() : 0;
}

static void ring_write(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		ring[ring_end++ % LOG_RING_SIZE] = text[i];
	}
}

static void consoles_write(const char *text, size_t size)
{
	for (struct console *at = consoles; at != NULL && !is_muted; at = at->next) {
		at->write(at, text, size);
	}
}

/* Position of the oldest byte that is still there, or of the one asked for. */
static uint64_t ring_clamp(uint64_t position)
{
	uint64_t oldest = ring_end > LOG_RING_SIZE ? ring_end - LOG_RING_SIZE : 0;

	return position < oldest ? oldest : position > ring_end ? ring_end : position;
}

/* The line with its prefix and newline; returns its length. What is too long ends in "...". */
static size_t line_format(char *line, const char *format, va_list args)
{
	uint64_t now = log_time() / 1000;
	size_t length = (size_t)log_format(line, LOG_LINE_SIZE, "[%5llu.%06llu c%u] ",
					   (unsigned long long)now / 1000000,
					   (unsigned long long)now % 1000000, log_cpu());

	length += (size_t)log_format_list(line + length, LOG_LINE_SIZE - length, format, args);
	if (length > LOG_LINE_SIZE - 2) {
		length = LOG_LINE_SIZE - 2;
		memset(line + length - 3, '.', 3);
	}
	line[length++] = '\n';
	return length;
}

void log(enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_SIZE];
	va_list args;
	size_t length;

	if (level > level_max) {
		return;
	}
	va_start(args, format);
	length = line_format(line, format, args);
	va_end(args);
	lock_acquire(&log_lock);
	ring_write(line, length);
	consoles_write(line, length);
	lock_release(&log_lock);
}

void log_console_add(struct console *console)
{
	lock_acquire(&log_lock);
	for (uint64_t at = ring_clamp(0); at < ring_end;) {
		uint64_t run = min_u64(ring_end - at, LOG_RING_SIZE - at % LOG_RING_SIZE);

		console->write(console, &ring[at % LOG_RING_SIZE], run);
		at += run;
	}
	console->next = consoles;
	consoles = console;
	lock_release(&log_lock);
}

void log_console_mute(bool mute)
{
	lock_acquire(&log_lock);
	is_muted = mute;
	lock_release(&log_lock);
}

size_t log_read(uint64_t *position, char *text, size_t size)
{
	size_t count = 0;

	lock_acquire(&log_lock);
	*position = ring_clamp(*position);
	while (count < size && *position < ring_end) {
		text[count++] = ring[(*position)++ % LOG_RING_SIZE];
	}
	lock_release(&log_lock);
	return count;
}

size_t log_tail(char *text, size_t size)
{
	uint64_t position = ring_clamp(ring_end > size ? ring_end - size : 0);

	return log_read(&position, text, size);
}

void log_break_lock(void)
{
	log_lock = (struct lock)LOCK_INIT;
	is_muted = false;
	is_broken = true;
}

bool log_is_broken(void)
{
	return is_broken;
}
