/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks of caisson.conf across its sections, and against the machine. */
#include "boot/config_resolve.h"

#include "boot/config_value.h"
#include "core/bits.h"
#include "core/log.h"
#include "core/string.h"

/* Guest 0 is the control guest, the others are the partitions. */
static const struct config_guest *guest_at(const struct config *config, uint32_t index)
{
	return index == 0 ? &config->control : &config->partitions[index - 1];
}

/* The lowest CPU of both maps, or CONFIG_CPUS_MAX. */
static unsigned first_common_cpu(const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < CONFIG_CPUS_MAX / 64; i++) {
		if ((a[i] & b[i]) != 0) {
			return i * 64 + bits_lowest(a[i] & b[i]);
		}
	}
	return CONFIG_CPUS_MAX;
}

static int check_cpus(const struct config_guest *a, const struct config_guest *b,
		      struct config_error *error)
{
	bool is_exclusive = a->class == CONFIG_CLASS_PINNED || b->class == CONFIG_CLASS_PINNED;
	unsigned cpu = first_common_cpu(a->cpus.map, b->cpus.map);
	char found[192];

	if (!is_exclusive || cpu == CONFIG_CPUS_MAX) {
		return 0;
	}
	log_format(found, sizeof(found), "CPU %u in %.24s:%u and %.24s:%u", cpu, a->name,
		   a->cpus_line, b->name, b->cpus_line);
	return config_value_refuse(error, (struct config_place){ b->cpus_line, "cpus" },
				   "one owner of a pinned guest's CPU", config_text(found));
}

/* Whether a and b own the same device; a and b may be the same guest. */
static int check_devices(const struct config_guest *a, const struct config_guest *b,
			 struct config_error *error)
{
	char found[192];

	for (uint32_t i = 0; i < a->device_count; i++) {
		for (uint32_t j = a == b ? i + 1 : 0; j < b->device_count; j++) {
			unsigned bdf = a->device_bdf[i];

			if (bdf != b->device_bdf[j] ||
			    a->device_segment[i] != b->device_segment[j]) {
				continue;
			}
			log_format(found, sizeof(found),
				   "%04x:%02x:%02x.%u in %.24s:%u and %.24s:%u",
				   a->device_segment[i], bdf >> 8, bdf >> 3 & 0x1f, bdf & 7,
				   a->name, a->devices_line, b->name, b->devices_line);
			return config_value_refuse(
				error, (struct config_place){ b->devices_line, "devices" },
				"one owner of a device", config_text(found));
		}
	}
	return 0;
}

int config_resolve_owners(const struct config *config, struct config_error *error)
{
	for (uint32_t i = 0; i <= config->partition_count; i++) {
		const struct config_guest *guest = guest_at(config, i);

		for (uint32_t j = 0; j <= i; j++) {
			const struct config_guest *other = guest_at(config, j);
			int err = i == j ? 0 : check_cpus(other, guest, error);

			if (err == 0) {
				err = check_devices(other, guest, error);
			}
			if (err != 0) {
				return err;
			}
		}
	}
	return 0;
}

/* What config_resolve() looks at a guest with. */
struct resolver {
	uint32_t cpu_count;
	bool (*has_module)(const char *name);
	struct config_error *error;
	uint64_t owned[CONFIG_CPUS_MAX / 64]; /* the CPUs that lists name */
};

static int check_module(const struct resolver *resolver, struct config_place place,
			const char *name)
{
	if (name[0] == 0 || resolver->has_module(name)) {
		return 0;
	}
	return config_value_refuse(resolver->error, place, "a file that the boot loader brought",
				   config_text(name));
}

/* The default initrd is taken where there is one. */
static int check_modules(const struct resolver *resolver, struct config_guest *guest)
{
	if (guest->initrd_line == 0 && !resolver->has_module(guest->initrd)) {
		guest->initrd[0] = 0;
	}
	int err = check_module(resolver, (struct config_place){ guest->kernel_line, "kernel" },
			       guest->kernel);

	if (err == 0) {
		err = check_module(resolver, (struct config_place){ guest->initrd_line, "initrd" },
				   guest->initrd);
	}
	for (uint32_t i = 0; err == 0 && i < guest->module_count; i++) {
		err = check_module(resolver,
				   (struct config_place){ guest->modules_line, "modules" },
				   guest->modules[i]);
	}
	return err;
}

