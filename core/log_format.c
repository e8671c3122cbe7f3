/* SPDX-License-Identifier: GPL-2.0-only */
/* Formatting of text: the subset of printf that log.h names. Pure functions, never allocates. */
#include "core/log.h"
#include "core/string.h"

#define NUMBER_DIGITS 24 /* of 2^64 in octal, and more than in decimal or hexadecimal */

struct output {
	char *text;
	size_t size;
	size_t length; /* what it would be with room enough */
};

struct field {
	bool is_left, is_zero, is_prefixed, is_upper, is_long;
	int width;
	int precision; /* -1: none given */
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size) {
		out->text[out->length] = c;
	}
	out->length++;
}

static void put_times(struct output *out, char c, int count)
{
	for (int i = 0; i < count; i++) {
		put(out, c);
	}
}

static void put_bytes(struct output *out, const char *bytes, int count)
{
	for (int i = 0; i < count; i++) {
		put(out, bytes[i]);
	}
}

static void put_padded(struct output *out, const struct field *field, const char *text, int length)
{
	int padding = field->width > length ? field->width - length : 0;

	put_times(out, ' ', field->is_left ? 0 : padding);
	put_bytes(out, text, length);
	put_times(out, ' ', field->is_left ? padding : 0);
}

static void put_string(struct output *out, const struct field *field, const char *text)
{
	size_t most = field->precision < 0 ? INT32_MAX : (size_t)field->precision;

	text = text == NULL ? "(null)" : text;
	put_padded(out, field, text, (int)strnlen(text, most));
}

/* Digits of value, most significant first; returns their number, 0 for value 0. */
static int digits(char *text, uint64_t value, unsigned base, bool is_upper)
{
	const char *alphabet = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char reverse[NUMBER_DIGITS];
	int count = 0;

	for (; value != 0; value /= base) {
		reverse[count++] = alphabet[value % base];
	}
	for (int i = 0; i < count; i++) {
		text[i] = reverse[count - 1 - i];
	}
	return count;
}

static void put_number(struct output *out, const struct field *field, const char *prefix,
		       uint64_t value, unsigned base)
{
	char text[NUMBER_DIGITS];
	int count = digits(text, value, base, field->is_upper);
	int least = field->precision < 0 ? 1 : field->precision;
	int zeros = least > count ? least - count : 0;
	int prefix_length = (int)strlen(prefix);
	int padding = field->width - prefix_length - zeros - count;

	if (padding > 0 && field->is_zero && !field->is_left && field->precision < 0) {
		zeros += padding;
		padding = 0;
	}
	put_times(out, ' ', field->is_left ? 0 : padding);
	put_bytes(out, prefix, prefix_length);
	put_times(out, '0', zeros);
	put_bytes(out, text, count);
	put_times(out, ' ', field->is_left ? padding : 0);
}

static void put_signed(struct output *out, const struct field *field, int64_t value)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	put_number(out, field, value < 0 ? "-" : "", magnitude, 10);
}

static void put_hex(struct output *out, const struct field *field, uint64_t value)
{
	bool is_prefixed = field->is_prefixed && value != 0;

	put_number(out, field, !is_prefixed ? "" : field->is_upper ? "0X" : "0x", value, 16);
}

/* A number in the format, or the next argument for '*'; -1 where there is none. */
static int parse_count(const char **at, va_list *args)
{
	int count = 0;

	if (**at == '*') {
		(*at)++;
		return va_arg(*args, int);
	}
	if (**at < '0' || **at > '9') {
		return -1;
	}
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		count = count < 10000 ? count * 10 + (**at - '0') : count;
	}
	return count;
}

static struct field parse_field(const char **at, va_list *args)
{
	struct field field = { .precision = -1 };

	for (; **at == '-' || **at == '0' || **at == '#'; (*at)++) {
		field.is_left |= **at == '-';
		field.is_zero |= **at == '0';
		field.is_prefixed |= **at == '#';
	}
	field.width = parse_count(at, args);
	if (field.width < -1) {
		field.is_left = true;
		field.width = -field.width;
	}
	if (**at == '.') {
		(*at)++;
		field.precision = parse_count(at, args);
		field.precision = field.precision < 0 ? 0 : field.precision;
	}
	for (; **at == 'l' || **at == 'z'; (*at)++) {
		field.is_long = true;
	}
	return field;
}

static uint64_t argument_unsigned(const struct field *field, va_list *args)
{
	return field->is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
}

static int64_t argument_signed(const struct field *field, va_list *args)
{
	return field->is_long ? va_arg(*args, int64_t) : va_arg(*args, int);
}

/* One conversion. What is unknown is shown as it stands, so that the mistake is seen. */
static void convert(struct output *out, char conversion, struct field *field, va_list *args)
{
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		put_signed(out, field, argument_signed(field, args));
		break;
	case 'u':
		put_number(out, field, "", argument_unsigned(field, args), 10);
		break;
	case 'X':
	case 'x':
		field->is_upper = conversion == 'X';
		put_hex(out, field, argument_unsigned(field, args));
		break;
	case 'p':
		put_number(out, field, "0x", (uintptr_t)va_arg(*args, void *), 16);
		break;
	case 's':
		put_string(out, field, va_arg(*args, const char *));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_padded(out, field, &c, 1);
		break;
	case '%':
		put(out, '%');
		break;
	default:
		put(out, '%');
		put(out, conversion);
	}
}

int log_format_list(char *text, size_t size, const char *format, va_list args)
{
	struct output out = { .text = text, .size = size };
	va_list list;

	va_copy(list, args);
	while (*format != '\0') {
		struct field field;

		if (*format != '%') {
			put(&out, *format++);
			continue;
		}
		format++;
		field = parse_field(&format, &list);
		if (*format == '\0') {
			break;
		}
		convert(&out, *format++, &field, &list);
	}
	va_end(list);
	if (size != 0) {
		text[out.length < size ? out.length : size - 1] = '\0';
	}
	return (int)out.length;
}

int log_format(char *text, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = log_format_list(text, size, format, args);
	va_end(args);
	return length;
}
