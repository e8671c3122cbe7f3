/* SPDX-License-Identifier: GPL-2.0-only */
/* IN and OUT of ports that devices of ours answer. */
/* arch: x86 */
/* sources: arch/x86/exit_io.c core/region.c */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/guest_walk.h"
#include "arch/operand.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/err.h"
#include "core/vm.h"

#define PORT 0x500
#define RAX  UINT64_C(0x8877665544332211)

static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static unsigned skips, accesses;
static struct access last;
static uint64_t device_value;
static enum region_result device_result;

const struct virt_ops *virt;

void arch_vcpu_skip_insn(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	skips++;
}

/* ---- the string forms' side: not used here ---- */

struct cpu *arch_cpu_self(void)
{
	return NULL;
}

int x86_exit_fetch(struct vcpu *owner, struct insn *insn)
{
	(void)owner, (void)insn;
	return -E_NOTSUP;
}

bool x86_exit_resume(const struct vcpu *owner)
{
	(void)owner;
	return false;
}

int operand_linear(struct vcpu *owner, const struct insn *insn, unsigned access, uint64_t *linear)
{
	(void)owner, (void)insn, (void)access, (void)linear;
	return -E_NOTSUP;
}

int operand_linear_read(struct vcpu *owner, uint64_t linear, unsigned size, uint64_t *value)
{
	(void)owner, (void)linear, (void)size, (void)value;
	return -E_NOTSUP;
}

int operand_linear_write(struct vcpu *owner, uint64_t linear, unsigned size, uint64_t value)
{
	(void)owner, (void)linear, (void)size, (void)value;
	return -E_NOTSUP;
}

int guest_walk_vcpu(struct vcpu *owner, uint64_t linear, unsigned access, gpa_t *address)
{
	(void)owner, (void)linear, (void)access, (void)address;
	return -E_NOTSUP;
}

/* ---- a device ---- */

static enum region_result device_access(void *device, struct access *access)
{
	(void)device;
	assert_ptr_equal(access->vcpu, &vcpu);
	accesses++;
	last = *access;
	if (!access->is_write) {
		access->value = device_value;
	}
	return device_result;
}

static void add(uint64_t start, uint64_t size)
{
	struct region region = { .start = start, .size = size, .fn = device_access };

	assert_int_equal(region_add(&vm.port_regions, &region), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	guest.gpr[GPR_RAX] = RAX;
	skips = accesses = 0;
	device_result = REGION_DONE;
	add(PORT, 4);
	return 0;
}

static bool handle(uint16_t port, uint8_t size, bool is_write)
{
	struct vcpu_exit exit;

	memset(&exit, 0xee, sizeof(exit)); /* nothing may be left of the last one */
	exit.port.access.address = port;
	exit.port.access.size = size;
	exit.port.access.is_write = is_write;
	exit.port.is_string = false;
	return exit_port(&vcpu, &exit);
}

static void expect_read(uint16_t port, uint8_t size, uint64_t rax)
{
	guest.gpr[GPR_RAX] = RAX;
	assert_true(handle(port, size, false));
	assert_int_equal(guest.gpr[GPR_RAX], rax);
}

static void read_keeps_what_its_size_leaves_of_rax(void **state)
{
	(void)state;
	device_value = 0xab;
	expect_read(PORT + 1, 1, UINT64_C(0x88776655443322ab));
	assert_int_equal(last.offset, 1);
	assert_int_equal(last.value, 0); /* of the exit before */
	device_value = 0xabcd;
	expect_read(PORT, 2, UINT64_C(0x887766554433abcd));
	device_value = 0xabcdef01;
	expect_read(PORT, 4, UINT64_C(0xabcdef01));
	assert_int_equal(skips, 3);
}

static void write_gives_the_low_end_of_rax(void **state)
{
	(void)state;
	assert_true(handle(PORT, 1, true));
	assert_int_equal(last.value, 0x11);
	assert_true(handle(PORT, 2, true));
	assert_int_equal(last.value, 0x2211);
	assert_true(handle(PORT, 4, true));
	assert_int_equal(last.value, 0x44332211);
	assert_int_equal(guest.gpr[GPR_RAX], RAX);
	assert_int_equal(skips, 3);
}

static void nobodys_port_reads_ones(void **state)
{
	(void)state;
	expect_read(0x700, 1, RAX | 0xff);
	expect_read(0x700, 4, UINT32_MAX);
	assert_true(handle(0x700, 4, true));
	assert_int_equal(accesses, 0);
	device_result = REGION_ONES;
	expect_read(PORT, 2, RAX | 0xffff);
}

static void access_over_a_regions_end_is_split_into_bytes(void **state)
{
	(void)state;
	device_value = 0x5a;
	expect_read(PORT + 2, 4, UINT64_C(0xffff5a5a));
	assert_int_equal(accesses, 2);
	assert_int_equal(last.size, 1);
	add(PORT + 4, 1);
	guest.gpr[GPR_RAX] = RAX;
	assert_true(handle(PORT + 3, 2, true));
	assert_int_equal(accesses, 4);
	assert_int_equal(last.address, PORT + 4);
	assert_int_equal(last.value, 0x22);
}

static void last_port_wraps_to_the_first(void **state)
{
	(void)state;
	add(0, 1);
	device_value = 0x5a;
	expect_read(0xffff, 2, (RAX & ~UINT64_C(0xffff)) | 0x5aff);
	assert_int_equal(last.address, 0);
}

static void stopped_guest_is_not_entered_again(void **state)
{
	(void)state;
	device_result = REGION_STOP;
	assert_false(handle(PORT, 1, true));
	assert_false(handle(PORT, 1, false));
	assert_false(handle(PORT + 3, 2, true));
	assert_int_equal(guest.gpr[GPR_RAX], RAX);
	assert_int_equal(skips, 0);
}

static void access_that_is_to_come_again_leaves_the_instruction(void **state)
{
	(void)state;
	device_result = REGION_AGAIN;
	assert_true(handle(PORT, 1, true));
	assert_true(handle(PORT, 4, false));
	assert_true(handle(PORT + 3, 2, true));
	assert_int_equal(guest.gpr[GPR_RAX], RAX);
	assert_int_equal(skips, 0);
	device_result = REGION_DONE;
	assert_true(handle(PORT, 1, true));
	assert_int_equal(skips, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(read_keeps_what_its_size_leaves_of_rax, setup),
		cmocka_unit_test_setup(write_gives_the_low_end_of_rax, setup),
		cmocka_unit_test_setup(nobodys_port_reads_ones, setup),
		cmocka_unit_test_setup(access_over_a_regions_end_is_split_into_bytes, setup),
		cmocka_unit_test_setup(last_port_wraps_to_the_first, setup),
		cmocka_unit_test_setup(stopped_guest_is_not_entered_again, setup),
		cmocka_unit_test_setup(access_that_is_to_come_again_leaves_the_instruction, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
