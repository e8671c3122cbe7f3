/* SPDX-License-Identifier: GPL-2.0-only */
/* The ACPI tables that a guest is shown, read back by our own parser. */
/* arch: x86 */
/* sources: arch/x86/guest_tables.c drivers/acpi.c drivers/acpi_madt.c drivers/acpi_fadt.c */
/* sources: drivers/acpi_hpet.c drivers/acpi_mcfg.c drivers/acpi_srat.c drivers/acpi_assume.c */
#include "arch/guest_tables.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "acpi_tables.h"
#include "core/err.h"

#define GUEST_ADDRESS 0x80000 /* where the guest's tables go in the test's memory */

static uint32_t apic_ids[1024], uids[1024];
static struct acpi guest;
static uint8_t fadt[244 - 36];

/* A machine of two CPUs with what a guest must and must not see. */
static void build_machine(void)
{
	static const uint8_t nmi_source[] = { 3, 8, 0xd, 0, 5, 0, 0, 0 };
	static const uint8_t nmi_first[] = { 4, 6, 0, 5, 0, 1 };
	static const uint8_t nmi_second[] = { 4, 6, 1, 5, 0, 1 };
	uint64_t madt = madt_begin(1);

	madt_lapic(0, 0, 1);
	madt_lapic(6, 1, 1);
	madt_ioapic(2, 0xfec00000, 0);
	madt_override(0, 0, 2, 0);
	table_put(nmi_source, sizeof(nmi_source));
	table_put(nmi_first, sizeof(nmi_first));
	table_put(nmi_second, sizeof(nmi_second));
	table_end(madt);
	memset(fadt, 0x5a, sizeof(fadt));
	store_u32(fadt + 4, 0x4000);        /* DSDT */
	store_u64(fadt + 140 - 36, 0x4000); /* X_DSDT */
	store_u16(fadt + 109 - 36, 3);      /* IAPC_BOOT_ARCH */
	table_add("FACP", fadt, sizeof(fadt));
	table_add("DMAR", "x", 1);
	table_add("IVRS", "x", 1);
	table_add("HPET", "x", 1);
	table_add("SSDT", "one", 3);
	table_add("SSDT", "two", 3);
	parse();
}

static struct guest_tables guest_of(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		apic_ids[i] = i;
		uids[i] = i;
	}
	return (struct guest_tables){ &found, apic_ids, uids, count };
}

/* Builds in exactly the memory that is asked for, and reads it back as a guest does. */
static void build(const struct guest_tables *tables)
{
	size_t size = guest_tables_size(tables);
	uint8_t *buffer = malloc(size);

	assert_int_equal(guest_tables_build(tables, buffer, size, GUEST_ADDRESS), 0);
	assert_true(size < 0x40000);
	memcpy(memory + GUEST_ADDRESS, buffer, size);
	free(buffer);
	assert_int_equal(acpi_parse(&guest, &memory_io, memory + GUEST_ADDRESS, 36), 0);
}

static void guest_sees_its_vcpus_and_the_machines_interrupt_lines(void **state)
{
	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(3);

	log_clear();
	build(&tables);
	assert_false(log_has("table left out") || log_has("MADT"));
	assert_int_equal(guest.rsdp_revision, 2);
	assert_int_equal(guest.cpu_count, 3);
	assert_int_equal(guest.cpu_possible, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(guest.cpus[i].apic_id, i);
		assert_int_equal(guest.cpus[i].uid, i);
	}
	assert_int_equal(guest.lapic_address, 0xfee00000);
	assert_true(guest.has_8259);
	assert_int_equal(guest.ioapic_count, 1);
	assert_int_equal(guest.ioapics[0].id, 2);
	assert_int_equal(guest.override_count, 1);
}

static void guest_gets_one_nmi_entry_for_every_vcpu(void **state)
{
	static const uint8_t expected[] = { 3, 8, 0xd, 0, 5, 0, 0, 0, 4, 6, 0xff, 5, 0, 1 };

	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(1);

	build(&tables);

	const struct acpi_header *madt = acpi_find(&guest, "APIC", 0)->copy;
	const uint8_t *end = (const uint8_t *)madt + madt->length;

	assert_int_equal(madt->length, 44 + 8 + 12 + 10 + sizeof(expected));
	assert_memory_equal(end - sizeof(expected), expected, sizeof(expected));
}

static void guest_sees_no_iommu_and_no_hpet(void **state)
{
	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(2);

	build(&tables);
	assert_null(acpi_find(&guest, "DMAR", 0));
	assert_null(acpi_find(&guest, "IVRS", 0));
	assert_null(acpi_find(&guest, "HPET", 0));
	assert_int_equal(acpi_find(&guest, "SSDT", 0)->address,
			 acpi_find(&found, "SSDT", 0)->address);
	assert_int_equal(acpi_find(&guest, "SSDT", 1)->address,
			 acpi_find(&found, "SSDT", 1)->address);
	assert_null(acpi_find(&guest, "SSDT", 2));
}

