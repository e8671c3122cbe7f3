/* SPDX-License-Identifier: GPL-2.0-only */
/* caisson.conf: what is understood, and the message for each mistake. */
/* sources: boot/config.c boot/config_key.c boot/config_value.c boot/config_resolve.c */
#include "boot/config.h"

#include <setjmp.h>

#include "log_capture.h"

#include <cmocka.h>

#include "core/bits.h"
#include "core/err.h"

static struct config config;
static struct config_error error;

static int parse(const char *text)
{
	memset(&error, 0, sizeof(error));
	return config_parse(&config, text, strlen(text), &error);
}

static void assert_refused(const char *text, const char *message)
{
	assert_int_equal(parse(text), -E_INVAL);
	assert_string_equal(error.text, message);
}

static void config_gives_the_control_guest_everything_by_default(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(config.console.kind, CONFIG_CONSOLE_COM);
	assert_int_equal(config.console.index, 0);
	assert_int_equal(config.console.baud, 115200);
	assert_int_equal(config.panic, CONFIG_PANIC_HALT);
	assert_string_equal(config.control.name, "control");
	assert_string_equal(config.control.kernel, "vmlinuz");
	assert_string_equal(config.control.initrd, "initrd.img");
	assert_true(config.control.memory_rest);
	assert_true(config.control.cpus.rest);
	assert_int_equal(config.control.vcpus, 0);
	assert_int_equal(config.control.weight, 100);
	assert_int_equal(config.partition_count, 0);
}

/* The example of the architecture page. */
static const char example[] =
	"# caisson.conf\n"
	"console = com1,115200            # com1..com4, mmio address, fb, none\n"
	"panic   = halt                   # or reboot\n"
	"[control]\n"
	"kernel  = vmlinuz                # bzImage, PVH ELF, multiboot 1 or 2 ELF\n"
	"initrd  = initrd.img\n"
	"cmdline = console=ttyS0 root=/dev/vda1\n"
	"memory  = rest                   # what nobody else owns; or 4G\n"
	"cpus    = rest                   # or a list: 0-2\n"
	"vcpus   = 3                      # default: one per CPU\n"
	"\n"
	"[partition rt0]                  # optional, any number\n"
	"kernel  = rt.elf                 # as above, or a flat binary\n"
	"memory  = 256M\n"
	"cpus    = 3                      # CPU n is the n-th enabled CPU\n"
	"class   = pinned                 # pinned | reservation | fair\n"
	"devices = 0000:00:05.0           # passed through\n";

static void config_reads_the_documented_example(void **state)
{
	(void)state;
	assert_int_equal(parse(example), 0);
	assert_string_equal(config.control.cmdline, "console=ttyS0 root=/dev/vda1");
	assert_int_equal(config.control.vcpus, 3);
	assert_int_equal(config.control.vcpus_line, 10);
	assert_int_equal(config.control.line, 4);
	assert_int_equal(config.partition_count, 1);

	const struct config_guest *guest = &config.partitions[0];

	assert_string_equal(guest->name, "rt0");
	assert_string_equal(guest->kernel, "rt.elf");
	assert_int_equal(guest->kernel_line, 13);
	assert_int_equal(guest->memory, 256 * MIB);
	assert_false(guest->memory_rest);
	assert_false(guest->cpus.rest);
	assert_int_equal(guest->cpus.map[0], BIT(3));
	assert_int_equal(guest->class, CONFIG_CLASS_PINNED);
	assert_int_equal(guest->device_count, 1);
	assert_int_equal(guest->device_segment[0], 0);
	assert_int_equal(guest->device_bdf[0], 5 << 3);
}

static void config_reads_every_console(void **state)
{
	(void)state;
	assert_int_equal(parse("console = com4"), 0);
	assert_int_equal(config.console.index, 3);
	assert_int_equal(config.console.baud, 115200);
	assert_int_equal(parse("console = mmio,0xfe030000,38400"), 0);
	assert_int_equal(config.console.kind, CONFIG_CONSOLE_MMIO);
	assert_int_equal(config.console.address, 0xfe030000);
	assert_int_equal(config.console.baud, 38400);
	assert_int_equal(parse("console = fb"), 0);
	assert_int_equal(config.console.kind, CONFIG_CONSOLE_FB);
	assert_int_equal(parse("console = none"), 0);
	assert_int_equal(config.console.kind, CONFIG_CONSOLE_NONE);
	assert_int_equal(parse("panic = reboot"), 0);
	assert_int_equal(config.panic, CONFIG_PANIC_REBOOT);
}

