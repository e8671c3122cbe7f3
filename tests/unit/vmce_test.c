/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest sees of machine checks, and what it may write. */
/* arch: x86 */
/* sources: arch/x86/vmce.c */
#include "arch/vmce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mce.h"
#include "arch/msr.h"
#include "arch/vcpu_image.h"
#include "arch/virt.h"
#include "core/sched.h"
#include "core/vcpu.h"
#include "core/vm.h"

#define BANKS   4
#define LIVE    (MC_STATUS_VALID | 0x150) /* what the machine's own banks say */
#define CTL(n)  (MSR_MC0_CTL + 4 * (n))
#define GIVEN   (MC_STATUS_VALID | MC_STATUS_UC | 5)
#define COUNTER BITS(63, 62)

static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_state guest;
static unsigned notices, raised, cleared, status_cleared;
static uint32_t cleared_bank;
const struct virt_ops *virt;

uint32_t mce_bank_count(void)
{
	return BANKS;
}

uint64_t mce_status(void)
{
	return 0;
}

void mce_clear_status(void)
{
	status_cleared++;
}

void mce_read_bank(uint32_t bank, struct mce_record *record)
{
	*record = (struct mce_record){ .bank = bank, .status = LIVE, .misc = COUNTER | 7 };
}

void mce_clear_bank(uint32_t bank)
{
	cleared++;
	cleared_bank = bank;
}

void sched_notify(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	notices++;
}

void vcpu_events_raise(struct vcpu *owner, uint8_t vector, bool has_error, uint32_t error)
{
	assert_ptr_equal(owner, &vcpu);
	assert_int_equal(vector, VECTOR_MC);
	assert_true(!has_error && error == 0);
	raised++;
}

static int setup(void **state)
{
	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	vm.is_control = true;
	vcpu.vm = &vm;
	vcpu.arch.state = &guest;
	guest.valid = STATE_SREGS;
	guest.sregs.cr4 = CR4_MCE;
	notices = raised = cleared = status_cleared = 0;
	return 0;
}

static uint64_t get(uint32_t msr)
{
	uint64_t value = 0x55;

	assert_true(vmce_read(&vcpu, msr, &value));
	return value;
}

static void give(uint64_t mcg_status, uint64_t status)
{
	struct mce_record record = {
		.mcg_status = mcg_status, .status = status, .address = 0x1234, .bank = 2
	};

	vmce_give(&vcpu, &record);
	if (vcpu.arch.requests != 0) {
		assert_int_equal(vcpu.arch.requests, REQUEST_MCE);
		vcpu.arch.requests = 0;
		vmce_take(&vcpu);
	}
}

static void other_guests_have_no_banks(void **state)
{
	uint64_t value;

	(void)state;
	vm.is_control = false;
	assert_int_equal(get(MSR_MCG_CAP), 0);
	assert_int_equal(get(MSR_MCG_STATUS), 0);
	assert_false(vmce_read(&vcpu, CTL(0), &value));
	assert_false(vmce_write(&vcpu, CTL(0) + 1, 0));
	assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 0));
	assert_int_equal(cleared + status_cleared, 0);
}

static void other_guests_clear_what_they_are_shown(void **state)
{
	(void)state;
	vm.is_control = false;
	for (unsigned i = 1; i <= 2; i++) {
		give(MCG_STATUS_EIPV, GIVEN);
		assert_int_equal(raised, i);
		assert_int_equal(get(MSR_MCG_STATUS), MCG_STATUS_EIPV);
		assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 0));
		assert_int_equal(get(MSR_MCG_STATUS), 0);
	}
	assert_int_equal(cleared + status_cleared, 0);
}

static void bits_of_what_is_not_offered_are_not_shown(void **state)
{
	(void)state;
	give(MCG_STATUS_RIPV | BIT(3), GIVEN); /* LMCE_S */
	assert_int_equal(get(MSR_MCG_STATUS), MCG_STATUS_RIPV);
}

static void the_control_guest_sees_the_machines_banks(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(get(MSR_MCG_CAP), BANKS);
	assert_int_equal(get(CTL(3)), UINT64_MAX);
	assert_int_equal(get(CTL(3) + 1), LIVE);
	assert_int_equal(get(CTL(3) + 3), 7);
	assert_false(vmce_read(&vcpu, CTL(BANKS), &value));
	assert_true(vmce_write(&vcpu, CTL(3) + 1, 0));
	assert_int_equal(cleared, 1);
	assert_int_equal(cleared_bank, 3);
	assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 0));
	assert_int_equal(status_cleared, 1);
}

