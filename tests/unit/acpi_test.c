/* SPDX-License-Identifier: GPL-2.0-only */
/* ACPI tables, whole and broken, in a small physical memory. */
/* sources: drivers/acpi.c drivers/acpi_madt.c drivers/acpi_fadt.c */
/* sources: drivers/acpi_hpet.c drivers/acpi_mcfg.c drivers/acpi_srat.c */
#include "drivers/acpi.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "acpi_tables.h"
#include "core/err.h"

/* ---- root ---- */

static void rsdp_is_found_in_the_bios_areas(void **state)
{
	static const uint64_t places[] = { 0xe0000, 0xffff0 - 32, 0x9fc00 + 0x3f0 };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		reset(state);
		store_u16(memory + 0x40e, 0x9fc0);
		table_add("TEST", "x", 1);
		rsdp_build(memory + places[i], root_build(8), 0);
		assert_int_equal(acpi_parse(&found, &memory_io, NULL, 0), 0);
		assert_int_equal(found.rsdp_address, places[i]);
		assert_int_equal(found.rsdp_revision, 2);
		assert_non_null(acpi_find(&found, "TEST", 0));
	}
}

static void rsdp_of_no_right_checksum_is_passed_over(void **state)
{
	(void)state;
	rsdp_build(memory + 0xe0000, 0x1000, 0x1000);
	memory[0xe0008]++;
	table_add("TEST", "x", 1);
	rsdp_build(memory + 0xf0000, root_build(8), 0);
	assert_int_equal(acpi_parse(&found, &memory_io, NULL, 0), 0);
	assert_int_equal(found.rsdp_address, 0xf0000);
	assert_true(log_has("acpi: RSDP: checksum is wrong: left out"));
}

static void machine_without_rsdp_is_no_acpi_machine(void **state)
{
	uint8_t rsdp[36] = "RSD PTX ";

	(void)state;
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 36), -E_NOENT);
	assert_false(found.present);
	assert_int_equal(found.table_count, 0);
	assert_true(log_has("acpi: no root pointer"));
}

static void broken_loader_rsdp_gives_way_to_the_bios_area(void **state)
{
	uint8_t rsdp[20] = "RSD PTR ";

	(void)state;
	table_add("TEST", "x", 1);
	rsdp_build(memory + 0xe0000, root_build(8), 0);
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 20), 0);
	assert_int_equal(found.rsdp_address, 0xe0000);
}

static void rsdt_is_used_where_there_is_no_xsdt(void **state)
{
	uint8_t rsdp[36];

	(void)state;
	table_add("TEST", "x", 1);
	rsdp_build(rsdp, 0, (uint32_t)root_build(4));
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 20), 0);
	assert_int_equal(found.rsdp_revision, 0);
	assert_int_equal(found.table_count, 1);
}

static void rsdt_is_used_where_the_extended_checksum_is_wrong(void **state)
{
	uint8_t rsdp[36];

	(void)state;
	table_add("TEST", "x", 1);
	rsdp_build(rsdp, 0x123456, (uint32_t)root_build(4));
	rsdp[33]++;
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 36), 0);
	assert_int_equal(found.table_count, 1);
	assert_true(log_has("acpi: RSDP: extended checksum is wrong: XSDT left out"));
}

static void rsdt_is_used_where_the_xsdt_is_broken(void **state)
{
	uint8_t rsdp[36];
	uint64_t rsdt, xsdt;

	(void)state;
	table_add("TEST", "x", 1);
	rsdt = root_build(4);
	xsdt = root_build(8);
	memory[xsdt + 30]++;
	rsdp_build(rsdp, xsdt, (uint32_t)rsdt);
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 36), 0);
	assert_int_equal(found.table_count, 1);
	assert_true(log_has("acpi: XSDT: checksum is wrong: table left out"));
}

static void no_root_table_is_no_acpi(void **state)
{
	uint8_t rsdp[36];

	(void)state;
	rsdp_build(rsdp, table_add("TEST", "x", 1), UINT32_MAX);
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 36), -E_NOENT);
	assert_false(found.present);
	assert_true(log_has("acpi: XSDT: signature is wrong: table left out"));
	assert_true(log_has("acpi: no root table"));
}

