/* SPDX-License-Identifier: GPL-2.0-only */
/* arch: x86 */
/* sources: drivers/virtual/vpci.c drivers/virtual/vpci_bar.c drivers/virtual/vpci_msi.c */
/* sources: drivers/virtual/vpci_msix.c drivers/virtual/vpci_sriov.c drivers/virtual/vmsg.c */
/* sources: drivers/pci.c core/region.c core/irq.c */
/* PCI functions of the control guest and their message interrupts, on a fake machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vpci_guest.h"

static uint32_t table_read(const struct fake_function *function, unsigned offset)
{
	return (uint32_t)guest_access(table_at(function, offset), 4, false, 0);
}

/* a has MSI with what the guest wrote to it. */
static void start_msi(unsigned log2, uint32_t address, uint32_t data)
{
	add_msi(a, 0);
	config_write(a, 0x44, 4, address);
	config_write(a, 0x4c, 2, data);
	config_write(a, 0x42, 2, MSI_ON | log2 << 4);
}

static void drain(unsigned cpu)
{
	cpus[cpu].irq_drains += 2;
}

/* ---- configuration space ---- */

static void vpci_forwards_what_is_not_its_own(void **state)
{
	(void)state;
	set(a, 0x50, 0x11223344, ~0U);
	assert_int_equal(config_read(a, 0x50, 4), 0x11223344);
	assert_int_equal(config_read(a, 0x52, 2), 0x1122);
	assert_int_equal(config_read(a, 0x53, 1), 0x11);
	config_write(a, 0x51, 1, 0xaa);
	config_write(a, 0x52, 2, 0xbbcc);
	assert_int_equal(get(a, 0x50), 0xbbccaa44);
	assert_int_equal(guest_access(config_address(a->address, 0x50), 8, false, 0), 0xbbccaa44);
	(void)guest_access(config_address(a->address, 0x50), 8, true, UINT64_C(1) << 32 | 2);
	assert_int_equal(get(a, 0x50), 2);
}

static void vpci_absent_functions_read_ones_and_cost_nothing(void **state)
{
	struct fake_function ghost = { .address = AT(7, 7) };
	unsigned before = allocation_count;

	(void)state;
	assert_int_equal(config_read(&ghost, 0, 4), UINT32_MAX);
	assert_int_equal(config_read(&ghost, 0x40, 2), 0xffff);
	config_write(&ghost, 0x40, 4, 1);
	assert_int_equal(allocation_count, before);
}

static void vpci_odd_accesses_are_nobodys(void **state)
{
	(void)state;
	set(a, 0x50, 0x11223344, ~0U);
	assert_int_equal(guest_access(config_address(a->address, 0x51), 2, false, 0), 0xffff);
	(void)guest_access(config_address(a->address, 0x53), 4, true, 0);
	assert_int_equal(get(a, 0x50), 0x11223344);
}

static void vpci_discovery_leaves_registers_as_they_were(void **state)
{
	uint8_t before[4096];

	(void)state;
	add_msi(a, 0x60);
	add_msix(a, 0x60, 4, 0x2000);
	add_sriov(a, 0xe0000000);
	a->config[4] = COMMAND_DECODE;
	memcpy(before, a->config, sizeof(before));
	assert_int_equal(config_read(a, 0, 4), 0x12348086);
	assert_memory_equal(before, a->config, sizeof(before));
}

static void vpci_segments_are_apart(void **state)
{
	struct fake_function *other = add_function(AT(0, 3) | IN_SEGMENT_1);

	(void)state;
	set(other, 0x50, 1, 0);
	set(a, 0x50, 2, 0);
	assert_int_equal(config_read(other, 0x50, 4), 1);
	assert_int_equal(config_read(a, 0x50, 4), 2);
}

/* ---- MSI ---- */

