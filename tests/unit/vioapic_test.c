/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: drivers/virtual/vioapic.c core/region.c */
/* Virtual IOAPICs over a fake host's: two of them, 24 and 8 entries, the first with EOI register.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/ioapic.h"
#include "core/cpu.h"
#include "core/irq.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vioapic.h"
#include "mm/page_alloc.h"
#include "tests/unit/log_capture.h"

#define BASE_0  UINT64_C(0xfec00000)
#define BASE_1  UINT64_C(0xfec10000)
#define GSIS    32
#define MASKED  0x10000U
#define LEVEL   0x8000U
#define IRR     0x4000U
#define LOW     0x2000U
#define LOGICAL 0x800U
#define OWN     4 /* the pin of the hypervisor's UART */

struct acpi acpi;
static struct vm vm;
static struct vcpu vcpus[2];
static struct cpu cpus[2];
static void *allocations[8];
static unsigned allocation_count;

/* ---- the fake host ---- */

static struct {
	struct ioapic_route route;
	bool is_masked;
	unsigned routed, unmasked;
} host[GSIS];

static uint32_t version_0;
static struct irq *bound[256];
static int next_vector;

uint32_t ioapic_version(uint32_t index)
{
	return index == 0 ? version_0 : 7U << 16 | 0x11;
}

uint32_t ioapic_entries(uint32_t index)
{
	return index == 0 ? 24 : index == 1 ? 8 : 0;
}

uint32_t ioapic_gsi_base(uint32_t index)
{
	return index == 0 ? 0 : 24;
}

void ioapic_route(uint32_t gsi, const struct ioapic_route *route)
{
	host[gsi].route = *route;
	host[gsi].is_masked = true;
	host[gsi].routed++;
}

void ioapic_mask(uint32_t gsi)
{
	host[gsi].is_masked = true;
}

void ioapic_unmask(uint32_t gsi)
{
	host[gsi].is_masked = false;
	host[gsi].unmasked++;
}

int irq_route(struct irq *irq, struct cpu *cpu)
{
	if (irq->vector == 0 && next_vector > 255) {
		return -1;
	}
	if (irq->vector == 0) {
		bound[next_vector] = irq;
		irq->vector = (uint8_t)next_vector++;
	}
	irq->cpu = cpu;
	return 0;
}

void irq_settle(struct irq *irq)
{
	unsigned gsi = 0;

	while (gsi < GSIS && host[gsi].route.vector != irq->vector) {
		gsi++;
	}
	/* Programmed first, then settled. */
	assert_true(gsi < GSIS && host[gsi].route.apic_id == irq->cpu->arch.apic_id);
}

struct cpu *cpu_get(uint32_t index)
{
	return &cpus[index];
}

void *page_alloc_forever(enum page_use use, size_t size)
{
	(void)use;
	return allocations[allocation_count++] = calloc(1, size);
}

/* The device's line is asserted and the host's entry open: the interrupt and its handling. */
static bool host_interrupt(uint32_t gsi)
{
	unsigned vector = host[gsi].route.vector;

	if (host[gsi].is_masked || host[gsi].routed == 0) {
		return false;
	}
	bound[vector]->fn(bound[vector], 0);
	return true;
}

/* ---- the fake local APICs ---- */

static struct vlapic_message sent;
static unsigned sent_count, takers;
static void (*meanwhile)(void); /* what another CPU does while a message is delivered, once */

unsigned vlapic_deliver(struct vm *to, const struct vlapic_message *message)
{
	assert_ptr_equal(to, &vm);
	void (*other)(void) = meanwhile;

	sent = *message;
	sent_count++;
	meanwhile = NULL;
	if (other != NULL) {
		other();
	}
	return takers;
}

struct vcpu *vlapic_target(struct vm *to, const struct vlapic_message *message)
{
	(void)to;
	return message->destination < 2 ? &vcpus[message->destination] : NULL;
}

/* ---- the guest ---- */

static uint32_t mmio(uint64_t address, bool is_write, uint32_t value)
{
	struct access access = {
		.address = address, .size = 4, .is_write = is_write, .value = value
	};

	assert_int_equal(region_access(&vm.memory_regions, &access), REGION_DONE);
	return (uint32_t)access.value;
}

static void write_reg(uint64_t base, uint32_t number, uint32_t value)
{
	(void)mmio(base, true, number);
	(void)mmio(base + 0x10, true, value);
}

static uint32_t read_reg(uint64_t base, uint32_t number)
{
	(void)mmio(base, true, number);
	return mmio(base + 0x10, false, 0);
}