/* Every CPU of a list must exist. */
static int check_range(const struct resolver *resolver, const struct config_guest *guest)
{
	char expected[64], found[32];

	for (unsigned cpu = resolver->cpu_count; cpu < CONFIG_CPUS_MAX; cpu++) {
		if (bitmap_test(guest->cpus.map, cpu)) {
			log_format(expected, sizeof(expected),
				   "CPUs of this machine, which has 0-%u", resolver->cpu_count - 1);
			log_format(found, sizeof(found), "%u", cpu);
			return config_value_refuse(
				resolver->error, (struct config_place){ guest->cpus_line, "cpus" },
				expected, config_text(found));
		}
	}
	return 0;
}

/* 'rest' becomes the CPUs that no list names. */
static int resolve_rest(const struct resolver *resolver, struct config_guest *guest)
{
	bool is_any = false;

	guest->cpus.rest = false;
	for (unsigned cpu = 0; cpu < resolver->cpu_count; cpu++) {
		if (!bitmap_test(resolver->owned, cpu)) {
			bitmap_set(guest->cpus.map, cpu);
			is_any = true;
		}
	}
	if (is_any) {
		return 0;
	}
	return config_value_refuse(
		resolver->error, (struct config_place){ guest->cpus_line, "cpus" },
		"a CPU that no other guest's list names", config_text("rest, which is none"));
}

static unsigned count_cpus(const struct config_cpus *cpus)
{
	unsigned count = 0;

	for (unsigned cpu = 0; cpu < CONFIG_CPUS_MAX; cpu++) {
		count += bitmap_test(cpus->map, cpu);
	}
	return count;
}

/* A pinned vCPU has a CPU of its own. */
static int check_vcpus(const struct resolver *resolver, const struct config_guest *guest)
{
	char expected[64], found[32];
	unsigned cpus = count_cpus(&guest->cpus);

	if (guest->class != CONFIG_CLASS_PINNED || guest->vcpus <= cpus) {
		return 0;
	}
	log_format(expected, sizeof(expected), "at most one for each of %u pinned CPUs", cpus);
	log_format(found, sizeof(found), "%u", guest->vcpus);
	return config_value_refuse(resolver->error,
				   (struct config_place){ guest->vcpus_line, "vcpus" }, expected,
				   config_text(found));
}

static int resolve_guest(const struct resolver *resolver, struct config_guest *guest)
{
	int err = check_range(resolver, guest);

	if (err == 0 && guest->cpus.rest) {
		err = resolve_rest(resolver, guest);
	}
	if (err == 0) {
		err = check_vcpus(resolver, guest);
	}
	if (err == 0) {
		err = check_modules(resolver, guest);
	}
	return err;
}

static void collect_owned(struct resolver *resolver, const struct config_guest *guest)
{
	for (unsigned i = 0; i < CONFIG_CPUS_MAX / 64; i++) {
		resolver->owned[i] |= guest->cpus.map[i];
	}
}

int config_resolve(struct config *config, uint32_t cpu_count, bool (*has_module)(const char *name),
		   struct config_error *error)
{
	struct resolver resolver = {
		.cpu_count = cpu_count < CONFIG_CPUS_MAX ? cpu_count : CONFIG_CPUS_MAX,
		.has_module = has_module,
		.error = error,
	};

	collect_owned(&resolver, &config->control);
	for (uint32_t i = 0; i < config->partition_count; i++) {
		collect_owned(&resolver, &config->partitions[i]);
	}
	int err = resolve_guest(&resolver, &config->control);

	for (uint32_t i = 0; err == 0 && i < config->partition_count; i++) {
		err = resolve_guest(&resolver, &config->partitions[i]);
	}
	return err != 0 ? err : config_resolve_owners(config, error);
}
