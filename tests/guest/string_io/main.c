/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * INS and OUTS: registers and memory after REP, backwards, with a count of zero, across pages, with
 * 32-bit addresses and segment bases, and stopped by a page fault half way. APM3 "INS", "OUTS".
 */
#include "guests/lib/guest.h"

#define PORT_UART_SCRATCH 0x3ff /* emulated by the hypervisor */
#define PORT_PCI_ADDRESS  0xcf8 /* the control guest's chipset */
#define PORT_PCI_DATA     0xcfc
#define PORT_NOBODY       0x5f00
#define BUFFER            GUEST_SCRATCH

const char test_title[] = "string I/O";

struct string_op {
	uint64_t port, count, address;
};

/* Executes text with the port, the count and the address, which keep what they end with. */
#define STRING_OP(name, text)                                                      \
	static void name(struct string_op *op)                                     \
	{                                                                          \
		uint64_t rdi = op->address, rsi = op->address;                     \
                                                                                   \
		asm volatile(text                                                  \
			     : "+D"(rdi), "+S"(rsi), "+c"(op->count)               \
			     : "d"(op->port)                                       \
			     : "memory", "cc");                                    \
		op->address = rdi != op->address ? rdi : rsi; /* only one moves */ \
	}

STRING_OP(rep_insb, "rep insb")
STRING_OP(rep_insl, "rep insl")
STRING_OP(rep_insw, "rep insw")
STRING_OP(rep_outsb, "rep outsb")
STRING_OP(rep_outsl, "rep outsl")
STRING_OP(insb_back, "std; rep insb; cld")
STRING_OP(insb_once, "insb")
STRING_OP(insb_addr32, "addr32 rep insb")

static void fill(uint64_t address, uint64_t size, int byte)
{
	(void)memset((void *)address, byte, size);
}

static bool is_filled(uint64_t address, uint64_t size, uint8_t byte)
{
	const volatile uint8_t *at = (const volatile uint8_t *)address;

	for (uint64_t i = 0; i < size; i++) {
		if (at[i] != byte) {
			return false;
		}
	}
	return true;
}

static void expect(const char *name, const struct string_op *op, uint64_t count, uint64_t address)
{
	check(op->count == count && op->address == address,
	      "%s: count %lu, address %lx, expected %lu, %lx", name, op->count, op->address, count,
	      address);
}

/* Port by port: the emulated one and the forwarded one must not differ. */
static void test_insb(uint16_t port, uint8_t value)
{
	struct string_op op = { port, 100, BUFFER + 4050 };

	fill(BUFFER, 8192, 0x11);
	rep_insb(&op);
	expect("rep insb across a page", &op, 0, BUFFER + 4150);
	check(is_filled(BUFFER + 4050, 100, value), "rep insb: the bytes are not %x", value);
	check(is_filled(BUFFER, 4050, 0x11) && is_filled(BUFFER + 4150, 100, 0x11),
	      "rep insb: more bytes");
	op = (struct string_op){ port, 0, BUFFER };
	rep_insb(&op);
	expect("rep insb of nothing", &op, 0, BUFFER);
	check(is_filled(BUFFER, 1, 0x11), "rep insb of nothing wrote");
	op = (struct string_op){ port, 10, BUFFER + 4100 };
	fill(BUFFER, 8192, 0x11);
	insb_back(&op);
	expect("rep insb backwards", &op, 0, BUFFER + 4090);
	check(is_filled(BUFFER + 4091, 10, value) && is_filled(BUFFER + 4090, 1, 0x11),
	      "backwards: bytes");
	op = (struct string_op){ port, 7, BUFFER };
	insb_once(&op);
	expect("insb", &op, 7, BUFFER + 1);
	op = (struct string_op){ port, (UINT64_C(5) << 32) | 3, BUFFER };
	insb_addr32(&op);
	expect("addr32 rep insb", &op, 0, BUFFER + 3);
}

static void test_widths(void)
{
	struct string_op op = { PORT_PCI_ADDRESS, 2, BUFFER };
	uint32_t *words = (uint32_t *)BUFFER;
	uint32_t id;

	words[0] = 0x80001000;
	words[1] = 0x80000000;
	rep_outsl(&op);
	expect("rep outsl", &op, 0, BUFFER + 8);
	check(in32(PORT_PCI_ADDRESS) == 0x80000000, "rep outsl left %x", in32(PORT_PCI_ADDRESS));
	id = in32(PORT_PCI_DATA);
	op = (struct string_op){ PORT_PCI_DATA, 1100, BUFFER + 2 };
	rep_insl(&op);
	expect("rep insl", &op, 0, BUFFER + 2 + 4400);
	check(memcmp((void *)(BUFFER + 2 + 4396), &id, 4) == 0, "rep insl read another word");
	op = (struct string_op){ PORT_NOBODY, 3, BUFFER };
	rep_insw(&op);
	expect("rep insw", &op, 0, BUFFER + 6);
	check(is_filled(BUFFER, 6, 0xff), "a port of nobody gives no ones");
}

static void test_outsb(void)
{
	struct string_op op = { PORT_UART_SCRATCH, 256, BUFFER + 4000 };

	for (unsigned i = 0; i < 256; i++) {
		((uint8_t *)BUFFER)[4000 + i] = (uint8_t)(i ^ 0x5a);
	}
	rep_outsb(&op);
	expect("rep outsb", &op, 0, BUFFER + 4256);
	check(in8(PORT_UART_SCRATCH) == (255 ^ 0x5a), "the last byte out was %x",
	      in8(PORT_UART_SCRATCH));
	wrmsr(MSR_FS_BASE, BUFFER);
	op = (struct string_op){ PORT_UART_SCRATCH, 1, 4001 };
	asm volatile("fs outsb" : "+S"(op.address) : "d"(op.port) : "memory");
	check(in8(PORT_UART_SCRATCH) == (1 ^ 0x5a), "outsb ignores the base of FS");
}

static struct string_op faulting;

static void run_faulting(uint64_t unused)
{
	(void)unused;
	rep_insb(&faulting);
}

static void repair(struct trap_frame *frame)
{
	check(cr2_read() == BUFFER, "the page fault is at %lx", cr2_read());
	check(frame->rcx == 50 && frame->rdi == BUFFER, "at the fault rcx %lu, rdi %lx", frame->rcx,
	      frame->rdi);
	*page_entry(BUFFER) |= PAGE_PRESENT;
}

/* The page before is done, the fault names the next, and the rest follows after the repair. */
static void test_fault_in_the_middle(uint16_t port)
{
	fill(BUFFER - 100, 200, 0x11);
	faulting = (struct string_op){ port, 100, BUFFER - 50 };
	*page_entry(BUFFER) &= ~PAGE_PRESENT;
	invlpg((void *)BUFFER);
	trap_set_handler(VECTOR_PF, repair);
	check(expect_exception(run_faulting, 0).vector == TRAP_NONE, "the string is not resumed");
	trap_set_handler(VECTOR_PF, NULL);
	*page_entry(BUFFER) |= PAGE_PRESENT;
	expect("resumed rep insb", &faulting, 0, BUFFER + 50);
}

void test_main(void)
{
	out8(PORT_UART_SCRATCH, 0xc3);
	test_insb(PORT_UART_SCRATCH, 0xc3);
	test_insb(PORT_NOBODY, 0xff);
	test_widths();
	test_outsb();
	test_fault_in_the_middle(PORT_UART_SCRATCH);
	test_fault_in_the_middle(PORT_NOBODY);
}
