/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/log.c core/log_format.c */
/* arch: x86 */
/* The ring, its readers and its consoles. Tests share one ring and go on where the last one ended.
 */
#include <stdarg.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"

#define RING_SIZE 65536

static struct cpu self = { .index = 3 };
static uint64_t now;

struct cpu *arch_cpu_self(void)
{
	return &self;
}

uint64_t arch_time_now(void)
{
	return now;
}

struct recorder {
	struct console console;
	char text[RING_SIZE + 1];
	size_t size;
};

static void record(struct console *console, const char *text, size_t size)
{
	struct recorder *recorder = container_of(console, struct recorder, console);

	assert_true(recorder->size + size < sizeof(recorder->text));
	memcpy(recorder->text + recorder->size, text, size);
	recorder->size += size;
	recorder->text[recorder->size] = '\0';
}

static struct recorder recorder = { .console = { .name = "recorder", .write = record } };
static uint64_t position;
static char text[2 * RING_SIZE];

/* What was logged since the last call. */
static const char *news(void)
{
	text[log_read(&position, text, sizeof(text) - 1)] = '\0';
	return text;
}

static void log_before_cpus_are_ready_says_cpu_0(void **state)
{
	(void)state;
	now = 5000;
	log(LOG_INFO, "early");
	assert_string_equal(news(), "[    0.000000 c0] early\n");
	log_cpus_ready();
}

static void log_lines_carry_time_and_cpu(void **state)
{
	(void)state;
	now = UINT64_C(12345678901);
	log(LOG_ERROR, "value %d", 7);
	assert_string_equal(news(), "[   12.345678 c3] value 7\n");
	assert_string_equal(news(), "");
}

static void log_drops_levels_above_the_chosen(void **state)
{
	(void)state;
	log(LOG_DEBUG, "unseen");
	assert_string_equal(news(), "");
	log_level_set(LOG_DEBUG);
	log(LOG_DEBUG, "seen");
	assert_non_null(strstr(news(), "seen"));
	log_level_set(LOG_INFO);
}

static void log_marks_lines_that_are_too_long(void **state)
{
	char lengthy[1000];
	const char *line;

	(void)state;
	memset(lengthy, 'a', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	log(LOG_INFO, "%s", lengthy);
	line = news();
	assert_true(strlen(line) < 600);
	assert_string_equal(line + strlen(line) - 5, "a...\n");
}

static void log_console_gets_what_was_said_before(void **state)
{
	(void)state;
	log_console_add(&recorder.console);
	assert_non_null(strstr(recorder.text, "early\n"));
	log(LOG_INFO, "after");
	assert_string_equal(recorder.text + recorder.size - 6, "after\n");
	news();
}

static void log_muted_fills_only_the_ring(void **state)
{
	size_t size = recorder.size;

	(void)state;
	log_console_mute(true);
	log(LOG_INFO, "silent");
	assert_int_equal(recorder.size, size);
	assert_non_null(strstr(news(), "silent"));
	log_break_lock();
	log(LOG_INFO, "loud");
	assert_true(recorder.size > size);
	news();
}

static jmp_buf escape;

static void vanish(struct console *console, const char *line, size_t size)
{
	(void)line, (void)size;
	console->write = record;
	longjmp(escape, 1);
}

/* A CPU that an NMI stopped while it wrote to a console: its lock is never released. */
static void log_breaks_a_lock_that_nobody_will_release(void **state)
{
	(void)state;
	recorder.console.write = vanish;
	if (setjmp(escape) == 0) {
		log(LOG_INFO, "half said");
	}
	log_break_lock();
	log(LOG_INFO, "still alive");
	assert_non_null(strstr(news(), "still alive"));
}

static void log_tail_is_the_end_of_the_ring(void **state)
{
	char tail[10];

	(void)state;
	log(LOG_INFO, "0123456789");
	assert_int_equal(log_tail(tail, sizeof(tail)), sizeof(tail));
	assert_memory_equal(tail, "123456789\n", sizeof(tail));
	news();
}

static void log_reader_who_was_overtaken_goes_on_with_the_oldest(void **state)
{
	uint64_t late = 0;

	(void)state;
	log_console_mute(true);
	for (unsigned i = 0; i < 3000; i++) {
		log(LOG_INFO, "line %u of many", i);
	}
	assert_int_equal(log_read(&late, text, sizeof(text)), RING_SIZE);
	assert_memory_equal(text + RING_SIZE - 18, "line 2999 of many\n", 18);
	assert_int_equal(log_read(&late, text, sizeof(text)), 0);
	log_console_mute(false);
}

static void log_replays_a_ring_that_has_wrapped_in_order(void **state)
{
	static struct recorder second = { .console = { .name = "second", .write = record } };
	uint64_t start = 0;

	(void)state;
	log_console_add(&second.console);
	assert_int_equal(second.size, RING_SIZE);
	log_read(&start, text, sizeof(text));
	assert_memory_equal(second.text, text, RING_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_before_cpus_are_ready_says_cpu_0),
		cmocka_unit_test(log_lines_carry_time_and_cpu),
		cmocka_unit_test(log_drops_levels_above_the_chosen),
		cmocka_unit_test(log_marks_lines_that_are_too_long),
		cmocka_unit_test(log_console_gets_what_was_said_before),
		cmocka_unit_test(log_muted_fills_only_the_ring),
		cmocka_unit_test(log_breaks_a_lock_that_nobody_will_release),
		cmocka_unit_test(log_tail_is_the_end_of_the_ring),
		cmocka_unit_test(log_reader_who_was_overtaken_goes_on_with_the_oldest),
		cmocka_unit_test(log_replays_a_ring_that_has_wrapped_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