static void set_entry(uint32_t pin, uint32_t high, uint32_t low)
{
	write_reg(BASE_0, 0x10 + 2 * pin + 1, high);
	write_reg(BASE_0, 0x10 + 2 * pin, low);
}

static uint32_t entry_low(uint32_t pin)
{
	return read_reg(BASE_0, 0x10 + 2 * pin);
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(host, 0, sizeof(host));
	memset(bound, 0, sizeof(bound));
	for (unsigned i = 0; i < GSIS; i++) {
		host[i].is_masked = true;
	}
	version_0 = 23U << 16 | 0x20;
	next_vector = 0x30;
	sent_count = 0;
	takers = 1;
	meanwhile = NULL;
	cpus[0].arch.apic_id = 10;
	cpus[1].arch.apic_id = 11;
	vcpus[1].sched.cpu = 1;
	acpi.ioapic_count = 3;
	acpi.ioapics[0] = (struct acpi_ioapic){ 9, BASE_1 + 0x10000, 100 }; /* does not answer */
	acpi.ioapics[1] = (struct acpi_ioapic){ 2, BASE_0, 0 };
	acpi.ioapics[2] = (struct acpi_ioapic){ 3, BASE_1, 24 };
	assert_int_equal(vioapic_init(&vm), 0);
	vioapic_claim(&vm, OWN);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (allocation_count > 0) {
		free(allocations[--allocation_count]);
	}
	return 0;
}

/* ---- registers ---- */

static void vioapic_shows_the_hosts_shape(void **state)
{
	(void)state;
	assert_int_equal(read_reg(BASE_0, 0), 2U << 24);
	assert_int_equal(read_reg(BASE_0, 1), 23U << 16 | 0x20);
	assert_int_equal(read_reg(BASE_0, 2), 2U << 24);
	assert_int_equal(read_reg(BASE_1, 0), 3U << 24);
	assert_int_equal(read_reg(BASE_1, 1), 7U << 16 | 0x11);
}

static void vioapic_leaves_out_what_does_not_answer(void **state)
{
	struct region region;

	(void)state;
	assert_false(region_find(&vm.memory_regions, BASE_1 + 0x10000, 1, &region));
	assert_int_equal(vm.memory_regions.count, 2);
}

static void vioapic_entries_begin_masked(void **state)
{
	(void)state;
	for (uint32_t pin = 0; pin < 24; pin++) {
		assert_int_equal(entry_low(pin), MASKED);
	}
}

static void vioapic_entry_keeps_only_its_writable_bits(void **state)
{
	(void)state;
	set_entry(5, UINT32_MAX, UINT32_MAX);
	assert_int_equal(entry_low(5), 0x1afff);
	assert_int_equal(read_reg(BASE_0, 0x10 + 11), 0xfffe0000);
}

static void vioapic_registers_past_the_last_entry_read_zero(void **state)
{
	(void)state;
	write_reg(BASE_0, 0x10 + 48, UINT32_MAX);
	assert_int_equal(read_reg(BASE_0, 0x10 + 48), 0);
	assert_int_equal(read_reg(BASE_0, 0xff), 0);
}

static void vioapic_second_one_has_its_own_pins(void **state)
{
	(void)state;
	write_reg(BASE_1, 0x10 + 6, 0x45);
	assert_false(host[27].is_masked);
	assert_true(host_interrupt(27));
	assert_int_equal(sent.vector, 0x45);
}

static void vioapic_any_access_is_answered(void **state)
{
	(void)state;
	for (uint64_t offset = 0; offset < 0x100; offset++) {
		for (unsigned size = 1; size <= 8 && offset + size <= 0x100; size *= 2) {
			struct access access = { .address = BASE_0 + offset,
						 .size = (uint8_t)size,
						 .is_write = true,
						 .value = UINT64_MAX };

			assert_int_equal(region_access(&vm.memory_regions, &access), REGION_DONE);
			access.is_write = false;
			assert_int_equal(region_access(&vm.memory_regions, &access), REGION_DONE);
		}
	}
}

/* ---- edge ---- */

static void vioapic_edge_entry_routes_the_host_to_the_destinations_cpu(void **state)
{
	(void)state;
	set_entry(1, 1U << 24, 0x31);
	assert_false(host[1].is_masked);
	assert_int_equal(host[1].route.apic_id, 11);
	assert_int_equal(host[1].route.vector, 0x30);
	assert_false(host[1].route.level);
	assert_false(host[1].route.active_low);
}