static void msi_reads_as_the_guest_wrote_it(void **state)
{
	(void)state;
	start_msi(0, DEST(1), 0x4051);
	assert_int_equal(config_read(a, 0x44, 4), DEST(1));
	assert_int_equal(config_read(a, 0x46, 1), 0xe0);
	assert_int_equal(config_read(a, 0x48, 4), 0);
	assert_int_equal(config_read(a, 0x4c, 2), 0x4051);
	assert_int_equal(config_read(a, 0x42, 2) & MSI_ON, MSI_ON);
}

static void msi_machine_gets_a_host_vector_of_the_vcpus_cpu(void **state)
{
	(void)state;
	start_msi(0, DEST(1), 0x51);
	assert_int_equal(get(a, 0x44), DEST(1));
	assert_int_equal(get(a, 0x48), 0);
	assert_in_range(get(a, 0x4c), ARCH_IRQ_FIRST, ARCH_IRQ_LAST);
	assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	assert_int_equal(sent_count, 1);
	assert_int_equal(sent.vector, 0x51);
	assert_int_equal(sent.destination, 1);
	assert_int_equal(sent.mode, VLAPIC_FIXED);
}

static void msi_new_destination_is_one_word_of_the_machines(void **state)
{
	uint32_t data;

	(void)state;
	start_msi(0, DEST(0), 0x51);
	data = get(a, 0x4c);
	memset(config_writes, 0, sizeof(config_writes));
	config_write(a, 0x44, 4, DEST(2));
	config_write(a, 0x4c, 2, 0x61);
	assert_int_equal(get(a, 0x44), DEST(2));
	assert_int_equal(get(a, 0x4c), data);
	assert_int_equal(config_writes[0x4c] + config_writes[0x42], 0);
	assert_true(interrupt(get(a, 0x44), data));
	assert_int_equal(sent.vector, 0x61);
	/* One that was sent before, to the old CPU. */
	assert_true(interrupt(DEST(0), data));
	assert_int_equal(sent_count, 2);
	assert_int_equal(sent.destination, 2);
}

static void msi_stays_where_its_vector_is_taken_elsewhere(void **state)
{
	struct irq other = { .fn = NULL };

	(void)state;
	start_msi(0, DEST(0), 0x51);
	assert_int_equal(irq_route(&other, &cpus[1]), 0);
	assert_int_equal(other.vector, get(a, 0x4c));
	config_write(a, 0x44, 4, DEST(1));
	assert_int_equal(get(a, 0x44), DEST(0));
	assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	assert_int_equal(sent.destination, 1);
}

static void msi_blocks_are_aligned_and_numbered(void **state)
{
	(void)state;
	start_msi(3, DEST(0), 0x50);
	assert_int_equal(get(a, 0x4c) % 8, 0);
	assert_int_equal(get(a, 0x40) >> 20 & 7, 3);
	for (uint32_t i = 0; i < 8; i++) {
		assert_true(interrupt(get(a, 0x44), get(a, 0x4c) + i));
		assert_int_equal(sent.vector, 0x50 + i);
	}
}

static void msi_more_messages_than_it_has_are_not_enabled(void **state)
{
	(void)state;
	start_msi(7, DEST(0), 0x40);
	assert_int_equal(get(a, 0x40) >> 20 & 7, 3);
}

static void msi_off_gives_its_vector_back(void **state)
{
	uint32_t vector;

	(void)state;
	start_msi(0, DEST(0), 0x51);
	vector = get(a, 0x4c);
	config_write(a, 0x42, 2, 0);
	assert_int_equal(get(a, 0x40) >> 16 & MSI_ON, 0);
	drain(0);
	add_msi(b, 0);
	config_write(b, 0x44, 4, DEST(0));
	config_write(b, 0x42, 2, MSI_ON);
	assert_int_equal(get(b, 0x4c), vector);
}

static void msi_without_a_vector_stays_off(void **state)
{
	static struct irq taken[PCI_CPUS * 256];
	unsigned count = 0;

	(void)state;
	while (irq_route(&taken[count], &cpus[0]) == 0) {
		count++;
	}
	start_msi(0, DEST(0), 0x51);
	assert_int_equal(get(a, 0x40) >> 16 & MSI_ON, 0);
	assert_int_equal(config_read(a, 0x42, 2) & MSI_ON, 0);
	assert_true(log_has("no host vector left"));
}

