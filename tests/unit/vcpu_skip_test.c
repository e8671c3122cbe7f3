/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of an emulated instruction. */
/* arch: x86 */
/* sources: arch/x86/vcpu_skip.c */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/insn.h"
#include "arch/vcpu_regs.h"
#include "arch/x86_exit.h"
#include "core/arch.h"
#include "core/err.h"

#define RIP    UINT64_C(0x401000)
#define LENGTH 3
#define DR6_BS BIT(14)

static struct vcpu vcpu;
static struct vcpu_state guest;
static unsigned fetches;
static int fetch_answer;
static uint64_t db_bits;

static void state_get(struct vcpu *owner, uint64_t groups)
{
	owner->arch.state->valid |= groups;
}

static const struct virt_ops ops = { .state_get = state_get };
const struct virt_ops *virt = &ops;

int x86_exit_fetch(struct vcpu *owner, struct insn *insn)
{
	assert_ptr_equal(owner, &vcpu);
	fetches++;
	insn->length = LENGTH;
	return fetch_answer;
}

void vcpu_events_raise_db(struct vcpu *owner, uint64_t bits)
{
	assert_ptr_equal(owner, &vcpu);
	db_bits = bits;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	vcpu.arch.state = &guest;
	vcpu.arch.insn_cause = 0x72;
	guest.rip = RIP;
	guest.rflags = RFLAGS_RES1;
	fetches = 0;
	fetch_answer = 0;
	db_bits = 0;
	return 0;
}

static uint64_t skip_from(uint64_t rip)
{
	guest.rip = rip;
	arch_vcpu_skip_insn(&vcpu);
	return guest.rip;
}

static void size_that_the_exit_tells_is_taken(void **state)
{
	(void)state;
	vcpu.arch.insn_size = 2;
	assert_int_equal(skip_from(RIP), RIP + 2);
	assert_int_equal(fetches, 0);
}

static void size_that_it_does_not_tell_is_decoded_once(void **state)
{
	(void)state;
	assert_int_equal(skip_from(RIP), RIP + LENGTH);
	assert_int_equal(skip_from(RIP), RIP + LENGTH);
	assert_int_equal(fetches, 1);
}

static void remembered_size_is_for_that_cause_and_address_space_only(void **state)
{
	(void)state;
	(void)skip_from(RIP);
	vcpu.arch.insn_cause++;
	(void)skip_from(RIP);
	assert_int_equal(fetches, 2);
	vcpu.arch.insn_cr3 ^= PAGE_SIZE;
	(void)skip_from(RIP);
	assert_int_equal(fetches, 3);
}

static void fault_of_the_fetch_leaves_everything(void **state)
{
	(void)state;
	fetch_answer = -E_NOTSUP;
	guest.rflags = RFLAGS_RES1 | RFLAGS_RF | RFLAGS_TF;
	vcpu.arch.events.interrupt_shadow = true;
	assert_int_equal(skip_from(RIP), RIP);
	assert_int_equal(guest.rflags, RFLAGS_RES1 | RFLAGS_RF | RFLAGS_TF);
	assert_true(vcpu.arch.events.interrupt_shadow);
	assert_int_equal(db_bits, 0);
}

static void shadow_and_resume_flag_end(void **state)
{
	(void)state;
	guest.rflags = RFLAGS_RES1 | RFLAGS_RF;
	vcpu.arch.events.interrupt_shadow = true;
	(void)skip_from(RIP);
	assert_int_equal(guest.rflags, RFLAGS_RES1);
	assert_false(vcpu.arch.events.interrupt_shadow);
	assert_int_equal(db_bits, 0);
}

static void single_step_traps(void **state)
{
	(void)state;
	guest.rflags = RFLAGS_RES1 | RFLAGS_TF;
	(void)skip_from(RIP);
	assert_int_equal(db_bits, DR6_BS);
}

static void rip_wraps_at_4_gib_outside_of_64_bit_code(void **state)
{
	(void)state;
	vcpu.arch.insn_size = 2;
	assert_int_equal(skip_from(UINT32_MAX), 1);
	assert_int_equal(skip_from(UINT32_MAX - 1), 0);
	assert_int_equal(skip_from(UINT32_MAX - 2), UINT32_MAX);
	guest.sregs.efer = EFER_LMA;
	assert_int_equal(skip_from(UINT32_MAX), 1);
	guest.sregs.segments[SEGMENT_CS].attributes = SEGMENT_L;
	assert_int_equal(skip_from(UINT32_MAX), UINT64_C(0x100000001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(size_that_the_exit_tells_is_taken, setup),
		cmocka_unit_test_setup(size_that_it_does_not_tell_is_decoded_once, setup),
		cmocka_unit_test_setup(remembered_size_is_for_that_cause_and_address_space_only,
				       setup),
		cmocka_unit_test_setup(fault_of_the_fetch_leaves_everything, setup),
		cmocka_unit_test_setup(shadow_and_resume_flag_end, setup),
		cmocka_unit_test_setup(single_step_traps, setup),
		cmocka_unit_test_setup(rip_wraps_at_4_gib_outside_of_64_bit_code, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
