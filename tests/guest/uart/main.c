/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console UART is a whole 16550A: scratch and divisor, loopback, FIFO, and its interrupt
 * through the IOAPIC. PC16550D data sheet, chapter 8 "Registers".
 */
#include "guests/lib/guest.h"

#define COM1         0x3f8
#define PORT_DATA    (COM1 + 0)
#define PORT_IER     (COM1 + 1)
#define PORT_IIR     (COM1 + 2) /* FCR when written */
#define PORT_LCR     (COM1 + 3)
#define PORT_MCR     (COM1 + 4)
#define PORT_LSR     (COM1 + 5)
#define IER_RECEIVED BIT(0)
#define IER_EMPTY    BIT(1)
#define FCR_ENABLE   BIT(0)
#define FCR_CLEAR    BITS(2, 1)
#define IIR_ID       BITS(3, 0)
#define IIR_NONE     1
#define IIR_EMPTY    2
#define IIR_RECEIVED 4
#define IIR_TIMEOUT  0xc
#define LCR_DIVISOR  BIT(7)
#define LCR_8N1      3
#define MCR_NORMAL   0x0b /* DTR, RTS, OUT2 */
#define MCR_LOOP     0x1b
#define LSR_RECEIVED BIT(0)
#define LSR_EMPTY    BIT(5)
#define WAIT_US      1000000
#define FIFO         16
#define IRQ          4
#define VECTOR       0x58

const char test_title[] = "virtual UART";

static volatile uint64_t interrupts, empties;

static void handle(struct trap_frame *frame)
{
	uint8_t cause = (uint8_t)(in8(PORT_IIR) & IIR_ID);

	(void)frame;
	interrupts = interrupts + 1;
	empties = empties + (cause == IIR_EMPTY);
	apic_eoi();
}

static bool wait_status(uint64_t bits)
{
	uint64_t start = rdtsc();

	while ((in8(PORT_LSR) & bits) != bits) {
		if (rdtsc() - start > WAIT_US * tsc_per_us()) {
			return false;
		}
	}
	return true;
}

static void test_divisor(void)
{
	out8(PORT_LCR, LCR_DIVISOR | LCR_8N1);
	out8(PORT_DATA, 0x34);
	out8(PORT_IER, 0x12);
	check(in8(PORT_DATA) == 0x34 && in8(PORT_IER) == 0x12, "the divisor is %x %x",
	      in8(PORT_IER), in8(PORT_DATA));
	out8(PORT_DATA, 1);
	out8(PORT_IER, 0);
	out8(PORT_LCR, LCR_8N1);
	check(in8(PORT_IER) == 0, "the divisor shows as IER");
	check(in8(PORT_LCR) == LCR_8N1, "LCR is %x", in8(PORT_LCR));
}

/* What is sent comes back, in order; the first bytes while the others wait in the FIFO. */
static void test_loopback(void)
{
	out8(PORT_IIR, FCR_ENABLE | FCR_CLEAR);
	check((in8(PORT_IIR) & 0xc0) == 0xc0, "there is no FIFO: IIR %x", in8(PORT_IIR));
	out8(PORT_MCR, MCR_LOOP);
	for (unsigned i = 0; i < FIFO; i++) {
		check(wait_status(LSR_EMPTY), "loopback: byte %u can not be sent", i);
		out8(PORT_DATA, (uint8_t)(0xa0 + i));
	}
	for (unsigned i = 0; i < FIFO; i++) {
		uint8_t byte;

		if (!check(wait_status(LSR_RECEIVED), "loopback: byte %u does not arrive", i)) {
			break;
		}
		byte = in8(PORT_DATA);
		check(byte == 0xa0 + i, "loopback: byte %u is %x", i, byte);
	}
	check((in8(PORT_LSR) & LSR_RECEIVED) == 0, "loopback: there are more bytes");
	out8(PORT_MCR, MCR_NORMAL);
}

static void test_identification(void)
{
	uint8_t cause;

	out8(PORT_MCR, MCR_LOOP);
	out8(PORT_IER, IER_RECEIVED);
	check((in8(PORT_IIR) & IIR_ID) == IIR_NONE, "a cause without one: %x", in8(PORT_IIR));
	out8(PORT_DATA, 0x77);
	(void)wait_status(LSR_RECEIVED);
	delay_us(2000);
	cause = (uint8_t)(in8(PORT_IIR) & IIR_ID);
	check(cause == IIR_RECEIVED || cause == IIR_TIMEOUT, "a byte waits, and the cause is %x",
	      cause);
	(void)in8(PORT_DATA);
	check((in8(PORT_IIR) & IIR_ID) == IIR_NONE, "the cause stays: %x", in8(PORT_IIR));
	out8(PORT_IER, 0);
	out8(PORT_MCR, MCR_NORMAL);
}

/* Each byte that leaves makes one interrupt, which reading IIR takes back. */
static void test_interrupt(void)
{
	(void)wait_status(LSR_EMPTY);
	trap_set_handler(VECTOR, handle);
	ioapic_route(ioapic_isa_pin(IRQ), (uint64_t)apic_id() << 56 | VECTOR);
	out8(PORT_IER, IER_EMPTY);
	check(wait_for_interrupt(&empties, 1, WAIT_US),
	      "no interrupt though the transmitter is empty");
	for (uint64_t i = 2; i < 10; i++) {
		out8(PORT_DATA, '.');
		if (!check(wait_for_interrupt(&empties, i, WAIT_US), "no interrupt after byte %lu",
			   i)) {
			break;
		}
	}
	out8(PORT_IER, 0);
	ioapic_route(ioapic_isa_pin(IRQ), IOAPIC_MASKED);
	print("\n");
	check(empties == 9, "%lu interrupts, %lu of them for the transmitter", interrupts, empties);
}

void test_main(void)
{
	test_divisor();
	test_loopback();
	test_identification();
	test_interrupt();
}
