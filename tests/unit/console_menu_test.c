/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/console_menu.c */
/* The escape menu: what it eats, what it passes on, and its answers. Two CPUs, three vCPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/console_menu.h"
#include "core/console_mux.h"
#include "core/cpu.h"
#include "core/memory.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"
#include "tests/unit/log_capture.h"

#define CTRL_A 1

struct vm *vm_control;
static struct vm vm = { .name = "control" };
static struct cpu cpus[2];
static struct vcpu vcpus[3];
static void (*calls[2])(struct cpu *cpu);
static unsigned dumped[3], loaded[3], put[3], restored, shown, memory_printed, self_tests;
static enum vm_stop_reason stopped;
static bool is_busy;

uint32_t cpu_count(void)
{
	return 2;
}

struct cpu *cpu_get(uint32_t index)
{
	return &cpus[index];
}

int cpu_call(struct cpu *cpu, void (*fn)(struct cpu *cpu))
{
	if (is_busy && cpu->index == 1) {
		return -1;
	}
	calls[cpu->index] = fn;
	return 0;
}

void sched_for_each(void (*fn)(struct vcpu *vcpu, void *context), void *context)
{
	for (unsigned i = 0; i < 3; i++) {
		fn(&vcpus[i], context);
	}
}

uint64_t arch_time_now(void)
{
	return 5000000;
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	loaded[vcpu->index]++;
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	put[vcpu->index]++;
}

void arch_vcpu_dump(struct vcpu *vcpu)
{
	dumped[vcpu->index]++;
}

void vm_stop(struct vm *of, enum vm_stop_reason reason, const char *format, ...)
{
	(void)format;
	assert_ptr_equal(of, &vm);
	stopped = reason;
}

unsigned hyp_map_self_test(void)
{
	self_tests++;
	return 3;
}

void memory_print(void)
{
	memory_printed++;
}

size_t log_tail(char *text, size_t size)
{
	assert_true(size >= 4);
	memcpy(text, "end\n", 4);
	return 4;
}

void console_mux_show(const char *text, size_t size)
{
	assert_memory_equal(text, "end\n", size);
	shown++;
}

void console_mux_restore(void)
{
	restored++;
}

static int setup(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(vcpus, 0, sizeof(vcpus));
	memset(calls, 0, sizeof(calls));
	memset(dumped, 0, sizeof(dumped));
	memset(loaded, 0, sizeof(loaded));
	memset(put, 0, sizeof(put));
	restored = shown = memory_printed = self_tests = 0;
	stopped = VM_STOP_NONE;
	is_busy = false;
	vm_control = &vm;
	for (unsigned i = 0; i < 3; i++) {
		vcpus[i].vm = &vm;
		vcpus[i].index = i;
	}
	for (unsigned i = 0; i < 2; i++) {
		cpus[i].index = i;
		cpus[i].state = CPU_ONLINE;
	}
	log_clear();
	return 0;
}

static void press(char key)
{
	assert_int_equal(console_menu_filter(CTRL_A), -1);
	assert_int_equal(console_menu_filter((uint8_t)key), -1);
}

static void menu_passes_all_other_bytes(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		if (byte != CTRL_A) {
			assert_int_equal(console_menu_filter((uint8_t)byte), byte);
		}
	}
	assert_int_equal(restored, 0);
}

static void menu_sends_ctrl_a_itself(void **state)
{
	(void)state;
	assert_int_equal(console_menu_filter(CTRL_A), -1);
	assert_int_equal(console_menu_filter('a'), CTRL_A);
	assert_int_equal(console_menu_filter(CTRL_A), -1);
	assert_int_equal(console_menu_filter(CTRL_A), CTRL_A);
	assert_int_equal(console_menu_filter('h'), 'h');
}

static void menu_helps_on_h_and_on_unknown_keys(void **state)
{
	(void)state;
	press('h');
	assert_true(log_has("Ctrl-A r"));
	assert_int_equal(restored, 1);
	log_clear();
	press('?');
	assert_true(log_has("Ctrl-A h"));
}

static void menu_asks_every_cpu_for_its_registers(void **state)
{
	(void)state;
	press('r');
	assert_non_null(calls[0]);
	assert_non_null(calls[1]);
}

static void menu_leaves_out_cpus_that_are_off_or_busy(void **state)
{
	(void)state;
	cpus[0].state = CPU_STOPPED;
	is_busy = true;
	press('r');
	assert_null(calls[0]);
	assert_true(log_has("cpu 1 is busy"));
}

/* vCPU 0 is loaded on CPU 0, vCPU 1 blocked there, vCPU 2 on the other CPU. */
static void menu_dumps_each_vcpu_on_its_own_cpu(void **state)
{
	(void)state;
	cpus[0].loaded = &vcpus[0];
	vcpus[0].sched.state = SCHED_RUNNING;
	vcpus[1].sched.state = SCHED_BLOCKED;
	vcpus[2].sched.state = SCHED_BLOCKED;
	vcpus[2].sched.cpu = 1;
	press('r');
	calls[0](&cpus[0]);
	assert_int_equal(dumped[0], 1);
	assert_int_equal(dumped[1], 1);
	assert_int_equal(dumped[2], 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(loaded[i], put[i]); /* the loaded one is loaded again */
	}
	calls[1](&cpus[1]);
	assert_int_equal(dumped[2], 1);
	assert_int_equal(cpus[0].queue.lock.owner, cpus[0].queue.lock.next);
}