static void vioapic_edges_are_sent_without_masking(void **state)
{
	(void)state;
	set_entry(1, 1U << 24, 0x31);
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(host_interrupt(1));
		assert_int_equal(sent_count, i);
		assert_false(host[1].is_masked);
	}
	assert_int_equal(sent.vector, 0x31);
	assert_int_equal(sent.destination, 1);
	assert_false(sent.is_level);
	assert_null(sent.source);
}

static void vioapic_masking_closes_the_host(void **state)
{
	(void)state;
	set_entry(1, 0, 0x31);
	set_entry(1, 0, MASKED | 0x31);
	assert_true(host[1].is_masked);
	set_entry(1, 0, 0x31);
	assert_false(host[1].is_masked);
	assert_int_equal(host[1].routed, 1);
}

static void vioapic_edge_on_its_way_while_masked_is_not_lost(void **state)
{
	(void)state;
	set_entry(1, 0, 0x31);
	set_entry(1, 0, MASKED | 0x31);
	bound[0x30]->fn(bound[0x30], 0x30);
	assert_int_equal(sent_count, 1);
}

static void vioapic_new_destination_routes_again(void **state)
{
	(void)state;
	set_entry(1, 0, 0x31);
	set_entry(1, 1U << 24, 0x31);
	assert_int_equal(host[1].route.apic_id, 11);
	assert_false(host[1].is_masked);
	assert_int_equal(host[1].routed, 2);
	assert_int_equal(next_vector, 0x31); /* with the vector that it had */
}

static void vioapic_same_entry_written_again_does_not_touch_the_host(void **state)
{
	(void)state;
	set_entry(1, 0, 0x31);
	set_entry(1, 0, 0x32);
	assert_int_equal(host[1].routed, 1);
	assert_int_equal(host[1].unmasked, 1);
	assert_true(host_interrupt(1));
	assert_int_equal(sent.vector, 0x32);
}

static void vioapic_destination_forms_are_passed_on(void **state)
{
	(void)state;
	set_entry(1, 0x3U << 24, LOGICAL | 0x100 | 0x31);
	assert_true(host_interrupt(1));
	assert_true(sent.is_logical);
	assert_int_equal(sent.mode, VLAPIC_LOWEST);
	assert_int_equal(sent.destination, 3);
	assert_false(sent.is_x2apic);
	set_entry(1, 0x3U << 24 | 0x2U << 17, 0x31);
	assert_true(host_interrupt(1));
	assert_int_equal(sent.destination, 0x203);
	assert_true(sent.is_x2apic);
}

static void vioapic_nmi_is_sent_as_an_edge_even_when_set_to_level(void **state)
{
	(void)state;
	set_entry(1, 0, LEVEL | 0x400);
	assert_true(host_interrupt(1));
	assert_int_equal(sent.mode, VLAPIC_NMI);
	assert_false(sent.is_level);
	assert_int_equal(entry_low(1) & IRR, 0);
}

static void vioapic_smi_and_extint_stay_silent(void **state)
{
	(void)state;
	set_entry(1, 0, 0x200 | 0x31);
	assert_true(host[1].is_masked);
	set_entry(1, 0, 0x700);
	assert_true(host[1].is_masked);
	assert_int_equal(next_vector, 0x30);
}

static void vioapic_without_a_host_vector_the_pin_stays_masked(void **state)
{
	(void)state;
	next_vector = 256;
	log_clear();
	set_entry(1, 0, 0x31);
	assert_true(host[1].is_masked);
	assert_true(log_has("no host vector left for GSI 1"));
	log_clear();
	set_entry(1, 0, 0x32);
	set_entry(2, 0, 0x33);
	assert_string_equal(log_text, ""); /* a guest does not fill the log with it */
}

/* ---- level ---- */

static void vioapic_level_is_masked_until_its_eoi(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | LOW | 0x51);
	assert_true(host[9].route.level);
	assert_true(host[9].route.active_low);
	assert_true(host_interrupt(9));
	assert_true(sent.is_level);
	assert_int_equal(entry_low(9), LEVEL | LOW | IRR | 0x51);
	assert_true(host[9].is_masked);
	assert_false(host_interrupt(9));
	vioapic_eoi(&vm, 0x51);
	assert_false(host[9].is_masked);
	assert_int_equal(entry_low(9), LEVEL | LOW | 0x51);
}

static void vioapic_level_storm_costs_one_interrupt_an_eoi(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	for (unsigned i = 1; i <= 10; i++) {
		while (host_interrupt(9)) {
		}
		assert_int_equal(sent_count, i);
		vioapic_eoi(&vm, 0x51);
	}
}

