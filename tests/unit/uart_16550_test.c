/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: drivers/uart_16550.c */
/* The driver against a 16550 made of a few variables, by ports and by memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/port_io.h"
#include "core/err.h"
#include "drivers/uart_16550.h"

#define PORT 0x3f8

static struct {
	bool is_missing, is_dead; /* no device at all; one whose transmitter never empties */
	uint8_t irq_enable, fifo, line_control, modem_control, received;
	bool has_received;
	uint16_t divisor;
	char sent[256];
	size_t sent_count, fifo_count;
	unsigned status_reads;
} device;

static uint8_t modem_status(void)
{
	uint8_t control = device.modem_control;

	if ((control & 0x10) == 0) {
		return 0xb0;
	}
	return (uint8_t)((control & 1) << 5 | (control & 2) << 3 | (control & 4) << 4 |
			 (control & 8) << 4);
}

static uint8_t line_status(void)
{
	device.status_reads++;
	device.fifo_count = 0;
	return (uint8_t)((device.is_dead ? 0 : 0x60) | device.has_received);
}

uint8_t in8(uint16_t port)
{
	if (device.is_missing) {
		return 0xff;
	}
	switch (port - PORT) {
	case 0:
		device.has_received = false;
		return device.received;
	case 1:
		return device.irq_enable;
	case 3:
		return device.line_control;
	case 4:
		return device.modem_control;
	case 5:
		return line_status();
	case 6:
		return modem_status();
	}
	return 0;
}

static void write_data(uint8_t value)
{
	if (device.line_control & 0x80) {
		device.divisor = (uint16_t)((device.divisor & 0xff00) | value);
		return;
	}
	assert_true(device.fifo_count++ < 16);
	device.sent[device.sent_count++] = (char)value;
}

static void write_irq_enable(uint8_t value)
{
	if (device.line_control & 0x80) {
		device.divisor = (uint16_t)((device.divisor & 0xff) | value << 8);
	} else {
		device.irq_enable = value;
	}
}

void out8(uint16_t port, uint8_t value)
{
	switch (port - PORT) {
	case 0:
		write_data(value);
		break;
	case 1:
		write_irq_enable(value);
		break;
	case 2:
		device.fifo = value;
		break;
	case 3:
		device.line_control = value;
		break;
	case 4:
		device.modem_control = value;
		break;
	}
}

static struct uart_16550 uart;

static int setup(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	memset(&uart, 0, sizeof(uart));
	device.irq_enable = 0xf;
	uart.port = PORT;
	return 0;
}

static void uart_init_sets_8n1_rate_fifo_and_no_interrupts(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_init(&uart, 9600), 0);
	assert_int_equal(device.divisor, 12);
	assert_int_equal(device.line_control, 3);
	assert_int_equal(device.fifo, 7);
	assert_int_equal(device.modem_control, 3);
	assert_int_equal(device.irq_enable, 0);
}

static void uart_init_uses_all_bits_of_the_divisor(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_init(&uart, 300), 0);
	assert_int_equal(device.divisor, 384);
	assert_int_equal(uart_16550_init(&uart, 1), 0);
	assert_int_equal(device.divisor, 0xffff);
	assert_int_equal(uart_16550_init(&uart, 4000000), 0);
	assert_int_equal(device.divisor, 1);
}

static void uart_init_leaves_the_rate_where_none_is_given(void **state)
{
	(void)state;
	device.divisor = 0x1234;
	assert_int_equal(uart_16550_init(&uart, 0), 0);
	assert_int_equal(device.divisor, 0x1234);
}

static void uart_init_finds_no_device_at_all_ones(void **state)
{
	(void)state;
	device.is_missing = true;
	assert_int_equal(uart_16550_init(&uart, 115200), -E_NODEV);
}

static void uart_init_refuses_registers_without_loopback(void **state)
{
	uint8_t memory[8] = { 0 };

	(void)state;
	uart.registers = memory;
	assert_int_equal(uart_16550_init(&uart, 115200), -E_NODEV);
}

