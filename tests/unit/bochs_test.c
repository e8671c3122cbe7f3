/* SPDX-License-Identifier: GPL-2.0-only */
/* What Bochs and its guests must not see of each other. A port of the machine would fault here. */
/* arch: x86 */
/* sources: arch/x86/bochs.c core/region.c */
#include "arch/bochs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpuid.h"
#include "core/region.h"
#include "core/vm.h"

static struct vm vm;
static unsigned polls;

void arch_irq_poll(void)
{
	polls++;
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	bochs_is_host = true;
	assert_int_equal(bochs_vm_init(&vm), 0);
	return 0;
}

static uint64_t access_port(uint16_t port, bool is_write, uint8_t value)
{
	struct access access = { .address = port, .size = 1, .is_write = is_write, .value = value };

	assert_int_equal(region_access(&vm.port_regions, &access), REGION_DONE);
	return access.value;
}

static void bochs_8259_of_the_guest_never_reaches_the_machine(void **state)
{
	(void)state;
	(void)access_port(0x20, true, 0x11); /* initialisation, vector 0 */
	(void)access_port(0x21, true, 0x00);
	(void)access_port(0x21, true, 0x04);
	(void)access_port(0x21, true, 0x01);
	(void)access_port(0x21, true, 0xfb);
	(void)access_port(0xa1, true, 0x5a);
	assert_int_equal(access_port(0x21, false, 0), 0xfb);
	assert_int_equal(access_port(0xa1, false, 0), 0x5a);
	assert_int_equal(access_port(0x20, false, 0), 0);
}

static void bochs_commands_to_firmware_are_taken_by_the_hypervisor(void **state)
{
	struct region region;

	(void)state;
	assert_true(region_find(&vm.port_regions, 0xb2, 1, &region));
}

static void bochs_ports_are_the_guests_on_other_machines(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	bochs_is_host = false;
	assert_int_equal(bochs_vm_init(&vm), 0);
	assert_int_equal(vm.port_regions.count, 0);
}

static void bochs_debug_exception_has_the_causes_that_explain_it(void **state)
{
	struct vcpu_state guest = { .rip = 0x1000, .rflags = RFLAGS_TF };

	(void)state;
	assert_int_equal(bochs_debug_causes(&guest), BIT(14));
	guest.rflags = 0;
	guest.debug.dr[1] = 0x1000;
	guest.debug.dr[2] = 0x1000;
	guest.debug.dr7 = BIT(2) | BIT(6); /* instructions: 1 is here, 3 is elsewhere */
	assert_int_equal(bochs_debug_causes(&guest), BIT(1));
	guest.debug.dr7 |= BIT(28); /* 3 is a write */
	assert_int_equal(bochs_debug_causes(&guest), BIT(1) | BIT(3));
	guest.debug.dr7 |= BIT(13);
	assert_int_equal(bochs_debug_causes(&guest), BIT(13));
}

static uint32_t corrected_xstate_features(bool is_bochs, uint32_t subleaf)
{
	struct cpuid_table table = {
		.count = 2,
		.entries = { { .leaf = 0xd, .subleaf = 0, .regs = { 0xf } },
			     { .leaf = 0xd, .subleaf = 1, .regs = { 0xf } } },
	};

	bochs_is_host = is_bochs;
	bochs_cpuid_correct(&table);
	return table.entries[subleaf].regs[CPUID_EAX];
}

static void bochs_xsavec_which_writes_avx_over_the_header_is_hidden(void **state)
{
	(void)state;
	assert_int_equal(corrected_xstate_features(true, 1), 0xd);
	assert_int_equal(corrected_xstate_features(true, 0), 0xf);
	assert_int_equal(corrected_xstate_features(false, 1), 0xf);
}

/* A guest that polled the console's port with interrupts off kept Ctrl-A from everybody. */
static void bochs_guest_that_exits_all_the_time_does_not_keep_interrupts_out(void **state)
{
	struct vcpu_state closed = { .rflags = 0 }, open = { .rflags = RFLAGS_IF };

	(void)state;
	bochs_is_host = true;
	for (unsigned i = 0; i < 64; i++) {
		bochs_after_exit(&closed);
		bochs_after_exit(&open);
	}
	assert_int_equal(polls, 4);
	bochs_is_host = false;
	for (unsigned i = 0; i < 64; i++) {
		bochs_after_exit(&closed);
	}
	assert_int_equal(polls, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bochs_8259_of_the_guest_never_reaches_the_machine, setup),
		cmocka_unit_test_setup(bochs_debug_exception_has_the_causes_that_explain_it, setup),
		cmocka_unit_test_setup(bochs_commands_to_firmware_are_taken_by_the_hypervisor,
				       setup),
		cmocka_unit_test(bochs_xsavec_which_writes_avx_over_the_header_is_hidden),
		cmocka_unit_test(bochs_guest_that_exits_all_the_time_does_not_keep_interrupts_out),
		cmocka_unit_test_setup(bochs_ports_are_the_guests_on_other_machines, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
