/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port instructions of every width and form reach the right device: the chipset of the control
 * guest, the virtual UART, or nobody (all ones). CPL 3 needs IOPL. APM2 8.7 "I/O Permissions", APM3
 * "IN".
 */
#include "guests/lib/guest.h"

#define PORT_UART_LSR     0x3fd
#define PORT_UART_SCRATCH 0x3ff
#define PORT_PIC_MASK     0x21
#define PORT_PCI_ADDRESS  0xcf8
#define PORT_PCI_DATA     0xcfc
#define PORT_NOBODY       0x5f00
#define RFLAGS_IOPL       BITS(13, 12)

const char test_title[] = "port I/O";

static void read_port(uint64_t port)
{
	(void)in8((uint16_t)port);
}

static void write_port(uint64_t port)
{
	out8((uint16_t)port, 0xff);
}

/* What a narrow IN leaves of RAX: 8 and 16 bits keep the rest, 32 bits clear it. */
static void test_widths_merge(void)
{
	uint64_t rax = 0x1122334455667788;

	asm volatile("inb %%dx, %%al" : "+a"(rax) : "d"(PORT_NOBODY));
	check(rax == 0x11223344556677ff, "INB made RAX %lx", rax);
	rax = 0x1122334455667788;
	asm volatile("inw %%dx, %%ax" : "+a"(rax) : "d"(PORT_NOBODY));
	check(rax == 0x112233445566ffff, "INW made RAX %lx", rax);
	rax = 0x1122334455667788;
	asm volatile("inl %%dx, %%eax" : "+a"(rax) : "d"(PORT_NOBODY));
	check(rax == 0xffffffff, "INL made RAX %lx", rax);
	rax = 0x1122334455667788;
	asm volatile("inb %%dx, %%al" : "+a"(rax) : "d"(PORT_UART_LSR));
	check((rax & ~UINT64_C(0xff)) == 0x1122334455667700, "INB of the UART made RAX %lx", rax);
}

static void test_pci_configuration(void)
{
	uint32_t id;

	out32(PORT_PCI_ADDRESS, 0x80000000);
	check(in32(PORT_PCI_ADDRESS) == 0x80000000, "CF8 reads back %x", in32(PORT_PCI_ADDRESS));
	id = in32(PORT_PCI_DATA);
	check(id != UINT32_MAX, "there is no host bridge");
	check(in16(PORT_PCI_DATA) == (id & 0xffff) && in16(PORT_PCI_DATA + 2) == id >> 16,
	      "words of the configuration differ from the double word");
	for (unsigned i = 0; i < 4; i++) {
		check(in8((uint16_t)(PORT_PCI_DATA + i)) == (id >> (i * 8) & 0xff),
		      "byte %u differs", i);
	}
}

static void test_immediate_forms(void)
{
	uint8_t mask;

	asm volatile("outb %%al, $0x21" : : "a"(0xa5));
	check(in8(PORT_PIC_MASK) == 0xa5, "OUT imm8 wrote %x", in8(PORT_PIC_MASK));
	out8(PORT_PIC_MASK, 0xff);
	asm volatile("inb $0x21, %%al" : "=a"(mask));
	check(mask == 0xff, "IN imm8 read %x", mask);
}

static void test_uart(void)
{
	for (unsigned value = 0; value < 256; value++) {
		out8(PORT_UART_SCRATCH, (uint8_t)value);
		if (!check(in8(PORT_UART_SCRATCH) == value, "scratch: %x, %x was written",
			   in8(PORT_UART_SCRATCH), value)) {
			break;
		}
	}
	check((in8(PORT_UART_LSR) & 0x9e) == 0, "the line status is %x", in8(PORT_UART_LSR));
}

static void set_iopl(uint64_t level)
{
	uint64_t flags = (rflags_read() & ~RFLAGS_IOPL) | field_set(RFLAGS_IOPL, level);

	asm volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

static void test_user_mode(void)
{
	struct trap trap = expect_exception_user(read_port, PORT_UART_LSR);

	check(trap.vector == VECTOR_GP && trap.error == 0, "IN at CPL 3: vector %lu", trap.vector);
	trap = expect_exception_user(write_port, PORT_NOBODY);
	check(trap.vector == VECTOR_GP && trap.error == 0, "OUT at CPL 3: vector %lu", trap.vector);
	set_iopl(3);
	trap = expect_exception_user(read_port, PORT_UART_LSR);
	check(trap.vector == TRAP_USER_RETURN, "IN at CPL 3 with IOPL 3: vector %lu", trap.vector);
	set_iopl(0);
}

void test_main(void)
{
	test_widths_merge();
	test_pci_configuration();
	test_immediate_forms();
	test_uart();
	test_user_mode();
}
