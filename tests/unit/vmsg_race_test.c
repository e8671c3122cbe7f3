/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: drivers/virtual/vmsg.c core/irq.c */
/*
 * An interrupt that comes late, with two threads as CPUs: one takes it again and again, while the
 * other makes a new function of the memory of a forgotten one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "arch/vlapic.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/lock.h"
#include "drivers/virtual/vmsg.h"
#include "tests/unit/log_capture.h"

#define ROUNDS 10000000

static struct cpu cpu = { .state = CPU_ONLINE };
static struct vm *const vm = (struct vm *)&cpu; /* nobody looks into it */
static struct vmsg msg;
static bool is_over;
static uint64_t delivered, astray;

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

struct cpu *cpu_get(uint32_t index)
{
	(void)index;
	return &cpu;
}

uint32_t cpu_count(void)
{
	return 1;
}

void arch_cpu_kick(struct cpu *of)
{
	(void)of;
}

struct vcpu *vlapic_target(struct vm *of, const struct vlapic_message *message)
{
	(void)of, (void)message;
	return NULL;
}

unsigned vlapic_deliver(struct vm *to, const struct vlapic_message *message)
{
	delivered++;
	astray += to != vm || message->vector != 0x71;
	return 1;
}

static void *take(void *context)
{
	unsigned vector = *(const unsigned *)context;

	while (!atomic_load(&is_over)) {
		irq_handle(vector);
	}
	return NULL;
}

static void late_interrupt_meets_memory_that_is_used_again(void **state)
{
	const uint64_t message = UINT64_C(0xfee00000) << 32 | 0x71;
	struct vmsg_host host;
	unsigned vector;
	pthread_t thread;

	(void)state;
	vmsg_init(vm);
	vmsg_reset(&msg, 1);
	msg.message = message;
	assert_int_equal(vmsg_route(&msg, true, &host), 0);
	vector = host.data;
	vmsg_release(&msg);
	assert_int_equal(pthread_create(&thread, NULL, take, &vector), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		memset(&msg, 0, sizeof(msg)); /* as vpci.c makes a function */
		atomic_fence();               /* it reads configuration space meanwhile */
		vmsg_reset(&msg, 1);
		atomic_store(&msg.message, message);
	}
	atomic_store(&is_over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(delivered > 0);
	assert_int_equal(astray, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_interrupt_meets_memory_that_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
