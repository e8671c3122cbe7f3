/* SPDX-License-Identifier: GPL-2.0-only */
/* The IOAPIC driver against a model of the chip, of either generation. */
/* arch: x86 */
/* sources: arch/x86/ioapic.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/log_capture.h"

#include "arch/ioapic.h"
#include "arch/mmio.h"
#include "core/bits.h"
#include "drivers/acpi.h"
#include "mm/hyp_map.h"

#define ENTRIES    24
#define LEVEL      BIT(15)
#define REMOTE_IRR BIT(14)
#define MASKED     BIT(16)

struct chip {
	uint64_t address;
	uint32_t version;
	uint32_t index;
	uint64_t entries[ENTRIES];
	unsigned eoi_count, unmasked_edge_count, misrouted_count;
	uint64_t under_way; /* entries whose message has left and is not seen yet */
};

static struct chip chips[2];
struct acpi acpi;

void *hyp_map_mmio(hpa_t start, uint64_t size)
{
	assert_true(size >= 0x44);
	for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
		if (chips[i].address == start.value) {
			return &chips[i];
		}
	}
	return NULL;
}

/* Remote IRR is read-only; a change to edge clears it (82093AA 3.2.4, as chips do it). */
static void entry_low_write(struct chip *chip, unsigned n, uint32_t value)
{
	uint64_t old = chip->entries[n];
	uint64_t low = (value & ~REMOTE_IRR) | (old & REMOTE_IRR);

	if ((value & LEVEL) == 0) {
		low &= ~REMOTE_IRR;
		chip->unmasked_edge_count += (value & MASKED) == 0 && (old & LEVEL) != 0;
	}
	chip->entries[n] = (old & BITS(63, 32)) | low;
}

static void data_write(struct chip *chip, uint32_t value)
{
	unsigned n = (chip->index - 0x10) / 2;

	assert_true(chip->index >= 0x10 && n < ENTRIES);
	if ((chip->index & 1) != 0) {
		chip->misrouted_count += (chip->under_way & BIT(n)) != 0;
		chip->entries[n] = (chip->entries[n] & BITS(31, 0)) | (uint64_t)value << 32;
	} else {
		entry_low_write(chip, n, value);
	}
}

static void eoi(struct chip *chip, uint8_t vector)
{
	assert_true((chip->version & 0xff) >= 0x20);
	chip->eoi_count++;
	for (unsigned n = 0; n < ENTRIES; n++) {
		if ((chip->entries[n] & 0xff) == vector) {
			chip->entries[n] &= ~REMOTE_IRR;
		}
	}
}

uint32_t mmio_read32(const void *base, unsigned offset)
{
	struct chip *chip = &chips[(const struct chip *)base - chips];
	unsigned n = (chip->index - 0x10) / 2;

	assert_int_equal(offset, 0x10);
	if (chip->index == 1) {
		return chip->version;
	}
	assert_true(chip->index >= 0x10 && n < ENTRIES);
	if ((chip->under_way & BIT(n)) != 0 && (chip->entries[n] & MASKED) != 0) {
		chip->under_way &= ~BIT(n);
		chip->entries[n] |= REMOTE_IRR;
	}
	return (uint32_t)(chip->entries[n] >> (chip->index % 2 * 32));
}

void mmio_write32(void *base, unsigned offset, uint32_t value)
{
	struct chip *chip = base;

	switch (offset) {
	case 0x00:
		chip->index = value;
		break;
	case 0x10:
		data_write(chip, value);
		break;
	case 0x40:
		eoi(chip, (uint8_t)value);
		break;
	default:
		fail_msg("no register at %#x", offset);
	}
}

static void start_with_version(uint32_t version)
{
	for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
		chips[i] = (struct chip){ .address = 0xfec00000 + i * 0x1000,
					  .version = version | (ENTRIES - 1) << 16 };
		acpi.ioapics[i] = (struct acpi_ioapic){ .id = i,
							.address = chips[i].address,
							.gsi_base = i * 32 };
	}
	acpi.ioapic_count = ARRAY_SIZE(chips);
	/* What firmware left: an open entry, and one that is stuck. */
	chips[0].entries[2] = 0x31;
	chips[1].entries[5] = 0x44 | LEVEL | REMOTE_IRR;
	assert_int_equal(ioapic_init(), 0);
}

static int setup_old(void **state)
{
	(void)state;
	start_with_version(0x11);
	return 0;
}

static int setup_new(void **state)
{
	(void)state;
	start_with_version(0x20);
	return 0;
}

static void ioapic_init_masks_every_entry_of_every_ioapic(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(chips); i++) {
		for (unsigned n = 0; n < ENTRIES; n++) {
			assert_true(chips[i].entries[n] & MASKED);
		}
	}
}

static void ioapic_init_clears_what_is_stuck(void **state)
{
	(void)state;
	assert_false(chips[1].entries[5] & REMOTE_IRR);
}

static void ioapic_knows_the_gsis_and_the_hole_between(void **state)
{
	(void)state;
	assert_true(ioapic_gsi_exists(0));
	assert_true(ioapic_gsi_exists(23));
	assert_false(ioapic_gsi_exists(24));
	assert_false(ioapic_gsi_exists(31));
	assert_true(ioapic_gsi_exists(55));
	assert_false(ioapic_gsi_exists(56));
	assert_int_equal(ioapic_gsi_count(), 56);
	assert_int_equal(ioapic_entries(1), ENTRIES);
	assert_int_equal(ioapic_entries(2), 0);
}

