/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts: how a micro-guest says what it found, and ends the machine. */
#include "guests/lib/console.h"
#include "guests/lib/guest.h"
#include "guests/lib/power.h"

#define PORT_DEBUG_EXIT 0xf4
#define REPORTS_SHOWN   20

static uint32_t worst;    /* enum verdict */
static uint32_t reported; /* reports and checks so far */
static uint32_t shown;

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	console_print(format, args);
	va_end(args);
}

static void report(enum verdict verdict, const char *format, va_list args)
{
	static const char *const names[] = { "success: ", "skip: ", "error: ", "failure: " };

	__atomic_fetch_add(&reported, 1, __ATOMIC_RELAXED);
	if (verdict > __atomic_load_n(&worst, __ATOMIC_RELAXED)) {
		__atomic_store_n(&worst, (uint32_t)verdict, __ATOMIC_RELAXED);
	}
	if (__atomic_fetch_add(&shown, 1, __ATOMIC_RELAXED) < REPORTS_SHOWN) {
		print("%s", names[verdict]);
		console_print(format, args);
		print("\n");
	}
}

void report_success(void)
{
	__atomic_fetch_add(&reported, 1, __ATOMIC_RELAXED);
}

void report_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(VERDICT_SKIP, format, args);
	va_end(args);
}

void report_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(VERDICT_ERROR, format, args);
	va_end(args);
}

void report_failure(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(VERDICT_FAILURE, format, args);
	va_end(args);
}

bool check_that(bool condition, const char *format, ...)
{
	va_list args;

	if (condition) {
		report_success();
		return true;
	}
	va_start(args, format);
	report(VERDICT_FAILURE, format, args);
	va_end(args);
	return false;
}

void report_bench(const char *name, uint64_t ticks, uint64_t rounds)
{
	print("bench %s %lu\n", name, (ticks + rounds / 2) / rounds);
	report_success();
}

void guest_finish(void)
{
	static const char *const names[] = { "SUCCESS", "SKIP", "ERROR", "FAILURE" };

	if (reported == 0) {
		report_error("the test checked nothing");
	}
	print("micro-guest verdict: %u (%s)\n", worst, names[worst]);
	out8(PORT_DEBUG_EXIT, (uint8_t)worst);
	power_off();
}
