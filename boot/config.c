/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * caisson.conf line by line: sections, keys, what holds inside of a section. The keys are
 * config_key.c's, how a value reads is config_value.c's, what holds between sections is
 * config_resolve.c's.
 */
#include "boot/config.h"

#include "boot/config_key.h"
#include "boot/config_resolve.h"
#include "boot/config_value.h"
#include "core/bits.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"

#define WEIGHT_DEFAULT 100

struct parser {
	struct config_target to;
	struct config_error *error;
	uint64_t section;
	uint32_t line;
	uint32_t key_lines[CONFIG_KEYS]; /* where the current section's keys stand; 0: nowhere */
};

static int refuse_line(struct parser *parser, const char *key, const char *expected,
		       struct config_text found)
{
	return config_value_refuse(parser->error, (struct config_place){ parser->line, key },
				   expected, found);
}

static int refuse_twice(struct parser *parser, const char *key, uint32_t first_line)
{
	char found[48];

	log_format(found, sizeof(found), "again, after line %u", first_line);
	return refuse_line(parser, key, "once", config_text(found));
}

/* The names of the section's keys, because a wrong one is mostly a misspelt one. */
static int refuse_key(struct parser *parser, struct config_text name)
{
	char expected[160] = "one of";
	size_t used = strlen(expected);

	for (size_t i = 0; i < CONFIG_KEYS; i++) {
		if ((config_keys[i].sections & parser->section) != 0) {
			used += (size_t)log_format(expected + used, sizeof(expected) - used, " %s",
						   config_keys[i].name);
		}
	}
	return refuse_line(parser, "key", expected, name);
}

static int parse_value(struct parser *parser, enum config_key_index key, struct config_text value)
{
	if (parser->key_lines[key] != 0) {
		return refuse_twice(parser, config_keys[key].name, parser->key_lines[key]);
	}
	parser->key_lines[key] = parser->line;
	if (!config_keys[key].parse(parser->to, value)) {
		return refuse_line(parser, config_keys[key].name, config_keys[key].expected, value);
	}
	config_key_note(parser->to.guest, key, parser->line);
	return 0;
}

static int parse_assignment(struct parser *parser, struct config_text line)
{
	struct config_text value;

	if (!config_text_split(&line, '=', &value)) {
		return refuse_line(parser, "line", "'[SECTION]' or 'KEY = VALUE'", line);
	}
	line = config_text_trim(line);
	for (unsigned i = 0; i < CONFIG_KEYS; i++) {
		if ((config_keys[i].sections & parser->section) != 0 &&
		    config_text_equals(line, config_keys[i].name)) {
			return parse_value(parser, (enum config_key_index)i,
					   config_text_trim(value));
		}
	}
	return refuse_key(parser, line);
}

/* A reservation is a budget in each period; the other classes have neither. */
static int check_reservation(struct parser *parser)
{
	const struct config_guest *guest = parser->to.guest;
	uint32_t first = parser->key_lines[CONFIG_KEY_BUDGET];

	if (first == 0) {
		first = parser->key_lines[CONFIG_KEY_PERIOD];
	}
	if (guest->class != CONFIG_CLASS_RESERVATION && first != 0) {
		parser->line = first;
		return refuse_line(parser, "class", "reservation, which budget and period are for",
				   config_text(config_key_class_name(guest->class)));
	}
	if (guest->class != CONFIG_CLASS_RESERVATION ||
	    (guest->budget_us != 0 && guest->budget_us <= guest->period_us)) {
		return 0;
	}
	char found[64];

	log_format(found, sizeof(found), "budget %u, period %u", guest->budget_us,
		   guest->period_us);
	parser->line = parser->key_lines[CONFIG_KEY_CLASS];
	return refuse_line(parser, "class", "a budget of at most the period, both given",
			   config_text(found));
}

static int check_fair(struct parser *parser)
{
	uint32_t line = parser->key_lines[CONFIG_KEY_WEIGHT];

	if (line == 0) {
		line = parser->key_lines[CONFIG_KEY_CAP];
	}
	if (line == 0 || parser->to.guest->class == CONFIG_CLASS_FAIR) {
		return 0;
	}
	parser->line = line;
	return refuse_line(parser, "class", "fair, which weight and cap are for",
			   config_text(config_key_class_name(parser->to.guest->class)));
}

/* A partition has no defaults for these. */
static int check_required(struct parser *parser)
{
	static const enum config_key_index required[] = { CONFIG_KEY_KERNEL,
							  CONFIG_KEY_PARTITION_MEMORY };

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		const struct config_key *key = &config_keys[required[i]];

		if (parser->key_lines[required[i]] == 0) {
			parser->line = parser->to.guest->line;
			return refuse_line(parser, key->name, key->expected, config_text(""));
		}
	}
	return 0;
}

/* What holds between the keys of the section that ends here. */
static int end_section(struct parser *parser)
{
	if (parser->section == CONFIG_TOP) {
		return 0;
	}
	int err = parser->section == CONFIG_PARTITION ? check_required(parser) : 0;

	if (err == 0) {
		err = check_reservation(parser);
	}
	return err != 0 ? err : check_fair(parser);
}

