/* SPDX-License-Identifier: GPL-2.0-only */
/* The values of caisson.conf as texts, numbers, sizes, lists and names. */
#include "boot/config_value.h"

#include "core/bits.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"

#define BAUD_MAX 115200U /* what a PC's UART divides its clock down from */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_separator(char c)
{
	return c == ',' || is_space(c);
}

/* What a console can show of text, zero-ended; a long text ends in dots. */
static void make_printable(struct config_text text, char *to, size_t size)
{
	size_t most = size - sizeof("...");
	size_t count = text.size < most ? text.size : most;

	for (size_t i = 0; i < count; i++) {
		to[i] = text.at[i];
		if (to[i] < ' ' || to[i] > '~') {
			to[i] = '?';
		}
	}
	memcpy(to + count, "...", sizeof("..."));
	if (count == text.size) {
		to[count] = 0;
	}
}

int config_value_refuse(struct config_error *error, struct config_place place, const char *expected,
			struct config_text found)
{
	char shown[96];
	char line[16] = "";

	make_printable(found, shown, sizeof(shown));
	if (place.line != 0) {
		log_format(line, sizeof(line), ":%u", place.line);
	}
	log_format(error->text, sizeof(error->text), CONFIG_FILE "%s: %s: expected %s, found '%s'",
		   line, place.key, expected, shown);
	return -E_INVAL;
}

struct config_text config_text(const char *text)
{
	return (struct config_text){ text, strlen(text) };
}

struct config_text config_text_trim(struct config_text text)
{
	while (text.size != 0 && is_space(text.at[0])) {
		text.at++;
		text.size--;
	}
	while (text.size != 0 && is_space(text.at[text.size - 1])) {
		text.size--;
	}
	return text;
}

bool config_text_equals(struct config_text text, const char *other)
{
	return text.size == strlen(other) && memcmp(text.at, other, text.size) == 0;
}

bool config_text_split(struct config_text *text, char c, struct config_text *rest)
{
	for (size_t i = 0; i < text->size; i++) {
		if (text->at[i] == c) {
			*rest = (struct config_text){ text->at + i + 1, text->size - i - 1 };
			text->size = i;
			return true;
		}
	}
	return false;
}

bool config_text_word(struct config_text *list, struct config_text *word)
{
	size_t start = 0;

	while (start < list->size && is_separator(list->at[start])) {
		start++;
	}
	size_t end = start;

	while (end < list->size && !is_separator(list->at[end])) {
		end++;
	}
	*word = (struct config_text){ list->at + start, end - start };
	*list = (struct config_text){ list->at + end, list->size - end };
	return word->size != 0;
}

bool config_value_copy(struct config_text text, char *to, size_t size)
{
	if (text.size >= size) {
		return false;
	}
	memcpy(to, text.at, text.size);
	to[text.size] = 0;
	return true;
}

/* The value of a digit, or base where c is none of that base. */
static unsigned digit_value(char c, unsigned base)
{
	unsigned value = base;

	if (c >= '0' && c <= '9') {
		value = (unsigned)(c - '0');
	} else if (c >= 'a' && c <= 'f') {
		value = (unsigned)(c - 'a') + 10;
	} else if (c >= 'A' && c <= 'F') {
		value = (unsigned)(c - 'A') + 10;
	}
	return value < base ? value : base;
}

static bool parse_digits(struct config_text text, unsigned base, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < text.size; i++) {
		unsigned digit = digit_value(text.at[i], base);

		if (digit == base || *value > (UINT64_MAX - digit) / base) {
			return false;
		}
		*value = *value * base + digit;
	}
	return text.size != 0;
}

bool config_value_number(struct config_text text, uint64_t *value)
{
	if (text.size > 2 && text.at[0] == '0' && (text.at[1] == 'x' || text.at[1] == 'X')) {
		return parse_digits((struct config_text){ text.at + 2, text.size - 2 }, 16, value);
	}
	return parse_digits(text, 10, value);
}

