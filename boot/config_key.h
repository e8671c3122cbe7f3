/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys of caisson.conf: who may have them, what they expect, where their value goes. */
#pragma once

#include "boot/config_value.h"
#include "core/bits.h"

/* Sections, as the masks of who may have a key. */
#define CONFIG_TOP       BIT(0)
#define CONFIG_CONTROL   BIT(1)
#define CONFIG_PARTITION BIT(2)
#define CONFIG_GUEST     (CONFIG_CONTROL | CONFIG_PARTITION)

/* Where a value goes: guest is the current section's, NULL above the first section. */
struct config_target {
	struct config *config;
	struct config_guest *guest;
};

struct config_key {
	const char *name;
	uint64_t sections;
	const char *expected;
	bool (*parse)(struct config_target to, struct config_text value);
};

enum config_key_index {
	CONFIG_KEY_CONSOLE,
	CONFIG_KEY_PANIC,
	CONFIG_KEY_KERNEL,
	CONFIG_KEY_INITRD,
	CONFIG_KEY_CMDLINE,
	CONFIG_KEY_MODULES,
	CONFIG_KEY_MEMORY,
	CONFIG_KEY_PARTITION_MEMORY,
	CONFIG_KEY_CPUS,
	CONFIG_KEY_VCPUS,
	CONFIG_KEY_CLASS,
	CONFIG_KEY_BUDGET,
	CONFIG_KEY_PERIOD,
	CONFIG_KEY_WEIGHT,
	CONFIG_KEY_CAP,
	CONFIG_KEY_DEVICES,
	CONFIG_KEYS,
};

extern const struct config_key config_keys[CONFIG_KEYS];

/* A class as the file names it. */
const char *config_key_class_name(enum config_class class);

/* Notes in the guest where a value stood, for checks that come after the parser. */
void config_key_note(struct config_guest *guest, enum config_key_index key, uint32_t line);
