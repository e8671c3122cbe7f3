/* SPDX-License-Identifier: GPL-2.0-only */
/* sources: drivers/virtual/vuart.c core/region.c */
/* The virtual UART, also as Linux' 8250 driver probes it (6.1, drivers/tty/serial/8250). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/vm.h"
#include "drivers/virtual/vioapic.h"
#include "drivers/virtual/vuart.h"

#define PORT 0x3f8
#define GSI  4

enum { RX, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct vm vm;
static struct vuart vuart;
static bool line, is_claimed;
static unsigned edges;
static char output[8192];
static size_t output_size;
static bool is_busy;
static unsigned rooms;
static struct timer *armed;

/* The timer queue and the fake architecture's clock are not needed: one timer, fired by hand. */
void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->fn = fn;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	(void)deadline;
	timer->armed = true;
	armed = timer;
}

bool timer_is_armed(const struct timer *timer)
{
	return timer->armed;
}

static void timer_fire(void)
{
	armed->armed = false;
	armed->fn(armed);
}

void vioapic_claim(struct vm *of, uint32_t gsi)
{
	is_claimed = of == &vm && gsi == GSI;
}

void vioapic_set_line(struct vm *of, uint32_t gsi, bool asserted)
{
	assert_ptr_equal(of, &vm);
	assert_int_equal(gsi, GSI);
	edges += asserted && !line;
	line = asserted;
}

static bool host_can_send(void)
{
	return !is_busy;
}

static void host_send(const char *bytes, size_t size)
{
	memcpy(output + output_size, bytes, size);
	output_size += size;
}

static void host_room(void)
{
	rooms++;
}

static const struct vuart_host host = { host_can_send, host_send, host_room };

static uint8_t in(unsigned number)
{
	struct access access = { .address = PORT + number, .size = 1 };

	assert_int_equal(region_access(&vm.port_regions, &access), REGION_DONE);
	return (uint8_t)access.value;
}

static void out(unsigned number, uint8_t value)
{
	struct access access = {
		.address = PORT + number, .size = 1, .is_write = true, .value = value
	};

	assert_int_equal(region_access(&vm.port_regions, &access), REGION_DONE);
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&vuart, 0, sizeof(vuart));
	line = is_claimed = is_busy = false;
	edges = rooms = 0;
	output_size = 0;
	vuart.port = PORT;
	vuart.gsi = GSI;
	vuart.host = &host;
	assert_int_equal(vuart_init(&vuart, &vm), 0);
	return 0;
}

static void receive(const char *text)
{
	for (; *text != '\0'; text++) {
		assert_true(vuart_receive(&vuart, (uint8_t)*text));
	}
}

/* As a driver opens it: FIFOs on, interrupts let out. */
static void open_port(uint8_t irq_enable, uint8_t trigger)
{
	out(LCR, 0x03);
	out(IIR, (uint8_t)(0x07 | trigger));
	out(MCR, 0x0b);
	out(IER, irq_enable);
}

/* ---- registers ---- */

static void vuart_claims_its_pin(void **state)
{
	(void)state;
	assert_true(is_claimed);
}

static void vuart_reset_state_is_idle(void **state)
{
	(void)state;
	assert_int_equal(in(IER), 0);
	assert_int_equal(in(IIR), 0x01);
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(MSR), 0xb0);
	assert_int_equal(in(RX), 0);
	assert_false(line);
}

static void vuart_divisor_hides_data_and_interrupt_enable(void **state)
{
	(void)state;
	out(IER, 0x05);
	out(LCR, 0x83);
	out(RX, 0x34);
	out(IER, 0x12);
	assert_int_equal(in(RX), 0x34);
	assert_int_equal(in(IER), 0x12);
	out(LCR, 0x03);
	assert_int_equal(in(IER), 0x05);
	assert_int_equal(output_size, 0);
}

static void vuart_scratch_keeps_its_value(void **state)
{
	(void)state;
	out(SCR, 0xa5);
	assert_int_equal(in(SCR), 0xa5);
}

static void vuart_wide_accesses_are_split(void **state)
{
	struct access access = {
		.address = PORT + LCR, .size = 2, .is_write = true, .value = 0x0b03
	};

	(void)state;
	assert_int_equal(region_access(&vm.port_regions, &access), REGION_DONE);
	assert_int_equal(in(LCR), 0x03);
	assert_int_equal(in(MCR), 0x0b);
	access.is_write = false;
	access.value = 0;
	assert_int_equal(region_access(&vm.port_regions, &access), REGION_DONE);
	assert_int_equal(access.value, 0x0b03);
}

/* ---- as Linux probes it ---- */

/* autoconfig(): is there a UART at all? */
static void vuart_passes_linux_existence_test(void **state)
{
	(void)state;
	out(IER, 0);
	assert_int_equal(in(IER)&0x0f, 0);
	out(IER, 0x0f);
	assert_int_equal(in(IER)&0x0f, 0x0f);
	out(IER, 0);
	out(MCR, 0x10 | 0x0a);
	assert_int_equal(in(MSR)&0xf0, 0x90);
	out(MCR, 0);
}

