/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: drivers/virtual/vpci.c drivers/virtual/vpci_bar.c drivers/virtual/vpci_msi.c */
/* sources: drivers/virtual/vpci_msix.c drivers/virtual/vpci_sriov.c drivers/virtual/vmsg.c */
/* sources: drivers/pci.c core/region.c core/irq.c */
/* Where the registers of PCI functions lie, and functions that come and go, on a fake machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vpci_guest.h"

/* ---- BARs ---- */

static void bar_sizing_takes_the_trap_away_and_back(void **state)
{
	uint64_t at;

	(void)state;
	start_msix(4);
	at = table_at(a, 0x2000);
	decode(a, false);
	config_write(a, 0x10, 4, UINT32_MAX);
	assert_int_equal(config_read(a, 0x10, 4), ~(MEMORY_SIZE - 1) | 4);
	assert_int_equal(vm.memory_regions.count, 2);
	config_write(a, 0x10, 4, (uint32_t)(at - 0x2000));
	decode(a, true);
	assert_true(is_trapped(at));
	assert_false(log_has("refused"));
}

static void bar_moves_take_the_trap_along(void **state)
{
	uint64_t before;

	(void)state;
	start_msix(4);
	before = table_at(a, 0x2000);
	config_write(a, 0x10, 4, 0xf1000000);
	assert_false(is_trapped(before));
	assert_true(is_trapped(0xf1002000));
	open_entry(0, DEST(1), 0x71);
	assert_true(entry_interrupts(0));
	config_write(a, 0x14, 4, 0x10); /* beyond 4 GiB */
	assert_true(is_trapped(UINT64_C(0x10f1002000)));
	assert_int_equal(vm.memory_regions.count, 3);
}

static void bar_over_the_hypervisors_registers_is_refused(void **state)
{
	static const uint32_t bases[] = { 0xfee00000, 0xb0000000, 0xbfffc000, 0xd0000000 };

	(void)state;
	start_msix(4);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		uint32_t before = get(a, 0x10);

		config_write(a, 0x10, 4, bases[i]);
		assert_int_equal(get(a, 0x10), before);
		decode(a, false);
		config_write(a, 0x10, 4, bases[i]);
		decode(a, true);
		assert_int_equal(get(a, 4) & COMMAND_DECODE, 0);
		assert_int_equal(get(a, 4) & 4, 4); /* the rest was written */
		config_write(a, 0x10, 4, before);
		decode(a, true);
	}
	assert_true(log_has("refused"));
}

static void bar_over_ram_is_refused_and_one_at_0_is_not(void **state)
{
	(void)state;
	add_msix(a, 0x40, 4, 0x2000);
	config_write(a, 0x10, 4, 0x1000000);
	decode(a, true);
	assert_int_equal(get(a, 4) & COMMAND_DECODE, 0);
	config_write(a, 0x10, 4, 0);
	decode(a, true);
	assert_int_equal(get(a, 4) & COMMAND_DECODE, COMMAND_DECODE);
	assert_int_equal(vm.memory_regions.count, 2);
}

/* IOAPICs and IOMMUs may be functions whose registers the hypervisor uses. */
/* Resizable BARs: the device's mask grows with what the guest writes into its control register. */
static void bar_that_was_made_larger_is_refused_by_its_new_size(void **state)
{
	(void)state;
	set(a, 0x100, 0x00010015, 0);
	set(a, 0x108, 0x00000020, 0x3f00);
	set(a, 0x10c, 0, 0xffff);
	(void)config_read(a, 0, 4);
	set(a, 0x10, 0xf0000004, ~(32 * (uint32_t)MIB - 1));
	config_write(a, 0x108, 4, 5 << 8); /* 32 MiB */
	config_write(a, 0x10, 4, 0xfe000000);
	decode(a, true);
	assert_int_equal(get(a, 4) & COMMAND_DECODE, 0);
	config_write(a, 0x10, 4, 0xf8000000);
	decode(a, true);
	assert_int_equal(get(a, 4) & COMMAND_DECODE, COMMAND_DECODE);
	config_write(a, 0x108, 4, 4 << 8); /* not while it decodes */
	assert_int_equal(get(a, 0x108), 5 << 8 | 0x20);
	config_write(a, 0x10c, 4, 0x1234); /* the next capability is none of it */
	assert_int_equal(get(a, 0x10c), 0x1234);
}