static void vioapic_eoi_of_another_vector_changes_nothing(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	vioapic_eoi(&vm, 0x52);
	assert_true(host[9].is_masked);
}

static void vioapic_eoi_ends_all_pins_of_the_vector(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	set_entry(10, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9) && host_interrupt(10));
	vioapic_eoi(&vm, 0x51);
	assert_false(host[9].is_masked);
	assert_false(host[10].is_masked);
}

static void vioapic_eoi_counts_for_the_vector_that_was_sent(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	set_entry(9, 0, LEVEL | 0x61);
	assert_true(host[9].is_masked);
	vioapic_eoi(&vm, 0x51);
	assert_int_equal(entry_low(9) & IRR, 0);
	assert_false(host[9].is_masked);
}

static void vioapic_eoi_while_masked_opens_at_unmasking(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	set_entry(9, 0, MASKED | LEVEL | 0x51);
	vioapic_eoi(&vm, 0x51);
	assert_true(host[9].is_masked);
	set_entry(9, 0, LEVEL | 0x51);
	assert_false(host[9].is_masked);
}

static void vioapic_unmasking_before_the_eoi_does_not_open(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	set_entry(9, 0, MASKED | LEVEL | 0x51);
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host[9].is_masked);
	assert_int_equal(entry_low(9) & IRR, IRR);
}

static void vioapic_directed_eoi_ends_the_vector(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	(void)mmio(BASE_0 + 0x40, true, 0x51);
	assert_int_equal(entry_low(9) & IRR, 0);
	assert_false(host[9].is_masked);
}

static void vioapic_directed_eoi_is_of_that_ioapic_only(void **state)
{
	(void)state;
	write_reg(BASE_1, 0x10, LEVEL | 0x51);
	assert_true(host_interrupt(24));
	(void)mmio(BASE_0 + 0x40, true, 0x51);
	assert_int_equal(read_reg(BASE_1, 0x10) & IRR, IRR);
}

static void vioapic_of_an_old_version_has_no_eoi_register(void **state)
{
	(void)state;
	write_reg(BASE_1, 0x10, LEVEL | 0x51);
	assert_true(host_interrupt(24));
	(void)mmio(BASE_1 + 0x40, true, 0x51);
	assert_int_equal(read_reg(BASE_1, 0x10) & IRR, IRR);
}

