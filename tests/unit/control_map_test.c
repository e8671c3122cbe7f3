/* SPDX-License-Identifier: GPL-2.0-only */
/* The control guest's faults on what is no RAM: what is mapped, and what stays the hypervisor's. */
/* sources: core/control.c core/region.c core/epoch.c */
/* sources: mm/stage2.c mm/pt.c mm/frame.c mm/page_alloc.c */
#include "core/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/arch.h"
#include "core/err.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"
#include "tests/fake_arch/fake.h"

#define POOL      (64 * MIB)
#define POOL_SIZE (8 * MIB)
#define RAM       (128 * MIB)
#define DEVICE    (512 * MIB)
#define LARGE     (2 * MIB)

static struct frame records[RAM / PAGE_SIZE];
static struct vm vm;

/* ---- what creation needs, and faults do not ---- */

struct vm *vm_control;

struct vm *vm_create(uint16_t id, const char *name, uint32_t vcpu_count)
{
	(void)id, (void)name, (void)vcpu_count;
	return NULL;
}

int vcpu_create(struct vm *of, uint32_t index)
{
	(void)of, (void)index;
	return -E_NOMEM;
}

void sched_add(struct vcpu *vcpu, uint32_t cpu)
{
	(void)vcpu, (void)cpu;
}

void sched_wake(struct vcpu *vcpu)
{
	(void)vcpu;
}

int arch_control_load(struct vm *of, const struct config_guest *config)
{
	(void)of, (void)config;
	return -E_NOENT;
}

static struct access done; /* on the machine */

uint64_t window_mmio_read(hpa_t at, unsigned size)
{
	done = (struct access){ .address = at.value, .size = (uint8_t)size };
	return 0x77;
}

void window_mmio_write(hpa_t at, unsigned size, uint64_t value)
{
	done = (struct access){
		.address = at.value, .size = (uint8_t)size, .is_write = true, .value = value
	};
}

static int add_memory(void **state)
{
	(void)state;
	fake_memory_init();
	fake_cpus_set(1);
	return page_alloc_add(hpa(POOL), POOL_SIZE, 0) != 0 || frame_add(hpa(0), RAM, records) != 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	return stage2_init(&vm.stage2[0], &vm);
}

static int fault(uint64_t address)
{
	return control_map_fault(&vm, gpa(address));
}

static bool is_mapped(uint64_t address)
{
	struct pt_leaf leaf;

	return stage2_lookup(&vm.stage2[0], gpa(address), &leaf) == 0 &&
	       leaf.address.value + (address - leaf.start) == address;
}

static int trap(uint64_t start, uint64_t size)
{
	struct region region = { .start = start, .size = size };

	return region_add(&vm.memory_regions, &region);
}

static void a_fault_maps_a_large_page_one_to_one(void **state)
{
	(void)state;
	assert_int_equal(fault(DEVICE + 0x1234), 0);
	assert_true(is_mapped(DEVICE) && is_mapped(DEVICE + LARGE - 1));
	assert_false(is_mapped(DEVICE + LARGE));
}

/* Two vCPUs touch a device for the first time at once: the second one's fault read as ones. */
static void a_second_vcpus_fault_finds_the_page_mapped(void **state)
{
	(void)state;
	assert_int_equal(fault(DEVICE), 0);
	assert_int_equal(fault(DEVICE), 0);
	assert_int_equal(trap(DEVICE + LARGE + 0x1000, 0x100), 0);
	assert_int_equal(fault(DEVICE + LARGE), 0);
	assert_int_equal(fault(DEVICE + LARGE), 0);
	assert_false(is_mapped(DEVICE + LARGE + 0x1000));
}

/* IOAPICs may lie at FEC00x00h: the page around one must not be given. */
static void a_page_with_a_region_in_its_middle_is_not_mapped(void **state)
{
	(void)state;
	assert_int_equal(trap(DEVICE + 0x3400, 0x100), 0);
	assert_int_equal(fault(DEVICE + 0x3000), -E_EXIST);
	assert_int_equal(fault(DEVICE + 0x2000), 0);
	assert_int_equal(fault(DEVICE + 0x4000), 0);
	assert_false(is_mapped(DEVICE + 0x3000));
}

static void ram_is_never_mapped_by_a_fault(void **state)
{
	(void)state;
	assert_int_equal(fault(POOL), -E_PERM);
	assert_int_equal(fault(RAM - 1), -E_PERM);
	assert_int_equal(fault(RAM), 0);
}

