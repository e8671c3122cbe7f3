/* SPDX-License-Identifier: GPL-2.0-only */
/* What an image may not have in it, where more than one word of it counts. */
/* arch: x86 */
/* sources: arch/x86/vcpu_image.c arch/x86/vcpu_image_check.c */
/* sources: arch/x86/vlapic_image.c arch/x86/svm_state.c */
/* sources: arch/x86/exit_msr.c arch/x86/exit_msr_table.c arch/x86/vmce.c */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"
#include "tests/unit/image_fixture.h"
#include "tests/unit/log_capture.h"

static struct vcpu_image one, is;
static struct vcpu *const vcpu = &fake_vcpu;

static void take(struct vcpu_image *image)
{
	fixture_run();
	vcpu_image_get(vcpu, STATE_ALL, image);
}

static int setup(void **state)
{
	(void)state;
	return fixture_make() ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fixture_drop();
	return 0;
}

/* ---- registers ---- */

/* VT-x has them as registers. Here they are read from memory by each walk. */
static void state_set_looks_at_the_entries_of_pae_paging(void **state)
{
	static const uint64_t reserved[] = { BIT(1), BIT(2), BIT(5), BIT(8), BIT(40), BIT(63) };

	(void)state;
	take(&one);
	one.state.sregs.cr0 = CR0_ET | CR0_PE | CR0_PG;
	one.state.sregs.cr4 = CR4_PAE;
	one.state.sregs.pdptes[2] = 0x5000 | PDPTE_PRESENT;
	for (unsigned i = 0; i < ARRAY_SIZE(reserved); i++) {
		one.state.sregs.pdptes[i % 4] = reserved[i] | PDPTE_PRESENT;
		assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), -E_INVAL);
		one.state.sregs.pdptes[i % 4] = reserved[i];
		assert_int_equal(vcpu_image_faults(vcpu, STATE_ALL, &one), 0);
	}
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
	take(&is);
	assert_int_equal(is.state.sregs.pdptes[2], 0);
}

/* ---- exceptions and their error codes: SDM3 27.2.1.3, APM2 15.20 ---- */

static uint64_t exception(uint8_t vector)
{
	return field_set(IMAGE_EVENT_KIND, EVENT_EXCEPTION) | field_set(IMAGE_EVENT_VECTOR, vector);
}

static bool takes(uint64_t cr0, uint64_t word)
{
	take(&one);
	one.state.sregs.cr0 = cr0;
	one.events.injected.word = word;
	return vcpu_image_faults(vcpu, STATE_ALL, &one) == 0;
}

static void state_set_knows_the_exceptions_and_their_error_codes(void **state)
{
	const uint64_t real = CR0_ET, protected = CR0_ET | CR0_PE;
	const uint64_t known = 0xf7de3, with = 0x27d00; /* bits of vectors */

	(void)state;
	for (uint8_t vector = 0; vector < 40; vector++) {
		bool is_known = (known & BIT(vector)) != 0, pushes = (with & BIT(vector)) != 0;
		uint64_t plain = exception(vector);
		uint64_t code = exception(vector) | IMAGE_EVENT_HAS_ERROR |
				field_set(IMAGE_EVENT_ERROR, 0xfff8);

		assert_int_equal(takes(protected, plain), is_known && !pushes);
		assert_int_equal(takes(protected, code), pushes);
		assert_int_equal(takes(real, plain), is_known);
		assert_int_equal(takes(real, code), pushes);
		assert_false(takes(protected, code | field_set(IMAGE_EVENT_ERROR, BIT(16))));
	}
}

/* In real mode a delivery that was left has none. */
static void state_set_looks_at_the_events_that_stay(void **state)
{
	(void)state;
	assert_true(takes(CR0_ET, exception(VECTOR_GP)));
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_ALL, &one), 0);
	one.state.sregs.cr0 |= CR0_PE;
	assert_int_equal(vcpu_image_faults(vcpu, STATE_SREGS, &one), STATE_SREGS);
	assert_int_equal(vcpu_image_faults(vcpu, STATE_SREGS | STATE_EVENTS, &one),
			 STATE_SREGS | STATE_EVENTS);
	one.events.injected.word |= IMAGE_EVENT_HAS_ERROR;
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_SREGS | STATE_EVENTS, &one), 0);
	assert_int_equal(arch_vcpu_state_set(vcpu, STATE_SREGS, &one), 0);
}

/* ---- #DB that waits: SDM3 27.3.1.5 ---- */

#define PENDING (PENDING_DEBUG_HITS | PENDING_DEBUG_ENABLED | PENDING_DEBUG_STEP)
#define SHADOW  IMAGE_INTERRUPT_SHADOW
#define HOLDS   (IMAGE_INTERRUPT_SHADOW | IMAGE_DEBUG_SHADOW)
#define HIT     (PENDING_DEBUG_ENABLED | BIT(0))

static void state_set_looks_at_pending_debug_exceptions(void **state)
{
	static const struct {
		uint64_t flags, pending, rflags;
		bool is_good;
	} rows[] = {
		{ HOLDS, HIT, 0, true },
		{ HOLDS, HIT | PENDING_DEBUG_STEP, RFLAGS_TF, true },
		{ SHADOW, PENDING_DEBUG_STEP, RFLAGS_TF, true },
		{ SHADOW, 0, 0, true },
		{ 0, HIT, 0, true },
		{ 0, PENDING_DEBUG_STEP, RFLAGS_TF, true },
		{ 0, 0, RFLAGS_TF, true },
		{ HOLDS, HIT, RFLAGS_TF, false },
		{ HOLDS, HIT | PENDING_DEBUG_STEP, 0, false },
		{ SHADOW, PENDING_DEBUG_STEP, 0, false },
		{ SHADOW, 0, RFLAGS_TF, false },
		{ IMAGE_DEBUG_SHADOW, 0, 0, false },
		{ 0, BIT(4), 0, false },
		{ 0, BIT(11), 0, false },
		{ 0, BIT(13), 0, false },
		{ 0, BIT(16), 0, false },
		{ 0, BIT(63), 0, false },
	};
	struct virt_ops holding = fake_virt;

	(void)state;
	holding.pending_debug = PENDING;
	virt = &holding;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		take(&one);
		one.events.flags = rows[i].flags;
		one.events.pending_debug = rows[i].pending;
		one.state.rflags = RFLAGS_RES1 | rows[i].rflags;
		if ((arch_vcpu_state_set(vcpu, STATE_ALL, &one) == 0) != rows[i].is_good) {
			fail_msg("row %u", i);
		}
		take(&is);
		assert_true(!rows[i].is_good ||
			    memcmp(&is.events, &one.events, sizeof(is.events)) == 0);
	}
	virt = &fake_virt;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(state_set_looks_at_the_entries_of_pae_paging),
		TEST(state_set_knows_the_exceptions_and_their_error_codes),
		TEST(state_set_looks_at_the_events_that_stay),
		TEST(state_set_looks_at_pending_debug_exceptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
