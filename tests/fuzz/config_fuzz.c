/* SPDX-License-Identifier: GPL-2.0-only */
/* caisson.conf of any bytes: it is understood, or refused with one printable line. */
/* sources: boot/config.c boot/config_key.c boot/config_value.c boot/config_resolve.c */
#include "boot/config.h"

#include "core/err.h"
#include "quiet_log.h"

static struct config config;
static struct config_error error;

static bool has_module(const char *name)
{
	return name[0] != 'x';
}

static void check_message(void)
{
	size_t length = strnlen(error.text, sizeof(error.text));

	require(length > strlen(CONFIG_FILE) && length < sizeof(error.text));
	require(strncmp(error.text, CONFIG_FILE ":", sizeof(CONFIG_FILE)) == 0);
	for (size_t i = 0; i < length; i++) {
		require(error.text[i] >= ' ' && error.text[i] <= '~');
	}
}

static void check_guest(const struct config_guest *guest)
{
	require(strnlen(guest->name, CONFIG_NAME_SIZE) < CONFIG_NAME_SIZE);
	require(strnlen(guest->kernel, CONFIG_NAME_SIZE) < CONFIG_NAME_SIZE);
	require(strnlen(guest->cmdline, CONFIG_CMDLINE_SIZE) < CONFIG_CMDLINE_SIZE);
	require(guest->module_count <= CONFIG_MODULES_MAX);
	require(guest->device_count <= CONFIG_DEVICES_MAX);
	require(guest->vcpus <= CONFIG_CPUS_MAX);
	require(guest->memory_rest || guest->memory % PAGE_SIZE == 0);
	require(guest->class != CONFIG_CLASS_RESERVATION || guest->budget_us <= guest->period_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t cpu_count = size == 0 ? 1 : 1 + data[size - 1] % 8u;

	memset(&error, 0xff, sizeof(error));
	int err = config_parse(&config, (const char *)data, size, &error);

	if (err == 0) {
		require(config.partition_count <= CONFIG_PARTITIONS_MAX);
		check_guest(&config.control);
		for (uint32_t i = 0; i < config.partition_count; i++) {
			check_guest(&config.partitions[i]);
		}
		err = config_resolve(&config, cpu_count, has_module, &error);
	}
	if (err != 0) {
		require(err == -E_INVAL);
		check_message();
	}
	return 0;
}
