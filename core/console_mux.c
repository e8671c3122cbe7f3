/* SPDX-License-Identifier: GPL-2.0-only */
/* One terminal for the log and a guest's console. */
#include "core/console_mux.h"

#include "core/lock.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/uart_16550.h"

#define LINE_SIZE 256 /* of the guest's line that can be shown again */
#define ESCAPE    0x1b

/*
 * The log's lock is taken before this one. A CPU that was stopped by a panic may hold it for ever,
 * or what the panic is about has interrupted its holder: so the log goes on without it then.
 */
#define LOCK_SPINS 10000000

static struct uart_16550 *terminal;
/* mux_lock: */
static struct lock mux_lock = LOCK_INIT;
static char line[LINE_SIZE]; /* the guest's line since its last return: what is text in it */
static size_t line_size;
static bool is_inside; /* the terminal's cursor stands in the guest's line */
static bool is_hidden; /* a line of the guest has begun, and the log stands below it */
static enum { TEXT, ESCAPED, SEQUENCE } parser;

static bool lock_for_log(void)
{
	for (unsigned i = 0; i < LOCK_SPINS && !log_is_broken(); i++) {
		if (lock_try(&mux_lock)) {
			return true;
		}
		arch_relax();
	}
	return false;
}

static void write_between_locked(const char *text, size_t size)
{
	if (is_inside) {
		uart_16550_write_text(terminal, "\n", 1);
		is_inside = false;
		is_hidden = true;
	}
	uart_16550_write_text(terminal, text, size);
}

static void restore_locked(void)
{
	if (is_hidden) {
		uart_16550_write(terminal, line, line_size);
		is_hidden = false;
		is_inside = true;
	}
}

void console_mux_restore(void)
{
	lock_acquire(&mux_lock);
	restore_locked();
	lock_release(&mux_lock);
}

/* The log writes whole lines. */
static void log_write(struct console *console, const char *text, size_t size)
{
	bool is_locked = lock_for_log();

	(void)console;
	write_between_locked(text, size);
	if (is_locked) {
		lock_release(&mux_lock);
	}
}

void console_mux_show(const char *text, size_t size)
{
	lock_acquire(&mux_lock);
	write_between_locked(text, size);
	lock_release(&mux_lock);
}

/* Not shown again: a terminal would answer the questions among them twice. ECMA-48 5.4. */
static bool is_in_sequence(char byte)
{
	switch (parser) {
	case TEXT:
		parser = byte == ESCAPE ? ESCAPED : TEXT;
		return parser != TEXT;
	case ESCAPED:
		parser = byte == '[' ? SEQUENCE : TEXT;
		return true;
	case SEQUENCE:
		parser = byte >= '@' ? TEXT : SEQUENCE;
		return true;
	}
	return false;
}

static void track_text(char byte)
{
	switch (byte) {
	case '\n':
		is_inside = false;
		line_size = 0;
		return;
	case '\r':
		line_size = 0;
		return;
	case '\b':
		line_size -= line_size > 0;
		return;
	default:
		is_inside = true;
		line_size = line_size == LINE_SIZE ? 0 : line_size;
		line[line_size++] = byte;
		return;
	}
}

void console_mux_write(const char *bytes, size_t size)
{
	lock_acquire(&mux_lock);
	restore_locked();
	uart_16550_write(terminal, bytes, size);
	for (size_t i = 0; i < size; i++) {
		if (!is_in_sequence(bytes[i])) {
			track_text(bytes[i]);
		}
	}
	lock_release(&mux_lock);
}

void console_mux_init(struct uart_16550 *uart)
{
	terminal = uart;
	uart->console.write = log_write;
}