static void guest_fadt_is_the_firmwares(void **state)
{
	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(2);

	build(&tables);
	assert_int_equal(acpi_find(&guest, "FACP", 0)->address,
			 acpi_find(&found, "FACP", 0)->address);
	assert_int_equal(guest.dsdt_address, 0x4000);
}

static void firmware_tables_are_not_modified(void **state)
{
	static uint8_t before[MEMORY_SIZE];

	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(2);

	memcpy(before, memory, sizeof(before));
	build(&tables);
	memset(memory + GUEST_ADDRESS, 0, 0x40000);
	assert_memory_equal(before, memory, sizeof(before));
	assert_int_equal(acpi_checksum(acpi_find(&found, "FACP", 0)->copy, 244), 0);
}

static void guest_of_1024_vcpus_has_x2apic_entries_where_needed(void **state)
{
	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(1024);

	apic_ids[3] = 70000;
	uids[4] = 256;
	build(&tables);
	assert_int_equal(guest.cpu_count, 1024);
	for (uint32_t i = 0; i < 1024; i++) {
		assert_int_equal(guest.cpus[i].apic_id, apic_ids[i]);
		assert_int_equal(guest.cpus[i].uid, uids[i]);
	}
	const struct acpi_header *madt = acpi_find(&guest, "APIC", 0)->copy;

	/* IDs 0 to 254 have 8-bit entries, but for the two. */
	assert_int_equal(madt->length, 44 + 253 * 8 + 771 * 16 + 12 + 10 + 8 + 6);
}

static void vcpus_beyond_the_cpus_get_uids_that_no_cpu_has(void **state)
{
	static const uint32_t expected[] = { 3, 0, 2, 4, 5 };

	(void)state;
	uint64_t madt = madt_begin(1);

	madt_lapic(0, 3, 1);
	madt_lapic(1, 1, 2); /* may come later */
	madt_lapic(2, 0, 1);
	table_end(madt);
	parse();
	guest_tables_choose_uids(&found, uids, ARRAY_SIZE(expected));
	assert_memory_equal(uids, expected, sizeof(expected));
}

static void too_little_memory_is_refused_at_every_size(void **state)
{
	(void)state;
	build_machine();

	struct guest_tables tables = guest_of(2);
	size_t enough = guest_tables_size(&tables);
	size_t least = 0;

	for (size_t size = 0; size <= enough; size++) {
		uint8_t *buffer = malloc(size + 1);
		int err = guest_tables_build(&tables, buffer, size, GUEST_ADDRESS);

		free(buffer);
		assert_true(err == 0 || (err == -E_NOMEM && least == 0));
		if (err == 0 && least == 0) {
			least = size;
		}
	}
	assert_true(least != 0);
}

static void machine_without_acpi_has_no_tables(void **state)
{
	uint8_t buffer[64];

	(void)state;
	assert_int_equal(acpi_parse(&found, &memory_io, NULL, 0), -E_NOENT);

	struct guest_tables tables = guest_of(1);

	assert_int_equal(guest_tables_size(&tables), 0);
	assert_int_equal(guest_tables_build(&tables, buffer, sizeof(buffer), 0), -E_NOENT);
}

static void guest_of_a_machine_without_acpi_finds_its_ioapic(void **state)
{
	(void)state;
	assert_int_equal(acpi_parse(&found, &memory_io, NULL, 0), -E_NOENT);
	assert_int_equal(acpi_assume(&found, &memory_io), 0);

	struct guest_tables tables = guest_of(1);

	build(&tables);
	assert_int_equal(guest.table_count, 1);
	assert_int_equal(guest.cpu_count, 1);
	assert_int_equal(guest.ioapic_count, 1);
	assert_int_equal(guest.ioapics[0].address, 0xfec00000);
	assert_int_equal(guest.overrides[0].gsi, 2);
}

static void machine_without_madt_shows_none(void **state)
{
	(void)state;
	table_add("SSDT", "one", 3);
	parse();

	struct guest_tables tables = guest_of(1);

	build(&tables);
	assert_null(acpi_find(&guest, "APIC", 0));
	assert_int_equal(guest.table_count, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests_list[] = {
		TEST(guest_sees_its_vcpus_and_the_machines_interrupt_lines),
		TEST(guest_gets_one_nmi_entry_for_every_vcpu),
		TEST(guest_sees_no_iommu_and_no_hpet),
		TEST(guest_fadt_is_the_firmwares),
		TEST(firmware_tables_are_not_modified),
		TEST(guest_of_1024_vcpus_has_x2apic_entries_where_needed),
		TEST(vcpus_beyond_the_cpus_get_uids_that_no_cpu_has),
		TEST(too_little_memory_is_refused_at_every_size),
		TEST(machine_without_acpi_has_no_tables),
		TEST(guest_of_a_machine_without_acpi_finds_its_ioapic),
		TEST(machine_without_madt_shows_none),
	};
	int failed = cmocka_run_group_tests(tests_list, NULL, NULL);

	tables_reset();
	return failed;
}