/* ---- tables in general ---- */

static void tables_are_copied_and_found_in_order(void **state)
{
	uint64_t first, second;

	(void)state;
	first = table_add("SSDT", "one", 3);
	second = table_add("SSDT", "two", 3);
	tables[tables_count++] = first; /* named twice, kept once */
	tables[tables_count++] = 0;
	parse();
	assert_int_equal(found.table_count, 2);
	assert_int_equal(acpi_find(&found, "SSDT", 0)->address, first);
	assert_int_equal(acpi_find(&found, "SSDT", 1)->address, second);
	assert_null(acpi_find(&found, "SSDT", 2));
	assert_null(acpi_find(&found, "SSD", 0));
	assert_memory_equal(acpi_find(&found, "SSDT", 1)->copy + 1, "two", 3);
	memory[second + 36] = 'x';
	assert_memory_equal(acpi_find(&found, "SSDT", 1)->copy + 1, "two", 3);
}

static void broken_tables_are_left_out_by_name(void **state)
{
	uint64_t address;

	(void)state;
	address = table_add("APIC", "12345678", 8);
	memory[address + 20]++;
	address = table_add("FACP", "x", 1);
	store_u32(memory + address + 4, 35);
	address = table_add("HPET", "x", 1);
	store_u32(memory + address + 4, ACPI_TABLE_MAX + 1);
	table_add("\1\2\3\377", "x", 1);
	tables[tables_count++] = UINT64_MAX - 3;
	tables[tables_count++] = MEMORY_SIZE - 36;
	memcpy(memory + MEMORY_SIZE - 36, "LONG", 4);
	store_u32(memory + MEMORY_SIZE - 32, 37);
	parse();
	assert_int_equal(found.table_count, 1);
	assert_true(log_has("acpi: MADT: checksum is wrong: table left out"));
	assert_true(log_has("acpi: FADT: length 35 is wrong: table left out"));
	assert_true(log_has("acpi: HPET: length 4194305 is wrong: table left out"));
	assert_true(log_has("acpi: table at fffffffffffffffc: no memory there: left out"));
	assert_true(log_has("acpi: LONG: checksum is wrong: table left out"));
}

static void tables_beyond_the_list_are_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ACPI_TABLES_MAX - 1; i++) {
		table_add("SSDT", &i, sizeof(i));
	}
	tables_count = ACPI_TABLES_MAX - 1;
	tables[tables_count++] = table_begin("SSDT", 1);
	table_seal(tables[tables_count - 1], 36);

	uint64_t last = table_begin("SSDT", 1);

	table_seal(last, 36);

	uint64_t xsdt = root_build(8);

	store_u64(memory + tables_end, last);
	table_seal(xsdt, (uint32_t)(tables_end + 8 - xsdt));

	uint8_t rsdp[36];

	rsdp_build(rsdp, xsdt, 0);
	assert_int_equal(acpi_parse(&found, &memory_io, rsdp, 36), 0);
	assert_int_equal(found.table_count, ACPI_TABLES_MAX);
	assert_true(log_has("one too many: left out"));
}

static void table_without_memory_for_it_is_left_out(void **state)
{
	char body[5000] = "";

	(void)state;
	table_add("BIGT", body, sizeof(body));
	table_add("TEST", "x", 1);
	allocation_limit = 4096;
	parse();
	assert_int_equal(found.table_count, 1);
	assert_true(log_has("acpi: BIGT: no memory for its 5036 bytes: table left out"));
}

/* ---- FADT ---- */

static uint8_t fadt[276 - 36];

static void fadt_gas(unsigned offset, uint8_t space, uint64_t address)
{
	fadt[offset - 36] = space;
	fadt[offset - 36 + 1] = 16;
	store_u64(fadt + offset - 36 + 4, address);
}

static void fadt_fill(void)
{
	memset(fadt, 0, sizeof(fadt));
	store_u32(fadt + 36 - 36, 0x3000); /* FACS */
	store_u32(fadt + 40 - 36, 0x4000); /* DSDT */
	store_u16(fadt + 46 - 36, 9);      /* SCI */
	store_u32(fadt + 48 - 36, 0xb2);   /* SMI command */
	store_u32(fadt + 56 - 36, 0x600);  /* PM1a event */
	store_u32(fadt + 64 - 36, 0x604);  /* PM1a control */
	store_u32(fadt + 76 - 36, 0x608);  /* timer */
	store_u16(fadt + 109 - 36, 0x12);  /* boot architecture */
	store_u32(fadt + 112 - 36, 0x500); /* 32-bit timer, reset */
	fadt_gas(116, 1, 0xcf9);
	fadt[128 - 36] = 6;
}

