/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: drivers/virtual/vpc.c drivers/virtual/vpm.c core/region.c */
/* Who owns the rest of the PC: resets, sleep commands, PCI configuration, against fake ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/port_io.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/acpi_sleep.h"
#include "drivers/virtual/vpc.h"
#include "drivers/virtual/vpci.h"
#include "drivers/virtual/vpm.h"
#include "tests/unit/log_capture.h"

#define PM1E 0x600
#define PM1A 0x604
#define PM1B 0x704

struct acpi acpi;
struct acpi_sleep acpi_sleep;
static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };
static enum vm_stop_reason stopped;

void vm_stop(struct vm *of, enum vm_stop_reason reason, const char *format, ...)
{
	(void)format;
	assert_ptr_equal(of, &vm);
	stopped = reason;
}

static struct {
	pci_address_t address;
	unsigned offset;
	struct access access;
} configured;

enum region_result vpci_access(pci_address_t address, unsigned offset, struct access *access)
{
	configured.address = address;
	configured.offset = offset;
	configured.access = *access;
	access->value = 0xbeef;
	return REGION_DONE;
}

/* ---- the machine's ports: what was done, newest last ---- */

static struct {
	uint16_t port;
	unsigned size;
	uint32_t value;
} writes[16];
static unsigned write_count, read_count;
static uint32_t port_value;

static uint32_t port_read(void)
{
	read_count++;
	return port_value;
}

static void port_write(uint16_t port, unsigned size, uint32_t value)
{
	assert_true(write_count < 16);
	writes[write_count].port = port;
	writes[write_count].size = size;
	writes[write_count++].value = value;
}

uint8_t in8(uint16_t port)
{
	(void)port;
	return (uint8_t)port_read();
}

uint16_t in16(uint16_t port)
{
	(void)port;
	return (uint16_t)port_read();
}

uint32_t in32(uint16_t port)
{
	(void)port;
	return port_read();
}

void out8(uint16_t port, uint8_t value)
{
	port_write(port, 1, value);
}

void out16(uint16_t port, uint16_t value)
{
	port_write(port, 2, value);
}

void out32(uint16_t port, uint32_t value)
{
	port_write(port, 4, value);
}

static void assert_written(unsigned n, uint16_t port, unsigned size, uint32_t value)
{
	assert_true(n < write_count);
	assert_int_equal(writes[n].port, port);
	assert_int_equal(writes[n].size, size);
	assert_int_equal(writes[n].value, value);
}

/* ---- the guest ---- */

static enum region_result out(uint16_t port, unsigned size, uint32_t value)
{
	struct access access = { .vcpu = &vcpu,
				 .address = port,
				 .size = (uint8_t)size,
				 .is_write = true,
				 .value = value };

	return region_access(&vm.port_regions, &access);
}

static uint32_t in(uint16_t port, unsigned size)
{
	struct access access = { .vcpu = &vcpu, .address = port, .size = (uint8_t)size };

	assert_int_equal(region_access(&vm.port_regions, &access), REGION_DONE);
	return (uint32_t)access.value;
}

static bool is_trapped(uint16_t port)
{
	struct region region;

	return region_find(&vm.port_regions, port, 1, &region);
}

static void start(void)
{
	memset(&vm, 0, sizeof(vm));
	stopped = VM_STOP_NONE;
	write_count = read_count = 0;
	port_value = 0;
	log_clear();
	assert_int_equal(vpc_init(&vm), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&acpi, 0, sizeof(acpi));
	memset(&acpi_sleep, 0, sizeof(acpi_sleep));
	acpi.pm1a_event = (struct acpi_gas){ .space = 1, .address = PM1E };
	acpi.pm1a_control = (struct acpi_gas){ .space = 1, .address = PM1A };
	acpi.pm1b_control = (struct acpi_gas){ .space = 1, .address = PM1B };
	acpi_sleep.known[3] = acpi_sleep.known[5] = true;
	acpi_sleep.type_a[3] = 1;
	acpi_sleep.type_b[3] = 1;
	acpi_sleep.type_a[5] = 5;
	acpi_sleep.type_b[5] = 6;
	start();
	return 0;
}

/* ---- the table ---- */

static void vpc_leaves_the_guest_its_own_ports(void **state)
{
	static const uint16_t own[] = { 0x20, 0x21, 0xa0, 0xa1, 0x40, 0x43, 0x61,
					0x70, 0x71, 0xb2, 0xb3, 0x80, 0xed };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
		assert_false(is_trapped(own[i]));
	}
}

