/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: arch/x86/exit_mmio.c arch/x86/operand.c arch/x86/insn.c arch/x86/insn_table.c */
/* sources: arch/x86/insn_table_0f.c arch/x86/insn_alu.c core/region.c */
/* Instructions on a device's memory that are not done in one exit, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/guest_walk.h"
#include "arch/insn.h"
#include "arch/operand.h"
#include "arch/vcpu_regs.h"
#include "arch/vlapic.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/control.h"
#include "core/err.h"
#include "core/vm.h"
#include "mm/guest_mem.h"

#define DEVICE UINT64_C(0x1000)
#define RCX    UINT64_C(0x44332211)

static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static const uint8_t *code;
static unsigned skips, writes;
static enum region_result write_result;

const struct virt_ops *virt;

/* ---- the rest of the hypervisor: linear is physical, and there is no memory ---- */

int x86_exit_fetch(struct vcpu *owner, struct insn *insn)
{
	(void)owner;
	return insn_decode(insn, INSN_MODE_64, code, INSN_LENGTH_MAX);
}

bool x86_exit_resume(const struct vcpu *owner)
{
	return owner->vm->stop_reason == VM_STOP_NONE;
}

bool x86_exit_refuse_user(struct vcpu *owner)
{
	(void)owner;
	return false;
}

const struct insn *insn_fetch_find(struct vcpu *owner)
{
	(void)owner;
	return NULL;
}

void insn_fetch_store(struct vcpu *owner, const struct insn *insn)
{
	(void)owner, (void)insn;
}

int guest_linear(struct vcpu *owner, const struct guest_operand *operand, uint64_t *linear)
{
	(void)owner;
	*linear = operand->offset;
	return 0;
}

int guest_walk_vcpu(struct vcpu *owner, uint64_t linear, unsigned access, gpa_t *address)
{
	(void)owner, (void)access;
	*address = gpa(linear);
	return 0;
}

int guest_mem_read(struct stage2 *stage2, gpa_t from, void *to, size_t size)
{
	(void)stage2, (void)from, (void)to, (void)size;
	return -E_RANGE;
}

int guest_mem_write(struct stage2 *stage2, gpa_t to, const void *from, size_t size)
{
	(void)stage2, (void)to, (void)from, (void)size;
	return -E_RANGE;
}

int control_mmio_access(struct vm *of, struct access *access)
{
	(void)of, (void)access;
	return -E_NOENT;
}

enum region_result vlapic_region(void *device, struct access *access)
{
	(void)device, (void)access;
	return REGION_DONE;
}

void vcpu_events_raise_ud(struct vcpu *owner)
{
	(void)owner;
	fail();
}

void vm_stop(struct vm *of, enum vm_stop_reason reason, const char *format, ...)
{
	(void)format;
	of->stop_reason = reason;
}

void arch_vcpu_skip_insn(struct vcpu *owner)
{
	(void)owner;
	skips++;
}

/* ---- a device whose writes are not always done ---- */

static enum region_result device(void *context, struct access *access)
{
	(void)context;
	if (access->is_write) {
		writes++;
		return write_result;
	}
	access->value = 0x80;
	return REGION_DONE;
}

static int setup(void **state)
{
	struct region region = { .start = DEVICE, .size = PAGE_SIZE, .fn = device };

	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	guest.valid = STATE_ALL;
	guest.gpr[GPR_RAX] = guest.gpr[GPR_RDI] = guest.gpr[GPR_RSI] = DEVICE + 8;
	guest.gpr[GPR_RCX] = RCX;
	skips = writes = 0;
	return region_add(&vm.memory_regions, &region);
}

static bool run(const uint8_t *bytes)
{
	struct vcpu_exit exit = { .stage2 = { .address = gpa(DEVICE + 8), .is_write = true } };

	code = bytes;
	return exit_mmio(&vcpu, &exit);
}

/* 4 bytes are written to the device by each of them. */
static const struct {
	const char *name;
	uint8_t code[INSN_LENGTH_MAX];
} stores[] = {
	{ "mov [rax], ecx", { 0x89, 0x08 } },
	{ "or dword [rax], 1", { 0x83, 0x08, 0x01 } },
	{ "bts dword [rax], 3", { 0x0f, 0xba, 0x28, 0x03 } },
	{ "xchg [rax], ecx", { 0x87, 0x08 } },
	{ "stosd", { 0xab } },
	{ "movsd", { 0xa5 } },
};

static void store_that_is_to_come_again_changes_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(stores); i++) {
		struct vcpu_state before = guest;

		print_message("%s\n", stores[i].name);
		skips = writes = 0;
		write_result = REGION_AGAIN;
		assert_true(run(stores[i].code));
		assert_int_equal(writes, 1);
		assert_int_equal(skips, 0);
		assert_memory_equal(&guest, &before, sizeof(guest));
		write_result = REGION_DONE;
		assert_true(run(stores[i].code));
		assert_int_equal(writes, 2);
		assert_int_equal(skips, 1);
		guest = before;
	}
}

static void rep_goes_on_at_the_element_that_comes_again(void **state)
{
	static const uint8_t rep_stosd[INSN_LENGTH_MAX] = { 0xf3, 0xab };

	(void)state;
	guest.gpr[GPR_RCX] = 1;
	write_result = REGION_AGAIN;
	assert_true(run(rep_stosd));
	assert_int_equal(guest.gpr[GPR_RCX], 1);
	assert_int_equal(guest.gpr[GPR_RDI], DEVICE + 8);
	write_result = REGION_DONE;
	assert_true(run(rep_stosd));
	assert_int_equal(guest.gpr[GPR_RCX], 0);
	assert_int_equal(guest.gpr[GPR_RDI], DEVICE + 12);
	assert_int_equal(skips, 1);
}

static void stopped_guest_is_not_entered_again(void **state)
{
	(void)state;
	write_result = REGION_STOP;
	for (unsigned i = 0; i < ARRAY_SIZE(stores); i++) {
		assert_false(run(stores[i].code));
	}
	assert_int_equal(skips, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(store_that_is_to_come_again_changes_nothing, setup),
		cmocka_unit_test_setup(rep_goes_on_at_the_element_that_comes_again, setup),
		cmocka_unit_test_setup(stopped_guest_is_not_entered_again, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
