/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual 16550A: registers, FIFOs, interrupts, loopback. */
#include "drivers/virtual/vuart.h"

#include "core/arch.h"
#include "core/bits.h"
#include "core/string.h"
#include "core/vm.h"
#include "drivers/virtual/vioapic.h"

#define PORTS 8

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH };

#define IER_RECEIVED BIT(0)
#define IER_EMPTY    BIT(1)
#define IER_MODEM    BIT(3)
#define IER_WRITABLE BITS(3, 0)

#define IIR_NONE     UINT64_C(0x1)
#define IIR_MODEM    UINT64_C(0x0)
#define IIR_EMPTY    UINT64_C(0x2)
#define IIR_RECEIVED UINT64_C(0x4)
#define IIR_TIMEOUT  UINT64_C(0xc)
#define IIR_FIFO     BITS(7, 6)

#define FCR_ENABLE        BIT(0)
#define FCR_CLEAR_RECEIVE BIT(1)
#define FCR_CLEAR_SEND    BIT(2)
#define FCR_TRIGGER       BITS(7, 6)

#define LCR_DIVISOR  BIT(7)
#define MCR_DTR      BIT(0)
#define MCR_RTS      BIT(1)
#define MCR_OUT1     BIT(2)
#define MCR_OUT2     BIT(3) /* on a PC: lets the interrupt out */
#define MCR_LOOP     BIT(4)
#define MCR_WRITABLE BITS(4, 0)

#define LSR_RECEIVED BIT(0)
#define LSR_EMPTY    BITS(6, 5) /* holding register and shift register */

#define MSR_RI_ENDED BIT(2) /* its change bit counts the trailing edge only */
#define MSR_CTS      BIT(4)
#define MSR_DSR      BIT(5)
#define MSR_RI       BIT(6)
#define MSR_DCD      BIT(7)

#define SEND_RETRY_NS UINT64_C(200000) /* two bytes' time at 115200 baud */

/* ---- interrupts ---- */

static bool has_fifo(const struct vuart *vuart)
{
	return (vuart->fifo_control & FCR_ENABLE) != 0;
}

static uint32_t trigger_level(const struct vuart *vuart)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return has_fifo(vuart) ? levels[field_get(FCR_TRIGGER, vuart->fifo_control)] : 1;
}

/* In the order of their priority: PC16550D table IV "Interrupt Control Functions". */
static uint64_t interrupt_cause(const struct vuart *vuart)
{
	if ((vuart->irq_enable & IER_RECEIVED) != 0 && vuart->receive_count != 0) {
		return vuart->receive_count >= trigger_level(vuart) ? IIR_RECEIVED : IIR_TIMEOUT;
	}
	if ((vuart->irq_enable & IER_EMPTY) != 0 && vuart->empty_pending) {
		return IIR_EMPTY;
	}
	if ((vuart->irq_enable & IER_MODEM) != 0 && vuart->modem_changes != 0) {
		return IIR_MODEM;
	}
	return IIR_NONE;
}