static void bar_of_the_firmwares_that_lies_there_already_stays(void **state)
{
	(void)state;
	set(a, 0x10, 0xfee00004, ~(MEMORY_SIZE - 1));
	set(a, 4, 0x00100002, 0x407);
	config_write(a, 4, 2, 0x407);
	assert_int_equal(get(a, 4) & 7, 7);
}

static void bars_with_tables_in_each_others_way_are_refused(void **state)
{
	(void)state;
	start_msix(4);
	add_msix(b, 0x40, 4, 0x2000);
	config_write(b, 0x10, 4, get(a, 0x10));
	decode(b, true);
	assert_int_equal(get(b, 4) & COMMAND_DECODE, 0);
	assert_int_equal(vm.memory_regions.count, 3);
}

/* ---- expansion ROMs ---- */

#define ROM_SIZE     0x10000U
#define ROM_WRITABLE (~(ROM_SIZE - 1) | 1)

static const uint32_t bad_roms[] = { 0xfee00000, 0xb0000000, 0xbfff0000, 0xd0000000, 0x1000000 };

static void rom_over_ram_or_our_registers_is_refused(void **state)
{
	(void)state;
	set(a, 0x30, 0, ROM_WRITABLE);
	decode(a, true);
	for (size_t i = 0; i < ARRAY_SIZE(bad_roms); i++) {
		config_write(a, 0x30, 4, 0xf2000001);
		config_write(a, 0x30, 4, bad_roms[i] | 1);
		assert_int_equal(get(a, 0x30), 0xf2000001);
		config_write(a, 0x30, 4, bad_roms[i]); /* not enabled: it decodes nothing */
		assert_int_equal(get(a, 0x30), bad_roms[i]);
		config_write(a, 0x30, 1, 1);
		assert_int_equal(get(a, 0x30), bad_roms[i]);
	}
	assert_int_equal(get(a, 4) & COMMAND_DECODE, COMMAND_DECODE);
}

/* Its address says where it begins; where it ends is found by sizing. */
static void rom_that_reaches_our_registers_is_refused(void **state)
{
	(void)state;
	set(a, 0x30, 0, ~(32 * (uint32_t)MIB - 1) | 1);
	decode(a, true);
	config_write(a, 0x30, 4, 0xfe000001);
	assert_int_equal(get(a, 0x30), 0);
	config_write(a, 0x30, 4, 0xfc000001);
	assert_int_equal(get(a, 0x30), 0xfc000001);
}

static void rom_that_lies_there_keeps_the_function_from_decoding(void **state)
{
	(void)state;
	set(a, 0x30, 0, ROM_WRITABLE);
	for (size_t i = 0; i < ARRAY_SIZE(bad_roms); i++) {
		decode(a, false);
		config_write(a, 0x30, 4, bad_roms[i] | 1);
		assert_int_equal(get(a, 0x30), bad_roms[i] | 1);
		decode(a, true);
		assert_int_equal(get(a, 4) & COMMAND_DECODE, 0);
		config_write(a, 0x30, 1, 0);
		decode(a, true);
		assert_int_equal(get(a, 4) & COMMAND_DECODE, COMMAND_DECODE);
	}
}

static void rom_of_a_bridge_has_another_place(void **state)
{
	struct fake_function *bridge = add_function(AT(0, 1));

	(void)state;
	set(bridge, 0x0c, 0x00010000, 0);
	set(bridge, 0x30, 0, UINT32_MAX); /* upper halves of its I/O window */
	set(bridge, 0x38, 0, ROM_WRITABLE);
	decode(bridge, true);
	config_write(bridge, 0x38, 4, 0xfee00001);
	assert_int_equal(get(bridge, 0x38), 0);
	config_write(bridge, 0x30, 4, 0xfee00001);
	assert_int_equal(get(bridge, 0x30), 0xfee00001);
}

static void rom_is_left_as_the_firmware_had_it(void **state)
{
	(void)state;
	set(a, 0x30, 0xf2000001, ROM_WRITABLE);
	decode(a, true);
	assert_int_equal(get(a, 0x30), 0xf2000001);
	assert_int_equal(get(a, 4) & COMMAND_DECODE, COMMAND_DECODE);
}