static void vpc_traps_what_it_must_see(void **state)
{
	static const uint16_t trapped[] = { 0x60,  0x64,  0x92, 0xcf8,    0xcf9,
					    0xcfc, 0xcff, PM1A, PM1A + 1, PM1B };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(trapped); i++) {
		assert_true(is_trapped(trapped[i]));
	}
}

/* ---- reset ---- */

static void assert_resets(uint16_t port, uint32_t value)
{
	start();
	assert_int_equal(out(port, 1, value), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_RESET);
	assert_int_equal(write_count, 0); /* the machine is reset when all CPUs have stopped */
}

static void assert_forwards(uint16_t port, uint32_t value)
{
	start();
	assert_int_equal(out(port, 1, value), REGION_DONE);
	assert_int_equal(stopped, VM_STOP_NONE);
	assert_written(0, port, 1, value);
}

static void vpc_keyboard_pulse_of_the_reset_line_resets(void **state)
{
	(void)state;
	assert_resets(0x64, 0xfe);
	assert_resets(0x64, 0xf0);
	assert_forwards(0x64, 0xff);
	assert_forwards(0x64, 0xaa);
	assert_forwards(0x64, 0xd1);
	assert_forwards(0x60, 0xfe);
}

static void vpc_keyboard_output_port_resets_when_bit_0_goes_low(void **state)
{
	(void)state;
	assert_int_equal(out(0x64, 1, 0xd1), REGION_DONE);
	assert_int_equal(out(0x60, 1, 0xdf), REGION_DONE); /* A20 */
	assert_int_equal(out(0x60, 1, 0xfe), REGION_DONE); /* no longer the output port */
	assert_int_equal(out(0x64, 1, 0xd1), REGION_DONE);
	assert_int_equal(out(0x60, 1, 0xfe), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_RESET);
}

static void vpc_port_92_resets_by_bit_0_and_forwards_a20(void **state)
{
	(void)state;
	assert_resets(0x92, 0x01);
	assert_resets(0x92, 0x03);
	assert_forwards(0x92, 0x02);
}

/* A20 off would let the guest reach the hypervisor's memory behind its stage-2. */
static void vpc_a20_stays_on(void **state)
{
	(void)state;
	(void)out(0x92, 1, 0x00);
	assert_written(0, 0x92, 1, 0x02);
	(void)out(0x64, 1, 0xdd);
	assert_int_equal(write_count, 1);
	(void)out(0x64, 1, 0xfd);
	assert_written(1, 0x64, 1, 0xff);
	(void)out(0x64, 1, 0xd1);
	(void)out(0x64, 1, 0xae); /* QEMU remembers the command before */
	(void)out(0x60, 1, 0xdd);
	assert_written(4, 0x60, 1, 0xdf);
	(void)out(0x60, 1, 0xdd);
	assert_written(5, 0x60, 1, 0xdd);
	assert_int_equal(stopped, VM_STOP_NONE);
}

static void vpc_cf9_resets_in_a_wider_access(void **state)
{
	(void)state;
	assert_int_equal(out(0xcf8, 2, 0x0600), REGION_STOP);
	assert_int_equal(out(0xcf9, 2, 0x0006), REGION_STOP);
	assert_int_equal(write_count, 0);
	assert_int_equal(out(0xcf8, 2, 0x0206), REGION_DONE);
	assert_int_equal(out(0xcfa, 2, 0x0606), REGION_DONE);
	assert_int_equal(write_count, 2);
}

static void vpc_cf9_resets_by_bit_2(void **state)
{
	(void)state;
	assert_resets(0xcf9, 0x06);
	assert_resets(0xcf9, 0x0e);
	assert_resets(0xcf9, 0x04);
	assert_forwards(0xcf9, 0x02);
}

static void vpc_acpi_reset_register_resets_by_its_value(void **state)
{
	(void)state;
	acpi.has_reset = true;
	acpi.reset_register = (struct acpi_gas){ .space = 1, .address = 0x1234 };
	acpi.reset_value = 0x5a;
	assert_resets(0x1234, 0x5a);
	assert_forwards(0x1234, 0x5b);
}

static void vpc_acpi_reset_register_may_be_one_of_the_others(void **state)
{
	(void)state;
	acpi.has_reset = true;
	acpi.reset_register = (struct acpi_gas){ .space = 1, .address = 0xcf9 };
	acpi.reset_value = 0x0f;
	assert_resets(0xcf9, 0x0f);
}

static void vpc_reads_are_forwarded(void **state)
{
	(void)state;
	port_value = 0x1c;
	assert_int_equal(in(0x64, 1), 0x1c);
	assert_int_equal(in(0x60, 1), 0x1c);
	assert_int_equal(in(0x92, 1), 0x1c);
	assert_int_equal(in(0xcf9, 1), 0x1c);
	assert_int_equal(read_count, 4);
}