static void config_refuses_bad_consoles(void **state)
{
	static const char *const bad[] = { "com5",      "com1,100000", "com1,9600,8n1", "com",
					   "mmio",      "mmio,0",      "mmio,x",        "fb,1",
					   "none none", "vga",         "com1,0",        "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[64], message[256];

		snprintf(text, sizeof(text), "console = %s", bad[i]);
		snprintf(message, sizeof(message),
			 "caisson.conf:1: console: expected com1 to com4 or mmio,ADDRESS, with "
			 "',BAUD' that divides 115200; fb; or none, found '%s'",
			 bad[i]);
		assert_refused(text, message);
	}
}

static void config_reads_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} cases[] = {
		{ "4096", 4096 },        { "64k", 64 * KIB },
		{ "512K", 512 * KIB },   { "256M", 256 * MIB },
		{ "0x10m", 16 * MIB },   { "4G", 4 * GIB },
		{ "1024g", 1024 * GIB }, { "17179869183G", 17179869183 * GIB },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];

		snprintf(text, sizeof(text), "[control]\nmemory = %s\n", cases[i].text);
		assert_int_equal(parse(text), 0);
		assert_false(config.control.memory_rest);
		assert_true(config.control.memory == cases[i].size);
	}
}

static void config_refuses_bad_sizes(void **state)
{
	static const char *const bad[] = { "0",
					   "4097",
					   "M",
					   "4T",
					   "-4M",
					   "17179869184G",
					   "4 G",
					   "0x",
					   "4GG",
					   "Rest",
					   "18446744073709551616" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[64], message[256];

		snprintf(text, sizeof(text), "[control]\nmemory = %s\n", bad[i]);
		snprintf(message, sizeof(message),
			 "caisson.conf:2: memory: expected a size in pages such as 4G, or 'rest', "
			 "found '%s'",
			 bad[i]);
		assert_refused(text, message);
	}
}

static void config_reads_cpu_lists(void **state)
{
	(void)state;
	assert_int_equal(parse("[control]\ncpus = 0-2,5, 64 1023\n"), 0);
	assert_int_equal(config.control.cpus.map[0], 0x27);
	assert_int_equal(config.control.cpus.map[1], 1);
	assert_true(config.control.cpus.map[15] == BIT(63));
}

static void config_refuses_bad_cpu_lists(void **state)
{
	static const char *const bad[] = { "3-",  "-3",    "5-2", "1024", "a",
					   "0x1", "0 - 2", ",",   "all" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[64], message[256];

		snprintf(text, sizeof(text), "\n[control]\n\ncpus = %s\n", bad[i]);
		snprintf(message, sizeof(message),
			 "caisson.conf:4: cpus: expected a list below 1024 such as 0-2,5, or "
			 "'rest', "
			 "found '%s'",
			 bad[i]);
		assert_refused(text, message);
	}
}

static void config_reads_classes(void **state)
{
	(void)state;
	assert_int_equal(parse("[partition a]\nkernel=k\nmemory=1M\nclass=reservation\n"
			       "budget = 2000\nperiod = 10000\n"),
			 0);
	assert_int_equal(config.partitions[0].class, CONFIG_CLASS_RESERVATION);
	assert_int_equal(config.partitions[0].budget_us, 2000);
	assert_int_equal(config.partitions[0].period_us, 10000);
	assert_int_equal(parse("[control]\nweight = 10000\ncap = 150\n"), 0);
	assert_int_equal(config.control.weight, 10000);
	assert_int_equal(config.control.cap, 150);
}

static void config_refuses_values_of_another_class(void **state)
{
	(void)state;
	assert_refused("[control]\nbudget = 1\n",
		       "caisson.conf:2: class: expected reservation, which budget and period are "
		       "for, found 'fair'");
	assert_refused("[control]\nclass = pinned\ncap = 50\n",
		       "caisson.conf:3: class: expected fair, which weight and cap are for, found "
		       "'pinned'");
	assert_refused(
		"[control]\nclass = reservation\nbudget = 2\nperiod = 1\n",
		"caisson.conf:2: class: expected a budget of at most the period, both given, "
		"found 'budget 2, period 1'");
	assert_refused(
		"[control]\nclass = reservation\nperiod = 1\n[partition x]\n",
		"caisson.conf:2: class: expected a budget of at most the period, both given, "
		"found 'budget 0, period 1'");
}