static void ioapic_route_writes_a_masked_entry(void **state)
{
	const struct ioapic_route route = {
		.vector = 0x51, .apic_id = 3, .level = true, .active_low = true
	};

	(void)state;
	ioapic_route(32 + 7, &route);
	assert_int_equal(chips[1].entries[7], UINT64_C(3) << 56 | MASKED | LEVEL | BIT(13) | 0x51);
	assert_int_equal(chips[0].entries[7], MASKED);
}

static void ioapic_unmask_and_mask_change_nothing_else(void **state)
{
	const struct ioapic_route route = { .vector = 0x51, .apic_id = 3, .level = true };
	uint64_t entry = UINT64_C(3) << 56 | LEVEL | 0x51;

	(void)state;
	ioapic_route(4, &route);
	ioapic_unmask(4);
	assert_int_equal(chips[0].entries[4], entry);
	chips[0].entries[4] |= REMOTE_IRR;
	ioapic_mask(4);
	assert_int_equal(chips[0].entries[4], entry | MASKED | REMOTE_IRR);
}

static void make_stuck(void)
{
	const struct ioapic_route route = { .vector = 0x51, .apic_id = 1, .level = true };

	ioapic_route(9, &route);
	ioapic_unmask(9);
	chips[0].entries[9] |= REMOTE_IRR;
}

static void ioapic_clears_remote_irr_by_directed_eoi(void **state)
{
	(void)state;
	make_stuck();
	ioapic_clear_remote_irr(9);
	assert_int_equal(chips[0].eoi_count, 1);
	assert_int_equal(chips[0].entries[9], UINT64_C(1) << 56 | LEVEL | 0x51);
}

static void ioapic_clears_remote_irr_by_trigger_mode_while_masked(void **state)
{
	(void)state;
	make_stuck();
	ioapic_clear_remote_irr(9);
	assert_int_equal(chips[0].entries[9], UINT64_C(1) << 56 | LEVEL | 0x51);
	assert_int_equal(chips[0].unmasked_edge_count, 0);
}

static void ioapic_leaves_an_entry_alone_that_is_not_stuck(void **state)
{
	(void)state;
	make_stuck();
	chips[0].entries[9] &= ~REMOTE_IRR;
	ioapic_clear_remote_irr(9);
	assert_int_equal(chips[0].eoi_count, 0);
}

static void ioapic_route_frees_the_entry_of_its_old_vector(void **state)
{
	const struct ioapic_route route = { .vector = 0x61, .apic_id = 1, .level = true };

	(void)state;
	make_stuck();
	ioapic_route(9, &route);
	assert_int_equal(chips[0].entries[9], UINT64_C(1) << 56 | MASKED | LEVEL | 0x61);
}

static void ioapic_route_lets_a_message_arrive_before_the_entry_changes(void **state)
{
	const struct ioapic_route route = { .vector = 0x61, .apic_id = 2, .level = true };

	(void)state;
	make_stuck();
	chips[0].entries[9] &= ~REMOTE_IRR;
	chips[0].under_way = BIT(9);
	ioapic_route(9, &route);
	assert_int_equal(chips[0].misrouted_count, 0);
	assert_int_equal(chips[0].under_way, 0);
	assert_int_equal(chips[0].entries[9], UINT64_C(2) << 56 | MASKED | LEVEL | 0x61);
}

static void ioapic_init_leaves_out_one_that_does_not_answer(void **state)
{
	(void)state;
	chips[0].version = UINT32_MAX;
	assert_int_equal(ioapic_init(), 0);
	assert_false(ioapic_gsi_exists(0));
	assert_true(ioapic_gsi_exists(32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ioapic_init_masks_every_entry_of_every_ioapic, setup_old),
		cmocka_unit_test_setup(ioapic_init_clears_what_is_stuck, setup_old),
		cmocka_unit_test_setup(ioapic_init_clears_what_is_stuck, setup_new),
		cmocka_unit_test_setup(ioapic_knows_the_gsis_and_the_hole_between, setup_old),
		cmocka_unit_test_setup(ioapic_route_writes_a_masked_entry, setup_old),
		cmocka_unit_test_setup(ioapic_unmask_and_mask_change_nothing_else, setup_old),
		cmocka_unit_test_setup(ioapic_clears_remote_irr_by_directed_eoi, setup_new),
		cmocka_unit_test_setup(ioapic_clears_remote_irr_by_trigger_mode_while_masked,
				       setup_old),
		cmocka_unit_test_setup(ioapic_leaves_an_entry_alone_that_is_not_stuck, setup_new),
		cmocka_unit_test_setup(ioapic_route_frees_the_entry_of_its_old_vector, setup_old),
		cmocka_unit_test_setup(ioapic_route_frees_the_entry_of_its_old_vector, setup_new),
		cmocka_unit_test_setup(ioapic_route_lets_a_message_arrive_before_the_entry_changes,
				       setup_old),
		cmocka_unit_test_setup(ioapic_route_lets_a_message_arrive_before_the_entry_changes,
				       setup_new),
		cmocka_unit_test_setup(ioapic_init_leaves_out_one_that_does_not_answer, setup_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