static void uart_write_fills_the_fifo_and_no_more(void **state)
{
	char text[100];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(uart_16550_init(&uart, 115200), 0);
	device.status_reads = 0;
	uart_16550_write(&uart, text, sizeof(text));
	assert_int_equal(device.sent_count, sizeof(text));
	assert_int_equal(device.status_reads, 7);
}

static void uart_console_sends_a_carriage_return_before_each_newline(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_init(&uart, 115200), 0);
	uart.console.write(&uart.console, "a\n\nb", 4);
	assert_int_equal(device.sent_count, 6);
	assert_memory_equal(device.sent, "a\r\n\r\nb", 6);
}

static void uart_that_is_stuck_costs_one_long_wait(void **state)
{
	unsigned first;

	(void)state;
	assert_int_equal(uart_16550_init(&uart, 115200), 0);
	device.is_dead = true;
	device.status_reads = 0;
	uart_16550_write(&uart, "ab", 2);
	first = device.status_reads;
	assert_true(first > 1000);
	uart_16550_write(&uart, "ab", 2);
	assert_true(device.status_reads - first < 100);
	assert_int_equal(device.sent_count, 0);
}

static void uart_that_was_stuck_recovers(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_init(&uart, 115200), 0);
	device.is_dead = true;
	uart_16550_write(&uart, "lost", 4);
	device.is_dead = false;
	uart_16550_write(&uart, "seen", 4);
	assert_int_equal(device.sent_count, 4);
	assert_memory_equal(device.sent, "seen", 4);
}

static void uart_read_gives_what_was_received_once(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_init(&uart, 115200), 0);
	assert_int_equal(uart_16550_read(&uart), -1);
	device.has_received = true;
	device.received = 0xfe;
	assert_int_equal(uart_16550_read(&uart), 0xfe);
	assert_int_equal(uart_16550_read(&uart), -1);
	device.is_missing = true;
	assert_int_equal(uart_16550_read(&uart), -1);
}

static void uart_receive_irq_opens_the_gate_of_pcs(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_init(&uart, 115200), 0);
	uart_16550_receive_irq(&uart, true);
	assert_int_equal(device.irq_enable, 1);
	assert_int_equal(device.modem_control, 0xb);
	uart_16550_receive_irq(&uart, false);
	assert_int_equal(device.irq_enable, 0);
	assert_int_equal(device.modem_control, 3);
}

static void uart_in_memory_is_reached_at_its_stride(void **state)
{
	uint8_t memory[32] = { [5 * 4] = 0x20 };

	(void)state;
	uart.registers = memory;
	uart.stride = 4;
	uart_16550_write(&uart, "z", 1);
	assert_int_equal(memory[0], 'z');
	memory[5 * 4] = 0x21;
	assert_int_equal(uart_16550_read(&uart), 'z');
}

static void uart_com_ports_are_the_four_of_a_pc(void **state)
{
	(void)state;
	assert_int_equal(uart_16550_com_port(0), 0x3f8);
	assert_int_equal(uart_16550_com_port(3), 0x2e8);
	assert_int_equal(uart_16550_com_port(4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(uart_init_sets_8n1_rate_fifo_and_no_interrupts, setup),
		cmocka_unit_test_setup(uart_init_uses_all_bits_of_the_divisor, setup),
		cmocka_unit_test_setup(uart_init_leaves_the_rate_where_none_is_given, setup),
		cmocka_unit_test_setup(uart_init_finds_no_device_at_all_ones, setup),
		cmocka_unit_test_setup(uart_init_refuses_registers_without_loopback, setup),
		cmocka_unit_test_setup(uart_write_fills_the_fifo_and_no_more, setup),
		cmocka_unit_test_setup(uart_console_sends_a_carriage_return_before_each_newline,
				       setup),
		cmocka_unit_test_setup(uart_that_is_stuck_costs_one_long_wait, setup),
		cmocka_unit_test_setup(uart_that_was_stuck_recovers, setup),
		cmocka_unit_test_setup(uart_read_gives_what_was_received_once, setup),
		cmocka_unit_test_setup(uart_receive_irq_opens_the_gate_of_pcs, setup),
		cmocka_unit_test_setup(uart_in_memory_is_reached_at_its_stride, setup),
		cmocka_unit_test(uart_com_ports_are_the_four_of_a_pc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
