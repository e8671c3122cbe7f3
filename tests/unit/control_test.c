/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: core/control.c core/region.c mm/frame.c */
/* Which memory the control guest is given, and what it may map later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "boot/config.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/vcpu.h"
#include "mm/frame.h"
#include "mm/window.h"
#include "tests/fake_arch/fake.h"

#define RAM_START UINT64_C(0x100000)
#define RAM_SIZE  (64 * MIB)
#define DEVICE    UINT64_C(0xd0000000)
#define GIVEN_MAX 64

struct vm *vm_control;

static struct vm vm;
static struct vcpu *vcpu_table[8], vcpus[8];
static struct boot_info info;
static struct config config;
static struct pt_range given[GIVEN_MAX];
static unsigned given_count, woken;
static uint32_t placed_on[8];

struct vm *vm_create(uint16_t id, const char *name, uint32_t vcpu_count)
{
	(void)name;
	memset(&vm, 0, sizeof(vm));
	vm.id = id;
	vm.vcpu_count = vcpu_count;
	vm.vcpus = vcpu_table;
	return &vm;
}

int vcpu_create(struct vm *guest, uint32_t index)
{
	guest->vcpus[index] = &vcpus[index];
	vcpus[index].index = index;
	return 0;
}

void sched_add(struct vcpu *vcpu, uint32_t cpu)
{
	placed_on[vcpu->index] = cpu;
}

void sched_wake(struct vcpu *vcpu)
{
	woken |= 1U << vcpu->index;
}

int stage2_unmap(struct stage2 *stage2, struct pt_range *range)
{
	(void)stage2, (void)range;
	return 0;
}

void stage2_flush(struct stage2 *stage2)
{
	(void)stage2;
}

uint64_t window_mmio_read(hpa_t at, unsigned size)
{
	(void)at, (void)size;
	return 0;
}

void window_mmio_write(hpa_t at, unsigned size, uint64_t value)
{
	(void)at, (void)size, (void)value;
}

int stage2_map_all(struct stage2 *stage2, struct pt_range range)
{
	assert_ptr_equal(stage2, &vm.stage2[0]);
	assert_int_equal(range.start, range.target.value);
	assert_true(given_count < GIVEN_MAX);
	given[given_count++] = range;
	return 0;
}

/* The machine's RAM is recorded once: the database only grows. */
static int group_setup(void **state)
{
	(void)state;
	assert_int_equal(frame_add(hpa(0), 0xa0000, calloc(0xa0, sizeof(struct frame))), 0);
	assert_int_equal(frame_add(hpa(RAM_START), RAM_SIZE,
				   calloc(RAM_SIZE / PAGE_SIZE, sizeof(struct frame))),
			 0);
	assert_int_equal(frame_mmio_reserve(hpa(0xfee00000), PAGE_SIZE, "LAPIC"), 0);
	assert_int_equal(control_withhold(RAM_START + 32 * MIB, 4 * MIB, "pool"), 0);
	assert_int_equal(control_withhold(0x9e000, PAGE_SIZE, "start page"), 0);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	memset(&config, 0, sizeof(config));
	info.memory[0] =
		(struct boot_memory){ .start = 0, .size = 0x9fc00, .kind = BOOT_MEMORY_USABLE };
	info.memory[1] = (struct boot_memory){ .start = 0x9fc00,
					       .size = 0x400,
					       .kind = BOOT_MEMORY_RESERVED };
	info.memory[2] = (struct boot_memory){ .start = RAM_START,
					       .size = RAM_SIZE,
					       .kind = BOOT_MEMORY_USABLE };
	info.memory_count = 3;
	config.control.memory_rest = true;
	config.control.cpus.map[0] = 3;
	config.control.vcpus = 3;
	given_count = woken = 0;
	fake_cpus_set(2);
	return 0;
}

static uint64_t given_bytes(void)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < given_count; i++) {
		bytes += given[i].size;
	}
	return bytes;
}

static bool is_given(uint64_t address)
{
	for (unsigned i = 0; i < given_count; i++) {
		if (address - given[i].start < given[i].size) {
			return true;
		}
	}
	return false;
}

static void control_gets_all_ram_but_the_holes(void **state)
{
	(void)state;
	assert_int_equal(control_create(&info, &config), 0);
	assert_int_equal(given_bytes(), 0xa0000 - PAGE_SIZE + RAM_SIZE - 4 * MIB);
	assert_false(is_given(0x9e000));
	assert_true(is_given(0x9f000)); /* the rest of the map's last, broken page */
	assert_false(is_given(RAM_START + 32 * MIB));
	assert_false(is_given(RAM_START + 36 * MIB - 1));
	assert_true(is_given(RAM_START + 36 * MIB));
	assert_int_equal(frame_owner(hpa(RAM_START)), FRAME_OWNER_CONTROL);
	assert_int_equal(frame_owner(hpa(RAM_START + 32 * MIB)), FRAME_OWNER_NOBODY);
}

