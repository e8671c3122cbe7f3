/* SPDX-License-Identifier: GPL-2.0-only */
/* Boot order: from the boot path's tables and stack to the scheduler. One step a line. */
#include "core/main.h"

#include "arch/layout.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/configure.h"
#include "core/console.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/firmware.h"
#include "core/last_words.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/option.h"
#include "core/panic.h"
#include "core/self_test.h"
#include "core/sched.h"
#include "core/trap_test.h"
#include "core/watchdog.h"
#include "mm/hyp_map.h"

#define VERSION "0.1"

static const char *const memory_names[BOOT_MEMORY_KINDS] = {
	[BOOT_MEMORY_USABLE] = "usable",
	[BOOT_MEMORY_BOOT] = "firmware's until boot",
	[BOOT_MEMORY_RESERVED] = "reserved",
	[BOOT_MEMORY_ACPI_RECLAIM] = "ACPI tables",
	[BOOT_MEMORY_ACPI_NVS] = "ACPI NVS",
	[BOOT_MEMORY_RUNTIME_CODE] = "EFI runtime code",
	[BOOT_MEMORY_RUNTIME_DATA] = "EFI runtime data",
	[BOOT_MEMORY_MMIO] = "MMIO",
	[BOOT_MEMORY_UNUSABLE] = "unusable",
	[BOOT_MEMORY_PERSISTENT] = "persistent",
};

static void print_banner(void)
{
	log(LOG_INFO, "caisson " VERSION ", %s, %s",
	    boot_info.loader[0] != '\0' ? boot_info.loader : "unnamed loader",
	    boot_info.is_efi ? "UEFI" : "BIOS");
	if (boot_info.cmdline[0] != '\0') {
		log(LOG_INFO, "command line: %s", boot_info.cmdline);
	}
}

static void print_range(const char *what, uint64_t start, uint64_t end, const char *name)
{
	log(LOG_INFO, "%s %012lx-%012lx %s", what, start, end - 1, name);
}

/* Neighbours of one kind make one line: firmware's maps have a hundred entries. */
static void print_memory(void)
{
	const struct boot_memory *map = boot_info.memory;
	uint64_t start = 0;

	for (uint32_t i = 0; i < boot_info.memory_count; i++) {
		uint64_t end = map[i].start + map[i].size;
		bool goes_on = i + 1 < boot_info.memory_count && map[i + 1].start == end &&
			       map[i + 1].kind == map[i].kind;

		start = start == 0 ? map[i].start : start;
		if (!goes_on) {
			print_range("memory", start, end, memory_names[map[i].kind]);
			start = 0;
		}
	}
}

static void print_files(void)
{
	print_range("image ", boot_info.image_start, boot_info.image_start + boot_info.image_size,
		    "caisson");
	for (uint32_t i = 0; i < boot_info.module_count; i++) {
		const struct boot_module *module = &boot_info.modules[i];

		print_range("module", module->start, module->start + module->size, module->name);
	}
}

static void set_log_level(void)
{
	if (option_is("log", "debug")) {
		log_level_set(LOG_DEBUG);
	}
}

static void check_boot(int boot_error)
{
	if (boot_error != 0) {
		refuse("the loader's information is broken or has no memory map (error %d); "
		       "boot with GRUB's multiboot2 command",
		       boot_error);
	}
}

static void init_cpus(void)
{
	uint32_t count = firmware_cpu_count();

	memory_add_cpus(count);
	if (cpu_init(count) != 0 || arch_cpu_init(cpu_get(0)) != 0) {
		refuse("no memory for %u CPUs, or the boot CPU can not be set up", count);
	}
}

static void init_machine(void)
{
	if (arch_machine_init() != 0) {
		refuse("this machine's clocks or interrupt controllers can not be used: see above");
	}
}

/* It looks at every page that is mapped: only on demand, so that machines boot quickly. */
static void self_test(void)
{
	unsigned faults;

	if (!option_is("self_test", "1")) {
		return;
	}
	faults = hyp_map_self_test();
	if (faults != 0) {
		panic("%u of the hypervisor's own mappings are wrong: see above", faults);
	}
	log(LOG_INFO, "self-test: no table maps a guest's memory or writable code");
}

/* migrate=MS, swap=MS: debugging aids, to find what takes a vCPU for a core. */
static void set_repetition(const char *key, void (*set)(uint64_t ns), const char *what)
{
	uint64_t ms;

	if (option_number(key, &ms) && ms > 0) {
		log(LOG_INFO, "each vCPU %s every %llu ms", what, (unsigned long long)ms);
		set(min_u64(ms, 3600000) * 1000000);
	}
}

static void create_guests(void)
{
	if (control_create(&boot_info, &config) != 0) {
		refuse("the control guest or its kernel can not be started: the lines above say "
		       "why");
	}
}

/* panic_test=once: not when the previous boot has done it. */
static void panic_test(void)
{
	if (option_is("panic_test", "1") ||
	    (option_is("panic_test", "once") && !last_words_were_found())) {
		panic("panic_test= on the command line asks for it");
	}
}

/* On the boot CPU's own stack, which has guard pages. */
static noreturn void main_on_stack(void)
{
	console_map();
	configure_read();     /* who gets what */
	firmware_read();      /* which CPUs, clocks and interrupt controllers */
	init_cpus();          /* structs of all, descriptor tables of this one */
	trap_test();          /* faults can be told from here on */
	memory_init_frames(); /* who owns which page */
	init_machine();       /* clock, timers, interrupts, virtualisation */
	configure_resolve(cpu_count());
	cpu_start_all(); /* the others wait in sched_run() */
	if (option_is("self_test", "1")) {
		self_test_cores();
	}
	panic_test();
	create_guests();
	memory_print();
	self_test();
	set_repetition("migrate", sched_debug_migrate, "moves to another CPU");
	set_repetition("swap", sched_debug_swap, "is taken apart and put together");
	if (option_is("swap", "entries")) {
		sched_debug_swap(0);
	}
	watchdog_start(); /* of all CPUs */
	log(LOG_INFO, "boot: first guest entry %lu us after the hypervisor's, %u CPUs",
	    arch_time_now() / 1000, cpu_count());
	control_start(); /* nothing of the boot is left to do: it may run elsewhere at once */
	sched_run();
}

noreturn void core_main(int boot_error)
{
	static struct cpu early_cpu; /* until there is memory for its own */

	console_init(); /* from here on everything said is seen */
	set_log_level();
	print_banner();
	check_boot(boot_error);
	last_words_read(); /* before any memory is used */
	last_words_print();
	print_memory();
	print_files();
	memory_init(&early_cpu); /* own memory, own tables: the boot path's are dead */
	log_cpus_ready();
	last_words_init();
	if (hyp_map_stack(LAYOUT_STACK_PAGES, &early_cpu.stack_top) != 0) {
		refuse("no memory for a stack");
	}
	arch_stack_run(early_cpu.stack_top, main_on_stack);
}