static void msi_is_programmed_again_after_a_reset_of_the_device(void **state)
{
	(void)state;
	start_msi(0, DEST(1), 0x51);
	set(a, 0x40, get(a, 0x40) & ~0x10000U, 0x00710000);
	set(a, 0x44, 0, ~3U);
	config_write(a, 0x44, 4, DEST(1));
	config_write(a, 0x42, 2, MSI_ON);
	assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	assert_int_equal(sent.vector, 0x51);
}

/* The firmware's own may be on: it would reach nobody. */
static void msi_of_the_firmware_is_switched_off(void **state)
{
	(void)state;
	add_msi(a, 0);
	set(a, 0x40, get(a, 0x40) | 0x10000, 0x00710000);
	(void)config_read(a, 0, 4);
	assert_int_equal(get(a, 0x40) & 0x10000, 0);
}

static void msi_forged_messages_are_delivered_to_nobody(void **state)
{
	static const uint32_t addresses[] = { 0, 0x1000, 0xfed00000, 0xfef00000, UINT32_MAX };
	static const uint32_t modes[] = { 2, 3, 6, 7 };

	(void)state;
	start_msi(0, DEST(0), 0x51);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		config_write(a, 0x44, 4, addresses[i]);
		assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	}
	config_write(a, 0x44, 4, DEST(0));
	config_write(a, 0x48, 4, 1);
	assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	config_write(a, 0x48, 4, 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		config_write(a, 0x4c, 2, 0x51 | modes[i] << 8);
		assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	}
	assert_int_equal(sent_count, 0);
	config_write(a, 0x4c, 2, 0x451);
	assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	assert_int_equal(sent.mode, VLAPIC_NMI);
}

static void msi_redirection_hint_asks_for_the_lowest_priority(void **state)
{
	(void)state;
	start_msi(0, DEST(1) | 0xc, 0x51);
	assert_true(interrupt(get(a, 0x44), get(a, 0x4c)));
	assert_int_equal(sent.mode, VLAPIC_LOWEST);
	assert_true(sent.is_logical);
}

/* ---- MSI-X ---- */

static void msix_table_is_trapped_while_it_is_decoded(void **state)
{
	(void)state;
	add_msix(a, 0x40, 4, 0x2000);
	decode(a, true);
	assert_true(is_trapped(table_at(a, 0x2000)));
	assert_true(is_trapped(table_at(a, 0x203c)));
	assert_false(is_trapped(table_at(a, 0x2040)));
	assert_false(is_trapped(table_at(a, 0x1ffc)));
	assert_int_equal(unmap_count, 1);
	decode(a, false);
	assert_int_equal(vm.memory_regions.count, 2);
	assert_int_equal(stray_count, 0);
}

static void msix_entry_is_programmed_when_it_is_unmasked(void **state)
{
	(void)state;
	start_msix(4);
	table_write(a, 0x2010, DEST(1));
	table_write(a, 0x2018, 0x71);
	assert_false(entry_interrupts(1));
	table_write(a, 0x201c, 0);
	assert_int_equal(table_read(a, 0x2010), DEST(1));
	assert_int_equal(table_read(a, 0x2018), 0x71);
	assert_int_equal(table_read(a, 0x201c), 0);
	assert_true(entry_interrupts(1));
	assert_int_equal(sent.vector, 0x71);
	assert_int_equal(sent.destination, 1);
	assert_false(entry_interrupts(0));
	table_write(a, 0x201c, 1);
	assert_false(entry_interrupts(1));
}

static void msix_entries_opened_before_it_is_on_work_after(void **state)
{
	(void)state;
	add_msix(a, 0x40, 4, 0x2000);
	decode(a, true);
	a->memory[0x200c] = a->memory[0x201c] = 1; /* as a reset leaves them */
	config_write(a, 0x42, 2, MSIX_MASKED);
	open_entry(0, DEST(2), 0x81);
	config_write(a, 0x42, 2, MSIX_ON);
	assert_int_equal(config_read(a, 0x42, 2), 3 | MSIX_ON);
	assert_true(entry_interrupts(0));
	assert_false(entry_interrupts(1));
	assert_int_equal(sent.vector, 0x81);
}