static void rom_may_be_written_where_a_bar_of_the_firmwares_lies_over_our_registers(void **state)
{
	(void)state;
	set(a, 0x10, 0xfee00004, ~(MEMORY_SIZE - 1));
	set(a, 4, 0x00100002, 0x407);
	set(a, 0x30, 0, ROM_WRITABLE);
	config_write(a, 0x30, 4, 0xf2000001);
	assert_int_equal(get(a, 0x30), 0xf2000001);
}

/* ---- functions that come and go ---- */

static void function_that_is_gone_is_forgotten(void **state)
{
	unsigned before;

	(void)state;
	start_msix(4);
	open_entry(0, DEST(0), 0x71);
	a->is_gone = true;
	assert_int_equal(config_read(a, 0, 4), UINT32_MAX);
	assert_int_equal(vm.memory_regions.count, 2);
	before = allocation_count;
	a->is_gone = false;
	set(a, 0, 0x56788086, 0);
	set(a, 0x40, get(a, 0x40) & ~0x80000000U, 0xc0000000);
	assert_int_equal(config_read(a, 0, 4), 0x56788086);
	config_write(a, 0x42, 2, MSIX_ON);
	open_entry(0, DEST(0), 0x72);
	assert_true(entry_interrupts(0));
	assert_int_equal(sent.vector, 0x72);
	assert_int_equal(allocation_count, before);
}

static void function_that_was_exchanged_is_discovered_anew(void **state)
{
	(void)state;
	start_msix(4);
	memset(a->config + 0x40, 0, 16);
	set(a, 0, 0x99998086, 0);
	a->config[0x34] = 0;
	assert_int_equal(config_read(a, 0, 4), 0x99998086);
	assert_int_equal(vm.memory_regions.count, 2);
}

/* What is where the old one had its capabilities is a register of the new one. */
static void function_that_was_exchanged_is_not_written_to(void **state)
{
	(void)state;
	add_msi(b, 0x60);
	add_msix(b, 0x60, 4, 0x2000);
	(void)config_read(b, 0, 4);
	set(b, 0x00, 0x99998086, 0);
	set(b, 0x40, UINT32_MAX, UINT32_MAX);
	set(b, 0x60, UINT32_MAX, UINT32_MAX);
	assert_int_equal(config_read(b, 0, 4), 0x99998086);
	assert_int_equal(get(b, 0x40), UINT32_MAX);
	assert_int_equal(get(b, 0x60), UINT32_MAX);
}

static void function_that_asks_for_patience_is_kept(void **state)
{
	(void)state;
	start_msix(4);
	set(a, 0, 0xffff0001, 0);
	(void)config_read(a, 0, 4);
	set(a, 0, 0x12348086, 0);
	assert_int_equal(vm.memory_regions.count, 3);
}

static struct fake_function *add_bridge(void)
{
	struct fake_function *bridge = add_function(AT(0, 1));

	set(bridge, 0x0c, 0x00010000, 0);
	set(bridge, 0x18, 0x00030100, 0x00ffffff); /* 0, 1-3 */
	return bridge;
}

static void bus_number_that_changes_forgets_what_is_below(void **state)
{
	struct fake_function *bridge = add_bridge();

	(void)state;
	add_msix(b, 0x40, 4, 0x2000);
	decode(b, true);
	assert_int_equal(vm.memory_regions.count, 3);
	config_write(bridge, 0x19, 1, 2);
	assert_int_equal(vm.memory_regions.count, 2);
	b->address = AT(2, 2);
	(void)config_read(b, 0, 4);
	assert_int_equal(vm.memory_regions.count, 3);
}

static void bus_range_that_grows_keeps_what_is_below(void **state)
{
	struct fake_function *bridge = add_bridge();

	(void)state;
	add_msix(b, 0x40, 4, 0x2000);
	decode(b, true);
	config_write(bridge, 0x1a, 1, 9);
	config_write(bridge, 0x18, 1, 0);
	assert_int_equal(vm.memory_regions.count, 3);
	config_write(bridge, 0x18, 4, 0);
	assert_int_equal(vm.memory_regions.count, 2);
}

/* ---- virtual functions ---- */

static struct fake_function *start_virtual(unsigned number)
{
	struct fake_function *function;

	add_sriov(a, 0xe0000000);
	function = add_virtual(a, number);
	config_write(a, 0x110, 2, 4);
	config_write(a, 0x108, 2, 9);
	(void)config_read(function, 4, 4);
	return function;
}

