/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports of the hypervisor's devices and of nobody: odd sizes, string forms with any prefix,
 * operands in RAM, over a page's end, on devices and nowhere. */
#include "tests/guest/hostile/hostile.h"

#include "guests/lib/acpi.h"
#include "guests/lib/console.h"

#define UART     0x3f8
#define IOPL3    BITS(13, 12)
#define SLEEP_ON BIT(13)

/* Near the virtual UART, the ACPI timer, PCI's address, and where nobody is. */
static uint16_t port(void)
{
	const uint16_t bases[] = { UART, 0x3e8, 0xcf8, 0x5f00, 0x80, 0xfffc };

	return (uint16_t)(bases[hostile_below(ARRAY_SIZE(bases))] - 3 + hostile_below(12));
}

/* What it writes to the UART would be read as the log, Bochs' BIOS panics by port 400h, and PCI's
 * data would move devices. */
static bool is_spared(uint16_t at, bool is_write)
{
	return is_write && ((at <= UART && at + 4 > UART) || (at + 4 > 0x400 && at <= 0x403) ||
			    (at >= 0xcf5 && at <= 0xcff) || at >= 0xfff0);
}

static void simple(struct hostile_code *code, bool is_write)
{
	static const uint8_t opcodes[2][2] = { { 0xec, 0xed }, { 0xee, 0xef } };

	if (hostile_below(3) == 0) {
		hostile_add(code, 0x66);
	}
	hostile_add(code, opcodes[is_write][hostile_below(2)]);
}

static void run(struct hostile_code *code, uint16_t at)
{
	struct trap trap;

	code->flags = hostile_below(2) == 0 ? IOPL3 : 0;
	hostile_regs[2] = at;
	trap = hostile_run(code);
	check(trap.vector == TRAP_NONE || trap.vector == VECTOR_GP || trap.vector == VECTOR_PF ||
		      trap.vector == VECTOR_SS || (code->ring == 3 && trap.vector == VECTOR_UD),
	      "port %x: vector %lu at %lx", at, trap.vector, trap.rip);
}

void hostile_ports(uint64_t operations)
{
	uint16_t pm1 = (uint16_t)acpi_pm1a_control();

	for (uint64_t i = 0; i < operations; i++) {
		struct hostile_code code = { .count = 0 };
		bool is_write = hostile_below(2) != 0;
		uint16_t at = port();

		if (pm1 != 0 && hostile_below(16) == 0) {
			out16(pm1, (uint16_t)(hostile_value() & ~SLEEP_ON));
		}
		hostile_regs[0] = hostile_value();
		simple(&code, is_write);
		code.ring = hostile_below(6) == 0 ? 1 + hostile_below(3) : 0;
		if (!is_spared(at, is_write)) {
			run(&code, at);
		}
	}
	console_init();
}

/* ---- string forms ---- */

static uint64_t operand(bool on_devices)
{
	switch (hostile_below(on_devices ? 8 : 6)) {
	case 0:
		return GUEST_UNMAPPED + hostile_below(64);
	case 1:
		return BIT(47) - hostile_below(8); /* over the canonical half's end */
	case 2:
		return BIT(63) | (hostile_random() & BITS(62, 32)) | HOSTILE_DATA;
	case 6:
		return 0xfee00000 + hostile_below(0x2c0); /* before the ICR */
	case 7:
		return HOSTILE_WINDOW + hostile_below(PAGE_SIZE);
	default:
		return HOSTILE_DATA + PAGE_SIZE - hostile_below(16);
	}
}

static void string_code(struct hostile_code *code, bool is_write)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x65 };
	unsigned count = hostile_below(8) == 0 ? 14 : hostile_below(5);

	for (unsigned i = 0; i < count; i++) {
		hostile_add(code, prefixes[hostile_below(ARRAY_SIZE(prefixes))]);
	}
	if (hostile_below(3) == 0) {
		hostile_add(code, 0x40 | (uint8_t)hostile_below(16));
	}
	hostile_add(code, (uint8_t)((is_write ? 0x6e : 0x6c) + hostile_below(2)));
}

/* Between a port that is not ours and a device, in ring 0, the guest would be stopped. */
void hostile_strings(uint64_t operations)
{
	hostile_map(UINT64_C(0xfd00000000)); /* where AMD's HyperTransport is: nobody's */
	for (uint64_t i = 0; i < operations; i++) {
		struct hostile_code code = { .ring = hostile_below(2) * 3 };
		bool is_write = hostile_below(2) != 0;
		uint16_t at = port();

		hostile_regs[6] = operand(code.ring == 3);
		hostile_regs[7] = operand(code.ring == 3);
		hostile_regs[1] = hostile_below(8); /* and not the years that 2^64 elements take */
		string_code(&code, is_write);
		if (!is_spared(at, is_write)) {
			run(&code, at);
		}
	}
	console_init();
}