static void config_reads_modules_and_devices(void **state)
{
	(void)state;
	assert_int_equal(parse("[partition a]\nkernel=k\nmemory=1M\nmodules = one, two three\n"
			       "devices = 1:02:1f.7 00:03.0\n"),
			 0);
	assert_int_equal(config.partitions[0].module_count, 3);
	assert_string_equal(config.partitions[0].modules[2], "three");
	assert_int_equal(config.partitions[0].device_count, 2);
	assert_int_equal(config.partitions[0].device_segment[0], 1);
	assert_int_equal(config.partitions[0].device_bdf[0], 0x2ff);
	assert_int_equal(config.partitions[0].device_bdf[1], 3 << 3);
}

static void config_refuses_bad_devices(void **state)
{
	static const char *const bad[] = { "00:20.0",   "00:1f.8", "100:0.0", "00:05",
					   "0:0:0:0.0", "00.5",    "x",       "10000:0:0.0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[64], message[256];

		snprintf(text, sizeof(text), "[partition p]\ndevices = %s\n", bad[i]);
		snprintf(message, sizeof(message),
			 "caisson.conf:2: devices: expected 1 to 16 PCI functions such as "
			 "0000:00:05.0, found '%s'",
			 bad[i]);
		assert_refused(text, message);
	}
}

static void config_names_the_known_keys_for_an_unknown_one(void **state)
{
	(void)state;
	assert_refused("konsole = com1",
		       "caisson.conf:1: key: expected one of console panic, found 'konsole'");
	assert_refused(
		"[control]\nkernl = vmlinuz\n",
		"caisson.conf:2: key: expected one of kernel initrd cmdline modules memory cpus "
		"vcpus class budget period weight cap, found 'kernl'");
	assert_refused(
		"[partition p]\nconsole = com1\n",
		"caisson.conf:2: key: expected one of kernel initrd cmdline modules memory cpus "
		"vcpus class budget period weight cap devices, found 'console'");
}

static void config_refuses_unknown_sections(void **state)
{
	static const char *const bad[] = { "[contrl]", "[",          "[]",
					   "[control", "[partition", "[control x]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char message[256];

		snprintf(message, sizeof(message),
			 "caisson.conf:1: section: expected [control] or [partition NAME], found "
			 "'%s'",
			 bad[i]);
		assert_refused(bad[i], message);
	}
	assert_refused("[partition]",
		       "caisson.conf:1: partition: expected a name of letters, digits, "
		       "'-', '_' and '.', found ''");
	assert_refused("[partition a b]", "caisson.conf:1: partition: expected a name of letters, "
					  "digits, '-', '_' and '.', found 'a b'");
	assert_refused("[partition control]",
		       "caisson.conf:1: partition: expected a name of letters, "
		       "digits, '-', '_' and '.', found 'control'");
}

static void config_refuses_what_stands_twice(void **state)
{
	(void)state;
	assert_refused("panic = halt\npanic = halt\n",
		       "caisson.conf:2: panic: expected once, found 'again, after line 1'");
	assert_refused("[control]\n[control]\n",
		       "caisson.conf:2: control: expected once, found 'again, after line 1'");
	assert_refused("[partition p]\nkernel=k\nmemory=1M\n[partition p]\n",
		       "caisson.conf:4: p: expected once, found 'again, after line 1'");
	assert_int_equal(parse("[control]\nvcpus=1\n[partition p]\nvcpus=1\nkernel=k\nmemory=1M"),
			 0);
}

static void config_refuses_lines_of_no_form(void **state)
{
	char text[] = "a\1b";

	(void)state;
	assert_refused(
		"panic\n",
		"caisson.conf:1: line: expected '[SECTION]' or 'KEY = VALUE', found 'panic'");
	assert_refused(text, "caisson.conf:1: line: expected text, found 'a?b'");
	text[1] = 0;
	assert_int_equal(config_parse(&config, text, 3, &error), -E_INVAL);
	assert_refused("= 1", "caisson.conf:1: key: expected one of console panic, found ''");
}

static void config_requires_a_partitions_kernel_and_memory(void **state)
{
	(void)state;
	assert_refused("\n[partition p]\nkernel = k\n",
		       "caisson.conf:2: memory: expected a size in pages such as 256M, found ''");
	assert_refused(
		"[partition p]\nmemory = rest\n",
		"caisson.conf:2: memory: expected a size in pages such as 256M, found 'rest'");
	assert_refused("[partition p]\nmemory = 1M\n[partition q]\n",
		       "caisson.conf:1: kernel: expected one file name of 63 characters at most, "
		       "found ''");
}