/* It is where nobody looks: on the other CPU, and then on the one that has looked. */
static void menu_shows_a_vcpu_that_moves_meanwhile_where_it_runs_next(void **state)
{
	(void)state;
	vcpus[2].sched.state = SCHED_RUNNING;
	vcpus[2].sched.cpu = 1;
	press('r');
	calls[0](&cpus[0]);
	vcpus[2].sched.cpu = 0;
	calls[1](&cpus[1]);
	assert_int_equal(dumped[2], 0);
	vcpu_answer_dump(&vcpus[2]); /* as sched_turn() does */
	vcpu_answer_dump(&vcpus[2]);
	assert_int_equal(dumped[2], 1);
}

static void menu_shows_a_vcpu_that_both_cpus_see_once(void **state)
{
	(void)state;
	vcpus[2].sched.state = SCHED_BLOCKED;
	press('r');
	calls[0](&cpus[0]);
	vcpus[2].sched.cpu = 1;
	calls[1](&cpus[1]);
	assert_int_equal(dumped[2], 1);
	assert_int_equal(loaded[2], 1);
}

static void menu_shows_statistics(void **state)
{
	(void)state;
	vcpus[1].exits[EXIT_HALT] = 7;
	vcpus[1].exits[EXIT_PORT] = 9;
	cpus[1].interrupts = 11;
	press('s');
	assert_true(log_has("halt 7 port 9"));
	assert_true(log_has("CPU 1: 11 interrupts"));
	assert_int_equal(memory_printed, 1);
}

static void menu_statistics_of_huge_counts_fit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EXIT_KINDS; i++) {
		vcpus[0].exits[i] = UINT64_MAX;
	}
	press('s');
	assert_true(log_has("18446744073709551615"));
}

static void menu_shows_the_log_again(void **state)
{
	(void)state;
	press('l');
	assert_int_equal(shown, 1);
}

static void menu_tests_the_tables(void **state)
{
	(void)state;
	press('t');
	assert_int_equal(self_tests, 1);
	assert_true(log_has("3 leaves are wrong"));
}

static void menu_reboots(void **state)
{
	(void)state;
	press('b');
	assert_int_equal(stopped, VM_STOP_RESET);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(menu_passes_all_other_bytes),
		TEST(menu_sends_ctrl_a_itself),
		TEST(menu_helps_on_h_and_on_unknown_keys),
		TEST(menu_asks_every_cpu_for_its_registers),
		TEST(menu_leaves_out_cpus_that_are_off_or_busy),
		TEST(menu_dumps_each_vcpu_on_its_own_cpu),
		TEST(menu_shows_a_vcpu_that_moves_meanwhile_where_it_runs_next),
		TEST(menu_shows_a_vcpu_that_both_cpus_see_once),
		TEST(menu_shows_statistics),
		TEST(menu_statistics_of_huge_counts_fit),
		TEST(menu_shows_the_log_again),
		TEST(menu_tests_the_tables),
		TEST(menu_reboots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