static void nothing_but_0_is_written(void **state)
{
	(void)state;
	assert_false(vmce_write(&vcpu, MSR_MCG_CAP, 0));
	assert_false(vmce_write(&vcpu, CTL(1) + 1, 1));
	assert_false(vmce_write(&vcpu, CTL(BANKS), 0));
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(vmce_write(&vcpu, CTL(1) + i, UINT64_MAX), i != 1);
	}
	assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 7));
	assert_int_equal(cleared + status_cleared, 0);
}

static void a_record_is_shown_until_the_guest_clears_it(void **state)
{
	(void)state;
	give(MCG_STATUS_RIPV | MCG_STATUS_MCIP, GIVEN);
	assert_int_equal(raised, 1);
	assert_int_equal(notices, 1);
	assert_int_equal(get(MSR_MCG_STATUS), MCG_STATUS_RIPV | MCG_STATUS_MCIP);
	assert_int_equal(get(CTL(2) + 1), GIVEN);
	assert_int_equal(get(CTL(2) + 2), 0x1234);
	assert_int_equal(get(CTL(1) + 1), LIVE);
	assert_true(vmce_write(&vcpu, CTL(2) + 1, 0));
	assert_int_equal(get(CTL(2) + 1), LIVE); /* what came behind it */
	assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 0));
	assert_int_equal(cleared + status_cleared, 0);
	give(MCG_STATUS_RIPV, GIVEN);
	assert_int_equal(raised, 2);
}

static void a_second_one_meanwhile_changes_nothing(void **state)
{
	(void)state;
	give(MCG_STATUS_RIPV, GIVEN);
	give(MCG_STATUS_EIPV, GIVEN | 8);
	assert_int_equal(raised, 1);
	assert_int_equal(get(CTL(2) + 1), GIVEN);
}

static void with_mce_off_the_guest_finds_it_later_or_shuts_down(void **state)
{
	(void)state;
	guest.sregs.cr4 = 0;
	give(MCG_STATUS_RIPV, GIVEN);
	assert_int_equal(raised, 0);
	assert_false(vcpu.arch.events.triple_fault);
	assert_int_equal(get(MSR_MCG_STATUS), 0);
	assert_int_equal(get(CTL(2) + 1), GIVEN);
	assert_true(vmce_write(&vcpu, CTL(2) + 1, 0));
	give(MCG_STATUS_EIPV, GIVEN);
	assert_true(vcpu.arch.events.triple_fault);
}

static void one_that_says_nothing_does_not_hide_the_next(void **state)
{
	(void)state;
	guest.sregs.cr4 = 0;
	give(MCG_STATUS_RIPV, 0);
	give(MCG_STATUS_RIPV, GIVEN);
	assert_int_equal(get(CTL(2) + 1), GIVEN);
}

/* Another CPU gives it while the first one is shown; the guest clears that before it is taken. */
static void the_next_is_shown_where_the_first_was_cleared_in_time(void **state)
{
	struct mce_record next = { .mcg_status = MCG_STATUS_EIPV, .status = GIVEN, .bank = 1 };

	(void)state;
	give(MCG_STATUS_RIPV, GIVEN);
	vmce_give(&vcpu, &next);
	assert_int_equal(get(CTL(2) + 1), GIVEN);
	assert_int_equal(get(CTL(1) + 1), LIVE);
	assert_true(vmce_write(&vcpu, CTL(2) + 1, 0));
	assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 0));
	vmce_take(&vcpu);
	assert_int_equal(get(MSR_MCG_STATUS), MCG_STATUS_EIPV);
	assert_int_equal(get(CTL(1) + 1), GIVEN);
	assert_int_equal(raised, 2);
}

/* ---- images ---- */

static struct vcpu_image_mce image_of_shown(void)
{
	struct mce_record record = { .mcg_status = MCG_STATUS_RIPV | MCG_STATUS_MCIP,
				     .status = GIVEN | MC_STATUS_ADDRV | MC_STATUS_MISCV,
				     .address = 0x1234,
				     .misc = 0x8c,
				     .bank = 2 };
	struct vcpu_image_mce image;

	vmce_give(&vcpu, &record);
	vmce_take(&vcpu);
	vmce_image_get(&image, &vcpu);
	return image;
}

