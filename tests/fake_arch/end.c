/* SPDX-License-Identifier: GPL-2.0-only */
/* The ends of the machine: a test expects them with cmocka's expect_assert_failure(). */
#include "tests/fake_arch/fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arch.h"
#include "core/log.h"
#include "core/panic.h"

/* cmocka's, where a test is linked with it; jumps back when a failure is expected. */
void mock_assert(int result, const char *expression, const char *file, int line)
	__attribute__((weak));

char fake_panic_text[256];

static noreturn void end(const char *what, const char *format, va_list args)
{
	int used = snprintf(fake_panic_text, sizeof(fake_panic_text), "%s: ", what);

	vsnprintf(fake_panic_text + used, sizeof(fake_panic_text) - (size_t)used, format, args);
	if (mock_assert != NULL) {
		mock_assert(0, fake_panic_text, "fake_arch", 0);
	}
	fprintf(stderr, "%s\n", fake_panic_text);
	abort();
}

static noreturn void end_text(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end("end", format, args);
}

FAKE noreturn void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end("panic", format, args);
}

FAKE noreturn void refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end("refused", format, args);
}

FAKE void log(enum log_level level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

FAKE noreturn void arch_halt(void)
{
	end_text("halt");
}

FAKE noreturn void arch_reset(void)
{
	end_text("reset");
}

FAKE noreturn void arch_power_off(void)
{
	end_text("power off");
}

FAKE void arch_debug_exit(uint8_t code)
{
	(void)code;
}

FAKE void arch_backtrace(void)
{
}