static void config_names_both_owners_of_a_pinned_cpu(void **state)
{
	(void)state;
	assert_refused("[partition a]\nkernel=k\nmemory=1M\nclass=pinned\ncpus=2-3\n"
		       "[partition b]\nkernel=k\nmemory=1M\ncpus=1,3\n",
		       "caisson.conf:9: cpus: expected one owner of a pinned guest's CPU, found "
		       "'CPU 3 in a:5 and b:9'");
	assert_int_equal(parse("[control]\ncpus=3\n"
			       "[partition b]\nkernel=k\nmemory=1M\ncpus=3\n"),
			 0);
}

static void config_names_both_owners_of_a_device(void **state)
{
	(void)state;
	assert_refused(
		"[partition a]\nkernel=k\nmemory=1M\ndevices=00:05.0\n"
		"[partition b]\nkernel=k\nmemory=1M\ndevices=00:06.0,0000:00:05.0\n",
		"caisson.conf:8: devices: expected one owner of a device, found '0000:00:05.0 "
		"in a:4 and b:8'");
	assert_refused(
		"[partition a]\nkernel=k\nmemory=1M\ndevices=00:05.0,00:05.0\n",
		"caisson.conf:4: devices: expected one owner of a device, found '0000:00:05.0 "
		"in a:4 and a:4'");
}

static void config_keeps_a_hash_inside_of_a_value(void **state)
{
	(void)state;
	assert_int_equal(parse("[control]\ncmdline = memmap=2M#1G x # note\n"), 0);
	assert_string_equal(config.control.cmdline, "memmap=2M#1G x");
	assert_int_equal(parse("[control]\ncmdline = # none\n"), 0);
	assert_string_equal(config.control.cmdline, "");
}

static void config_reads_files_of_other_systems(void **state)
{
	(void)state;
	assert_int_equal(parse("\xef\xbb\xbfpanic = reboot\r\n[control]\r\nkernel = k\r\n"), 0);
	assert_int_equal(config.panic, CONFIG_PANIC_REBOOT);
	assert_string_equal(config.control.kernel, "k");
}

static void config_refuses_a_name_that_is_cut(void **state)
{
	char text[128] = "[control]\nkernel = ";

	(void)state;
	memset(text + strlen(text), 'k', 63);
	assert_int_equal(parse(text), 0);
	strcat(text, "k");
	assert_int_equal(parse(text), -E_INVAL);
	assert_refused("[control]\nkernel = vm linuz",
		       "caisson.conf:2: kernel: expected one file name "
		       "of 63 characters at most, found 'vm linuz'");
}

static void config_refuses_a_cmdline_that_is_cut(void **state)
{
	static char text[2200] = "[control]\ncmdline = ";
	size_t start = strlen(text);

	(void)state;
	memset(text + start, 'x', 2047);
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(config.control.cmdline), 2047);
	text[start + 2047] = 'x';
	assert_int_equal(parse(text), -E_INVAL);
	assert_non_null(
		strstr(error.text, "cmdline: expected 2047 characters at most, found 'xxx"));
	assert_true(strlen(error.text) < sizeof(error.text) - 1);
}

/* ---- config_resolve ---- */

static bool has_all(const char *name)
{
	(void)name;
	return true;
}

static bool has_vmlinuz(const char *name)
{
	return strcmp(name, "vmlinuz") == 0;
}

static void resolve_gives_rest_what_no_list_names(void **state)
{
	(void)state;
	assert_int_equal(parse(example), 0);
	assert_int_equal(config_resolve(&config, 4, has_all, &error), 0);
	assert_int_equal(config.control.cpus.map[0], 7);
	assert_false(config.control.cpus.rest);
	assert_int_equal(config.partitions[0].cpus.map[0], 8);
	assert_int_equal(parse(""), 0);
	assert_int_equal(config_resolve(&config, 1024, has_all, &error), 0);
	assert_true(config.control.cpus.map[15] == UINT64_MAX);
}

static void resolve_refuses_cpus_that_are_not_there(void **state)
{
	(void)state;
	assert_int_equal(parse(example), 0);
	assert_int_equal(config_resolve(&config, 3, has_all, &error), -E_INVAL);
	assert_string_equal(error.text,
			    "caisson.conf:15: cpus: expected CPUs of this machine, which "
			    "has 0-2, found '3'");
}

