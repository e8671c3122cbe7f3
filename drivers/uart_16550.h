/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550-compatible UART, by I/O ports or memory-mapped registers, as a console. Polled; its
 * receive interrupt can be enabled for who wants to be told. National PC16550D data sheet, section
 * 8.
 */
#pragma once

#include "core/log.h"

struct uart_16550 {
	struct console console;
	/* Where it is; set before uart_16550_init(): */
	volatile uint8_t *registers; /* mapped uncached, or NULL: by ports */
	uint32_t stride;             /* bytes between its registers in memory; 0 is 1 */
	uint16_t port;
	/* its own: */
	bool is_stuck; /* the last wait for its transmitter was in vain */
};

/* The I/O port of com1 to com4 (0 to 3); 0 for other numbers. */
uint16_t uart_16550_com_port(unsigned index);

/*
 * Probes it and sets 8N1 at that rate (0: leaves the firmware's), FIFOs on, interrupts off. The
 * console is ready for log_console_add(). -E_NODEV where nothing answers like a UART.
 */
must_check int uart_16550_init(struct uart_16550 *uart, uint32_t baud);

/* The next byte received, or -1. */
int uart_16550_read(struct uart_16550 *uart);

/* True: a FIFO of bytes (16) can be written without waiting. */
bool uart_16550_can_write(struct uart_16550 *uart);

/* Writes bytes as they are. Waits for the transmitter, but for a bounded time: then drops. */
void uart_16550_write(struct uart_16550 *uart, const char *bytes, size_t size);

/* The same for text: terminals want a carriage return before the newline. */
void uart_16550_write_text(struct uart_16550 *uart, const char *text, size_t size);

void uart_16550_receive_irq(struct uart_16550 *uart, bool on);