static void fadt_of_acpi_1_gives_its_ports(void **state)
{
	(void)state;
	fadt_fill();
	table_add("FACP", fadt, 116 - 36);
	parse();
	assert_int_equal(found.pm1a_control.space, 1);
	assert_int_equal(found.pm1a_control.address, 0x604);
	assert_int_equal(found.pm1a_event.address, 0x600);
	assert_int_equal(found.pm1b_control.address, 0);
	assert_int_equal(found.pm_timer.address, 0x608);
	assert_true(found.pm_timer_is_32_bit);
	assert_int_equal(found.sci_gsi, 9);
	assert_int_equal(found.smi_command, 0xb2);
	assert_int_equal(found.boot_architecture, 0x12);
	assert_int_equal(found.dsdt_address, 0x4000);
	assert_int_equal(acpi_find(&found, "DSDT", 0)->address, 0x4000);
	assert_null(acpi_find(&found, "DSDT", 0)->copy);
	assert_int_equal(acpi_find(&found, "FACS", 0)->address, 0x3000);
	assert_false(found.has_reset);
}

static void fadt_prefers_the_extended_fields(void **state)
{
	(void)state;
	fadt_fill();
	store_u64(fadt + 132 - 36, 0x103000);
	store_u64(fadt + 140 - 36, 0x104000);
	fadt_gas(148, 0, 0xfed00000);
	fadt_gas(172, 1, 0x804);
	fadt_gas(184, 2, 0x999);   /* a space that is no register of ours */
	fadt_gas(208, 1, 0x10000); /* no such port */
	table_add("FACP", fadt, sizeof(fadt));
	parse();
	assert_int_equal(found.pm1a_event.space, 0);
	assert_int_equal(found.pm1a_event.address, 0xfed00000);
	assert_int_equal(found.pm1a_control.address, 0x804);
	assert_int_equal(found.pm1b_control.address, 0);
	assert_int_equal(found.pm_timer.address, 0x608);
	assert_int_equal(found.dsdt_address, 0x104000);
	assert_int_equal(acpi_find(&found, "FACS", 0)->address, 0x103000);
	assert_true(found.has_reset);
	assert_int_equal(found.reset_register.address, 0xcf9);
	assert_int_equal(found.reset_value, 6);
}

static void fadt_fields_beyond_its_length_do_not_count(void **state)
{
	(void)state;
	fadt_fill();
	fadt_gas(148, 1, 0x700);
	table_add("FACP", fadt, 159 - 36); /* one byte short of X_PM1a_EVT_BLK */
	parse();
	assert_int_equal(found.pm1a_event.address, 0x600);
	assert_true(found.has_reset);
}

static void fadt_with_wrong_registers_is_named(void **state)
{
	(void)state;
	fadt_fill();
	store_u32(fadt + 64 - 36, 0x10004);
	fadt_gas(116, 3, 0xcf9);
	table_add("FACP", fadt, 129 - 36);
	parse();
	assert_int_equal(found.pm1a_control.address, 0);
	assert_false(found.has_reset);
	assert_int_equal(found.reset_register.address, 0);
	assert_true(log_has("acpi: FADT: PM1a control: port 10004 does not exist: left out"));
	assert_true(log_has("acpi: FADT: reset register: no port and no memory: left out"));
}

static void fadt_that_is_too_short_gives_nothing(void **state)
{
	(void)state;
	fadt_fill();
	table_add("FACP", fadt, 115 - 36);
	parse();
	assert_int_equal(found.pm_timer.address, 0);
	assert_true(log_has("acpi: FADT: length 115 is too small"));
}

/* ---- MCFG ---- */

static void hpet_add(uint8_t space, uint64_t address)
{
	uint8_t body[20] = { [4] = space };

	store_u64(body + 8, address);
	table_add("HPET", body, sizeof(body));
}

