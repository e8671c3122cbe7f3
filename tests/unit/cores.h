/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine of fake CPUs with the real core/cpu.c for tests of timers and the scheduler. Defines
 * functions. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/machine.h"
#include "core/timer.h"
#include "tests/fake_arch/fake.h"

/* The timer interrupt of the CPU that is current. */
static inline void take_timer(void)
{
	uint32_t self = arch_cpu_self()->index;

	if (arch_time_now() >= fake_timer_deadline(self)) {
		timer_run();
	}
}

static inline void cores_start(uint32_t count)
{
	fake_cpu_switch(0);
	fake_cpus_set(count);
	fake_time_set(1000000);
	fake_irq_hook = take_timer;
	fake_idle_hook = NULL;
	assert_int_equal(cpu_init(count), 0);
	for (uint32_t i = 0; i < count; i++) {
		cpu_get(i)->state = CPU_ONLINE;
		fake_cpu_self_set(i, cpu_get(i));
		fake_cpu_switch(i);
		epoch_resume(arch_cpu_self());
		arch_timer_set(UINT64_MAX);
	}
	fake_cpu_switch(0);
}

/* Lets time go by to the next deadline of CPU n, and takes its timer interrupt. */
static inline void pass_to_deadline(uint32_t n)
{
	uint64_t deadline = fake_timer_deadline(n);

	assert_true(deadline != UINT64_MAX);
	if (deadline > arch_time_now()) {
		fake_time_set(deadline);
	}
	fake_cpu_switch(n);
	take_timer();
}
