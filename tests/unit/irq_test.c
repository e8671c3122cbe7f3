/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking interrupts against a model of the local APIC: who is handled when, and ended when. */
/* arch: x86 */
/* sources: arch/x86/irq.c core/irq.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/log_capture.h"

#include "arch/irq.h"
#include "arch/lapic.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/irq.h"

static struct cpu cpu;
static uint64_t irr[4], isr[4];
static char events[256]; /* what happened, in order */
static unsigned windows;
static unsigned raise_in_handler; /* a vector that comes while a device is handled */

static void note(char what, unsigned vector)
{
	size_t used = strlen(events);

	snprintf(events + used, sizeof(events) - used, "%c%02x ", what, vector);
}

static int highest(const uint64_t *map)
{
	for (int word = 3; word >= 0; word--) {
		if (map[word] != 0) {
			return word * 64 + (int)bits_highest(map[word]);
		}
	}
	return -1;
}

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

/* One is taken on top of another only if its class (upper four bits) is higher. */
void irq_window(void)
{
	windows++;
	for (;;) {
		int next = highest(irr);

		if (next < 0 || next >> 4 <= (highest(isr) < 0 ? -1 : highest(isr) >> 4)) {
			return;
		}
		bitmap_clear(irr, (unsigned)next);
		if (next != LAPIC_VECTOR_SPURIOUS) {
			bitmap_set(isr, (unsigned)next);
		}
		bitmap_set(cpu.arch.irq_pending, (unsigned)next);
	}
}

void lapic_eoi(void)
{
	int vector = highest(isr);

	assert_true(vector >= 0);
	bitmap_clear(isr, (unsigned)vector);
	note('e', (unsigned)vector);
}

void lapic_error(void)
{
	note('x', LAPIC_VECTOR_ERROR);
}

void timer_run(void)
{
	note('t', LAPIC_VECTOR_TIMER);
}

static void device(void *context, unsigned vector)
{
	assert_ptr_equal(context, &cpu);
	assert_int_equal(highest(isr), vector);
	note('d', vector);
	if (raise_in_handler != 0) {
		bitmap_set(irr, raise_in_handler);
		raise_in_handler = 0;
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&cpu, 0, sizeof(cpu));
	memset(irr, 0, sizeof(irr));
	memset(isr, 0, sizeof(isr));
	memset(events, 0, sizeof(events));
	windows = 0;
	raise_in_handler = 0;
	for (unsigned vector = 0; vector < IRQ_VECTORS; vector++) {
		irq_unbind(vector);
	}
	log_clear();
	return 0;
}

static void irq_poll_does_nothing_when_nothing_is_pending(void **state)
{
	(void)state;
	arch_irq_poll();
	assert_string_equal(events, "");
	assert_int_equal(windows, 1);
}

static void irq_poll_ends_a_device_after_its_handler(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	bitmap_set(irr, 0x41);
	arch_irq_poll();
	assert_string_equal(events, "d41 e41 ");
}

static void irq_poll_ends_the_timer_before_its_handlers(void **state)
{
	(void)state;
	bitmap_set(irr, LAPIC_VECTOR_TIMER);
	arch_irq_poll();
	assert_string_equal(events, "ef0 tf0 ");
}

static void irq_poll_only_ends_a_kick(void **state)
{
	(void)state;
	bitmap_set(irr, LAPIC_VECTOR_KICK);
	arch_irq_poll();
	assert_string_equal(events, "ef1 ");
	assert_int_equal(cpu.kicks, 1);
}

static void irq_poll_does_not_end_a_spurious_one(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	bitmap_set(irr, LAPIC_VECTOR_SPURIOUS);
	arch_irq_poll();
	assert_string_equal(events, "");
	assert_int_equal(highest(cpu.arch.irq_pending), -1);
}

static void irq_poll_reads_errors_before_their_end(void **state)
{
	(void)state;
	bitmap_set(irr, LAPIC_VECTOR_ERROR);
	arch_irq_poll();
	assert_string_equal(events, "xfe efe ");
}