/* autoconfig() and autoconfig_16550a(): a 16550A, and none of its successors. */
static void vuart_is_a_16550a_to_linux(void **state)
{
	(void)state;
	out(LCR, 0xbf);
	out(IIR, 0);
	out(LCR, 0);
	out(IIR, 0x01);
	assert_int_equal(in(IIR) >> 6, 3);
	out(LCR, 0x80);
	assert_int_not_equal(in(IIR), 0); /* EFR of a 16650 */
	out(LCR, 0xbf);
	assert_int_not_equal(in(IIR), 0); /* EFR of a 16850 */
	out(LCR, 0);
	out(IIR, 0x01);
	assert_int_equal(in(IIR) >> 5, 6);
	out(IIR, 0x21);
	assert_int_equal(in(IIR) >> 5, 6); /* a 16750 has 64 bytes */
	out(LCR, 0);
	out(IER, 0x40); /* UUE of an XScale */
	assert_int_equal(in(IER)&0x40, 0);
}

/* autoconfig_16550a(): EXCR1 of National's superio chips follows the loop bit, IIR must not. */
static void vuart_is_not_a_superio_to_linux(void **state)
{
	uint8_t before, after;

	(void)state;
	out(IIR, 0x01);
	out(LCR, 0xe0);
	before = in(IIR);
	out(LCR, 0);
	out(MCR, 0x10);
	out(LCR, 0xe0);
	after = in(IIR);
	out(LCR, 0);
	out(MCR, 0);
	assert_int_equal((before ^ after) & 0x10, 0);
}

/* serial8250_do_startup(): the empty interrupt comes again at once, so it is no buggy UART. */
static void vuart_passes_linux_empty_interrupt_tests(void **state)
{
	(void)state;
	out(MCR, 0x08);
	out(IER, 0x02);
	assert_int_equal(in(IIR)&0x0f, 0x02);
	assert_int_equal(in(IIR)&0x0f, 0x01);
	out(IER, 0);
	out(IER, 0x02);
	assert_int_equal(in(IIR)&0x0f, 0x02);
	out(IER, 0);
	out(IER, 0x02);
	assert_int_equal(in(LSR)&0x40, 0x40);
	assert_int_equal(in(IIR)&0x01, 0);
}

/* ---- sending ---- */

static void vuart_sends_what_is_written(void **state)
{
	(void)state;
	open_port(0, 0);
	out(RX, 'h');
	out(RX, 'i');
	assert_int_equal(output_size, 2);
	assert_memory_equal(output, "hi", 2);
	assert_int_equal(in(LSR), 0x60);
}

static void vuart_empty_interrupt_follows_a_byte(void **state)
{
	(void)state;
	open_port(0x02, 0);
	assert_int_equal(in(IIR), 0xc2);
	assert_false(line);
	out(RX, 'x');
	assert_true(line);
	assert_int_equal(in(IIR), 0xc2);
	assert_int_equal(in(IIR), 0xc1);
	assert_false(line);
}

static void vuart_waits_for_a_busy_terminal_without_holding_the_cpu(void **state)
{
	(void)state;
	open_port(0x02, 0);
	(void)in(IIR);
	is_busy = true;
	out(RX, 'x');
	assert_int_equal(output_size, 0);
	assert_int_equal(in(LSR)&0x60, 0);
	assert_false(line);
	timer_fire();
	assert_int_equal(output_size, 0);
	is_busy = false;
	timer_fire();
	assert_int_equal(output_size, 1);
	assert_true(line);
	assert_int_equal(in(LSR)&0x60, 0x60);
}

static void vuart_reading_lsr_sends_as_soon_as_it_can(void **state)
{
	(void)state;
	open_port(0, 0);
	is_busy = true;
	out(RX, 'x');
	is_busy = false;
	assert_int_equal(in(LSR)&0x60, 0x60);
	assert_int_equal(output_size, 1);
}

static void vuart_loses_nothing_of_a_guest_that_does_not_wait(void **state)
{
	(void)state;
	open_port(0, 0);
	is_busy = true;
	for (unsigned i = 0; i < 100; i++) {
		out(RX, (uint8_t)i);
	}
	is_busy = false;
	(void)in(LSR);
	assert_int_equal(output_size, 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal((uint8_t)output[i], i);
	}
}

/* ---- receiving ---- */

static void vuart_received_bytes_come_in_order(void **state)
{
	(void)state;
	open_port(0x01, 0);
	receive("abc");
	assert_true(line);
	assert_int_equal(in(LSR)&1, 1);
	assert_int_equal(in(RX), 'a');
	assert_int_equal(in(RX), 'b');
	assert_true(line);
	assert_int_equal(in(RX), 'c');
	assert_false(line);
	assert_int_equal(in(LSR)&1, 0);
	assert_int_equal(edges, 1);
}