/* ---- PCI configuration ---- */

static void vpc_configuration_address_is_latched_not_written(void **state)
{
	(void)state;
	assert_int_equal(out(0xcf8, 4, 0x80001844), REGION_DONE);
	assert_int_equal(write_count, 0);
	assert_int_equal(in(0xcf8, 4), 0x80001844);
	assert_int_equal(read_count, 0);
}

static void vpc_configuration_data_is_the_functions_that_was_latched(void **state)
{
	(void)state;
	(void)out(0xcf8, 4, 0x80012344);
	assert_int_equal(out(0xcfc, 4, 0x11223344), REGION_DONE);
	assert_int_equal(configured.address, 0x0123);
	assert_int_equal(configured.offset, 0x44);
	assert_int_equal(configured.access.size, 4);
	assert_int_equal(configured.access.value, 0x11223344);
	assert_int_equal(out(0xcff, 1, 0x55), REGION_DONE);
	assert_int_equal(configured.offset, 0x47);
	assert_int_equal(in(0xcfe, 2), 0xbeef);
	assert_int_equal(configured.offset, 0x46);
	assert_int_equal(write_count, 0);
}

static void vpc_configuration_data_without_an_address_is_nobodys(void **state)
{
	(void)state;
	(void)out(0xcf8, 4, 0x00012344);
	configured.offset = 0;
	assert_int_equal(out(0xcfc, 4, 0), REGION_ONES);
	(void)out(0xcf8, 4, 0x80012344);
	assert_int_equal(out(0xcff, 2, 0), REGION_ONES);
	assert_int_equal(configured.offset, 0);
}

static void vpc_extended_register_bits_of_the_address_are_dropped(void **state)
{
	(void)state;
	(void)out(0xcf8, 4, 0x8f001847);
	assert_int_equal(in(0xcf8, 4), 0x80001844);
}

static void vpc_small_accesses_of_the_address_are_the_chipsets(void **state)
{
	(void)state;
	(void)out(0xcf8, 4, 0x80001844);
	assert_int_equal(out(0xcf8, 1, 0x01), REGION_DONE);
	assert_written(0, 0xcf8, 1, 0x01);
	assert_int_equal(out(0xcfa, 2, 0x06), REGION_DONE);
	assert_written(1, 0xcfa, 2, 0x06);
	assert_int_equal(in(0xcf8, 4), 0x80001844);
	assert_int_equal(stopped, VM_STOP_NONE);
}

/* ---- power management ---- */

#define TYPE(t) ((uint32_t)(t) << 10)
#define SLEEP   0x2000U

static void vpm_forwards_what_is_no_sleep_command(void **state)
{
	(void)state;
	assert_int_equal(out(PM1A, 2, TYPE(5) | 1), REGION_DONE);
	assert_written(0, PM1A, 2, TYPE(5) | 1);
	assert_int_equal(out(PM1A + 1, 1, 0x14), REGION_DONE);
	assert_written(1, PM1A + 1, 1, 0x14);
	port_value = 0x0401;
	assert_int_equal(in(PM1A, 2), 0x0401);
}