static void virtual_function_has_its_table_in_the_physical_ones_bar(void **state)
{
	struct fake_function *function = start_virtual(2);

	(void)state;
	assert_true(is_trapped(0xe0000000 + 2 * MEMORY_SIZE));
	config_write(function, 0x42, 2, MSIX_ON);
	table_write(function, 0, DEST(1));
	table_write(function, 8, 0x91);
	table_write(function, 12, 0);
	assert_true(interrupt(memory_get(function, 0), memory_get(function, 8)));
	assert_int_equal(sent.vector, 0x91);
	assert_int_equal(stray_count, 0);
}

static void virtual_functions_follow_their_memory_enable(void **state)
{
	(void)start_virtual(1);

	(void)state;
	config_write(a, 0x108, 2, 1);
	assert_int_equal(vm.memory_regions.count, 2);
	config_write(a, 0x108, 2, 9);
	assert_true(is_trapped(0xe0000000 + MEMORY_SIZE));
}

/* All of them: the last one's registers are the machine's configuration space. */
static void virtual_functions_over_ram_or_our_registers_do_not_decode(void **state)
{
	static const uint32_t bases[] = { 0x1000000, 0xfee00000,
					  (uint32_t)ECAM_0 - 3 * MEMORY_SIZE };

	(void)state;
	add_sriov(a, 0);
	config_write(a, 0x110, 2, 4);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		config_write(a, 0x108, 2, 0);
		config_write(a, 0x124, 4, bases[i]);
		config_write(a, 0x108, 2, 9);
		assert_int_equal(get(a, 0x108), 1);
		config_write(a, 0x108, 2, 9);
		assert_int_equal(get(a, 0x108), 1);
	}
	config_write(a, 0x108, 2, 0);
	config_write(a, 0x124, 4, (uint32_t)ECAM_0 - 4 * MEMORY_SIZE);
	config_write(a, 0x108, 2, 9);
	assert_int_equal(get(a, 0x108), 9);
}

static bool was_trapped;

static void look_for_trap(void)
{
	was_trapped = is_trapped(0xe0000000 + MEMORY_SIZE);
}

/* Another vCPU must not find the table open in between. */
static void virtual_functions_table_is_trapped_before_it_decodes(void **state)
{
	(void)start_virtual(1);

	(void)state;
	config_write(a, 0x108, 2, 1);
	was_trapped = false;
	before_decode = look_for_trap;
	config_write(a, 0x108, 2, 9);
	assert_true(was_trapped);
}

static void virtual_functions_bars_do_not_move_while_on(void **state)
{
	(void)start_virtual(1);

	(void)state;
	config_write(a, 0x124, 4, 0xe1000000);
	assert_int_equal(get(a, 0x124), 0xe0000000);
}

/* Its entries are written by us: over RAM or our registers that would be anybody's memory. */
static void virtual_functions_table_over_ram_or_our_registers_is_not_trapped(void **state)
{
	static const uint32_t bases[] = { 0x1000000, 0xfee00000, 0xb0000000 };

	(void)state;
	add_sriov(a, 0);
	(void)add_virtual(a, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct fake_function virtual = { .address = a->address + 0x10 };

		config_write(a, 0x108, 2, 0);
		config_write(a, 0x124, 4, bases[i]);
		config_write(a, 0x110, 2, 4);
		config_write(a, 0x108, 2, 9);
		(void)config_read(&virtual, 4, 4);
		assert_int_equal(vm.memory_regions.count, 2);
		config_write(&virtual, 0x42, 2, MSIX_ON);
		assert_int_equal(config_read(&virtual, 0x42, 2) & MSIX_ON, 0);
	}
	assert_int_equal(unmap_count, 0);
}

/* Another table has taken its place meanwhile: when that leaves again, nobody traps this one. */
static void virtual_function_whose_table_can_not_be_trapped_has_msix_off(void **state)
{
	struct fake_function *function = start_virtual(0);

	(void)state;
	config_write(function, 0x42, 2, MSIX_ON);
	config_write(a, 0x108, 2, 1);
	add_msix(b, 0x40, 4, 0);
	decode(b, true);
	config_write(b, 0x10, 4, 0xe0000000);
	config_write(a, 0x108, 2, 9);
	config_write(b, 0x10, 4, 0xf1000000);
	assert_false(is_trapped(0xe0000000));
	assert_int_equal(get(function, 0x40) >> 16 & MSIX_ON, 0);
}

/* More of them than there are, or bus numbers that overlap: its address is one of theirs as well.
 */