static inline void update_line(struct vuart *vuart)
{
	bool is_let_out = (vuart->modem_control & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool line = is_let_out && interrupt_cause(vuart) != IIR_NONE;

	if (line != vuart->line) {
		vuart->line = line;
		vioapic_set_line(vuart->vm, vuart->gsi, line);
	}
}

/* ---- receiving ---- */

static bool queue_put(struct vuart *vuart, uint8_t byte)
{
	if (vuart->receive_count == VUART_QUEUE) {
		return false;
	}
	vuart->receive_queue[(vuart->receive_first + vuart->receive_count) % VUART_QUEUE] = byte;
	vuart->receive_count++;
	return true;
}

static void queue_drop(struct vuart *vuart, uint32_t count)
{
	vuart->receive_first = (vuart->receive_first + count) % VUART_QUEUE;
	vuart->receive_count -= count;
}

static uint8_t receive_read(struct vuart *vuart)
{
	uint8_t byte = vuart->receive_queue[vuart->receive_first];

	if (vuart->receive_count == 0) {
		return 0;
	}
	queue_drop(vuart, 1);
	return byte;
}

bool vuart_receive(struct vuart *vuart, uint8_t byte)
{
	bool taken;

	lock_acquire(&vuart->lock);
	taken = queue_put(vuart, byte);
	vuart->was_refused |= !taken;
	update_line(vuart);
	lock_release(&vuart->lock);
	return taken;
}

/* Half empty is soon enough: the sender was stopped, and starts again for many bytes. */
static bool owes_room(struct vuart *vuart)
{
	bool owed = vuart->was_refused && vuart->receive_count <= VUART_QUEUE / 2;

	vuart->was_refused &= !owed;
	return owed;
}

/* ---- sending ---- */

static void send_queued(struct vuart *vuart)
{
	vuart->host->send((const char *)vuart->send_queue, vuart->send_count);
	vuart->send_count = 0;
	vuart->empty_pending = true;
}

/* A terminal that is busy is asked again later: nobody waits for it here. */
static void try_send(struct vuart *vuart)
{
	if (vuart->send_count == 0) {
		return;
	}
	if (vuart->host->can_send()) {
		send_queued(vuart);
	} else if (!timer_is_armed(&vuart->timer)) {
		timer_arm(&vuart->timer, arch_time_now() + SEND_RETRY_NS);
	}
}

static void retry_send(struct timer *timer)
{
	struct vuart *vuart = container_of(timer, struct vuart, timer);

	lock_acquire(&vuart->lock);
	try_send(vuart);
	update_line(vuart);
	lock_release(&vuart->lock);
}

static void send_write(struct vuart *vuart, uint8_t byte)
{
	vuart->empty_pending = false;
	if ((vuart->modem_control & MCR_LOOP) != 0) {
		(void)queue_put(vuart, byte); /* full: an overrun, as in a real one */
		vuart->empty_pending = true;
		return;
	}
	if (vuart->send_count == VUART_FIFO) {
		send_queued(vuart); /* the guest did not wait: the host side does */
	}
	vuart->send_queue[vuart->send_count++] = byte;
	try_send(vuart);
}

/* ---- modem lines ---- */

/* In loopback the outputs are the inputs: PC16550D 8.8 "Modem Control Register". */
static uint8_t lines_now(const struct vuart *vuart)
{
	uint64_t control = vuart->modem_control;

	if ((control & MCR_LOOP) == 0) {
		return MSR_CTS | MSR_DSR | MSR_DCD;
	}
	return (uint8_t)(((control & MCR_RTS) != 0 ? MSR_CTS : 0) |
			 ((control & MCR_DTR) != 0 ? MSR_DSR : 0) |
			 ((control & MCR_OUT1) != 0 ? MSR_RI : 0) |
			 ((control & MCR_OUT2) != 0 ? MSR_DCD : 0));
}

static void modem_control_write(struct vuart *vuart, uint8_t value)
{
	uint64_t changed;
	uint8_t old = vuart->modem_lines;

	vuart->modem_control = value & MCR_WRITABLE;
	vuart->modem_lines = lines_now(vuart);
	changed = field_get(BITS(7, 4), old ^ vuart->modem_lines);
	if ((vuart->modem_lines & MSR_RI) != 0) {
		changed &= ~MSR_RI_ENDED;
	}
	vuart->modem_changes |= (uint8_t)changed;
}

/* ---- registers ---- */

/* Clearing drops what the real FIFO would hold; what waits behind it comes after, as from a sender
 * with flow control. */
static void fifo_control_write(struct vuart *vuart, uint8_t value)
{
	bool toggles = ((value ^ vuart->fifo_control) & FCR_ENABLE) != 0;

	vuart->fifo_control = value & (FCR_ENABLE | FCR_TRIGGER);
	if (toggles || (value & FCR_CLEAR_RECEIVE) != 0) {
		queue_drop(vuart, (uint32_t)min_u64(vuart->receive_count, VUART_FIFO));
	}
	if ((value & FCR_CLEAR_SEND) != 0 && vuart->send_count != 0) {
		vuart->send_count = 0;
		vuart->empty_pending = true;
	}
}

static void irq_enable_write(struct vuart *vuart, uint8_t value)
{
	uint64_t set = value & ~(uint64_t)vuart->irq_enable;

	vuart->irq_enable = value & IER_WRITABLE;
	if ((set & IER_EMPTY) != 0 && vuart->send_count == 0) {
		vuart->empty_pending = true;
	}
}

static void divisor_write(struct vuart *vuart, uint64_t field, uint8_t value)
{
	vuart->divisor = (uint16_t)((vuart->divisor & ~field) | field_set(field, value));
}

static void register_write(struct vuart *vuart, unsigned number, uint8_t value)
{
	if ((vuart->line_control & LCR_DIVISOR) != 0 && number <= REG_IER) {
		divisor_write(vuart, number == REG_DATA ? BITS(7, 0) : BITS(15, 8), value);
		return;
	}
	switch (number) {
	case REG_DATA:
		send_write(vuart, value);
		break;
	case REG_IER:
		irq_enable_write(vuart, value);
		break;
	case REG_IIR:
		fifo_control_write(vuart, value);
		break;
	case REG_LCR:
		vuart->line_control = value;
		break;
	case REG_MCR:
		modem_control_write(vuart, value);
		break;
	case REG_SCRATCH:
		vuart->scratch = value;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
}

static uint8_t cause_read(struct vuart *vuart)
{
	uint64_t cause = interrupt_cause(vuart);

	if (cause == IIR_EMPTY) {
		vuart->empty_pending = false;
	}
	return (uint8_t)(cause | (has_fifo(vuart) ? IIR_FIFO : 0));
}

static uint8_t line_status_read(struct vuart *vuart)
{
	try_send(vuart);
	return (uint8_t)((vuart->receive_count != 0 ? LSR_RECEIVED : 0) |
			 (vuart->send_count == 0 ? LSR_EMPTY : 0));
}

static uint8_t modem_status_read(struct vuart *vuart)
{
	uint8_t changes = vuart->modem_changes;

	vuart->modem_changes = 0;
	return lines_now(vuart) | changes;
}

static uint8_t register_read(struct vuart *vuart, unsigned number)
{
	bool is_divisor = (vuart->line_control & LCR_DIVISOR) != 0;

	switch (number) {
	case REG_DATA:
		return is_divisor ? (uint8_t)vuart->divisor : receive_read(vuart);
	case REG_IER:
		return is_divisor ? (uint8_t)(vuart->divisor >> 8) : vuart->irq_enable;
	case REG_IIR:
		return cause_read(vuart);
	case REG_LCR:
		return vuart->line_control;
	case REG_MCR:
		return vuart->modem_control;
	case REG_LSR:
		return line_status_read(vuart);
	case REG_MSR:
		return modem_status_read(vuart);
	default:
		return vuart->scratch;
	}
}

/* Wider accesses are split into bytes, as the bus does for an 8-bit device. */
static void registers_access(struct vuart *vuart, struct access *access)
{
	unsigned number = (unsigned)access->offset;
	uint8_t *byte = (uint8_t *)&access->value;

	for (uint8_t *end = byte + access->size; byte != end; byte++, number++) {
		if (access->is_write) {
			register_write(vuart, number, *byte);
		} else {
			*byte = register_read(vuart, number);
		}
	}
}

static enum region_result vuart_access(void *device, struct access *access)
{
	struct vuart *vuart = device;
	bool owed;

	lock_acquire(&vuart->lock);
	registers_access(vuart, access);
	update_line(vuart);
	owed = owes_room(vuart);
	lock_release(&vuart->lock);
	if (owed) {
		vuart->host->room();
	}
	return REGION_DONE;
}

int vuart_init(struct vuart *vuart, struct vm *vm)
{
	struct region region = { .start = vuart->port,
				 .size = PORTS,
				 .fn = vuart_access,
				 .device = vuart,
				 .name = "vuart" };

	vuart->vm = vm;
	vuart->modem_lines = lines_now(vuart);
	timer_init(&vuart->timer, retry_send);
	vioapic_claim(vm, vuart->gsi);
	return region_add(&vm->port_regions, &region);
}