static void msix_follows_its_vcpu_while_open(void **state)
{
	uint32_t old_address, old_data;

	(void)state;
	start_msix(4);
	open_entry(0, DEST(0), 0x71);
	old_address = memory_get(a, 0x2000);
	old_data = memory_get(a, 0x2008);
	table_write(a, 0x2000, DEST(2));
	assert_int_equal(memory_get(a, 0x2000), DEST(2));
	assert_true(entry_interrupts(0));
	assert_int_equal(sent.destination, 2);
	assert_true(interrupt(old_address, old_data)); /* late */
	assert_int_equal(sent_count, 2);
}

static void msix_table_accesses_of_any_width(void **state)
{
	uint64_t at;

	(void)state;
	start_msix(4);
	at = table_at(a, 0x2000);
	(void)guest_access(at, 8, true, DEST(1));
	(void)guest_access(at + 8, 8, true, 0x71);
	assert_true(entry_interrupts(0));
	assert_int_equal(guest_access(at, 8, false, 0), DEST(1));
	assert_int_equal(guest_access(at + 8, 2, false, 0), 0x71);
	assert_int_equal(guest_access(at + 3, 1, false, 0), 0xfe);
	(void)guest_access(at, 2, true, 0xffff);
	(void)guest_access(at + 8, 1, true, 0xff);
	assert_int_equal(guest_access(at, 8, false, 0), DEST(1));
	assert_int_equal(guest_access(at + 8, 4, false, 0), 0x71);
}

static void msix_raw_messages_never_reach_the_machine(void **state)
{
	(void)state;
	start_msix(4);
	open_entry(0, 0xfee00000, 0x0500); /* INIT to the first CPU */
	assert_int_equal(memory_get(a, 0x2008) & ~0xffU, 0);
	open_entry(1, 0x1000, 0x71); /* a write to memory */
	assert_int_equal(memory_get(a, 0x2010) >> 20, 0xfee);
	assert_true(entry_interrupts(1));
	assert_int_equal(sent_count, 0);
}

static void msix_that_is_not_decoded_stays_off(void **state)
{
	(void)state;
	add_msix(a, 0x40, 4, 0x2000);
	config_write(a, 0x42, 2, MSIX_ON);
	assert_int_equal(config_read(a, 0x42, 2) & MSIX_ON, 0);
	assert_int_equal(stray_count, 0);
}

/* Some physical functions can give their virtual ones more entries, and devices are exchanged. */
static void msix_table_that_has_grown_since_it_was_trapped_stays_off(void **state)
{
	(void)state;
	start_msix(4);
	config_write(a, 0x42, 2, 0);
	add_msix(a, 0x40, 8, 0x2000);
	config_write(a, 0x42, 2, MSIX_ON);
	assert_false(is_trapped(table_at(a, 0x2040)));
	assert_int_equal(get(a, 0x40) >> 16 & MSIX_ON, 0);
	add_msix(a, 0x40, 2, 0x2000);
	config_write(a, 0x42, 2, MSIX_ON);
	assert_int_equal(get(a, 0x40) >> 16 & MSIX_ON, MSIX_ON);
}

static void msix_reset_masks_what_the_guest_had_open(void **state)
{
	(void)state;
	start_msix(4);
	open_entry(0, DEST(0), 0x71);
	/* The device resets itself. */
	set(a, 0x40, get(a, 0x40) & ~0x80000000U, 0xc0000000);
	memset(a->memory + 0x2000, 0, 12);
	a->memory[0x200c] = 1;
	config_write(a, 0x42, 2, MSIX_ON);
	assert_false(entry_interrupts(0));
	assert_int_equal(table_read(a, 0x200c) & 1, 1);
	open_entry(0, DEST(0), 0x72);
	assert_true(entry_interrupts(0));
	assert_int_equal(sent.vector, 0x72);
}

