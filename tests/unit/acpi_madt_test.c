/* SPDX-License-Identifier: GPL-2.0-only */
/* The MADT, whole and broken. */
/* sources: drivers/acpi.c drivers/acpi_madt.c drivers/acpi_fadt.c */
/* sources: drivers/acpi_hpet.c drivers/acpi_mcfg.c drivers/acpi_srat.c drivers/acpi_assume.c */
#include "drivers/acpi.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "acpi_tables.h"
#include "core/err.h"

static void madt_gives_1024_cpus(void **state)
{
	(void)state;
	uint64_t madt = madt_begin(1);

	for (unsigned i = 0; i < 255; i++) {
		madt_lapic((uint8_t)i, (uint8_t)i, 1);
	}
	for (unsigned i = 255; i < 1024; i++) {
		madt_x2apic(i * 2, i + 5000, 1);
	}
	table_end(madt);
	parse();
	assert_int_equal(found.cpu_count, 1024);
	assert_int_equal(found.cpu_possible, 1024);
	assert_int_equal(found.lapic_address, 0xfee00000);
	assert_true(found.has_8259);
	for (unsigned i = 0; i < 1024; i++) {
		assert_int_equal(found.cpus[i].apic_id, i < 255 ? i : i * 2);
		assert_int_equal(found.cpus[i].uid, i < 255 ? i : i + 5000);
		assert_true(found.cpus[i].enabled);
		assert_int_equal(found.cpus[i].node, 0);
	}
}

static void madt_orders_enabled_cpus_first(void **state)
{
	static const uint32_t expected[] = { 4, 7, 300, 2, 301 };

	(void)state;
	uint64_t madt = madt_begin(0);

	madt_lapic(2, 0, 2);
	madt_lapic(4, 1, 1);
	madt_lapic(5, 2, 0); /* neither there nor coming */
	madt_x2apic(301, 3, 2);
	madt_lapic(7, 4, 3);
	madt_lapic(255, 5, 1); /* broadcast: no CPU */
	madt_x2apic(UINT32_MAX, 6, 1);
	madt_x2apic(300, 7, 1);
	madt_x2apic(4, 8, 1); /* the same CPU again */
	table_end(madt);
	parse();
	assert_false(found.has_8259);
	assert_int_equal(found.cpu_count, 3);
	assert_int_equal(found.cpu_possible, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(found.cpus[i].apic_id, expected[i]);
		assert_int_equal(found.cpus[i].enabled, i < 3);
	}
	assert_true(log_has("acpi: MADT: APIC ID 4 stands twice: left out"));
}

static void madt_gives_interrupt_controllers_and_overrides(void **state)
{
	const uint8_t address[12] = { 5, 12, 0, 0, 0, 0, 0, 0xfd };

	(void)state;
	uint64_t madt = madt_begin(1);

	madt_lapic(0, 0, 1);
	madt_ioapic(8, 0xfec00000, 0);
	madt_ioapic(9, 0xfec10000, 24);
	madt_override(0, 0, 2, 0);
	madt_override(0, 9, 9, 0xd);
	madt_override(1, 3, 3, 0);
	madt_override(0, 16, 3, 0);
	table_put(address, sizeof(address));
	table_end(madt);
	parse();
	assert_int_equal(found.ioapic_count, 2);
	assert_int_equal(found.ioapics[1].id, 9);
	assert_int_equal(found.ioapics[1].address, 0xfec10000);
	assert_int_equal(found.ioapics[1].gsi_base, 24);
	assert_int_equal(found.override_count, 2);
	assert_int_equal(found.overrides[0].gsi, 2);
	assert_int_equal(found.overrides[1].source, 9);
	assert_int_equal(found.overrides[1].flags, 0xd);
	assert_int_equal(found.lapic_address, 0xfd000000);
	assert_true(log_has("acpi: MADT: override of bus 1, source 3: left out"));
}

static void madt_lapic_address_above_4g_is_left_out(void **state)
{
	const uint8_t address[12] = { 5, 12, 0, 0, 0, 0, 0, 0xfd, 1 };

	(void)state;
	uint64_t madt = madt_begin(1);

	table_put(address, sizeof(address));
	table_end(madt);
	parse();
	assert_int_equal(found.lapic_address, 0xfee00000);
	assert_true(log_has("acpi: MADT: LAPIC address 1fd000000: left out"));
	assert_true(log_has("acpi: MADT: no CPU in it"));
}