bool config_value_size(struct config_text text, uint64_t *value)
{
	static const struct {
		char small, large;
		uint64_t bytes;
	} units[] = { { 'k', 'K', KIB }, { 'm', 'M', MIB }, { 'g', 'G', GIB } };
	uint64_t unit = 1;

	if (text.size == 0) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		char last = text.at[text.size - 1];

		if (last == units[i].small || last == units[i].large) {
			unit = units[i].bytes;
		}
	}
	if (unit != 1) {
		text.size--;
	}
	if (!config_value_number(text, value) || *value > UINT64_MAX / unit) {
		return false;
	}
	*value *= unit;
	return true;
}

/* "5" or "2-4" into the map. */
static bool parse_cpu_range(struct config_text text, struct config_cpus *cpus)
{
	struct config_text last_text = text;
	uint64_t first, last;

	(void)config_text_split(&text, '-', &last_text);
	if (!parse_digits(text, 10, &first) || !parse_digits(last_text, 10, &last)) {
		return false;
	}
	if (first > last || last >= CONFIG_CPUS_MAX) {
		return false;
	}
	for (uint64_t cpu = first; cpu <= last; cpu++) {
		bitmap_set(cpus->map, (unsigned)cpu);
	}
	return true;
}

bool config_value_cpus(struct config_text text, struct config_cpus *cpus)
{
	struct config_text word;
	bool is_any = false;

	memset(cpus, 0, sizeof(*cpus));
	if (config_text_equals(text, "rest")) {
		cpus->rest = true;
		return true;
	}
	while (config_text_word(&text, &word)) {
		if (!parse_cpu_range(word, cpus)) {
			return false;
		}
		is_any = true;
	}
	return is_any;
}

/* A hexadecimal number of at most most. */
static bool parse_hex(struct config_text text, uint64_t most, uint64_t *value)
{
	return parse_digits(text, 16, value) && *value <= most;
}

bool config_value_device(struct config_text text, uint16_t *segment, uint16_t *bdf)
{
	struct config_text second, third, function_text;
	uint64_t domain = 0, bus, device, function;

	if (!config_text_split(&text, ':', &second)) {
		return false;
	}
	if (config_text_split(&second, ':', &third)) {
		if (!parse_hex(text, 0xffff, &domain)) {
			return false;
		}
		text = second;
		second = third;
	}
	if (!config_text_split(&second, '.', &function_text) || !parse_hex(text, 0xff, &bus) ||
	    !parse_hex(second, 0x1f, &device) || !parse_hex(function_text, 7, &function)) {
		return false;
	}
	*segment = (uint16_t)domain;
	*bdf = (uint16_t)(bus << 8 | device << 3 | function);
	return true;
}

/* The rest of a console's value: nothing, or a rate that the UART's clock can be divided to. */
static bool parse_baud(struct config_text rest, struct config_console *console)
{
	struct config_text word, surplus;
	uint64_t baud = BAUD_MAX;

	if (config_text_word(&rest, &word) && !config_value_number(word, &baud)) {
		return false;
	}
	if (baud == 0 || baud > BAUD_MAX || BAUD_MAX % baud != 0) {
		return false;
	}
	console->baud = (uint32_t)baud;
	return !config_text_word(&rest, &surplus);
}

static bool parse_mmio(struct config_text rest, struct config_console *console)
{
	struct config_text word;

	console->kind = CONFIG_CONSOLE_MMIO;
	return config_text_word(&rest, &word) && config_value_number(word, &console->address) &&
	       console->address != 0 && parse_baud(rest, console);
}

bool config_value_console(struct config_text text, struct config_console *console)
{
	struct config_text kind, surplus;

	memset(console, 0, sizeof(*console));
	if (!config_text_word(&text, &kind)) {
		return false;
	}
	if (config_text_equals(kind, "mmio")) {
		return parse_mmio(text, console);
	}
	if (kind.size == 4 && memcmp(kind.at, "com", 3) == 0 && kind.at[3] >= '1' &&
	    kind.at[3] <= '4') {
		console->kind = CONFIG_CONSOLE_COM;
		console->index = (uint32_t)(kind.at[3] - '1');
		return parse_baud(text, console);
	}
	console->kind = config_text_equals(kind, "fb") ? CONFIG_CONSOLE_FB : CONFIG_CONSOLE_NONE;
	return !config_text_word(&text, &surplus) &&
	       (config_text_equals(kind, "fb") || config_text_equals(kind, "none"));
}