static void an_image_has_what_the_guest_is_shown(void **state)
{
	struct vcpu_image_mce image = image_of_shown();

	assert_true(vmce_image_is_valid(&vcpu, &image));
	setup(state);
	vmce_image_set(&vcpu, &image);
	assert_int_equal(get(MSR_MCG_STATUS), MCG_STATUS_RIPV | MCG_STATUS_MCIP);
	assert_int_equal(get(CTL(2) + 1), GIVEN | MC_STATUS_ADDRV | MC_STATUS_MISCV);
	assert_int_equal(get(CTL(2) + 2), 0x1234);
	assert_int_equal(get(CTL(2) + 3), 0x8c);
	assert_int_equal(get(CTL(1) + 1), LIVE);
	assert_true(vmce_write(&vcpu, CTL(2) + 1, 0));
	assert_true(vmce_write(&vcpu, MSR_MCG_STATUS, 0));
	assert_int_equal(cleared + status_cleared, 0);
	assert_int_equal(get(CTL(2) + 1), LIVE);
	give(MCG_STATUS_RIPV, GIVEN);
	assert_int_equal(raised, 1); /* it was not raised by the image */
}

static void an_image_of_a_part_is_valid_too(void **state)
{
	static const struct vcpu_image_mce none = { 0 };
	struct vcpu_image_mce image;

	(void)state;
	vmce_image_get(&image, &vcpu);
	assert_memory_equal(&image, &none, sizeof(image));
	assert_true(vmce_image_is_valid(&vcpu, &image));
	(void)image_of_shown();
	assert_true(vmce_write(&vcpu, CTL(2) + 1, 0));
	vmce_image_get(&image, &vcpu);
	assert_int_equal(image.status | image.address | image.misc | image.bank, 0);
	assert_true(vmce_image_is_valid(&vcpu, &image));
	/* Another CPU has cleared the bank after it was found. */
	setup(state);
	give(MCG_STATUS_RIPV, 0);
	vmce_image_get(&image, &vcpu);
	assert_true(vmce_image_is_valid(&vcpu, &image));
}

static void an_image_takes_nothing_that_is_posted(void **state)
{
	static const struct vcpu_image_mce none = { 0 };
	struct mce_record record = { .mcg_status = MCG_STATUS_RIPV, .status = GIVEN, .bank = 1 };
	struct vcpu_image_mce image;

	(void)state;
	vmce_give(&vcpu, &record);
	vmce_image_get(&image, &vcpu);
	assert_memory_equal(&image, &none, sizeof(image));
	vmce_image_set(&vcpu, &none);
	vmce_take(&vcpu);
	assert_int_equal(get(CTL(1) + 1), GIVEN);
}

static void images_of_what_no_guest_is_shown_are_refused(void **state)
{
	static const struct vcpu_image_mce rows[] = {
		{ .mcg_status = BIT(3) },
		{ .mcg_status = BIT(63) },
		{ .address = 1 },
		{ .misc = 1 },
		{ .bank = 1 },
		{ .status = 1 },
		{ .status = GIVEN, .bank = BANKS },
		{ .status = GIVEN, .bank = BIT(32) },
		{ .status = GIVEN, .address = 1 },
		{ .status = GIVEN | MC_STATUS_ADDRV, .misc = 1 },
	};
	static const struct vcpu_image_mce good = { .mcg_status = MCG_STATUS_ALL,
						    .status = UINT64_MAX,
						    .bank = BANKS - 1,
						    .misc = UINT64_MAX };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (vmce_image_is_valid(&vcpu, &rows[i])) {
			fail_msg("row %u", i);
		}
	}
	assert_true(vmce_image_is_valid(&vcpu, &good));
	vm.is_control = false; /* it has no banks */
	assert_false(vmce_image_is_valid(&vcpu, &good));
	assert_true(vmce_image_is_valid(&vcpu, &(struct vcpu_image_mce){ .mcg_status = 5 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(other_guests_have_no_banks, setup),
		cmocka_unit_test_setup(other_guests_clear_what_they_are_shown, setup),
		cmocka_unit_test_setup(bits_of_what_is_not_offered_are_not_shown, setup),
		cmocka_unit_test_setup(the_control_guest_sees_the_machines_banks, setup),
		cmocka_unit_test_setup(nothing_but_0_is_written, setup),
		cmocka_unit_test_setup(a_record_is_shown_until_the_guest_clears_it, setup),
		cmocka_unit_test_setup(a_second_one_meanwhile_changes_nothing, setup),
		cmocka_unit_test_setup(with_mce_off_the_guest_finds_it_later_or_shuts_down, setup),
		cmocka_unit_test_setup(one_that_says_nothing_does_not_hide_the_next, setup),
		cmocka_unit_test_setup(an_image_has_what_the_guest_is_shown, setup),
		cmocka_unit_test_setup(an_image_of_a_part_is_valid_too, setup),
		cmocka_unit_test_setup(an_image_takes_nothing_that_is_posted, setup),
		cmocka_unit_test_setup(images_of_what_no_guest_is_shown_are_refused, setup),
		cmocka_unit_test_setup(the_next_is_shown_where_the_first_was_cleared_in_time,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
