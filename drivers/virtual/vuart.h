/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual 16550A at I/O ports. Where its bytes come from and go to is the host side's business.
 * National PC16550D data sheet, section 8 "Registers".
 */
#pragma once

#include "core/lock.h"
#include "core/region.h"
#include "core/timer.h"

#define VUART_FIFO  16   /* what the guest sees */
#define VUART_QUEUE 4096 /* received bytes that wait behind it: pasted text is not lost */

/* The real terminal behind it. Called with vuart->lock held, room() without. */
struct vuart_host {
	bool (*can_send)(void); /* true: VUART_FIFO bytes can be sent without waiting */
	void (*send)(const char *bytes, size_t size);
	void (*room)(void); /* after vuart_receive() had refused a byte: there is room again */
};

struct vuart {
	/* const after init; set before vuart_init(): */
	uint16_t port;
	uint32_t gsi;
	const struct vuart_host *host;
	/* const after init: */
	struct vm *vm;
	/* lock: */
	struct lock lock;
	uint8_t irq_enable, fifo_control, line_control, modem_control, scratch;
	uint8_t modem_lines, modem_changes; /* MSR 7:4 as last seen, and 3:0 */
	uint16_t divisor;
	bool empty_pending; /* the "transmitter empty" interrupt waits to be read in IIR */
	bool line;          /* of the interrupt */
	bool was_refused;   /* room() is owed */
	uint8_t send_count, send_queue[VUART_FIFO];
	uint32_t receive_first, receive_count;
	uint8_t receive_queue[VUART_QUEUE];
	struct timer timer; /* looks whether the host can send again */
};

must_check int vuart_init(struct vuart *vuart, struct vm *vm);

/* A byte for the guest. False: no room, keep it until room() is called. Any CPU. */
must_check bool vuart_receive(struct vuart *vuart, uint8_t byte);