static void msix_off_and_on_again_uses_no_more_vectors(void **state)
{
	(void)state;
	start_msix(4);
	for (unsigned i = 0; i < 1000; i++) {
		open_entry(0, DEST(i % PCI_CPUS), 0x71);
		assert_true(entry_interrupts(0));
		config_write(a, 0x42, 2, 0);
		for (unsigned cpu = 0; cpu < PCI_CPUS; cpu++) {
			drain(cpu);
		}
		config_write(a, 0x42, 2, MSIX_ON);
	}
	assert_int_equal(sent_count, 1000);
}

/* ---- MSI-X with more entries than are looked at in one exit ---- */

#define MANY        2048U
#define READS_MAX   33U  /* of masked entries, and whether there was a reset */
#define READS_OPEN  161U /* of entries that are opened */
#define IN_ONE_EXIT 32U

static void start_many(void)
{
	add_msix(a, 0x40, MANY, 0);
	decode(a, true);
}

static void open_of_many(unsigned index, uint32_t data)
{
	table_write(a, 16 * index, DEST(1));
	table_write(a, 16 * index + 8, data);
	table_write(a, 16 * index + 12, 0);
}

/* One exit of the instruction that switches it on; true when it is. */
static bool on_in_one_exit(void)
{
	tries_max = 1;
	config_write(a, 0x42, 2, MSIX_ON);
	tries_max = 1000;
	return (config_read(a, 0x42, 2) & MSIX_ON) != 0;
}

static bool many_interrupts(unsigned index)
{
	return (memory_get(a, 16 * index + 12) & 1) == 0 &&
	       interrupt(memory_get(a, 16 * index), memory_get(a, 16 * index + 8));
}

static void msix_of_many_entries_reads_some_in_each_exit(void **state)
{
	unsigned exits = 1;

	(void)state;
	start_many();
	open_of_many(MANY - 1, 0x71);
	most_memory_reads = 0;
	while (!on_in_one_exit()) {
		exits++;
	}
	assert_int_equal(exits, MANY / IN_ONE_EXIT);
	assert_in_range(most_memory_reads, IN_ONE_EXIT, READS_MAX + 4);
	assert_true(many_interrupts(MANY - 1));
	assert_int_equal(sent.vector, 0x71);
}

static void msix_of_many_open_entries_reads_no_more_than_it_says(void **state)
{
	(void)state;
	start_many();
	for (unsigned i = 0; i < MANY; i++) {
		open_of_many(i, 0x71);
	}
	most_memory_reads = 0;
	config_write(a, 0x42, 2, MSIX_ON);
	assert_in_range(most_memory_reads, READS_MAX, READS_OPEN);
	assert_true(many_interrupts(0));
	config_write(a, 0x42, 2, 0);
	most_memory_reads = 0;
	config_write(a, 0x42, 2, MSIX_ON);
	assert_in_range(most_memory_reads, READS_MAX, READS_OPEN);
}

/* Other vCPUs go on meanwhile. */
static void msix_entries_written_while_it_is_switched_on_work_after(void **state)
{
	(void)state;
	start_many();
	assert_false(on_in_one_exit());
	open_of_many(3, 0x71);
	open_of_many(100, 0x72);
	assert_int_equal(memory_get(a, 16 * 3 + 8) & ~0xffU, 0);
	while (!on_in_one_exit()) {
	}
	assert_true(many_interrupts(3));
	assert_int_equal(sent.vector, 0x71);
	assert_true(many_interrupts(100));
	assert_int_equal(sent.vector, 0x72);
	table_write(a, 16 * 3 + 12, 1);
	assert_false(many_interrupts(3));
}

