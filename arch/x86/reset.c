/* SPDX-License-Identifier: GPL-2.0-only */
/* The ends of the machine: halt, reset by every way a PC has, power-off, an emulator's exit. */
#include "core/arch.h"

#include "arch/msr.h"
#include "arch/relax.h"
#include "core/option.h"
#include "drivers/acpi.h"

#define GAS_SPACE_IO       1
#define RESET_CONTROL_PORT 0xcf9 /* chipset's: 2 a hard reset's set-up, 6 does it */
#define KEYBOARD_PORT      0x64
#define KEYBOARD_BUSY      BIT(1)
#define KEYBOARD_PULSE     0xfe /* pulses the 8042's line to the CPU's reset */
#define KEYBOARD_SPINS     100000
#define RESET_WAIT_SPINS   1000000

noreturn void arch_halt(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

void arch_debug_exit(uint8_t code)
{
	uint64_t port;

	if (option_number("debug_exit", &port) && port <= UINT16_MAX) {
		out8((uint16_t)port, code);
	}
}

/* A reset takes effect some time after the write. */
static void wait(void)
{
	for (unsigned i = 0; i < RESET_WAIT_SPINS; i++) {
		arch_relax();
	}
}

static void reset_by_acpi(void)
{
	if (acpi.has_reset && acpi.reset_register.space == GAS_SPACE_IO) {
		out8((uint16_t)acpi.reset_register.address, acpi.reset_value);
		wait();
	}
}

static void reset_by_chipset(void)
{
	out8(RESET_CONTROL_PORT, 2);
	out8(RESET_CONTROL_PORT, 6);
	wait();
}

static void reset_by_keyboard(void)
{
	for (unsigned i = 0; i < KEYBOARD_SPINS && (in8(KEYBOARD_PORT) & KEYBOARD_BUSY) != 0; i++) {
		arch_relax();
	}
	out8(KEYBOARD_PORT, KEYBOARD_PULSE);
	wait();
}

/* Without a descriptor table the first exception shuts the CPU down, and chipsets reset on that. */
static noreturn void reset_by_triple_fault(void)
{
	struct table_register empty = { 0 };

	lidt(&empty);
	asm volatile("ud2");
	arch_halt();
}

noreturn void arch_reset(void)
{
	cli();
	reset_by_acpi();
	reset_by_chipset();
	reset_by_keyboard();
	reset_by_triple_fault();
}
