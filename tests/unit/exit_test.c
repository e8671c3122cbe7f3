/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/exit.c core/vcpu.c core/hypercall.c core/region.c */
/* Exit dispatch and a vCPU's run loop, with a scripted guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "core/arch.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/exit.h"
#include "core/hypercall.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "tests/fake_arch/fake.h"

static struct vm vm;
static struct vcpu vcpu;

/* ---- what lies around the code under test, recorded ---- */

static bool block_answer;
static unsigned yields, stops, ones, arch_exits, map_faults;
static enum vm_stop_reason stop_reason;
static int map_answer;
static enum exit_kind arch_exit_kind;

bool sched_block(struct vcpu *v)
{
	assert_ptr_equal(v, &vcpu);
	return block_answer;
}

void sched_give_way(struct vcpu *v)
{
	assert_ptr_equal(v, &vcpu);
	yields++;
}

int control_map_fault(struct vm *guest, gpa_t address)
{
	assert_ptr_equal(guest, &vm);
	(void)address;
	map_faults++;
	return map_answer;
}

void vm_stop(struct vm *guest, enum vm_stop_reason reason, const char *format, ...)
{
	(void)guest, (void)format;
	stops++;
	stop_reason = reason;
}

void vm_count_ones(struct vm *guest, const char *what, uint64_t address)
{
	(void)guest, (void)what, (void)address;
	ones++;
}

bool arch_exit_handle(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	arch_exits++;
	arch_exit_kind = exit->kind;
	return true;
}

static enum region_result answer_region(void *device, struct access *access)
{
	(void)device, (void)access;
	return REGION_DONE;
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.vm = &vm;
	block_answer = false;
	yields = stops = ones = arch_exits = map_faults = 0;
	stop_reason = VM_STOP_NONE;
	map_answer = 0;
	arch_cpu_self()->work = 0;
	return 0;
}

static bool handle(struct vcpu_exit exit)
{
	return exit_handle(&vcpu, &exit);
}

/* ---- tests ---- */

static void every_exit_kind_has_a_handler_and_is_counted(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < EXIT_KINDS; kind++) {
		(void)handle((struct vcpu_exit){ .kind = (enum exit_kind)kind });
		assert_int_equal(vcpu.exits[kind], 1);
	}
}

static void halt_leaves_only_when_it_blocks(void **state)
{
	(void)state;
	assert_true(handle((struct vcpu_exit){ .kind = EXIT_HALT }));
	block_answer = true;
	assert_false(handle((struct vcpu_exit){ .kind = EXIT_HALT }));
}

static void pause_gives_way(void **state)
{
	(void)state;
	assert_false(handle((struct vcpu_exit){ .kind = EXIT_PAUSE }));
	assert_int_equal(yields, 1);
}

static void hypercall_version_answers_the_abi(void **state)
{
	(void)state;
	vcpu.arch.hypercall_number = HYPERCALL_VERSION;
	assert_true(handle((struct vcpu_exit){ .kind = EXIT_HYPERCALL }));
	assert_int_equal(vcpu.arch.hypercall_answer, HYPERCALL_ABI);
	assert_int_equal(vcpu.arch.skips, 1);
}

static void hypercall_without_a_number_answers_all_ones(void **state)
{
	static const uint64_t numbers[] = { 1, 77, UINT64_C(1) << 32, UINT64_MAX };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		vcpu.arch.hypercall_number = numbers[i];
		assert_true(handle((struct vcpu_exit){ .kind = EXIT_HYPERCALL }));
		assert_int_equal(vcpu.arch.hypercall_answer, UINT64_MAX);
	}
}

static void stage2_fault_in_a_region_is_a_device_access(void **state)
{
	struct region region = { .start = 0x1000, .size = 0x1000, .fn = answer_region };

	(void)state;
	vm.is_control = true;
	assert_int_equal(region_add(&vm.memory_regions, &region), 0);
	assert_true(
		handle((struct vcpu_exit){ .kind = EXIT_STAGE2, .stage2.address = gpa(0x1ffc) }));
	assert_int_equal(arch_exits, 1);
	assert_int_equal(arch_exit_kind, EXIT_STAGE2);
	assert_int_equal(map_faults + ones, 0);
}

static void stage2_fault_of_the_control_guest_maps_and_enters_again(void **state)
{
	(void)state;
	vm.is_control = true;
	assert_true(
		handle((struct vcpu_exit){ .kind = EXIT_STAGE2, .stage2.address = gpa(0x5000) }));
	assert_int_equal(map_faults, 1);
	assert_int_equal(arch_exits + ones, 0);
}

static void stage2_fault_that_may_not_be_mapped_is_counted_and_emulated(void **state)
{
	(void)state;
	vm.is_control = true;
	map_answer = -E_PERM;
	assert_true(
		handle((struct vcpu_exit){ .kind = EXIT_STAGE2, .stage2.address = gpa(0x5000) }));
	assert_int_equal(ones, 1);
	assert_int_equal(arch_exits, 1);
}