static void madt_stops_at_an_entry_of_wrong_length(void **state)
{
	static const uint8_t bad[][3] = { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 200, 0 } };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		reset(state);

		uint64_t madt = madt_begin(1);

		madt_lapic(3, 3, 1);
		table_put(bad[i], 3);
		table_end(madt);
		parse();
		assert_int_equal(found.cpu_count, 1);
		assert_true(log_has("acpi: MADT: entry at 52: length is wrong: rest left out"));
	}
}

static void madt_entry_that_is_too_short_is_left_out(void **state)
{
	const uint8_t ioapic[] = { 1, 4, 0, 0 };
	const uint8_t lapic[] = { 0, 6, 1, 1, 1, 0 };

	(void)state;
	uint64_t madt = madt_begin(1);

	table_put(ioapic, sizeof(ioapic));
	table_put(lapic, sizeof(lapic));
	madt_lapic(3, 3, 1);
	table_end(madt);
	parse();
	assert_int_equal(found.ioapic_count, 0);
	assert_int_equal(found.cpu_count, 1);
	assert_true(log_has("acpi: MADT: entry of type 1: length 4 is too small: left out"));
}

static void madt_that_is_too_short_gives_nothing(void **state)
{
	(void)state;
	table_add("APIC", "1234567", 7);
	parse();
	assert_int_equal(found.cpu_count, 0);
	assert_int_equal(found.lapic_address, 0);
	assert_true(log_has("acpi: MADT: length 43 is too small"));
}

static void madt_beyond_the_lists_is_named(void **state)
{
	(void)state;
	uint64_t madt = madt_begin(1);

	for (unsigned i = 0; i < 66; i++) {
		madt_ioapic((uint8_t)i, 0xfec00000, 0);
		madt_override(0, (uint8_t)(i % 16), 0, 0);
	}
	for (unsigned i = 0; i < 4100; i++) {
		madt_x2apic(i, i, 1);
	}
	table_end(madt);
	parse();
	assert_int_equal(found.ioapic_count, ACPI_IOAPICS_MAX);
	assert_int_equal(found.override_count, ACPI_OVERRIDES_MAX);
	assert_int_equal(found.cpu_count, 4096);
	assert_true(log_has("acpi: MADT: IOAPIC 64: one too many: left out"));
	assert_true(log_has("acpi: MADT: more than 4096 CPUs: rest left out"));
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

static void machine_without_acpi_is_a_pc_with_one_cpu(void **state)
{
	uint8_t rsdp[36] = "none";

	(void)state;
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, sizeof(rsdp)), -E_NOENT);
	assert_int_equal(acpi_assume(&found, &memory_io), 0);
	assert_false(found.present);
	assert_int_equal(found.cpu_count, 1);
	assert_int_equal(found.ioapic_count, 1);
	assert_int_equal(found.ioapics[0].address, 0xfec00000);
	assert_int_equal(found.ioapics[0].gsi_base, 0);
	assert_int_equal(found.override_count, 1);
	assert_int_equal(found.overrides[0].source, 0);
	assert_int_equal(found.overrides[0].gsi, 2);
	assert_int_equal(found.pm_timer.address, 0);
	assert_false(found.has_reset);
	assert_int_equal(found.dsdt_address, 0);
	assert_int_equal(acpi_checksum(found.tables[0].copy, found.tables[0].copy->length), 0);
}

int main(void)
{
	const struct CMUnitTest tests_list[] = {
		TEST(madt_gives_1024_cpus),
		TEST(madt_orders_enabled_cpus_first),
		TEST(madt_gives_interrupt_controllers_and_overrides),
		TEST(madt_lapic_address_above_4g_is_left_out),
		TEST(madt_stops_at_an_entry_of_wrong_length),
		TEST(madt_entry_that_is_too_short_is_left_out),
		TEST(madt_that_is_too_short_gives_nothing),
		TEST(madt_beyond_the_lists_is_named),
		TEST(machine_without_acpi_is_a_pc_with_one_cpu),
	};
	int failed = cmocka_run_group_tests(tests_list, NULL, NULL);

	tables_reset();
	return failed;
}