static void vuart_below_its_trigger_level_it_is_a_timeout(void **state)
{
	(void)state;
	open_port(0x01, 0xc0);
	receive("x");
	assert_int_equal(in(IIR), 0xcc);
	receive("0123456789abc");
	assert_int_equal(in(IIR), 0xc4);
	(void)in(RX);
	assert_int_equal(in(IIR), 0xcc);
}

static void vuart_received_comes_before_empty(void **state)
{
	(void)state;
	open_port(0x03, 0);
	receive("x");
	assert_int_equal(in(IIR), 0xc4);
	(void)in(RX);
	assert_int_equal(in(IIR), 0xc2);
}

static void vuart_interrupt_needs_out2(void **state)
{
	(void)state;
	out(IER, 0x01);
	receive("x");
	assert_false(line);
	out(MCR, 0x08);
	assert_true(line);
	out(MCR, 0x18);
	assert_false(line);
}

static void vuart_pasted_text_is_not_lost(void **state)
{
	unsigned sent = 0, got = 0;

	(void)state;
	open_port(0x01, 0);
	while (vuart_receive(&vuart, (uint8_t)sent)) {
		sent++;
	}
	assert_int_equal(sent, VUART_QUEUE);
	while (rooms == 0) {
		assert_int_equal(in(RX), (uint8_t)got++);
	}
	assert_int_equal(got, VUART_QUEUE / 2);
	assert_true(vuart_receive(&vuart, (uint8_t)sent++));
	while ((in(LSR)&1) != 0) {
		assert_int_equal(in(RX), (uint8_t)got++);
	}
	assert_int_equal(got, sent);
	assert_int_equal(rooms, 1);
}

static void vuart_clearing_the_fifo_drops_no_more_than_it_holds(void **state)
{
	(void)state;
	open_port(0x01, 0);
	receive("0123456789abcdefXY");
	out(IIR, 0x03);
	assert_int_equal(in(RX), 'X');
	assert_int_equal(in(RX), 'Y');
	assert_int_equal(in(LSR)&1, 0);
}

/* ---- loopback and modem lines ---- */

static void vuart_loopback_returns_bytes_and_sends_none(void **state)
{
	(void)state;
	open_port(0, 0);
	out(MCR, 0x10);
	out(RX, 'z');
	assert_int_equal(output_size, 0);
	assert_int_equal(in(LSR)&1, 1);
	assert_int_equal(in(RX), 'z');
}

static void vuart_loopback_returns_each_modem_line(void **state)
{
	static const uint8_t lines[][2] = {
		{ 0x01, 0x20 }, { 0x02, 0x10 }, { 0x04, 0x40 }, { 0x08, 0x80 }
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		out(MCR, 0x10 | lines[i][0]);
		assert_int_equal(in(MSR)&0xf0, lines[i][1]);
	}
}

static void vuart_modem_changes_are_latched_until_read(void **state)
{
	(void)state;
	out(MCR, 0x10);
	assert_int_equal(in(MSR), 0x0b); /* CTS, DSR and DCD went away */
	assert_int_equal(in(MSR), 0x00);
	out(MCR, 0x14);
	assert_int_equal(in(MSR), 0x40); /* a rising RI is no change */
	out(MCR, 0x10);
	assert_int_equal(in(MSR), 0x04);
}

static void vuart_modem_change_interrupts(void **state)
{
	(void)state;
	open_port(0x08, 0);
	out(MCR, 0x10);
	out(MCR, 0x0b);
	assert_true(line);
	assert_int_equal(in(IIR), 0xc0);
	(void)in(MSR);
	assert_false(line);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vuart_claims_its_pin),
		TEST(vuart_reset_state_is_idle),
		TEST(vuart_divisor_hides_data_and_interrupt_enable),
		TEST(vuart_scratch_keeps_its_value),
		TEST(vuart_wide_accesses_are_split),
		TEST(vuart_passes_linux_existence_test),
		TEST(vuart_is_a_16550a_to_linux),
		TEST(vuart_is_not_a_superio_to_linux),
		TEST(vuart_passes_linux_empty_interrupt_tests),
		TEST(vuart_sends_what_is_written),
		TEST(vuart_empty_interrupt_follows_a_byte),
		TEST(vuart_waits_for_a_busy_terminal_without_holding_the_cpu),
		TEST(vuart_reading_lsr_sends_as_soon_as_it_can),
		TEST(vuart_loses_nothing_of_a_guest_that_does_not_wait),
		TEST(vuart_received_bytes_come_in_order),
		TEST(vuart_below_its_trigger_level_it_is_a_timeout),
		TEST(vuart_received_comes_before_empty),
		TEST(vuart_interrupt_needs_out2),
		TEST(vuart_pasted_text_is_not_lost),
		TEST(vuart_clearing_the_fifo_drops_no_more_than_it_holds),
		TEST(vuart_loopback_returns_bytes_and_sends_none),
		TEST(vuart_loopback_returns_each_modem_line),
		TEST(vuart_modem_changes_are_latched_until_read),
		TEST(vuart_modem_change_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
