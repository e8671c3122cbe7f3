/* SPDX-License-Identifier: GPL-2.0-only */
/* The two ways to stop: panic() for our own faults, refuse() for machines that are not fit. */
#include "core/panic.h"

#include "core/arch.h"
#include "core/last_words.h"
#include "core/lock.h"
#include "core/log.h"

#define MESSAGE_SIZE 256

/* What a debug-exit device is told: it makes the emulator end with status 2 * code + 1. */
#define EXIT_CODE_PANIC  0
#define EXIT_CODE_REFUSE 1

static enum panic_action action;
static uint32_t is_panicking;
static uint32_t panic_cpu;
static char message[MESSAGE_SIZE];

void panic_action_set(enum panic_action new_action)
{
	action = new_action;
}

static noreturn void panic_end(void)
{
	if (action == PANIC_RESET) {
		log(LOG_ERROR, "The machine is reset now. Its next boot shows these words again.");
		arch_reset();
	}
	log(LOG_ERROR, "The machine is halted: reset it. Its next boot shows these words again.");
	arch_debug_exit(EXIT_CODE_PANIC);
	arch_halt();
}

/* A fault while a panic was told: the first message is in the last words. A third one just ends. */
static noreturn void panic_again(const char *format, va_list args)
{
	static char second[MESSAGE_SIZE];
	static bool is_third;

	if (!is_third) {
		is_third = true;
		log_break_lock();
		log_format_list(second, sizeof(second), format, args);
		log(LOG_ERROR, "caisson: panic: while this was told: %s", second);
	}
	panic_end();
}

/* One panic is told: a second CPU's waits for the first one's NMI. */
static void panic_claim(const char *format, va_list args)
{
	if (atomic_swap(&is_panicking, 1) == 0) {
		panic_cpu = log_cpu();
	} else if (panic_cpu == log_cpu()) {
		panic_again(format, args);
	} else {
		arch_halt();
	}
}

/* The last words are written twice: in case that the backtrace meets another fault. */
static noreturn void panic_tell(void)
{
	log(LOG_ERROR, "caisson: panic: %s", message);
	last_words_write(message);
	log(LOG_ERROR,
	    "The hypervisor can not go on: by a fault of its own or of the hardware, not by "
	    "a guest or a setting.");
	arch_backtrace();
	last_words_write(message);
	panic_end();
}

noreturn void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	panic_claim(format, args);
	if (log_has_cpus()) {
		arch_cpu_stop_others();
	}
	log_break_lock();
	log_format_list(message, sizeof(message), format, args);
	va_end(args);
	panic_tell();
}

noreturn void refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_format_list(message, sizeof(message), format, args);
	va_end(args);
	log(LOG_ERROR, "caisson: refused to start: %s", message);
	arch_debug_exit(EXIT_CODE_REFUSE);
	arch_halt();
}
