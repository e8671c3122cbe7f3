/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/machine.c */
/* The machine's end: who does it, what is told of the guest, and cores that do not answer. */
#include "core/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/cpu.h"
#include "core/vcpu.h"
#include "tests/fake_arch/fake.h"

#define VCPUS 2

static struct vm vm;
static struct vcpu vcpus[VCPUS];
static struct vcpu *list[VCPUS] = { &vcpus[0], &vcpus[1] };
static uint64_t asked;
struct vm *vm_control = &vm;

void cpu_request(struct cpu *cpu, uint64_t work)
{
	assert_int_equal(work, CPU_WORK_STOP);
	asked |= BIT(cpu->index);
}

/* Waiting takes time. */
uint64_t arch_time_now(void)
{
	static uint64_t now;

	return now += 1000000;
}

static int setup(void **state)
{
	(void)state;
	fake_cpus_set(VCPUS);
	memset(vcpus, 0, sizeof(vcpus));
	vm.vcpus = list;
	vm.vcpu_count = VCPUS;
	vcpus[1].index = 1;
	asked = 0;
	return 0;
}

static void finish(const char *how)
{
	expect_assert_failure(machine_finish());
	assert_string_equal(fake_panic_text, how);
}

static void the_others_park_before_the_machine_ends(void **state)
{
	(void)state;
	machine_end(VM_STOP_POWER_OFF);
	assert_int_equal(asked, 3);
	fake_cpu_switch(1);
	finish("end: halt");
	assert_int_equal(cpu_get(1)->state, CPU_STOPPED);
	fake_cpu_switch(0);
	finish("end: power off");
}

static void an_error_tells_of_all_vcpus(void **state)
{
	(void)state;
	machine_end(VM_STOP_ERROR);
	cpu_get(1)->state = CPU_STOPPED;
	finish("end: halt");
	assert_int_equal(vcpus[0].arch.loads, 1);
	assert_int_equal(vcpus[1].arch.loads, 1);
	assert_int_equal(vcpus[1].arch.puts, 1);
}

/* It was loaded on the ending CPU while it still was on its own. */
static void a_vcpu_on_a_core_that_does_not_answer_is_left_alone(void **state)
{
	(void)state;
	cpu_get(1)->loaded = &vcpus[1];
	machine_end(VM_STOP_TRIPLE_FAULT);
	finish("end: halt");
	assert_int_equal(vcpus[0].arch.loads, 1);
	assert_int_equal(vcpus[1].arch.loads, 0);
}

static void a_core_that_does_not_answer_does_not_keep_the_power_on(void **state)
{
	(void)state;
	cpu_get(1)->loaded = &vcpus[1];
	machine_end(VM_STOP_POWER_OFF);
	finish("end: power off");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_others_park_before_the_machine_ends),
		TEST(an_error_tells_of_all_vcpus),
		TEST(a_vcpu_on_a_core_that_does_not_answer_is_left_alone),
		TEST(a_core_that_does_not_answer_does_not_keep_the_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
