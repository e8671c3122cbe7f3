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
#include "arch/mce.h"
#include "arch/nmi.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/irq.h"

#define CPUS 3

static struct cpu cpus[CPUS];
static struct cpu *const cpu_0 = &cpus[0];
static struct cpu *self;
static unsigned kicks;
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
	return self;
}

struct cpu *cpu_get(uint32_t index)
{
	return &cpus[index];
}

uint32_t cpu_count(void)
{
	return CPUS;
}

void arch_cpu_kick(struct cpu *cpu)
{
	(void)cpu;
	kicks++;
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
		bitmap_set(self->arch.irq_pending, (unsigned)next);
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

void nmi_forward(struct cpu *cpu)
{
	assert_ptr_equal(cpu, arch_cpu_self());
	note('n', LAPIC_VECTOR_KICK);
}

void mce_forward(struct cpu *cpu)
{
	assert_ptr_equal(cpu, arch_cpu_self());
	note('m', LAPIC_VECTOR_KICK);
}

static void device(struct irq *irq, unsigned number)
{
	assert_int_equal(number, 0);
	note('d', irq->vector);
	if (raise_in_handler != 0) {
		bitmap_set(irr, raise_in_handler);
		raise_in_handler = 0;
	}
}

static struct irq irqs[256]; /* by the vector that they are bound to */

/* Binds a device to that very vector of CPU 0. */
static void bind(unsigned vector, irq_fn *fn)
{
	struct irq *irq = &irqs[vector];

	*irq = (struct irq){ .fn = fn, .cpu = cpu_0, .vector = (uint8_t)vector };
	cpu_0->irqs[vector].irq = irq;
}

static int setup(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(irqs, 0, sizeof(irqs));
	for (uint32_t i = 0; i < CPUS; i++) {
		cpus[i].index = i;
		cpus[i].state = CPU_ONLINE;
		cpus[i].arch.apic_id = i;
	}
	self = cpu_0;
	kicks = 0;
	memset(irr, 0, sizeof(irr));
	memset(isr, 0, sizeof(isr));
	memset(events, 0, sizeof(events));
	windows = 0;
	raise_in_handler = 0;
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
	bind(0x41, device);
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

static void irq_poll_hands_on_what_came_with_a_kick(void **state)
{
	(void)state;
	bitmap_set(irr, LAPIC_VECTOR_KICK);
	arch_irq_poll();
	assert_string_equal(events, "ef1 nf1 mf1 ");
	assert_int_equal(self->kicks, 1);
}

static void irq_poll_does_not_end_a_spurious_one(void **state)
{
	(void)state;
	bind(0x41, device);
	bitmap_set(irr, LAPIC_VECTOR_SPURIOUS);
	arch_irq_poll();
	assert_string_equal(events, "");
	assert_int_equal(highest(self->arch.irq_pending), -1);
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
	bind(0x41, device);
	bind(0x52, device);
	/* Taken one on top of the other: in service together. */
	bitmap_set(isr, 0x41);
	bitmap_set(self->arch.irq_pending, 0x41);
	bitmap_set(isr, 0x52);
	bitmap_set(self->arch.irq_pending, 0x52);
	bitmap_set(irr, LAPIC_VECTOR_TIMER);
	arch_irq_poll();
	assert_string_equal(events, "ef0 tf0 d52 e52 d41 e41 ");
	assert_int_equal(highest(isr), -1);
}

static void irq_poll_lets_in_what_waited_for_an_end(void **state)
{
	(void)state;
	bind(0x41, device);
	bind(0x42, device);
	bitmap_set(irr, 0x41);
	bitmap_set(irr, 0x42);
	arch_irq_poll();
	assert_string_equal(events, "d42 e42 d41 e41 ");
}

static void irq_poll_takes_what_comes_while_it_handles(void **state)
{
	(void)state;
	bind(0x41, device);
	raise_in_handler = LAPIC_VECTOR_KICK;
	bitmap_set(irr, 0x41);
	arch_irq_poll();
	assert_string_equal(events, "d41 e41 ef1 nf1 mf1 ");
}

static void storm(struct irq *irq, unsigned number)
{
	bitmap_set(irr, irq->vector + number);
}

static void irq_poll_is_bounded_under_a_storm(void **state)
{
	(void)state;
	bind(0x41, storm);
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

/* ---- vectors ---- */

static const struct irq *came; /* last */
static unsigned came_number, came_count;

static void arrive(struct irq *irq, unsigned number)
{
	came = irq;
	came_number = number;
	came_count++;
}

static struct irq device_irq(uint8_t count)
{
	return (struct irq){ .fn = arrive, .count = count };
}

static void interrupt(struct cpu *cpu, unsigned vector)
{
	self = cpu;
	came = NULL;
	irq_handle(vector);
}

static void drain(struct cpu *cpu)
{
	self = cpu;
	arch_irq_poll();
}

static void irq_vectors_are_each_cpus_own(void **state)
{
	struct irq a = device_irq(1), b = device_irq(1);

	(void)state;
	assert_int_equal(irq_route(&a, &cpus[0]), 0);
	assert_int_equal(irq_route(&b, &cpus[1]), 0);
	assert_int_equal(a.vector, LAPIC_VECTOR_DEVICE_FIRST);
	assert_int_equal(b.vector, LAPIC_VECTOR_DEVICE_FIRST);
	interrupt(&cpus[0], a.vector);
	assert_ptr_equal(came, &a);
	interrupt(&cpus[1], b.vector);
	assert_ptr_equal(came, &b);
}

static void irq_route_gives_each_vector_once_and_then_another_cpu(void **state)
{
	(void)state;
	for (unsigned i = LAPIC_VECTOR_DEVICE_FIRST; i <= LAPIC_VECTOR_DEVICE_LAST; i++) {
		irqs[i] = device_irq(1);
		assert_int_equal(irq_route(&irqs[i], &cpus[1]), 0);
		assert_int_equal(irqs[i].vector, i);
		assert_ptr_equal(irqs[i].cpu, &cpus[1]);
	}
	irqs[0] = device_irq(1);
	assert_int_equal(irq_route(&irqs[0], &cpus[1]), 0);
	assert_ptr_equal(irqs[0].cpu, &cpus[0]);
}

static void irq_route_avoids_cpus_that_devices_do_not_reach(void **state)
{
	struct irq irq = device_irq(1);

	(void)state;
	cpus[0].state = CPU_OFFLINE;
	cpus[1].arch.apic_id = 0xff;
	assert_int_equal(irq_route(&irq, &cpus[1]), 0);
	assert_ptr_equal(irq.cpu, &cpus[2]);
	cpus[2].arch.apic_id = 0x100;
	assert_int_equal(irq_route(&irq, &cpus[2]), 0); /* stays */
	irq = device_irq(1);
	assert_int_equal(irq_route(&irq, &cpus[2]), -E_NOMEM);
}

static void irq_moves_with_its_vector_and_the_old_one_stays_routed(void **state)
{
	struct irq irq = device_irq(1), other = device_irq(1);
	unsigned vector;

	(void)state;
	assert_int_equal(irq_route(&irq, &cpus[0]), 0);
	vector = irq.vector;
	assert_int_equal(irq_route(&irq, &cpus[1]), 0);
	assert_int_equal(irq.vector, vector);
	interrupt(&cpus[0], vector);
	assert_ptr_equal(came, &irq);
	/* As long as the device is not programmed, no visit counts. */
	drain(&cpus[0]), drain(&cpus[0]), drain(&cpus[0]);
	assert_int_equal(irq_route(&other, &cpus[0]), 0);
	assert_int_not_equal(other.vector, vector);
	irq_settle(&irq);
	drain(&cpus[0]);
	interrupt(&cpus[0], vector);
	assert_ptr_equal(came, &irq);
}

static void irq_vector_is_free_after_a_whole_visit(void **state)
{
	struct irq irq = device_irq(1), other = device_irq(1);
	unsigned vector;

	(void)state;
	assert_int_equal(irq_route(&irq, &cpus[0]), 0);
	vector = irq.vector;
	assert_int_equal(irq_route(&irq, &cpus[1]), 0);
	irq_settle(&irq);
	drain(&cpus[0]);
	assert_int_equal(irq_route(&other, &cpus[0]), 0);
	assert_int_not_equal(other.vector, vector); /* the visit may have been under way */
	drain(&cpus[0]);
	irq_release(&other);
	other = device_irq(1);
	assert_int_equal(irq_route(&other, &cpus[0]), 0);
	assert_int_equal(other.vector, vector);
	interrupt(&cpus[0], vector);
	assert_ptr_equal(came, &other);
}

static void irq_comes_back_to_the_vector_it_left_just_now(void **state)
{
	struct irq irq = device_irq(1);

	(void)state;
	assert_int_equal(irq_route(&irq, &cpus[0]), 0);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(irq_move(&irq, &cpus[1 + i % 2]));
		irq_settle(&irq);
		assert_int_equal(irq.vector, LAPIC_VECTOR_DEVICE_FIRST);
	}
}

static void irq_move_keeps_the_vector_or_stays(void **state)
{
	struct irq irq = device_irq(1), other = device_irq(1);

	(void)state;
	assert_false(irq_move(&irq, &cpus[0])); /* not bound */
	assert_int_equal(irq_route(&irq, &cpus[0]), 0);
	assert_int_equal(irq_route(&other, &cpus[1]), 0);
	assert_false(irq_move(&irq, &cpus[1]));
	assert_ptr_equal(irq.cpu, &cpus[0]);
	assert_true(irq_move(&irq, &cpus[2]));
	assert_ptr_equal(irq.cpu, &cpus[2]);
}

static void irq_block_is_aligned_and_numbered(void **state)
{
	struct irq one = device_irq(1), block = device_irq(16);

	(void)state;
	assert_int_equal(irq_route(&one, &cpus[0]), 0);
	assert_int_equal(irq_route(&block, &cpus[0]), 0);
	assert_int_equal(block.vector, LAPIC_VECTOR_DEVICE_FIRST + 16);
	interrupt(&cpus[0], block.vector + 11U);
	assert_ptr_equal(came, &block);
	assert_int_equal(came_number, 11);
}

static void irq_blocks_run_out_with_a_kick(void **state)
{
	struct irq blocks[7], more = device_irq(32);
	unsigned fit = (LAPIC_VECTOR_DEVICE_LAST + 1) / 32 - (LAPIC_VECTOR_DEVICE_FIRST + 31) / 32;

	(void)state;
	assert_true(fit < ARRAY_SIZE(blocks));
	cpus[1].state = cpus[2].state = CPU_OFFLINE;
	for (unsigned i = 0; i < fit; i++) {
		blocks[i] = device_irq(32);
		assert_int_equal(irq_route(&blocks[i], &cpus[0]), 0);
		assert_int_equal(blocks[i].vector % 32, 0);
	}
	kicks = 0;
	assert_int_equal(irq_route(&more, &cpus[0]), -E_NOMEM);
	assert_true(kicks > 0); /* that it looks at its interrupts, and frees what was given back */
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(irq_poll_does_nothing_when_nothing_is_pending),
		TEST(irq_poll_ends_a_device_after_its_handler),
		TEST(irq_poll_ends_the_timer_before_its_handlers),
		TEST(irq_poll_hands_on_what_came_with_a_kick),
		TEST(irq_poll_does_not_end_a_spurious_one),
		TEST(irq_poll_reads_errors_before_their_end),
		TEST(irq_poll_handles_stacked_interrupts_highest_first),
		TEST(irq_poll_lets_in_what_waited_for_an_end),
		TEST(irq_poll_takes_what_comes_while_it_handles),
		TEST(irq_poll_is_bounded_under_a_storm),
		TEST(irq_poll_ends_and_counts_what_nobody_bound),
		TEST(irq_vectors_are_each_cpus_own),
		TEST(irq_route_gives_each_vector_once_and_then_another_cpu),
		TEST(irq_route_avoids_cpus_that_devices_do_not_reach),
		TEST(irq_moves_with_its_vector_and_the_old_one_stays_routed),
		TEST(irq_vector_is_free_after_a_whole_visit),
		TEST(irq_comes_back_to_the_vector_it_left_just_now),
		TEST(irq_move_keeps_the_vector_or_stays),
		TEST(irq_block_is_aligned_and_numbered),
		TEST(irq_blocks_run_out_with_a_kick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
