/* SPDX-License-Identifier: GPL-2.0-only */
/* A USB controller whose commands do nothing but end, with MSI-X. xHCI 1.2. */
#include "guests/lib/guest.h"
#include "tests/guest/bench_msi/bench_msi.h"

#define IDENTITY        0x000d1b36U /* QEMU's */
#define PATIENCE        10000000    /* polls */
/* Registers, in bytes: 5.3 "Host Controller Capability Registers" ff. */
#define CAP_LENGTH      BITS(7, 0)
#define CAP_DOORBELLS   0x14
#define CAP_RUNTIME     0x18
#define OP_COMMAND      0x00
#define COMMAND_RUN     1U
#define COMMAND_RESET   2U
#define COMMAND_INTE    4U
#define OP_STATUS       0x04
#define STATUS_NOTREADY BIT(11)
#define OP_RING         0x18
#define RUNTIME_FIRST   0x20 /* the first interrupter's */
#define IMAN_PENDING    1U
#define IMAN_ENABLE     2U
#define ERST_SIZE       0x08
#define ERST_BASE       0x10
#define ERST_DEQUEUE    0x18
#define DEQUEUE_BUSY    BIT(3)
/* 6.4.6 "TRB Types" */
#define TRB_LINK        (6U << 10)
#define TRB_LINK_TOGGLE 2U
#define TRB_NOOP        (23U << 10)
#define EVENTS          16U

struct trb {
	uint64_t pointer;
	uint32_t status, control;
};

static struct trb commands[2] __attribute__((aligned(64)));
static struct trb events[EVENTS] __attribute__((aligned(64)));
static uint64_t segments[2] __attribute__((aligned(64)));
static volatile uint32_t *base, *op, *interrupter, *doorbell;
static uint32_t cycle;
static unsigned dequeued;

static volatile uint32_t *at(uint64_t offset)
{
	return base + offset / 4;
}

static void write_64(volatile uint32_t *where, uint64_t value)
{
	where[0] = (uint32_t)value;
	where[1] = (uint32_t)(value >> 32);
}

static bool controller_reset(void)
{
	unsigned polls = 0;

	op = at(base[0] & CAP_LENGTH);
	interrupter = at((uint64_t)base[CAP_RUNTIME / 4] + RUNTIME_FIRST);
	doorbell = at(base[CAP_DOORBELLS / 4]);
	op[OP_COMMAND / 4] = 0;
	op[OP_COMMAND / 4] = COMMAND_RESET;
	while (((op[OP_COMMAND / 4] & COMMAND_RESET) != 0 ||
		(op[OP_STATUS / 4] & STATUS_NOTREADY) != 0) &&
	       polls < PATIENCE) {
		polls++;
	}
	return polls < PATIENCE;
}

/* 4.2 "Host Controller Initialization", as far as commands need it. */
static void controller_start(void)
{
	write_64(op + OP_RING / 4, (uint64_t)commands | 1);
	segments[0] = (uint64_t)events;
	segments[1] = EVENTS;
	interrupter[ERST_SIZE / 4] = 1;
	write_64(interrupter + ERST_DEQUEUE / 4, (uint64_t)events);
	write_64(interrupter + ERST_BASE / 4, (uint64_t)segments);
	interrupter[1] = 0;
	interrupter[0] = IMAN_ENABLE | IMAN_PENDING;
	op[OP_COMMAND / 4] = COMMAND_RUN | COMMAND_INTE;
}

static bool xhci_init(void)
{
	unsigned function = pci_find(IDENTITY);

	if (function == PCI_NONE) {
		report_error("no xHCI controller");
		return false;
	}
	base = pci_enable(function);
	if (base == NULL || !controller_reset() || !msix_enable(function)) {
		report_error("xHCI: BAR %lx", (uint64_t)base);
		return false;
	}
	controller_start();
	return true;
}

/* The ring is one command and the way back to it. */
static void xhci_prepare(void)
{
	cycle ^= 1;
	commands[0] = (struct trb){ .control = TRB_NOOP | cycle };
	commands[1] = (struct trb){
		.pointer = (uint64_t)commands,
		.control = TRB_LINK | TRB_LINK_TOGGLE | cycle,
	};
	asm volatile("" : : : "memory");
}

static void xhci_send(void)
{
	doorbell[0] = 0;
}

static void xhci_settle(void)
{
	dequeued = (dequeued + 1) % EVENTS;
	write_64(interrupter + ERST_DEQUEUE / 4, (uint64_t)&events[dequeued] | DEQUEUE_BUSY);
}

const struct source xhci = {
	.entry = "msix_entry",
	.round = "msix_round",
	.init = xhci_init,
	.prepare = xhci_prepare,
	.send = xhci_send,
	.settle = xhci_settle,
};
