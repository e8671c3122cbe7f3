/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/console_mux.c */
/* What a terminal shows when the log and a guest share it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/console_mux.h"
#include "drivers/uart_16550.h"

static struct uart_16550 uart;
static char shown[4096];
static size_t shown_size;

void uart_16550_write(struct uart_16550 *to, const char *bytes, size_t size)
{
	assert_ptr_equal(to, &uart);
	memcpy(shown + shown_size, bytes, size);
	shown_size += size;
	shown[shown_size] = '\0';
}

void uart_16550_write_text(struct uart_16550 *to, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n') {
			uart_16550_write(to, "\r", 1);
		}
		uart_16550_write(to, text + i, 1);
	}
}

bool log_is_broken(void)
{
	return false;
}

static void guest(const char *text)
{
	console_mux_write(text, strlen(text));
}

static void log_line(const char *text)
{
	uart.console.write(&uart.console, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	console_mux_init(&uart);
	guest("\n"); /* whatever the test before left unfinished */
	shown_size = 0;
	return 0;
}

static void mux_passes_the_guests_bytes_on_as_they_are(void **state)
{
	(void)state;
	guest("a\nb\r\n\x1b[31mc\x07");
	assert_string_equal(shown, "a\nb\r\n\x1b[31mc\x07");
}

static void mux_gives_the_log_its_carriage_returns(void **state)
{
	(void)state;
	log_line("one\ntwo\n");
	assert_string_equal(shown, "one\r\ntwo\r\n");
}

static void mux_log_between_lines_changes_nothing_of_the_guest(void **state)
{
	(void)state;
	guest("first\r\n");
	log_line("log\n");
	guest("second\r\n");
	assert_string_equal(shown, "first\r\nlog\r\nsecond\r\n");
}

static void mux_guests_line_is_whole_after_the_log(void **state)
{
	(void)state;
	guest("half of ");
	log_line("log 1\n");
	log_line("log 2\n");
	guest("a line\r\n");
	assert_string_equal(shown, "half of \r\nlog 1\r\nlog 2\r\nhalf of a line\r\n");
}

static void mux_restores_a_prompt_when_asked(void **state)
{
	(void)state;
	guest("prompt# ");
	log_line("log\n");
	console_mux_restore();
	console_mux_restore();
	assert_string_equal(shown, "prompt# \r\nlog\r\nprompt# ");
	guest("x");
	assert_string_equal(shown, "prompt# \r\nlog\r\nprompt# x");
}

static void mux_without_a_line_there_is_nothing_to_restore(void **state)
{
	(void)state;
	guest("done\n");
	log_line("log\n");
	console_mux_restore();
	assert_string_equal(shown, "done\nlog\r\n");
}

static void mux_shows_only_what_follows_the_last_return_again(void **state)
{
	(void)state;
	guest("10 %\r20 %\r30 %");
	log_line("log\n");
	shown_size = 0;
	guest("!");
	assert_string_equal(shown, "30 %!");
}

static void mux_does_not_ask_the_terminal_twice(void **state)
{
	(void)state;
	guest("\x1b[32mok\x1b[0m \x1b[6n\x1b"
	      "7# ");
	log_line("log\n");
	shown_size = 0;
	console_mux_restore();
	assert_string_equal(shown, "ok # ");
}

static void mux_takes_erased_text_back(void **state)
{
	(void)state;
	guest("abc\b \b");
	log_line("log\n");
	shown_size = 0;
	console_mux_restore();
	assert_string_equal(shown, "ab");
	guest("\b\b\b\b\b\b");
	log_line("log\n");
	guest("x");
}

static void mux_of_a_long_line_keeps_the_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		guest("a");
	}
	guest("end");
	log_line("log\n");
	shown_size = 0;
	console_mux_restore();
	assert_string_equal(shown, "end");
}

static void mux_answers_stand_between_lines_too(void **state)
{
	(void)state;
	guest("prompt# ");
	console_mux_show("answer\n", 7);
	guest("y");
	assert_string_equal(shown, "prompt# \r\nanswer\r\nprompt# y");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mux_passes_the_guests_bytes_on_as_they_are),
		TEST(mux_gives_the_log_its_carriage_returns),
		TEST(mux_log_between_lines_changes_nothing_of_the_guest),
		TEST(mux_guests_line_is_whole_after_the_log),
		TEST(mux_restores_a_prompt_when_asked),
		TEST(mux_without_a_line_there_is_nothing_to_restore),
		TEST(mux_shows_only_what_follows_the_last_return_again),
		TEST(mux_does_not_ask_the_terminal_twice),
		TEST(mux_takes_erased_text_back),
		TEST(mux_of_a_long_line_keeps_the_end),
		TEST(mux_answers_stand_between_lines_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
