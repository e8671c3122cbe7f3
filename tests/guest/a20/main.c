/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The A20 gate stays open, whatever the guest writes to port 92h and the 8042: it masks bit 20 of
 * addresses after stage-2, so that a guest with A20 off would reach memory that is not its own.
 */
#include "guests/lib/guest.h"

#define PORT_A           0x92
#define KEYBOARD_DATA    0x60
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_BUSY    BIT(1)
#define A20              BIT(20)
#define PROBE            UINT64_C(0x7000) /* conventional memory that nobody uses */

#define PAGE_BYTES UINT64_C(4096)

const char test_title[] = "A20 gate";

static uint64_t pages[512] __attribute__((aligned(4096)));

/* QEMU masks the bases of pages, not what lies inside of them: bit 20 must be in the base. */
static void map_by_small_pages(void)
{
	for (unsigned i = 0; i < 512; i++) {
		pages[i] = i * PAGE_BYTES | PAGE_PRESENT | PAGE_WRITE;
	}
	*page_entry(0) = (uintptr_t)pages | PAGE_PRESENT | PAGE_WRITE;
	cr3_write(cr3_read());
}

static bool a20_is_on(void)
{
	volatile uint64_t *low = (volatile uint64_t *)PROBE;
	volatile uint64_t *high = (volatile uint64_t *)(PROBE | A20);
	uint64_t old = *low;
	bool is_on;

	*low = ~*high;
	is_on = *low != *high;
	*low = old;
	return is_on;
}

static void keyboard_write(uint16_t port, uint8_t value)
{
	for (unsigned i = 0; i < 100000 && (in8(KEYBOARD_COMMAND) & KEYBOARD_BUSY) != 0; i++) {
	}
	out8(port, value);
}

void test_main(void)
{
	map_by_small_pages();
	check(a20_is_on(), "A20 is off at the start");
	out8(PORT_A, in8(PORT_A) & 0xfc);
	check(a20_is_on(), "port 92h turned A20 off");
	keyboard_write(KEYBOARD_COMMAND, 0xdd);
	check(a20_is_on(), "the 8042's command DDh turned A20 off");
	keyboard_write(KEYBOARD_COMMAND, 0xd1);
	keyboard_write(KEYBOARD_COMMAND, 0xae);
	keyboard_write(KEYBOARD_DATA, 0xdd);
	check(a20_is_on(), "the 8042's output port turned A20 off");
}
