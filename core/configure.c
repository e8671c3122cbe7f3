/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the configuration file and hands its settings on. Parsing is boot/config.c's. */
#include "core/configure.h"

#include "boot/boot_info.h"
#include "core/console.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/panic.h"
#include "mm/page_alloc.h"
#include "mm/window.h"

#define FILE_ORDER    4 /* pages for the text while it is parsed: 64 KiB */
#define FILE_SIZE_MAX (PAGE_SIZE << FILE_ORDER)

struct config config;

static bool has_module(const char *name)
{
	return boot_info_module(&boot_info, name) != NULL;
}

static void parse(const struct boot_module *module)
{
	static struct config_error error;
	char *text;
	int err;

	if (module->size > FILE_SIZE_MAX) {
		refuse(CONFIG_FILE ": %llu bytes, at most %llu are read",
		       (unsigned long long)module->size, (unsigned long long)FILE_SIZE_MAX);
	}
	text = page_alloc(PAGE_USE_BOOT, FILE_ORDER);
	if (text == NULL) {
		refuse(CONFIG_FILE ": no memory to read it");
	}
	window_read(hpa(module->start), text, module->size);
	err = config_parse(&config, text, module->size, &error);
	page_free(text, PAGE_USE_BOOT, FILE_ORDER);
	if (err != 0) {
		refuse("%s", error.text);
	}
}

void configure_read(void)
{
	const struct boot_module *module = boot_info_module(&boot_info, CONFIG_FILE);

	if (module != NULL) {
		parse(module);
	} else {
		log(LOG_INFO,
		    "no " CONFIG_FILE " among the modules: all goes to the control guest");
		config_defaults(&config);
	}
	console_config(&config.console);
	panic_action_set(config.panic == CONFIG_PANIC_REBOOT ? PANIC_RESET : PANIC_HALT);
	machine_policy_set(config.panic == CONFIG_PANIC_REBOOT ? MACHINE_RESET : MACHINE_HALT);
}

void configure_resolve(uint32_t cpu_count)
{
	static struct config_error error;

	if (config_resolve(&config, cpu_count, has_module, &error) != 0) {
		refuse("%s", error.text);
	}
	/* Its CPUs would be nobody's. */
	if (config.partition_count > 0) {
		refuse(CONFIG_FILE ":%u: [partition %s]: partitions are not run by this version: "
				   "expected [control] alone",
		       config.partitions[0].line, config.partitions[0].name);
	}
}
