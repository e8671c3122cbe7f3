/* SPDX-License-Identifier: GPL-2.0-only */
/* The escape menu of the console. Runs in the input interrupt, so every answer is bounded. */
#include "core/console_menu.h"

#include "core/arch.h"
#include "core/console_mux.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"

#define ESCAPE   1 /* Ctrl-A */
#define LOG_SHOW 4096

struct menu_entry {
	char key;
	void (*fn)(void);
	const char *what;
};

/* ---- r: registers ---- */

/* The vCPU is not running, and can not begin to while its queue is locked. */
static void dump_if_here(struct vcpu *vcpu, void *context)
{
	struct cpu *cpu = context;

	lock_acquire(&cpu->queue.lock);
	if (vcpu->sched.cpu == cpu->index && vcpu->sched.state != SCHED_RUNNING &&
	    atomic_load(&vcpu->dump_asked)) {
		arch_vcpu_load(vcpu);
		vcpu_answer_dump(vcpu);
		arch_vcpu_put(vcpu);
	}
	lock_release(&cpu->queue.lock);
}

/* Between two vCPUs: the current one may still be loaded, and only one can be. */
static void dump_vcpus(struct cpu *cpu)
{
	struct vcpu *loaded = cpu->loaded;

	if (loaded != NULL) {
		vcpu_answer_dump(loaded);
		arch_vcpu_put(loaded);
	}
	sched_for_each(dump_if_here, cpu);
	if (loaded != NULL) {
		arch_vcpu_load(loaded);
	}
	console_mux_restore();
}

static void ask(struct vcpu *vcpu, void *context)
{
	(void)context;
	vcpu_ask_dump(vcpu);
}

/* A vCPU that moves from a CPU which has not looked yet to one which has is shown there when it
 * runs. */
static void show_registers(void)
{
	sched_for_each(ask, NULL);
	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);

		if (cpu_is_online(cpu) && cpu_call(cpu, dump_vcpus) != 0) {
			log(LOG_INFO, "cpu %u is busy", i);
		}
	}
}

/* ---- s: statistics ---- */

static const char *const exit_names[EXIT_KINDS] = {
	[EXIT_NONE] = "none",       [EXIT_IRQ] = "irq",         [EXIT_HALT] = "halt",
	[EXIT_PORT] = "port",       [EXIT_STAGE2] = "stage2",   [EXIT_HYPERCALL] = "hypercall",
	[EXIT_PAUSE] = "pause",     [EXIT_TRIPLE_FAULT] = "tf", [EXIT_ARCH] = "arch",
	[EXIT_INVALID] = "invalid",
};

#define STATISTICS_LINE 256

static void show_vcpu(struct vcpu *vcpu, void *context)
{
	char text[STATISTICS_LINE];
	size_t length = 0;

	(void)context;
	for (unsigned i = 0; i < EXIT_KINDS && length < sizeof(text); i++) {
		uint64_t count = __atomic_load_n(&vcpu->exits[i], __ATOMIC_RELAXED);

		if (count != 0) {
			length +=
				(size_t)log_format(text + length, sizeof(text) - length, " %s %llu",
						   exit_names[i], (unsigned long long)count);
		}
	}
	log(LOG_INFO, "%s vCPU %u on CPU %u: ran %llu ms, exits:%s", vcpu->vm->name, vcpu->index,
	    vcpu->sched.cpu, (unsigned long long)vcpu->sched.ran_ns / 1000000,
	    length == 0 ? " none" : text);
}

static void show_statistics(void)
{
	uint64_t now = arch_time_now();

	for (uint32_t i = 0; i < cpu_count(); i++) {
		const struct cpu *cpu = cpu_get(i);

		log(LOG_INFO, "CPU %u: %llu interrupts, %llu kicks, idle %llu of %llu ms", i,
		    (unsigned long long)cpu->interrupts, (unsigned long long)cpu->kicks,
		    (unsigned long long)cpu->idle_ns / 1000000, (unsigned long long)now / 1000000);
	}
	sched_for_each(show_vcpu, NULL);
	memory_print();
}

/* ---- the others ---- */

static void show_log(void)
{
	static char text[LOG_SHOW];

	console_mux_show(text, log_tail(text, sizeof(text)));
}

static void test_tables(void)
{
	unsigned faults = hyp_map_self_test();

	log(LOG_INFO, "page tables of the hypervisor: %u leaves are wrong", faults);
}

static void reboot(void)
{
	vm_stop(vm_control, VM_STOP_RESET, "reboot from the console");
}

static void show_help(void);

static const struct menu_entry entries[] = {
	{ 'h', show_help, "this help" },
	{ 'r', show_registers, "registers of all vCPUs" },
	{ 's', show_statistics, "statistics: exits, CPUs, memory" },
	{ 'l', show_log, "the end of the log again" },
	{ 't', test_tables, "self-test of the hypervisor's page tables" },
	{ 'b', reboot, "reboot the machine at once" },
};

static void show_help(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		log(LOG_INFO, "Ctrl-A %c: %s", entries[i].key, entries[i].what);
	}
	log(LOG_INFO, "Ctrl-A a: send Ctrl-A itself");
}

static void run(uint8_t key)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		if (entries[i].key == (char)key) {
			entries[i].fn();
			return;
		}
	}
	show_help();
}

int console_menu_filter(uint8_t byte)
{
	static bool is_escaped;

	if (!is_escaped) {
		is_escaped = byte == ESCAPE;
		return is_escaped ? -1 : byte;
	}
	is_escaped = false;
	if (byte == 'a' || byte == ESCAPE) {
		return ESCAPE;
	}
	run(byte);
	console_mux_restore();
	return -1;
}