static void resolve_refuses_a_rest_of_nothing(void **state)
{
	(void)state;
	assert_int_equal(parse("[partition p]\nkernel=k\nmemory=1M\ncpus=0-1\nclass=pinned\n"), 0);
	assert_int_equal(config_resolve(&config, 2, has_all, &error), -E_INVAL);
	assert_string_equal(error.text, "caisson.conf: cpus: expected a CPU that no other guest's "
					"list names, found 'rest, which is none'");
}

static void resolve_refuses_two_pinned_rests(void **state)
{
	(void)state;
	assert_int_equal(parse("[partition p]\nkernel=k\nmemory=1M\nclass=pinned\n"), 0);
	assert_int_equal(config_resolve(&config, 2, has_all, &error), -E_INVAL);
	assert_string_equal(error.text,
			    "caisson.conf: cpus: expected one owner of a pinned guest's "
			    "CPU, found 'CPU 0 in control:0 and p:0'");
}

static void resolve_refuses_more_pinned_vcpus_than_cpus(void **state)
{
	(void)state;
	assert_int_equal(parse("[control]\nclass=pinned\ncpus=0-1\nvcpus=3\n"), 0);
	assert_int_equal(config_resolve(&config, 4, has_all, &error), -E_INVAL);
	assert_string_equal(error.text, "caisson.conf:4: vcpus: expected at most one for each of 2 "
					"pinned CPUs, found '3'");
}

static void resolve_names_the_missing_file(void **state)
{
	(void)state;
	assert_int_equal(parse("[control]\nkernel = vmlinuz\ninitrd = initrd\n"), 0);
	assert_int_equal(config_resolve(&config, 1, has_vmlinuz, &error), -E_INVAL);
	assert_string_equal(error.text,
			    "caisson.conf:3: initrd: expected a file that the boot loader "
			    "brought, found 'initrd'");
	assert_int_equal(parse("[control]\nkernel = linux\n"), 0);
	assert_int_equal(config_resolve(&config, 1, has_vmlinuz, &error), -E_INVAL);
	assert_string_equal(error.text,
			    "caisson.conf:2: kernel: expected a file that the boot loader "
			    "brought, found 'linux'");
}

static void resolve_takes_the_default_initrd_only_where_it_is(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(config_resolve(&config, 1, has_vmlinuz, &error), 0);
	assert_string_equal(config.control.initrd, "");
	assert_int_equal(parse("[control]\nkernel=vmlinuz\n"), 0);
	assert_int_equal(config_resolve(&config, 1, has_all, &error), 0);
	assert_string_equal(config.control.initrd, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_gives_the_control_guest_everything_by_default),
		cmocka_unit_test(config_reads_the_documented_example),
		cmocka_unit_test(config_reads_every_console),
		cmocka_unit_test(config_refuses_bad_consoles),
		cmocka_unit_test(config_reads_sizes),
		cmocka_unit_test(config_refuses_bad_sizes),
		cmocka_unit_test(config_reads_cpu_lists),
		cmocka_unit_test(config_refuses_bad_cpu_lists),
		cmocka_unit_test(config_reads_classes),
		cmocka_unit_test(config_refuses_values_of_another_class),
		cmocka_unit_test(config_reads_modules_and_devices),
		cmocka_unit_test(config_refuses_bad_devices),
		cmocka_unit_test(config_names_the_known_keys_for_an_unknown_one),
		cmocka_unit_test(config_refuses_unknown_sections),
		cmocka_unit_test(config_refuses_what_stands_twice),
		cmocka_unit_test(config_refuses_lines_of_no_form),
		cmocka_unit_test(config_requires_a_partitions_kernel_and_memory),
		cmocka_unit_test(config_names_both_owners_of_a_pinned_cpu),
		cmocka_unit_test(config_names_both_owners_of_a_device),
		cmocka_unit_test(config_keeps_a_hash_inside_of_a_value),
		cmocka_unit_test(config_reads_files_of_other_systems),
		cmocka_unit_test(config_refuses_a_name_that_is_cut),
		cmocka_unit_test(config_refuses_a_cmdline_that_is_cut),
		cmocka_unit_test(resolve_gives_rest_what_no_list_names),
		cmocka_unit_test(resolve_refuses_cpus_that_are_not_there),
		cmocka_unit_test(resolve_refuses_a_rest_of_nothing),
		cmocka_unit_test(resolve_refuses_two_pinned_rests),
		cmocka_unit_test(resolve_refuses_more_pinned_vcpus_than_cpus),
		cmocka_unit_test(resolve_names_the_missing_file),
		cmocka_unit_test(resolve_takes_the_default_initrd_only_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
