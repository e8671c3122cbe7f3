/* SPDX-License-Identifier: GPL-2.0-only */
/* The control guest's terminal. Input is read by the UART's interrupt, or every 10 ms without one.
 */
#include "drivers/virtual/vconsole.h"

#include "arch/ioapic.h"
#include "core/arch.h"
#include "core/bits.h"
#include "core/console_menu.h"
#include "core/console_mux.h"
#include "core/cpu.h"
#include "core/irq.h"
#include "core/log.h"
#include "drivers/acpi.h"
#include "drivers/uart_16550.h"
#include "drivers/virtual/vuart.h"

#define POLL_NS UINT64_C(10000000)

/* ACPI 6.5 table 5.26 "MPS INTI Flags" */
#define INTI_POLARITY BITS(1, 0)
#define INTI_LOW      UINT64_C(3)
#define INTI_TRIGGER  BITS(3, 2)
#define INTI_LEVEL    UINT64_C(3)

static struct uart_16550 *terminal;
static struct vuart vuart;
static struct timer poll_timer;
/* input_lock, taken before vuart.lock: */
static struct lock input_lock = LOCK_INIT;
static int held = -1; /* a byte that the virtual UART had no room for */

/* ---- input ---- */

/* False where the guest has no room: the terminal is not read, and its own FIFO stops the sender.
 */
static bool pass_on(int byte)
{
	held = vuart_receive(&vuart, (uint8_t)byte) ? -1 : byte;
	return held < 0;
}

static void read_input(void)
{
	bool has_room;
	int byte;

	lock_acquire(&input_lock);
	has_room = held < 0 || pass_on(held);
	while (has_room && (byte = uart_16550_read(terminal)) >= 0) {
		byte = console_menu_filter((uint8_t)byte);
		has_room = byte < 0 || pass_on(byte);
	}
	if (poll_timer.fn == NULL) {
		uart_16550_receive_irq(terminal, has_room);
	}
	lock_release(&input_lock);
}

static void handle_interrupt(struct irq *line, unsigned number)
{
	(void)line, (void)number;
	read_input();
}

static void poll(struct timer *timer)
{
	read_input();
	timer_arm(timer, arch_time_now() + POLL_NS);
}

/* ---- output ---- */

static bool can_send(void)
{
	return uart_16550_can_write(terminal);
}

static const struct vuart_host host = {
	.can_send = can_send,
	.send = console_mux_write,
	.room = read_input,
};

/* ---- set-up ---- */

/* PCs have com1 and com3 at ISA interrupt 4, com2 and com4 at 3. */
static uint8_t isa_irq(uint16_t port)
{
	return (port & BIT(8)) != 0 ? 4 : 3;
}

static struct acpi_override override_of(uint8_t source)
{
	for (uint32_t i = 0; i < acpi.override_count; i++) {
		if (acpi.overrides[i].source == source) {
			return acpi.overrides[i];
		}
	}
	return (struct acpi_override){ .source = source, .gsi = source };
}

static struct irq irq = { .fn = handle_interrupt };

static bool start_interrupt(const struct acpi_override *line)
{
	struct ioapic_route route = {
		.level = field_get(INTI_TRIGGER, line->flags) == INTI_LEVEL,
		.active_low = field_get(INTI_POLARITY, line->flags) == INTI_LOW,
	};

	if (!ioapic_gsi_exists(line->gsi) || irq_route(&irq, arch_cpu_self()) != 0) {
		return false;
	}
	route.apic_id = irq.cpu->arch.apic_id;
	route.vector = irq.vector;
	ioapic_route(line->gsi, &route);
	ioapic_unmask(line->gsi);
	return true;
}

static void start_input(const struct acpi_override *line)
{
	if (start_interrupt(line)) {
		read_input();
		return;
	}
	log(LOG_INFO, "console: no interrupt for the UART, it is looked at every 10 ms");
	timer_init(&poll_timer, poll);
	poll(&poll_timer);
}

int vconsole_init(struct vm *vm, struct uart_16550 *uart)
{
	struct acpi_override line;
	int err;

	if (uart == NULL || uart->registers != NULL) {
		return 0;
	}
	line = override_of(isa_irq(uart->port));
	terminal = uart;
	vuart.port = uart->port;
	vuart.gsi = line.gsi;
	vuart.host = &host;
	err = vuart_init(&vuart, vm);
	if (err != 0) {
		return err;
	}
	console_mux_init(uart);
	start_input(&line);
	return 0;
}