/* A table of MSI-X in the middle of a device's registers. */
static void registers_beside_a_region_are_accessed_for_the_guest(void **state)
{
	struct access read = { .address = DEVICE + 0x33f8, .size = 8 };
	struct access write = {
		.address = DEVICE + 0x3502, .size = 2, .is_write = true, .value = 0x1234
	};
	struct access over_the_edge = { .address = DEVICE + 0x33fc, .size = 8 };
	struct access into_the_next_page = { .address = DEVICE + 0x3ffe, .size = 4 };
	struct access ram = { .address = RAM - 8, .size = 4 };

	(void)state;
	assert_int_equal(trap(DEVICE + 0x3400, 0x100), 0);
	assert_int_equal(control_mmio_access(&vm, &read), 0);
	assert_int_equal(read.value, 0x77);
	assert_int_equal(done.size, 8);
	assert_int_equal(control_mmio_access(&vm, &write), 0);
	assert_true(done.is_write && done.address == write.address && done.value == 0x1234);
	assert_int_equal(control_mmio_access(&vm, &over_the_edge), -E_PERM);
	assert_int_equal(control_mmio_access(&vm, &into_the_next_page), -E_PERM);
	assert_int_equal(control_mmio_access(&vm, &ram), -E_PERM);
}

static void hypervisors_registers_are_not_accessed_for_the_guest(void **state)
{
	struct access access = { .address = DEVICE + 0x800, .size = 4 };

	(void)state;
	assert_int_equal(control_mmio_access(&vm, &access), 0);
	assert_int_equal(frame_mmio_reserve(hpa(DEVICE), 0x1000, "test"), 0);
	assert_int_equal(control_mmio_access(&vm, &access), -E_PERM);
	assert_int_equal(fault(DEVICE), -E_PERM);
	assert_int_equal(fault(DEVICE + 0x1000), 0);
}

static void a_region_takes_its_pages_away_and_leaves_the_rest(void **state)
{
	(void)state;
	assert_int_equal(fault(DEVICE + LARGE), 0);
	assert_int_equal(trap(DEVICE + LARGE + 0x2ff0, 0x20), 0);
	assert_int_equal(control_unmap(&vm, DEVICE + LARGE + 0x2ff0, 0x20), 0);
	assert_true(is_mapped(DEVICE + LARGE + 0x1000));
	assert_false(is_mapped(DEVICE + LARGE + 0x2000));
	assert_false(is_mapped(DEVICE + LARGE + 0x3000));
	assert_true(is_mapped(DEVICE + LARGE + 0x4000));
}

static void trap_once(pte_t *slot)
{
	(void)slot;
	fake_publish_hook = NULL;
	assert_int_equal(trap(DEVICE + 0x3400, 0x100), 0);
}

/* A table of MSI-X comes to lie where another vCPU's fault just looked and found nothing. Pages
 * were mapped already, from a time when a table was elsewhere among them. */
static void a_region_that_comes_during_a_fault_is_not_mapped_over(void **state)
{
	(void)state;
	assert_int_equal(trap(DEVICE + 0x8000, 0x100), 0);
	assert_int_equal(fault(DEVICE + 0x9000), 0);
	assert_int_equal(region_remove(&vm.memory_regions, DEVICE + 0x8000), 0);
	fake_publish_hook = trap_once;
	assert_int_equal(fault(DEVICE), 0);
	assert_null(fake_publish_hook);
	assert_false(is_mapped(DEVICE + 0x3000));
	assert_int_equal(fault(DEVICE), 0);
	assert_true(is_mapped(DEVICE));
}

/* A page of tables for each of them is more than there is. */
static void faults_all_over_the_machine_leave_memory_for_others(void **state)
{
	void *page;
	int err = 0;

	(void)state;
	for (uint64_t i = 0; i < 4096 && err == 0; i++) {
		err = fault((i + 1) * GIB);
	}
	assert_int_equal(err, -E_EXIST);
	page = page_alloc(PAGE_USE_VM, 0);
	assert_non_null(page);
	page_free(page, PAGE_USE_VM, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fault_maps_a_large_page_one_to_one),
		TEST(a_second_vcpus_fault_finds_the_page_mapped),
		TEST(a_page_with_a_region_in_its_middle_is_not_mapped),
		TEST(ram_is_never_mapped_by_a_fault),
		TEST(registers_beside_a_region_are_accessed_for_the_guest),
		TEST(a_region_takes_its_pages_away_and_leaves_the_rest),
		TEST(a_region_that_comes_during_a_fault_is_not_mapped_over),
		TEST(hypervisors_registers_are_not_accessed_for_the_guest),
		TEST(faults_all_over_the_machine_leave_memory_for_others), /* keeps the rest */
	};

	return cmocka_run_group_tests(tests, add_memory, NULL);
}
