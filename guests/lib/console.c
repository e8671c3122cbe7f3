/* SPDX-License-Identifier: GPL-2.0-only */
/* The serial console of a micro-guest, and its small printf: %s %c %d %u %x with l, 0 and a width.
 */
#include "guests/lib/console.h"

#include "guests/lib/guest.h"

#define COM1          0x3f8
#define UART_DATA     (COM1 + 0)
#define UART_IER      (COM1 + 1)
#define UART_FCR      (COM1 + 2)
#define UART_LCR      (COM1 + 3)
#define UART_MCR      (COM1 + 4)
#define UART_LSR      (COM1 + 5)
#define LSR_EMPTY     BIT(5)
#define LCR_8N1       3
#define LCR_DIVISOR   0x80
#define SEND_PATIENCE 1000000 /* polls before a console that never empties is given up */

static uint32_t lock;

void console_init(void)
{
	out8(UART_IER, 0);
	out8(UART_LCR, LCR_DIVISOR | LCR_8N1);
	out8(UART_DATA, 1); /* 115200 */
	out8(UART_IER, 0);
	out8(UART_LCR, LCR_8N1);
	out8(UART_FCR, 7);
	out8(UART_MCR, 3);
}

void console_char(char c)
{
	if (c == '\n') {
		console_char('\r');
	}
	for (unsigned i = 0; i < SEND_PATIENCE && (in8(UART_LSR) & LSR_EMPTY) == 0; i++) {
		cpu_relax();
	}
	out8(UART_DATA, (uint8_t)c);
}

struct format {
	char pad;
	unsigned width;
	bool is_long;
};

static void print_number(uint64_t value, unsigned base, bool is_negative, const struct format *f)
{
	char digits[24];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	if (is_negative) {
		digits[count++] = '-';
	}
	for (unsigned i = count; i < f->width; i++) {
		console_char(f->pad);
	}
	while (count > 0) {
		console_char(digits[--count]);
	}
}

static void print_text(const char *text)
{
	while (*text != 0) {
		console_char(*text++);
	}
}

static const char *parse_format(const char *at, struct format *f)
{
	*f = (struct format){ .pad = ' ' };
	if (*at == '0') {
		f->pad = '0';
	}
	while (*at >= '0' && *at <= '9') {
		f->width = f->width * 10 + (unsigned)(*at++ - '0');
	}
	while (*at == 'l' || *at == 'z') {
		f->is_long = true;
		at++;
	}
	return at;
}

void console_print(const char *format, va_list args)
{
	struct format f;

	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0) {
		cpu_relax();
	}
	for (const char *at = format; *at != 0; at++) {
		if (*at != '%') {
			console_char(*at);
			continue;
		}
		at = parse_format(at + 1, &f);
		if (*at == 's') {
			print_text(va_arg(args, const char *));
		} else if (*at == 'c') {
			console_char((char)va_arg(args, int));
		} else if (*at == 'd') {
			int64_t value = f.is_long ? va_arg(args, int64_t) : va_arg(args, int);

			print_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, value < 0,
				     &f);
		} else if (*at == 'u' || *at == 'x' || *at == 'p') {
			uint64_t value = f.is_long || *at == 'p' ? va_arg(args, uint64_t)
								 : va_arg(args, unsigned);

			print_number(value, *at == 'u' ? 10 : 16, false, &f);
		} else {
			console_char(*at);
		}
	}
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}