static void function_among_the_virtual_ones_keeps_its_own_bars(void **state)
{
	(void)state;
	add_sriov(a, 0xe0000000);
	add_msix(b, 0x40, 4, 0x2000);
	config_write(a, 0x110, 2, 256);
	config_write(a, 0x108, 2, 9);
	decode(b, true);
	assert_true(is_trapped(table_at(b, 0x2000)));
	config_write(b, 0x10, 4, 0xfee00000);
	assert_int_not_equal(get(b, 0x10) & ~15U, 0xfee00000);
}

/* A reset of the physical function takes them away, and nobody tells. */
static void function_where_a_virtual_one_was_is_discovered_anew(void **state)
{
	struct fake_function *function = start_virtual(1), *other;

	(void)state;
	assert_int_equal(config_read(function, 0, 4), UINT32_MAX);
	set(a, 0x108, 0, 9);
	other = add_function(function->address);
	add_msix(other, 0x40, 4, 0x2000);
	assert_int_equal(config_read(other, 0, 4), 0x12348086);
	decode(other, true);
	assert_true(is_trapped(table_at(other, 0x2000)));
}

static void virtual_functions_are_not_more_than_the_device_has(void **state)
{
	unsigned before;

	(void)state;
	add_sriov(a, 0xe0000000);
	config_write(a, 0x110, 2, UINT16_MAX);
	config_write(a, 0x108, 2, 9);
	before = allocation_count;
	for (unsigned i = 4; i < 24; i++) {
		struct fake_function none = { .address = a->address + 0x10 + 8 * i };

		assert_int_equal(config_read(&none, 0, 4), UINT32_MAX);
	}
	assert_int_equal(allocation_count, before);
}

static void virtual_functions_go_with_the_physical_one(void **state)
{
	struct fake_function *function = start_virtual(1);

	(void)state;
	config_write(a, 0x108, 2, 0);
	assert_int_equal(vm.memory_regions.count, 2);
	assert_int_equal(config_read(function, 0, 4), UINT32_MAX);
	config_write(a, 0x108, 2, 9);
	(void)config_read(function, 4, 4);
	assert_int_equal(vm.memory_regions.count, 3);
	a->is_gone = true;
	(void)config_read(a, 0, 4);
	assert_int_equal(vm.memory_regions.count, 2);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bar_sizing_takes_the_trap_away_and_back),
		TEST(bar_moves_take_the_trap_along),
		TEST(bar_over_the_hypervisors_registers_is_refused),
		TEST(bar_over_ram_is_refused_and_one_at_0_is_not),
		TEST(bar_that_was_made_larger_is_refused_by_its_new_size),
		TEST(bar_of_the_firmwares_that_lies_there_already_stays),
		TEST(bars_with_tables_in_each_others_way_are_refused),
		TEST(rom_over_ram_or_our_registers_is_refused),
		TEST(rom_that_reaches_our_registers_is_refused),
		TEST(rom_that_lies_there_keeps_the_function_from_decoding),
		TEST(rom_of_a_bridge_has_another_place),
		TEST(rom_is_left_as_the_firmware_had_it),
		TEST(rom_may_be_written_where_a_bar_of_the_firmwares_lies_over_our_registers),
		TEST(function_that_is_gone_is_forgotten),
		TEST(function_that_was_exchanged_is_discovered_anew),
		TEST(function_that_was_exchanged_is_not_written_to),
		TEST(function_that_asks_for_patience_is_kept),
		TEST(bus_number_that_changes_forgets_what_is_below),
		TEST(bus_range_that_grows_keeps_what_is_below),
		TEST(virtual_function_has_its_table_in_the_physical_ones_bar),
		TEST(virtual_functions_follow_their_memory_enable),
		TEST(virtual_functions_over_ram_or_our_registers_do_not_decode),
		TEST(virtual_functions_table_is_trapped_before_it_decodes),
		TEST(virtual_functions_bars_do_not_move_while_on),
		TEST(virtual_functions_table_over_ram_or_our_registers_is_not_trapped),
		TEST(virtual_function_whose_table_can_not_be_trapped_has_msix_off),
		TEST(function_among_the_virtual_ones_keeps_its_own_bars),
		TEST(function_where_a_virtual_one_was_is_discovered_anew),
		TEST(virtual_functions_are_not_more_than_the_device_has),
		TEST(virtual_functions_go_with_the_physical_one),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