static void irq_poll_handles_stacked_interrupts_highest_first(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	assert_int_equal(irq_bind(0x52, device, &cpu), 0);
	/* Taken one on top of the other: in service together. */
	bitmap_set(isr, 0x41);
	bitmap_set(cpu.arch.irq_pending, 0x41);
	bitmap_set(isr, 0x52);
	bitmap_set(cpu.arch.irq_pending, 0x52);
	bitmap_set(irr, LAPIC_VECTOR_TIMER);
	arch_irq_poll();
	assert_string_equal(events, "ef0 tf0 d52 e52 d41 e41 ");
	assert_int_equal(highest(isr), -1);
}

static void irq_poll_lets_in_what_waited_for_an_end(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	assert_int_equal(irq_bind(0x42, device, &cpu), 0);
	bitmap_set(irr, 0x41);
	bitmap_set(irr, 0x42);
	arch_irq_poll();
	assert_string_equal(events, "d42 e42 d41 e41 ");
}

static void irq_poll_takes_what_comes_while_it_handles(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	raise_in_handler = LAPIC_VECTOR_KICK;
	bitmap_set(irr, 0x41);
	arch_irq_poll();
	assert_string_equal(events, "d41 e41 ef1 ");
}

static void storm(void *context, unsigned vector)
{
	(void)context;
	bitmap_set(irr, vector);
}

static void irq_poll_is_bounded_under_a_storm(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, storm, NULL), 0);
	bitmap_set(irr, 0x41);
	arch_irq_poll();
	assert_true(windows <= 8);
	assert_int_equal(highest(irr), 0x41);
	assert_int_equal(highest(isr), -1);
}

static void irq_poll_ends_and_counts_what_nobody_bound(void **state)
{
	uint64_t before = irq_unbound_count();

	(void)state;
	bitmap_set(irr, 0x77);
	arch_irq_poll();
	assert_string_equal(events, "e77 ");
	assert_int_equal(irq_unbound_count(), before + 1);
}

static void irq_bind_refuses_a_vector_that_is_taken(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	assert_int_equal(irq_bind(0x41, device, &cpu), -E_EXIST);
	irq_unbind(0x41);
	assert_int_equal(irq_bind(0x41, device, &cpu), 0);
	assert_int_equal(irq_bind(IRQ_VECTORS, device, &cpu), -E_RANGE);
}

static void irq_alloc_gives_each_device_vector_once(void **state)
{
	(void)state;
	assert_int_equal(irq_bind(LAPIC_VECTOR_DEVICE_FIRST + 1, device, &cpu), 0);
	assert_int_equal(irq_alloc(device, &cpu), LAPIC_VECTOR_DEVICE_FIRST);
	for (int vector = LAPIC_VECTOR_DEVICE_FIRST + 2; vector <= LAPIC_VECTOR_DEVICE_LAST;
	     vector++) {
		assert_int_equal(irq_alloc(device, &cpu), vector);
	}
	assert_int_equal(irq_alloc(device, &cpu), -E_NOMEM);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(irq_poll_does_nothing_when_nothing_is_pending),
		TEST(irq_poll_ends_a_device_after_its_handler),
		TEST(irq_poll_ends_the_timer_before_its_handlers),
		TEST(irq_poll_only_ends_a_kick),
		TEST(irq_poll_does_not_end_a_spurious_one),
		TEST(irq_poll_reads_errors_before_their_end),
		TEST(irq_poll_handles_stacked_interrupts_highest_first),
		TEST(irq_poll_lets_in_what_waited_for_an_end),
		TEST(irq_poll_takes_what_comes_while_it_handles),
		TEST(irq_poll_is_bounded_under_a_storm),
		TEST(irq_poll_ends_and_counts_what_nobody_bound),
		TEST(irq_bind_refuses_a_vector_that_is_taken),
		TEST(irq_alloc_gives_each_device_vector_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
