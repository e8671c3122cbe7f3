/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys of caisson.conf as a table, with one setter each. */
#include "boot/config_key.h"

#include "core/string.h"

#define WEIGHT_MAX    10000
#define PERIOD_MAX_US 10000000

static bool parse_console(struct config_target to, struct config_text value)
{
	return config_value_console(value, &to.config->console);
}

static bool parse_panic(struct config_target to, struct config_text value)
{
	bool is_reboot = config_text_equals(value, "reboot");

	to.config->panic = is_reboot ? CONFIG_PANIC_REBOOT : CONFIG_PANIC_HALT;
	return is_reboot || config_text_equals(value, "halt");
}

/* A file's name is one word, because the boot loader gives it as one. */
static bool parse_file(struct config_text value, char *name)
{
	struct config_text word, list = value;

	return config_text_word(&list, &word) && word.size == value.size &&
	       config_value_copy(value, name, CONFIG_NAME_SIZE);
}

static bool parse_kernel(struct config_target to, struct config_text value)
{
	return parse_file(value, to.guest->kernel);
}

static bool parse_initrd(struct config_target to, struct config_text value)
{
	return parse_file(value, to.guest->initrd);
}

static bool parse_cmdline(struct config_target to, struct config_text value)
{
	return config_value_copy(value, to.guest->cmdline, sizeof(to.guest->cmdline));
}

static bool parse_modules(struct config_target to, struct config_text value)
{
	struct config_text word;
	uint32_t count = 0;

	while (config_text_word(&value, &word)) {
		if (count == CONFIG_MODULES_MAX || !parse_file(word, to.guest->modules[count])) {
			return false;
		}
		count++;
	}
	to.guest->module_count = count;
	return count != 0;
}

static bool parse_memory(struct config_target to, struct config_text value)
{
	to.guest->memory_rest = false;
	return config_value_size(value, &to.guest->memory) && to.guest->memory >= PAGE_SIZE &&
	       is_aligned(to.guest->memory, PAGE_SIZE);
}

static bool parse_memory_or_rest(struct config_target to, struct config_text value)
{
	if (config_text_equals(value, "rest")) {
		to.guest->memory_rest = true;
		return true;
	}
	return parse_memory(to, value);
}

static bool parse_cpus(struct config_target to, struct config_text value)
{
	return config_value_cpus(value, &to.guest->cpus);
}

static const char *const class_names[] = {
	[CONFIG_CLASS_FAIR] = "fair",
	[CONFIG_CLASS_PINNED] = "pinned",
	[CONFIG_CLASS_RESERVATION] = "reservation",
};

const char *config_key_class_name(enum config_class class)
{
	return class_names[class];
}

static bool parse_class(struct config_target to, struct config_text value)
{
	for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
		if (config_text_equals(value, class_names[i])) {
			to.guest->class = (enum config_class)i;
			return true;
		}
	}
	return false;
}

/* A number from 1 to most. */
static bool parse_limited(struct config_text value, uint64_t most, uint32_t *to)
{
	uint64_t number;

	if (!config_value_number(value, &number) || number == 0 || number > most) {
		return false;
	}
	*to = (uint32_t)number;
	return true;
}

static bool parse_vcpus(struct config_target to, struct config_text value)
{
	return parse_limited(value, CONFIG_CPUS_MAX, &to.guest->vcpus);
}

static bool parse_budget(struct config_target to, struct config_text value)
{
	return parse_limited(value, PERIOD_MAX_US, &to.guest->budget_us);
}

static bool parse_period(struct config_target to, struct config_text value)
{
	return parse_limited(value, PERIOD_MAX_US, &to.guest->period_us);
}

static bool parse_weight(struct config_target to, struct config_text value)
{
	return parse_limited(value, WEIGHT_MAX, &to.guest->weight);
}

static bool parse_cap(struct config_target to, struct config_text value)
{
	return parse_limited(value, 100 * CONFIG_CPUS_MAX, &to.guest->cap);
}