static void hpets_are_known_by_their_addresses(void **state)
{
	(void)state;
	hpet_add(0, 0xfed00000);
	hpet_add(1, 0x1000);
	hpet_add(0, 0);
	table_add("HPET", "short", 5);
	hpet_add(0, UINT64_C(0x1fed01000));
	parse();
	assert_int_equal(found.hpet_count, 2);
	assert_int_equal(found.hpets[0], 0xfed00000);
	assert_int_equal(found.hpets[1], UINT64_C(0x1fed01000));
	assert_true(log_has("acpi: HPET: space 1, address 1000: left out"));
}

static void hpets_beyond_the_list_are_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= ACPI_HPETS_MAX; i++) {
		hpet_add(0, 0xfed00000 + i * PAGE_SIZE);
	}
	parse();
	assert_int_equal(found.hpet_count, ACPI_HPETS_MAX);
	assert_true(log_has("acpi: HPET: space 0, address fed08000: left out"));
}

static void mcfg_entry(uint64_t address, uint16_t segment, uint8_t first, uint8_t last)
{
	const uint8_t tail[6] = { first, last, 0, 0, 0, 0 };

	table_put_u64(address);
	table_put(&segment, sizeof(segment));
	table_put(tail, sizeof(tail));
}

static void mcfg_gives_segments_and_names_wrong_ones(void **state)
{
	(void)state;
	uint64_t mcfg = table_begin("MCFG", 1);

	table_put_u64(0);
	mcfg_entry(0xb0000000, 0, 0, 255);
	mcfg_entry(0, 1, 0, 1);
	mcfg_entry(0xc0000000, 2, 5, 4);
	mcfg_entry(UINT64_MAX - 0xfffff, 3, 0, 1);
	mcfg_entry(0xc0001000, 4, 0, 1);
	mcfg_entry(0xc0000000, 7, 64, 127);
	table_put("half an entry", 8);
	table_end(mcfg);
	parse();
	assert_int_equal(found.mcfg_count, 2);
	assert_int_equal(found.mcfg[0].address, 0xb0000000);
	assert_int_equal(found.mcfg[0].bus_end, 255);
	assert_int_equal(found.mcfg[1].segment, 7);
	assert_int_equal(found.mcfg[1].bus_start, 64);
	assert_true(log_has("acpi: MCFG: segment 2, buses 5-4 at c0000000: left out"));
}

static void mcfg_beyond_the_list_is_named(void **state)
{
	(void)state;
	uint64_t mcfg = table_begin("MCFG", 1);

	table_put_u64(0);
	for (unsigned i = 0; i < ACPI_MCFG_MAX + 1; i++) {
		mcfg_entry(0xb0000000, (uint16_t)i, 0, 0);
	}
	table_end(mcfg);
	parse();
	assert_int_equal(found.mcfg_count, ACPI_MCFG_MAX);
	assert_true(log_has("acpi: MCFG: segment 64: one too many: left out"));
}

/* ---- SRAT ---- */

static void srat_lapic(uint8_t apic_id, uint32_t node, uint32_t flags)
{
	uint8_t entry[16] = { 0, 16, (uint8_t)node, apic_id };

	store_u32(entry + 4, flags);
	entry[9] = (uint8_t)(node >> 8);
	entry[10] = (uint8_t)(node >> 16);
	entry[11] = (uint8_t)(node >> 24);
	table_put(entry, sizeof(entry));
}

static void srat_x2apic(uint32_t apic_id, uint32_t node)
{
	uint8_t entry[24] = { 2, 24 };

	store_u32(entry + 4, node);
	store_u32(entry + 8, apic_id);
	store_u32(entry + 12, 1);
	table_put(entry, sizeof(entry));
}

static void srat_memory(uint64_t start, uint64_t size, uint32_t node)
{
	uint8_t entry[40] = { 1, 40 };

	store_u32(entry + 2, node);
	store_u64(entry + 8, start);
	store_u64(entry + 16, size);
	store_u32(entry + 28, 1);
	table_put(entry, sizeof(entry));
}

static void add_three_cpus(void)
{
	uint64_t madt = madt_begin(1);

	madt_lapic(0, 0, 1);
	madt_lapic(2, 1, 1);
	madt_x2apic(300, 2, 1);
	table_end(madt);
}

