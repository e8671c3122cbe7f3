/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * caisson.conf: the boot configuration, a short text that a person writes. Parsed once into struct
 * config; a mistake becomes a message with file, line, key and what was expected. Pure functions:
 * no hardware.
 */
#pragma once

#include "core/types.h"

#define CONFIG_NAME_SIZE      64
#define CONFIG_CMDLINE_SIZE   2048
#define CONFIG_MODULES_MAX    8
#define CONFIG_PARTITIONS_MAX 16
#define CONFIG_DEVICES_MAX    16
#define CONFIG_CPUS_MAX       1024
#define CONFIG_MESSAGE_SIZE   256
#define CONFIG_FILE           "caisson.conf"

enum config_console_kind {
	CONFIG_CONSOLE_COM,  /* com1..com4: index 0..3 */
	CONFIG_CONSOLE_MMIO, /* a 16550 at a physical address */
	CONFIG_CONSOLE_FB,
	CONFIG_CONSOLE_NONE,
};

struct config_console {
	enum config_console_kind kind;
	uint32_t index;
	uint64_t address;
	uint32_t baud;
};

enum config_panic { CONFIG_PANIC_HALT, CONFIG_PANIC_REBOOT };

enum config_class { CONFIG_CLASS_FAIR, CONFIG_CLASS_PINNED, CONFIG_CLASS_RESERVATION };

struct config_cpus {
	bool rest; /* what nobody else owns */
	uint64_t map[CONFIG_CPUS_MAX / 64];
};

/* A guest as the file describes it: the control guest or a partition. line is where a value stood,
 * 0: default. */
struct config_guest {
	char name[CONFIG_NAME_SIZE]; /* "control", or the partition's */
	uint32_t line;               /* of its section */
	char kernel[CONFIG_NAME_SIZE];
	uint32_t kernel_line;
	char initrd[CONFIG_NAME_SIZE];
	uint32_t initrd_line;
	char cmdline[CONFIG_CMDLINE_SIZE];
	char modules[CONFIG_MODULES_MAX][CONFIG_NAME_SIZE];
	uint32_t module_count;
	uint32_t modules_line;
	bool memory_rest;
	uint64_t memory; /* bytes, unless memory_rest */
	uint32_t memory_line;
	struct config_cpus cpus;
	uint32_t cpus_line;
	uint32_t vcpus; /* 0: one per CPU */
	uint32_t vcpus_line;
	enum config_class class;
	uint32_t budget_us, period_us; /* reservation */
	uint32_t weight, cap; /* fair: weight 1..10000 (default 100), cap in percent, 0: none */
	uint16_t device_segment[CONFIG_DEVICES_MAX];
	uint16_t device_bdf[CONFIG_DEVICES_MAX]; /* bus 15:8, device 7:3, function 2:0 */
	uint32_t device_count;
	uint32_t devices_line;
};

struct config {
	struct config_console console; /* default com1,115200 */
	enum config_panic panic;       /* default halt */
	struct config_guest control;
	struct config_guest partitions[CONFIG_PARTITIONS_MAX];
	uint32_t partition_count;
};

/* The first mistake: "caisson.conf:12: cpus: expected a list such as 0-2,5 or 'rest', found '3-'".
 */
struct config_error {
	char text[CONFIG_MESSAGE_SIZE];
};

/* Fills config with the defaults that a machine without a file gets: everything to the control
 * guest. */
void config_defaults(struct config *config);

/*
 * Parses size bytes of text, not zero-ended, into config (defaults first). 0, or -E_INVAL with
 * error set: unknown section or key, bad or missing value, the same key twice, two owners of a CPU
 * or a device.
 */
must_check int config_parse(struct config *config, const char *text, size_t size,
			    struct config_error *error);

/*
 * Checks what only the machine can tell: every CPU named exists below cpu_count, somebody is left a
 * CPU, and has_module() knows every file. 0, or -E_INVAL with error set. Resolves 'rest' into CPU
 * maps: it is false afterwards.
 */
must_check int config_resolve(struct config *config, uint32_t cpu_count,
			      bool (*has_module)(const char *name), struct config_error *error);