static bool parse_devices(struct config_target to, struct config_text value)
{
	struct config_guest *guest = to.guest;
	struct config_text word;
	uint32_t count = 0;

	while (config_text_word(&value, &word)) {
		if (count == CONFIG_DEVICES_MAX ||
		    !config_value_device(word, &guest->device_segment[count],
					 &guest->device_bdf[count])) {
			return false;
		}
		count++;
	}
	guest->device_count = count;
	return count != 0;
}

const struct config_key config_keys[CONFIG_KEYS] = {
	[CONFIG_KEY_CONSOLE] = { "console", CONFIG_TOP,
				 "com1 to com4 or mmio,ADDRESS, with ',BAUD' that divides 115200; "
				 "fb; or none",
				 parse_console },
	[CONFIG_KEY_PANIC] = { "panic", CONFIG_TOP, "halt or reboot", parse_panic },
	[CONFIG_KEY_KERNEL] = { "kernel", CONFIG_GUEST, "one file name of 63 characters at most",
				parse_kernel },
	[CONFIG_KEY_INITRD] = { "initrd", CONFIG_GUEST, "one file name of 63 characters at most",
				parse_initrd },
	[CONFIG_KEY_CMDLINE] = { "cmdline", CONFIG_GUEST, "2047 characters at most",
				 parse_cmdline },
	[CONFIG_KEY_MODULES] = { "modules", CONFIG_GUEST, "1 to 8 file names", parse_modules },
	[CONFIG_KEY_MEMORY] = { "memory", CONFIG_CONTROL, "a size in pages such as 4G, or 'rest'",
				parse_memory_or_rest },
	[CONFIG_KEY_PARTITION_MEMORY] = { "memory", CONFIG_PARTITION,
					  "a size in pages such as 256M", parse_memory },
	[CONFIG_KEY_CPUS] = { "cpus", CONFIG_GUEST, "a list below 1024 such as 0-2,5, or 'rest'",
			      parse_cpus },
	[CONFIG_KEY_VCPUS] = { "vcpus", CONFIG_GUEST, "a number from 1 to 1024", parse_vcpus },
	[CONFIG_KEY_CLASS] = { "class", CONFIG_GUEST, "pinned, reservation or fair", parse_class },
	[CONFIG_KEY_BUDGET] = { "budget", CONFIG_GUEST, "microseconds from 1 to 10000000",
				parse_budget },
	[CONFIG_KEY_PERIOD] = { "period", CONFIG_GUEST, "microseconds from 1 to 10000000",
				parse_period },
	[CONFIG_KEY_WEIGHT] = { "weight", CONFIG_GUEST, "a number from 1 to 10000", parse_weight },
	[CONFIG_KEY_CAP] = { "cap", CONFIG_GUEST, "percent of one CPU from 1 to 102400",
			     parse_cap },
	[CONFIG_KEY_DEVICES] = { "devices", CONFIG_PARTITION,
				 "1 to 16 PCI functions such as 0000:00:05.0", parse_devices },
};

void config_key_note(struct config_guest *guest, enum config_key_index key, uint32_t line)
{
	static const size_t offsets[CONFIG_KEYS] = {
		[CONFIG_KEY_KERNEL] = offsetof(struct config_guest, kernel_line),
		[CONFIG_KEY_INITRD] = offsetof(struct config_guest, initrd_line),
		[CONFIG_KEY_MODULES] = offsetof(struct config_guest, modules_line),
		[CONFIG_KEY_MEMORY] = offsetof(struct config_guest, memory_line),
		[CONFIG_KEY_PARTITION_MEMORY] = offsetof(struct config_guest, memory_line),
		[CONFIG_KEY_CPUS] = offsetof(struct config_guest, cpus_line),
		[CONFIG_KEY_VCPUS] = offsetof(struct config_guest, vcpus_line),
		[CONFIG_KEY_DEVICES] = offsetof(struct config_guest, devices_line),
	};

	if (guest != NULL && offsets[key] != 0) {
		memcpy((char *)guest + offsets[key], &line, sizeof(line));
	}
}