static void vpm_s5_stops_the_guest_and_is_not_written_yet(void **state)
{
	(void)state;
	assert_int_equal(out(PM1A, 2, TYPE(5) | SLEEP), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
	assert_int_equal(write_count, 0);
}

static void vpm_s5_by_a_byte_is_seen_too(void **state)
{
	(void)state;
	assert_int_equal(out(PM1A + 1, 1, (TYPE(5) | SLEEP) >> 8), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
}

static void vpm_s5_wins_over_a_state_of_the_same_type(void **state)
{
	(void)state;
	acpi_sleep.known[4] = true;
	acpi_sleep.type_a[4] = acpi_sleep.type_a[5];
	assert_int_equal(out(PM1A, 2, TYPE(acpi_sleep.type_a[5]) | SLEEP), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
}

static void vpm_other_sleep_states_are_refused_and_logged(void **state)
{
	(void)state;
	assert_int_equal(out(PM1A, 2, TYPE(1) | SLEEP), REGION_DONE);
	assert_int_equal(stopped, VM_STOP_NONE);
	assert_int_equal(write_count, 0);
	assert_true(log_has("S3"));
	log_clear();
	assert_int_equal(out(PM1A, 2, TYPE(3) | SLEEP), REGION_DONE);
	assert_int_equal(stopped, VM_STOP_NONE);
	assert_string_equal(log_text, ""); /* a guest does not fill the log with it */
}

static void vpm_a_refused_sleep_ends_at_once(void **state)
{
	(void)state;
	port_value = 0x0001;
	assert_int_equal(in(PM1E, 2), 0x0001);
	assert_int_equal(out(PM1A, 2, TYPE(1) | SLEEP), REGION_DONE);
	assert_int_equal(in(PM1E, 2), 0x8001); /* WAK_STS */
	assert_int_equal(in(PM1E, 4), 0x8001);
	assert_int_equal(in(PM1E, 1), 0x01);
	assert_int_equal(in(PM1E + 1, 1), 0x81);
	assert_int_equal(in(PM1E + 2, 2), 0x0001); /* the enable register */
	assert_int_equal(out(PM1E, 2, 0x0001), REGION_DONE);
	assert_written(0, PM1E, 2, 0x0001);
	assert_int_equal(in(PM1E, 2), 0x8001);
	assert_int_equal(out(PM1E, 2, 0x8000), REGION_DONE);
	assert_int_equal(in(PM1E, 2), 0x0001);
}

static void vpm_without_s5_in_the_dsdt_an_unknown_type_powers_off(void **state)
{
	(void)state;
	acpi_sleep.known[5] = false;
	assert_int_equal(out(PM1A, 2, TYPE(1) | SLEEP), REGION_DONE);
	assert_int_equal(stopped, VM_STOP_NONE);
	assert_int_equal(out(PM1A, 2, TYPE(7) | SLEEP), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
}

/* Bochs' DSDT has type 0 for both. */
static void vpm_type_of_s4_and_s5_is_a_power_off(void **state)
{
	(void)state;
	acpi_sleep.known[4] = true;
	acpi_sleep.type_a[4] = acpi_sleep.type_a[5] = 0;
	assert_int_equal(out(PM1A, 2, TYPE(0) | SLEEP), REGION_STOP);
	assert_int_equal(stopped, VM_STOP_POWER_OFF);
}

static void vpm_power_off_writes_type_then_command_to_both(void **state)
{
	(void)state;
	port_value = 0x3c01; /* another type, SLP_EN, SCI_EN */
	vpm_power_off();
	assert_written(0, PM1A, 2, TYPE(5) | 1);
	assert_written(1, PM1A, 2, TYPE(5) | SLEEP | 1);
	assert_written(2, PM1B, 2, TYPE(6) | 1);
	assert_written(3, PM1B, 2, TYPE(6) | SLEEP | 1);
	assert_int_equal(write_count, 4);
}

static void vpm_power_off_without_s5_uses_the_guests_types(void **state)
{
	(void)state;
	acpi_sleep.known[5] = false;
	(void)out(PM1A, 2, TYPE(7));
	(void)out(PM1B, 2, TYPE(2));
	assert_int_equal(out(PM1A, 2, TYPE(7) | SLEEP), REGION_STOP);
	write_count = 0;
	vpm_power_off();
	assert_written(1, PM1A, 2, TYPE(7) | SLEEP);
	assert_written(3, PM1B, 2, TYPE(2) | SLEEP);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vpc_leaves_the_guest_its_own_ports),
		TEST(vpc_traps_what_it_must_see),
		TEST(vpc_keyboard_pulse_of_the_reset_line_resets),
		TEST(vpc_keyboard_output_port_resets_when_bit_0_goes_low),
		TEST(vpc_port_92_resets_by_bit_0_and_forwards_a20),
		TEST(vpc_cf9_resets_by_bit_2),
		TEST(vpc_cf9_resets_in_a_wider_access),
		TEST(vpc_a20_stays_on),
		TEST(vpc_acpi_reset_register_resets_by_its_value),
		TEST(vpc_acpi_reset_register_may_be_one_of_the_others),
		TEST(vpc_reads_are_forwarded),
		TEST(vpc_configuration_address_is_latched_not_written),
		TEST(vpc_configuration_data_is_the_functions_that_was_latched),
		TEST(vpc_configuration_data_without_an_address_is_nobodys),
		TEST(vpc_extended_register_bits_of_the_address_are_dropped),
		TEST(vpc_small_accesses_of_the_address_are_the_chipsets),
		TEST(vpm_forwards_what_is_no_sleep_command),
		TEST(vpm_s5_stops_the_guest_and_is_not_written_yet),
		TEST(vpm_s5_by_a_byte_is_seen_too),
		TEST(vpm_s5_wins_over_a_state_of_the_same_type),
		TEST(vpm_other_sleep_states_are_refused_and_logged),
		TEST(vpm_a_refused_sleep_ends_at_once),
		TEST(vpm_without_s5_in_the_dsdt_an_unknown_type_powers_off),
		TEST(vpm_type_of_s4_and_s5_is_a_power_off),
		TEST(vpm_power_off_writes_type_then_command_to_both),
		TEST(vpm_power_off_without_s5_uses_the_guests_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