/* Linux' __eoi_ioapic_pin() for versions before 20h: masked and edge, then as it was. */
static void vioapic_trigger_mode_toggle_clears_remote_irr(void **state)
{
	(void)state;
	set_entry(9, 0, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	set_entry(9, 0, MASKED | 0x51);
	assert_int_equal(entry_low(9) & IRR, 0);
	set_entry(9, 0, LEVEL | 0x51);
	assert_int_equal(entry_low(9) & IRR, 0);
	assert_false(host[9].is_masked);
	assert_true(host_interrupt(9));
}

static void vioapic_level_that_nobody_takes_waits_for_a_new_entry(void **state)
{
	(void)state;
	takers = 0;
	set_entry(9, 7U << 24, LEVEL | 0x51);
	assert_true(host_interrupt(9));
	assert_int_equal(entry_low(9) & IRR, 0);
	assert_true(host[9].is_masked);
	takers = 1;
	set_entry(9, 0, LEVEL | 0x51);
	assert_false(host[9].is_masked);
	assert_true(host_interrupt(9));
	assert_int_equal(entry_low(9) & IRR, IRR);
}

static void entry_9_write(void)
{
	set_entry(9, 1U << 24, LEVEL | 0x51);
}

/* Its vCPU switches its APIC off just now, and another moves the interrupt away. */
static void vioapic_entry_written_while_nobody_takes_its_level_is_open(void **state)
{
	(void)state;
	set_entry(9, 7U << 24, LEVEL | 0x51);
	takers = 0;
	meanwhile = entry_9_write;
	assert_true(host_interrupt(9));
	assert_int_equal(entry_low(9) & IRR, 0);
	assert_false(host[9].is_masked);
	takers = 1;
	assert_true(host_interrupt(9));
	assert_int_equal(sent.destination, 1);
}

static void vioapic_entry_to_nobody_goes_to_the_boot_cpu(void **state)
{
	(void)state;
	set_entry(9, 7U << 24, LEVEL | 0x51);
	assert_int_equal(host[9].route.apic_id, 10);
}

/* ---- the hypervisor's own pins ---- */

static void vioapic_own_pin_never_touches_the_host(void **state)
{
	(void)state;
	set_entry(OWN, 0, 0x34);
	vioapic_set_line(&vm, OWN, true);
	assert_int_equal(sent.vector, 0x34);
	assert_int_equal(host[OWN].routed, 0);
	assert_true(host[OWN].is_masked);
	assert_int_equal(next_vector, 0x30);
}

static void vioapic_own_edge_pin_sends_rising_edges(void **state)
{
	(void)state;
	set_entry(OWN, 0, 0x34);
	vioapic_set_line(&vm, OWN, true);
	vioapic_set_line(&vm, OWN, true);
	assert_int_equal(sent_count, 1);
	vioapic_set_line(&vm, OWN, false);
	vioapic_set_line(&vm, OWN, true);
	assert_int_equal(sent_count, 2);
}

static void vioapic_own_edge_pin_loses_edges_while_masked(void **state)
{
	(void)state;
	vioapic_set_line(&vm, OWN, true);
	set_entry(OWN, 0, 0x34);
	assert_int_equal(sent_count, 0);
}

static void vioapic_own_level_pin_sends_again_while_asserted(void **state)
{
	(void)state;
	vioapic_set_line(&vm, OWN, true);
	set_entry(OWN, 0, LEVEL | 0x34);
	assert_int_equal(sent_count, 1);
	vioapic_eoi(&vm, 0x34);
	assert_int_equal(sent_count, 2);
	vioapic_set_line(&vm, OWN, false);
	vioapic_eoi(&vm, 0x34);
	assert_int_equal(sent_count, 2);
	assert_int_equal(entry_low(OWN) & IRR, 0);
}

static void vioapic_lines_of_the_guests_pins_can_not_be_set(void **state)
{
	(void)state;
	set_entry(9, 0, 0x51);
	vioapic_set_line(&vm, 9, true);
	vioapic_set_line(&vm, 1000, true);
	assert_int_equal(sent_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vioapic_shows_the_hosts_shape),
		TEST(vioapic_leaves_out_what_does_not_answer),
		TEST(vioapic_entries_begin_masked),
		TEST(vioapic_entry_keeps_only_its_writable_bits),
		TEST(vioapic_registers_past_the_last_entry_read_zero),
		TEST(vioapic_second_one_has_its_own_pins),
		TEST(vioapic_any_access_is_answered),
		TEST(vioapic_edge_entry_routes_the_host_to_the_destinations_cpu),
		TEST(vioapic_edges_are_sent_without_masking),
		TEST(vioapic_masking_closes_the_host),
		TEST(vioapic_edge_on_its_way_while_masked_is_not_lost),
		TEST(vioapic_new_destination_routes_again),
		TEST(vioapic_same_entry_written_again_does_not_touch_the_host),
		TEST(vioapic_destination_forms_are_passed_on),
		TEST(vioapic_nmi_is_sent_as_an_edge_even_when_set_to_level),
		TEST(vioapic_smi_and_extint_stay_silent),
		TEST(vioapic_without_a_host_vector_the_pin_stays_masked),
		TEST(vioapic_level_is_masked_until_its_eoi),
		TEST(vioapic_level_storm_costs_one_interrupt_an_eoi),
		TEST(vioapic_eoi_of_another_vector_changes_nothing),
		TEST(vioapic_eoi_ends_all_pins_of_the_vector),
		TEST(vioapic_eoi_counts_for_the_vector_that_was_sent),
		TEST(vioapic_eoi_while_masked_opens_at_unmasking),
		TEST(vioapic_unmasking_before_the_eoi_does_not_open),
		TEST(vioapic_directed_eoi_ends_the_vector),
		TEST(vioapic_directed_eoi_is_of_that_ioapic_only),
		TEST(vioapic_of_an_old_version_has_no_eoi_register),
		TEST(vioapic_trigger_mode_toggle_clears_remote_irr),
		TEST(vioapic_level_that_nobody_takes_waits_for_a_new_entry),
		TEST(vioapic_entry_written_while_nobody_takes_its_level_is_open),
		TEST(vioapic_entry_to_nobody_goes_to_the_boot_cpu),
		TEST(vioapic_own_pin_never_touches_the_host),
		TEST(vioapic_own_edge_pin_sends_rising_edges),
		TEST(vioapic_own_edge_pin_loses_edges_while_masked),
		TEST(vioapic_own_level_pin_sends_again_while_asserted),
		TEST(vioapic_lines_of_the_guests_pins_can_not_be_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
