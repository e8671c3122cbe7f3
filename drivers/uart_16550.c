/* SPDX-License-Identifier: GPL-2.0-only */
/* The 16550 driver: probe, set-up, polled input and output. Where it is mapped is the caller's. */
#include "drivers/uart_16550.h"

#include "arch/port_io.h"
#include "arch/relax.h"
#include "core/bits.h"
#include "core/err.h"

/* Registers: PC16550D table II "Summary of Registers". */
#define UART_DATA          0 /* divisor's low byte while LINE_CONTROL_DIVISOR is set */
#define UART_IRQ_ENABLE    1 /* divisor's high byte likewise */
#define UART_FIFO_CONTROL  2
#define UART_LINE_CONTROL  3
#define UART_MODEM_CONTROL 4
#define UART_LINE_STATUS   5
#define UART_MODEM_STATUS  6

#define IRQ_ENABLE_RECEIVE    BIT(0)
#define FIFO_CONTROL_ENABLE   BITS(2, 0) /* on, and both cleared */
#define LINE_CONTROL_8N1      BITS(1, 0)
#define LINE_CONTROL_DIVISOR  BIT(7)
#define MODEM_CONTROL_READY   BITS(1, 0) /* DTR, RTS */
#define MODEM_CONTROL_OUT2    BIT(3)     /* on PCs, the gate of the interrupt line */
#define MODEM_CONTROL_LOOP    BIT(4)
#define LINE_STATUS_RECEIVED  BIT(0)
#define LINE_STATUS_EMPTY     BIT(5)
#define LINE_STATUS_MISSING   UINT64_C(0xff)
#define MODEM_STATUS_LINES    BITS(7, 4)
#define MODEM_STATUS_OUT2_RTS (BIT(7) | BIT(4)) /* in loopback: DCD from OUT2, CTS from RTS */

#define UART_CLOCK     UINT32_C(115200) /* the usual crystal, divided by 16 */
#define UART_FIFO_SIZE 16

/*
 * How often to look for an empty transmitter: at 9600 baud a FIFO drains in 17 ms, and a port read
 * takes about 1 us. One that has been waited for in vain is looked at a few times only, so that a
 * dead UART costs one wait, not one a line.
 */
#define UART_SPINS       100000
#define UART_SPINS_STUCK 8

static uint8_t uart_get(struct uart_16550 *uart, unsigned index)
{
	if (uart->registers != NULL) {
		return uart->registers[index * uart->stride];
	}
	return in8((uint16_t)(uart->port + index));
}

static void uart_set(struct uart_16550 *uart, unsigned index, uint64_t value)
{
	if (uart->registers != NULL) {
		uart->registers[index * uart->stride] = (uint8_t)value;
	} else {
		out8((uint16_t)(uart->port + index), (uint8_t)value);
	}
}

/* In loopback the modem status shows our own control lines: nothing else answers like that. */
static bool uart_is_present(struct uart_16550 *uart)
{
	uint8_t saved = uart_get(uart, UART_MODEM_CONTROL);
	uint64_t lines;

	if (uart_get(uart, UART_LINE_STATUS) == LINE_STATUS_MISSING) {
		return false;
	}
	uart_set(uart, UART_MODEM_CONTROL, MODEM_CONTROL_LOOP | MODEM_CONTROL_OUT2 | BIT(1));
	lines = uart_get(uart, UART_MODEM_STATUS) & MODEM_STATUS_LINES;
	uart_set(uart, UART_MODEM_CONTROL, saved);
	return lines == MODEM_STATUS_OUT2_RTS;
}

static void uart_set_rate(struct uart_16550 *uart, uint32_t baud)
{
	uint32_t divisor = (UART_CLOCK + baud / 2) / baud;

	divisor = divisor == 0 ? 1 : divisor > UINT16_MAX ? UINT16_MAX : divisor;
	uart_set(uart, UART_LINE_CONTROL, LINE_CONTROL_DIVISOR | LINE_CONTROL_8N1);
	uart_set(uart, UART_DATA, field_get(BITS(7, 0), divisor));
	uart_set(uart, UART_IRQ_ENABLE, field_get(BITS(15, 8), divisor));
}

/* False when the transmitter did not become empty in time. */
static bool uart_wait(struct uart_16550 *uart)
{
	unsigned spins = uart->is_stuck ? UART_SPINS_STUCK : UART_SPINS;

	for (unsigned i = 0; i < spins; i++) {
		if ((uart_get(uart, UART_LINE_STATUS) & LINE_STATUS_EMPTY) != 0) {
			uart->is_stuck = false;
			return true;
		}
		arch_relax();
	}
	uart->is_stuck = true;
	return false;
}

bool uart_16550_can_write(struct uart_16550 *uart)
{
	return (uart_get(uart, UART_LINE_STATUS) & LINE_STATUS_EMPTY) != 0;
}

void uart_16550_write(struct uart_16550 *uart, const char *bytes, size_t size)
{
	size_t at = 0;

	while (at < size && uart_wait(uart)) {
		for (unsigned i = 0; i < UART_FIFO_SIZE && at < size; i++) {
			uart_set(uart, UART_DATA, (uint8_t)bytes[at++]);
		}
	}
}

void uart_16550_write_text(struct uart_16550 *uart, const char *text, size_t size)
{
	size_t start = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n') {
			uart_16550_write(uart, text + start, i - start);
			uart_16550_write(uart, "\r\n", 2);
			start = i + 1;
		}
	}
	uart_16550_write(uart, text + start, size - start);
}

static void console_write(struct console *console, const char *text, size_t size)
{
	uart_16550_write_text(container_of(console, struct uart_16550, console), text, size);
}

uint16_t uart_16550_com_port(unsigned index)
{
	static const uint16_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };

	return index < ARRAY_SIZE(ports) ? ports[index] : 0;
}

int uart_16550_init(struct uart_16550 *uart, uint32_t baud)
{
	uart->stride = uart->stride == 0 ? 1 : uart->stride;
	uart->is_stuck = false;
	if (!uart_is_present(uart)) {
		return -E_NODEV;
	}
	uart_set(uart, UART_LINE_CONTROL, LINE_CONTROL_8N1);
	uart_set(uart, UART_IRQ_ENABLE, 0);
	if (baud != 0) {
		uart_set_rate(uart, baud);
	}
	uart_set(uart, UART_LINE_CONTROL, LINE_CONTROL_8N1);
	uart_set(uart, UART_FIFO_CONTROL, FIFO_CONTROL_ENABLE);
	uart_set(uart, UART_MODEM_CONTROL, MODEM_CONTROL_READY);
	uart->console.name = "uart";
	uart->console.write = console_write;
	return 0;
}

int uart_16550_read(struct uart_16550 *uart)
{
	uint8_t status = uart_get(uart, UART_LINE_STATUS);

	if (status == LINE_STATUS_MISSING || (status & LINE_STATUS_RECEIVED) == 0) {
		return -1;
	}
	return uart_get(uart, UART_DATA);
}

void uart_16550_receive_irq(struct uart_16550 *uart, bool on)
{
	uart_set(uart, UART_IRQ_ENABLE, on ? IRQ_ENABLE_RECEIVE : 0);
	uart_set(uart, UART_MODEM_CONTROL, MODEM_CONTROL_READY | (on ? MODEM_CONTROL_OUT2 : 0));
}