static void msix_reset_while_it_is_switched_on_begins_anew(void **state)
{
	(void)state;
	start_many();
	open_of_many(3, 0x71);
	assert_false(on_in_one_exit());
	assert_int_equal(table_read(a, 16 * 3 + 12) & 1, 0);
	a->memory[16 * 3 + 12] = 1; /* the device resets itself */
	config_write(a, 0x42, 2, MSIX_ON);
	assert_int_equal(table_read(a, 16 * 3 + 12) & 1, 1);
	assert_false(many_interrupts(3));
	open_of_many(3, 0x72);
	assert_true(many_interrupts(3));
	assert_int_equal(sent.vector, 0x72);
}

static void msix_that_was_not_switched_on_to_the_end_gives_its_vectors_back(void **state)
{
	uint32_t vector;

	(void)state;
	start_many();
	open_of_many(3, 0x71);
	assert_false(on_in_one_exit());
	vector = memory_get(a, 16 * 3 + 8);
	config_write(a, 0x42, 2, 0);
	drain(1);
	add_msi(b, 0);
	config_write(b, 0x44, 4, DEST(1));
	config_write(b, 0x42, 2, MSI_ON);
	assert_int_equal(get(b, 0x4c), vector);
	assert_false(on_in_one_exit()); /* from the first entry on */
	assert_true(many_interrupts(3));
	assert_int_not_equal(memory_get(a, 16 * 3 + 8), vector);
}

/* 8 bytes from the register before it on. */
static void msix_is_switched_on_by_the_upper_half_of_a_write(void **state)
{
	(void)state;
	add_msix(a, 0x4c, MANY, 0);
	a->config[0x34] = 0x4c;
	set(a, 0x48, 0, ~0U);
	decode(a, true);
	(void)guest_access(config_address(a->address, 0x48), 8, true,
			   (uint64_t)MSIX_ON << 48 | 0x12345678);
	assert_int_equal(config_read(a, 0x4e, 2) & MSIX_ON, MSIX_ON);
	assert_int_equal(get(a, 0x48), 0x12345678);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vpci_forwards_what_is_not_its_own),
		TEST(vpci_absent_functions_read_ones_and_cost_nothing),
		TEST(vpci_odd_accesses_are_nobodys),
		TEST(vpci_discovery_leaves_registers_as_they_were),
		TEST(vpci_segments_are_apart),
		TEST(msi_reads_as_the_guest_wrote_it),
		TEST(msi_machine_gets_a_host_vector_of_the_vcpus_cpu),
		TEST(msi_new_destination_is_one_word_of_the_machines),
		TEST(msi_stays_where_its_vector_is_taken_elsewhere),
		TEST(msi_blocks_are_aligned_and_numbered),
		TEST(msi_more_messages_than_it_has_are_not_enabled),
		TEST(msi_off_gives_its_vector_back),
		TEST(msi_without_a_vector_stays_off),
		TEST(msi_is_programmed_again_after_a_reset_of_the_device),
		TEST(msi_of_the_firmware_is_switched_off),
		TEST(msi_forged_messages_are_delivered_to_nobody),
		TEST(msi_redirection_hint_asks_for_the_lowest_priority),
		TEST(msix_table_is_trapped_while_it_is_decoded),
		TEST(msix_entry_is_programmed_when_it_is_unmasked),
		TEST(msix_entries_opened_before_it_is_on_work_after),
		TEST(msix_follows_its_vcpu_while_open),
		TEST(msix_table_accesses_of_any_width),
		TEST(msix_raw_messages_never_reach_the_machine),
		TEST(msix_that_is_not_decoded_stays_off),
		TEST(msix_table_that_has_grown_since_it_was_trapped_stays_off),
		TEST(msix_reset_masks_what_the_guest_had_open),
		TEST(msix_off_and_on_again_uses_no_more_vectors),
		TEST(msix_of_many_entries_reads_some_in_each_exit),
		TEST(msix_of_many_open_entries_reads_no_more_than_it_says),
		TEST(msix_entries_written_while_it_is_switched_on_work_after),
		TEST(msix_reset_while_it_is_switched_on_begins_anew),
		TEST(msix_that_was_not_switched_on_to_the_end_gives_its_vectors_back),
		TEST(msix_is_switched_on_by_the_upper_half_of_a_write),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