static bool is_name(struct config_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.') {
			return false;
		}
	}
	return text.size != 0 && text.size < CONFIG_NAME_SIZE &&
	       !config_text_equals(text, "control");
}

static void guest_defaults(struct config_guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	guest->cpus.rest = true;
	guest->class = CONFIG_CLASS_FAIR;
	guest->weight = WEIGHT_DEFAULT;
}

static int begin_partition(struct parser *parser, struct config_text name)
{
	struct config *config = parser->to.config;

	if (!is_name(name)) {
		return refuse_line(parser, "partition",
				   "a name of letters, digits, '-', '_' and '.'", name);
	}
	for (uint32_t i = 0; i < config->partition_count; i++) {
		if (config_text_equals(name, config->partitions[i].name)) {
			return refuse_twice(parser, config->partitions[i].name,
					    config->partitions[i].line);
		}
	}
	if (config->partition_count == CONFIG_PARTITIONS_MAX) {
		return refuse_line(parser, "partition", "at most 16 partitions", name);
	}
	parser->section = CONFIG_PARTITION;
	parser->to.guest = &config->partitions[config->partition_count++];
	guest_defaults(parser->to.guest);
	return config_value_copy(name, parser->to.guest->name, CONFIG_NAME_SIZE) ? 0 : -E_INVAL;
}

static int begin_control(struct parser *parser)
{
	parser->section = CONFIG_CONTROL;
	parser->to.guest = &parser->to.config->control;
	if (parser->to.guest->line != 0) {
		return refuse_twice(parser, "control", parser->to.guest->line);
	}
	return 0;
}

static int parse_section(struct parser *parser, struct config_text line)
{
	struct config_text name, kind;
	bool is_closed = line.size >= 2 && line.at[line.size - 1] == ']';

	int err = end_section(parser);

	if (err != 0) {
		return err;
	}
	name = config_text_trim((struct config_text){ line.at + 1, is_closed ? line.size - 2 : 0 });
	if (config_text_equals(name, "control")) {
		err = begin_control(parser);
	} else if (config_text_word(&name, &kind) && config_text_equals(kind, "partition")) {
		err = begin_partition(parser, config_text_trim(name));
	} else {
		err = refuse_line(parser, "section", "[control] or [partition NAME]", line);
	}
	if (err == 0) {
		memset(parser->key_lines, 0, sizeof(parser->key_lines));
		parser->to.guest->line = parser->line;
	}
	return err;
}

/* A comment starts a line or follows white space, so that '#' may stand inside of a value. */
static struct config_text cut_comment(struct config_text line)
{
	for (size_t i = 0; i < line.size; i++) {
		if (line.at[i] == '#' &&
		    (i == 0 || line.at[i - 1] == ' ' || line.at[i - 1] == '\t')) {
			line.size = i;
		}
	}
	return config_text_trim(line);
}

static bool is_text(struct config_text line)
{
	for (size_t i = 0; i < line.size; i++) {
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t' && line.at[i] != '\r') {
			return false;
		}
	}
	return true;
}

static int parse_line(struct parser *parser, struct config_text line)
{
	if (!is_text(line)) {
		return refuse_line(parser, "line", "text", line);
	}
	line = cut_comment(line);
	if (line.size == 0) {
		return 0;
	}
	return line.at[0] == '[' ? parse_section(parser, line) : parse_assignment(parser, line);
}

/* Editors of some systems begin a text with U+FEFF. */
static struct config_text skip_byte_order_mark(struct config_text text)
{
	if (text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0) {
		return (struct config_text){ text.at + 3, text.size - 3 };
	}
	return text;
}

void config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	config->console.kind = CONFIG_CONSOLE_COM;
	config->console.baud = 115200;
	config->panic = CONFIG_PANIC_HALT;
	guest_defaults(&config->control);
	string_copy(config->control.name, "control", CONFIG_NAME_SIZE);
	string_copy(config->control.kernel, "vmlinuz", CONFIG_NAME_SIZE);
	string_copy(config->control.initrd, "initrd.img", CONFIG_NAME_SIZE);
	config->control.memory_rest = true;
}

/* The default initrd goes with the default kernel only. */
static void drop_default_initrd(struct config_guest *control)
{
	if (control->kernel_line != 0 && control->initrd_line == 0) {
		control->initrd[0] = 0;
	}
}

int config_parse(struct config *config, const char *text, size_t size, struct config_error *error)
{
	struct parser parser = { .to = { .config = config },
				 .error = error,
				 .section = CONFIG_TOP };
	struct config_text rest = skip_byte_order_mark((struct config_text){ text, size });
	int err = 0;

	config_defaults(config);
	for (bool is_more = true; is_more && err == 0;) {
		struct config_text line = rest;

		parser.line++;
		is_more = config_text_split(&line, '\n', &rest);
		err = parse_line(&parser, line);
	}
	if (err == 0) {
		err = end_section(&parser);
	}
	drop_default_initrd(&config->control);
	return err != 0 ? err : config_resolve_owners(config, error);
}