static void stage2_fault_beside_a_region_is_emulated_and_not_counted(void **state)
{
	(void)state;
	vm.is_control = true;
	map_answer = -E_EXIST;
	assert_true(
		handle((struct vcpu_exit){ .kind = EXIT_STAGE2, .stage2.address = gpa(0x5000) }));
	assert_int_equal(ones, 0);
	assert_int_equal(arch_exits, 1);
}

static void stage2_fault_of_another_guest_never_maps(void **state)
{
	(void)state;
	assert_true(
		handle((struct vcpu_exit){ .kind = EXIT_STAGE2, .stage2.address = gpa(0x5000) }));
	assert_int_equal(map_faults, 0);
	assert_int_equal(ones, 1);
}

static void stage2_fault_on_a_right_is_not_answered_by_mapping_again(void **state)
{
	(void)state;
	vm.is_control = true;
	assert_true(handle((struct vcpu_exit){
		.kind = EXIT_STAGE2,
		.stage2 = { .address = gpa(0x5000), .is_write = true, .is_present = true } }));
	assert_int_equal(map_faults, 0);
	assert_int_equal(ones, 1);
}

static void triple_fault_and_invalid_state_stop_the_guest_with_their_reason(void **state)
{
	(void)state;
	assert_false(handle((struct vcpu_exit){ .kind = EXIT_TRIPLE_FAULT }));
	assert_int_equal(stop_reason, VM_STOP_TRIPLE_FAULT);
	assert_false(handle((struct vcpu_exit){ .kind = EXIT_INVALID }));
	assert_int_equal(stop_reason, VM_STOP_ERROR);
	assert_int_equal(stops, 2);
}

static void run_ten_then_ask_for_work(struct vcpu *v, struct vcpu_exit *exit)
{
	exit->kind = EXIT_IRQ;
	if (v->arch.runs == 10) {
		arch_cpu_self()->work = CPU_WORK_RESCHED;
	}
}

static void run_loop_enters_until_the_cpu_has_work(void **state)
{
	(void)state;
	vcpu.arch.run = run_ten_then_ask_for_work;
	vcpu_run(&vcpu);
	assert_int_equal(vcpu.arch.runs, 10);
	assert_int_equal(vcpu.exits[EXIT_IRQ], 10);
}

static void run_loop_does_not_enter_a_guest_when_work_waits(void **state)
{
	(void)state;
	arch_cpu_self()->work = CPU_WORK_STOP;
	vcpu_run(&vcpu);
	assert_int_equal(vcpu.arch.runs, 0);
}

static void halt_at_once(struct vcpu *v, struct vcpu_exit *exit)
{
	(void)v;
	exit->kind = EXIT_HALT;
}

static void run_loop_is_left_by_a_vcpu_that_blocks(void **state)
{
	(void)state;
	block_answer = true;
	vcpu.arch.run = halt_at_once;
	vcpu_run(&vcpu);
	assert_int_equal(vcpu.arch.runs, 1);
}

static void vcpu_is_created_once_and_within_its_vm(void **state)
{
	struct vcpu *table[2] = { NULL, NULL };

	(void)state;
	vm.vcpus = table;
	vm.vcpu_count = 2;
	assert_int_equal(vcpu_create(&vm, 0), 0);
	assert_ptr_equal(table[0]->vm, &vm);
	assert_int_equal(vcpu_create(&vm, 0), -E_RANGE);
	assert_int_equal(vcpu_create(&vm, 2), -E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_exit_kind_has_a_handler_and_is_counted, setup),
		cmocka_unit_test_setup(halt_leaves_only_when_it_blocks, setup),
		cmocka_unit_test_setup(pause_gives_way, setup),
		cmocka_unit_test_setup(hypercall_version_answers_the_abi, setup),
		cmocka_unit_test_setup(hypercall_without_a_number_answers_all_ones, setup),
		cmocka_unit_test_setup(stage2_fault_in_a_region_is_a_device_access, setup),
		cmocka_unit_test_setup(stage2_fault_of_the_control_guest_maps_and_enters_again,
				       setup),
		cmocka_unit_test_setup(stage2_fault_that_may_not_be_mapped_is_counted_and_emulated,
				       setup),
		cmocka_unit_test_setup(stage2_fault_beside_a_region_is_emulated_and_not_counted,
				       setup),
		cmocka_unit_test_setup(stage2_fault_of_another_guest_never_maps, setup),
		cmocka_unit_test_setup(stage2_fault_on_a_right_is_not_answered_by_mapping_again,
				       setup),
		cmocka_unit_test_setup(
			triple_fault_and_invalid_state_stop_the_guest_with_their_reason, setup),
		cmocka_unit_test_setup(run_loop_enters_until_the_cpu_has_work, setup),
		cmocka_unit_test_setup(run_loop_does_not_enter_a_guest_when_work_waits, setup),
		cmocka_unit_test_setup(run_loop_is_left_by_a_vcpu_that_blocks, setup),
		cmocka_unit_test_setup(vcpu_is_created_once_and_within_its_vm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