static uint64_t srat_begin(uint8_t revision)
{
	uint64_t srat = table_begin("SRAT", revision);

	table_put_u32(1);
	table_put_u64(0);
	return srat;
}

static void srat_gives_nodes_to_cpus_and_memory(void **state)
{
	uint64_t srat = srat_begin(3);

	(void)state;
	srat_lapic(0, 0x01020304, 1);
	srat_lapic(2, 9, 0); /* not enabled */
	srat_x2apic(300, 7);
	srat_x2apic(999, 7);
	srat_memory(0, 0x80000000, 0);
	srat_memory(0x100000000, 0x80000000, 0x105);
	srat_memory(0x200000000, 0, 1);
	srat_memory(UINT64_MAX, 2, 1);
	table_end(srat);
	add_three_cpus(); /* behind the SRAT, but read before it */
	parse();
	assert_int_equal(found.cpus[0].node, 0x01020304);
	assert_int_equal(found.cpus[1].node, 0);
	assert_int_equal(found.cpus[2].node, 7);
	assert_int_equal(found.memory_count, 2);
	assert_int_equal(found.memory[1].start, 0x100000000);
	assert_int_equal(found.memory[1].size, 0x80000000);
	assert_int_equal(found.memory[1].node, 0x105);
	assert_true(log_has("acpi: SRAT: memory at ffffffffffffffff, size 2: left out"));
}

static void srat_of_revision_1_has_nodes_of_8_bits(void **state)
{
	uint64_t srat = srat_begin(1);

	(void)state;
	srat_lapic(0, 0xabcdef04, 1);
	srat_memory(0, 0x1000, 0x105);
	table_end(srat);
	add_three_cpus();
	parse();
	assert_int_equal(found.cpus[0].node, 4);
	assert_int_equal(found.memory[0].node, 5);
}

static void srat_entries_that_are_wrong_are_left_out(void **state)
{
	const uint8_t bytes[] = { 1, 39 };
	uint64_t srat = srat_begin(3);

	(void)state;
	table_put("\x63\x04zz", 4); /* a type of the future */
	table_put("\x02\x04zz", 4);
	table_put(bytes, sizeof(bytes));
	table_end(srat);
	parse();
	assert_int_equal(found.memory_count, 0);
	assert_true(log_has("acpi: SRAT: entry of type 2: length 4 is too small: left out"));
	assert_true(log_has("acpi: SRAT: entry at 56: length is wrong: rest left out"));
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests_list[] = {
		TEST(rsdp_is_found_in_the_bios_areas),
		TEST(rsdp_of_no_right_checksum_is_passed_over),
		TEST(machine_without_rsdp_is_no_acpi_machine),
		TEST(broken_loader_rsdp_gives_way_to_the_bios_area),
		TEST(rsdt_is_used_where_there_is_no_xsdt),
		TEST(rsdt_is_used_where_the_extended_checksum_is_wrong),
		TEST(rsdt_is_used_where_the_xsdt_is_broken),
		TEST(no_root_table_is_no_acpi),
		TEST(tables_are_copied_and_found_in_order),
		TEST(broken_tables_are_left_out_by_name),
		TEST(tables_beyond_the_list_are_named),
		TEST(table_without_memory_for_it_is_left_out),
		TEST(fadt_of_acpi_1_gives_its_ports),
		TEST(fadt_prefers_the_extended_fields),
		TEST(fadt_fields_beyond_its_length_do_not_count),
		TEST(fadt_with_wrong_registers_is_named),
		TEST(fadt_that_is_too_short_gives_nothing),
		TEST(hpets_are_known_by_their_addresses),
		TEST(hpets_beyond_the_list_are_named),
		TEST(mcfg_gives_segments_and_names_wrong_ones),
		TEST(mcfg_beyond_the_list_is_named),
		TEST(srat_gives_nodes_to_cpus_and_memory),
		TEST(srat_of_revision_1_has_nodes_of_8_bits),
		TEST(srat_entries_that_are_wrong_are_left_out),
	};
	int failed = cmocka_run_group_tests(tests_list, NULL, NULL);

	tables_reset();
	return failed;
}
