/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults on demand: each is a way in which our own mistakes, or an attacker, would go on unseen. */
#include "core/trap_test.h"

#include "boot/boot_info.h"
#include "core/panic.h"
#include "core/string.h"

#define NAME_SIZE  16
#define FRAME_SIZE 256
#define RET_OPCODE 0xc3

extern const char image_text_start[];

static volatile uint64_t sink;

/* Goes down until it meets the page below the stack. */
static __attribute__((noinline)) uint64_t overflow(uint64_t depth)
{
	volatile uint64_t frame[FRAME_SIZE / 8];

	frame[depth % ARRAY_SIZE(frame)] = depth;
	if (sink != UINT64_MAX) {
		sink = overflow(depth + 1) + frame[0];
	}
	return sink;
}

static void test_stack(void)
{
	(void)overflow(0);
}

static void write_to(const void *address)
{
	*(volatile char *)(uintptr_t)address = 0;
}

static void test_write_text(void)
{
	write_to(image_text_start);
}

static void test_write_rodata(void)
{
	static const char constant[] = "read-only";

	write_to(constant);
}

static void test_exec_data(void)
{
	static uint8_t code[16] = { RET_OPCODE };

	((void (*)(void))(uintptr_t)code)();
}

static void test_null(void)
{
	const char *volatile null = NULL;

	sink = *(const volatile uint8_t *)null;
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "stack", test_stack },
	{ "write_text", test_write_text },
	{ "write_rodata", test_write_rodata },
	{ "exec_data", test_exec_data },
	{ "null", test_null },
};

void trap_test(void)
{
	char name[NAME_SIZE];

	if (!boot_option(boot_info.cmdline, "trap_test", name, sizeof(name))) {
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(name, tests[i].name) == 0) {
			tests[i].run();
			refuse("trap_test=%s: nothing stopped it: the page tables are wrong", name);
		}
	}
	refuse("trap_test=%s: expected stack, write_text, write_rodata, exec_data or null", name);
}