static void control_vcpus_go_round_its_cpus_and_the_first_runs_when_told(void **state)
{
	(void)state;
	assert_int_equal(control_create(&info, &config), 0);
	assert_int_equal(vm.vcpu_count, 3);
	assert_int_equal(placed_on[0], 0);
	assert_int_equal(placed_on[1], 1);
	assert_int_equal(placed_on[2], 0);
	assert_int_equal(woken, 0); /* what the boot has left to do is done first */
	control_start();
	assert_int_equal(woken, 1);
}

static void control_has_a_vcpu_for_each_of_its_cpus_unless_told(void **state)
{
	(void)state;
	config.control.vcpus = 0;
	assert_int_equal(control_create(&info, &config), 0);
	assert_int_equal(vm.vcpu_count, 2);
}

static void control_without_a_cpu_is_refused(void **state)
{
	(void)state;
	config.control.cpus.map[0] = 0;
	assert_int_equal(control_create(&info, &config), -E_NODEV);
}

static void control_maps_devices_by_2_mib(void **state)
{
	(void)state;
	assert_int_equal(control_create(&info, &config), 0);
	given_count = 0;
	assert_int_equal(control_map_fault(&vm, gpa(DEVICE + 0x1234)), 0);
	assert_int_equal(given[0].start, DEVICE);
	assert_int_equal(given[0].size, 2 * MIB);
}

static void control_maps_4_kib_next_to_what_it_may_not_have(void **state)
{
	struct region region = { .start = DEVICE + 0x5000, .size = 0x1000 };

	(void)state;
	assert_int_equal(control_create(&info, &config), 0);
	assert_int_equal(region_add(&vm.memory_regions, &region), 0);
	given_count = 0;
	assert_int_equal(control_map_fault(&vm, gpa(DEVICE)), 0);
	assert_int_equal(control_map_fault(&vm, gpa(0xfee01008)), 0);
	assert_int_equal(given[0].start, DEVICE);
	assert_int_equal(given[0].size, PAGE_SIZE);
	assert_int_equal(given[1].start, 0xfee01000);
	assert_int_equal(given[1].size, PAGE_SIZE);
}

static void control_may_not_map_the_hypervisors_memory_or_devices(void **state)
{
	(void)state;
	assert_int_equal(control_create(&info, &config), 0);
	given_count = 0;
	assert_int_equal(control_map_fault(&vm, gpa(0xfee00020)), -E_PERM);
	assert_int_equal(control_map_fault(&vm, gpa(RAM_START + 33 * MIB)), -E_PERM);
	assert_int_equal(control_map_fault(&vm, gpa(0x9e000)), -E_PERM);
	assert_int_equal(given_count, 0);
}

static void control_memory_beyond_the_machines_is_an_error(void **state)
{
	(void)state;
	config.control.memory_rest = false;
	config.control.memory = 65 * MIB;
	assert_int_equal(control_create(&info, &config), -E_NOMEM);
	assert_int_equal(given_count, 0);
}

/* Last: the hole that it adds stays. */
static void control_memory_limits_what_is_given_from_below(void **state)
{
	const struct control_hole *holes;

	(void)state;
	config.control.memory_rest = false;
	config.control.memory = 40 * MIB;
	assert_int_equal(control_create(&info, &config), 0);
	assert_true(given_bytes() <= 40 * MIB + PAGE_SIZE &&
		    given_bytes() > 40 * MIB - 2 * PAGE_SIZE);
	assert_true(is_given(RAM_START + 37 * MIB));
	assert_false(is_given(RAM_START + RAM_SIZE - PAGE_SIZE));
	assert_int_equal(control_holes(&holes), 3);
	assert_true(holes[2].is_spare);
	assert_int_equal(control_map_fault(&vm, gpa(RAM_START + RAM_SIZE - PAGE_SIZE)), -E_PERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(control_gets_all_ram_but_the_holes, setup),
		cmocka_unit_test_setup(control_vcpus_go_round_its_cpus_and_the_first_runs_when_told,
				       setup),
		cmocka_unit_test_setup(control_has_a_vcpu_for_each_of_its_cpus_unless_told, setup),
		cmocka_unit_test_setup(control_without_a_cpu_is_refused, setup),
		cmocka_unit_test_setup(control_maps_devices_by_2_mib, setup),
		cmocka_unit_test_setup(control_maps_4_kib_next_to_what_it_may_not_have, setup),
		cmocka_unit_test_setup(control_may_not_map_the_hypervisors_memory_or_devices,
				       setup),
		cmocka_unit_test_setup(control_memory_beyond_the_machines_is_an_error, setup),
		cmocka_unit_test_setup(control_memory_limits_what_is_given_from_below, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
