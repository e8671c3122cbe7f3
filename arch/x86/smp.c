/* SPDX-License-Identifier: GPL-2.0-only */
/* Starts the other CPUs: APM2 16.8.1 "INIT-SIPI sequence", SDM3 9.4.4.1 "Typical BSP Initialization
 * Sequence". */
#include "arch/smp.h"

#include "arch/lapic.h"
#include "arch/tsc.h"
#include "boot/boot_info.h"
#include "core/arch.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/log.h"
#include "drivers/acpi.h"
#include "mm/hyp_map.h"
#include "mm/window.h"

#define LOW_MEMORY_END UINT64_C(0xa0000) /* startup vectors a0h-bfh are reserved */
#define INIT_NS        UINT64_C(10000000)
#define STARTUP_NS     UINT64_C(200000)
#define ARRIVE_NS      UINT64_C(500000000)  /* after the second startup message */
#define READY_NS       UINT64_C(5000000000) /* from there to cpu_main()'s end; it is alive */

/* ap_start.asm */
struct ap_parameters {
	uint64_t start_root; /* page tables that map the page 1:1 */
	uint64_t root;       /* the CPU's own */
	uint64_t stack_top;
	uint64_t cpu;
};
extern const char ap_start_begin[], ap_start_parameters[], ap_start_end[];

static uint64_t init_tsc; /* when INIT was sent */
static uint32_t arrived;  /* the CPU that is being started has reached C */

/* ---- numbering ---- */

static void number_cpus(struct cpu *boot)
{
	uint32_t next = 1;

	for (uint32_t i = 0; i < acpi.cpu_count; i++) {
		struct cpu *cpu = boot;

		if (acpi.cpus[i].apic_id != boot->arch.apic_id) {
			if (next == cpu_count()) {
				log(LOG_WARN, "smp: the MADT does not name the boot CPU");
				return;
			}
			cpu = cpu_get(next++);
		}
		cpu->arch.apic_id = acpi.cpus[i].apic_id;
		cpu->node = acpi.cpus[i].node;
	}
}

/* ---- the page ---- */

static bool overlaps(uint64_t page, uint64_t start, uint64_t size)
{
	return page < start + size && start < page + PAGE_SIZE;
}

static bool page_is_free(uint64_t page)
{
	for (uint32_t i = 0; i < boot_info.module_count; i++) {
		if (overlaps(page, boot_info.modules[i].start, boot_info.modules[i].size)) {
			return false;
		}
	}
	return !overlaps(page, boot_info.image_start, boot_info.image_size);
}

/* The highest one of a range: kernels like the low end for themselves. Page 0 is the BIOS's. */
static uint64_t choose_in(const struct boot_memory *range)
{
	uint64_t end = align_down(min_u64(range->start + range->size, LOW_MEMORY_END), PAGE_SIZE);

	for (; end >= range->start + PAGE_SIZE && end > PAGE_SIZE; end -= PAGE_SIZE) {
		if (page_is_free(end - PAGE_SIZE)) {
			return end - PAGE_SIZE;
		}
	}
	return 0;
}

static uint64_t choose_of(enum boot_memory_kind kind)
{
	uint64_t best = 0;

	for (uint32_t i = 0; i < boot_info.memory_count; i++) {
		if (boot_info.memory[i].kind == kind) {
			best = max_u64(best, choose_in(&boot_info.memory[i]));
		}
	}
	return best;
}

/*
 * Under UEFI the loader may have all of low memory in its name. It is gone, and so are boot
 * services; only the files that it brought are still there.
 */
hpa_t smp_trampoline_page(void)
{
	static uint64_t page;

	page = page != 0 ? page : choose_of(BOOT_MEMORY_USABLE);
	page = page != 0 ? page : choose_of(BOOT_MEMORY_BOOT);
	return hpa(page);
}

/*
 * All at once, and long before the first is started: most of the wait that they need passes while
 * the clocks are measured. Firmware's code does not run on them from here on.
 */
static void init_all(void)
{
	for (uint32_t i = 1; i < cpu_count(); i++) {
		if (lapic_reaches(cpu_get(i)->arch.apic_id)) {
			lapic_send_init(cpu_get(i)->arch.apic_id);
		}
	}
	init_tsc = tsc_read();
}

int smp_init(void)
{
	struct cpu *boot = arch_cpu_self();

	boot->arch.apic_id = lapic_id();
	number_cpus(boot);
	if (cpu_count() == 1) {
		return 0;
	}
	if (smp_trampoline_page().value == 0) {
		log(LOG_WARN, "smp: no page below 640 KiB is free to start a CPU in");
		return 0;
	}
	init_all();
	return control_withhold(smp_trampoline_page().value, PAGE_SIZE, "start of CPUs");
}

/* ---- one CPU ---- */

static int page_fill(hpa_t page, const struct cpu *cpu)
{
	struct ap_parameters parameters = { .root = cpu->root.value,
					    .stack_top = (uintptr_t)cpu->stack_top,
					    .cpu = (uintptr_t)cpu };
	hpa_t start_root;
	int err = hyp_map_start_root(page, &start_root);

	if (err != 0) {
		return err;
	}
	parameters.start_root = start_root.value;
	window_write(page, ap_start_begin, (size_t)(ap_start_end - ap_start_begin));
	window_write(hpa_add(page, (uint64_t)(ap_start_parameters - ap_start_begin)), &parameters,
		     sizeof(parameters));
	return 0;
}

static void wait_until(uint64_t ns)
{
	while (arch_time_now() < ns) {
		arch_relax();
	}
}

static bool wait_arrived(uint64_t ns)
{
	uint64_t until = arch_time_now() + ns;

	while (atomic_load(&arrived) == 0) {
		if (arch_time_now() > until) {
			return false;
		}
		arch_relax();
	}
	return true;
}

/* A second startup message to one that runs already would be of no consequence, but most need
 * none. */
static bool wake(uint32_t id, uint8_t vector)
{
	atomic_store(&arrived, 0);
	lapic_send_startup(id, vector);
	if (wait_arrived(STARTUP_NS)) {
		return true;
	}
	lapic_send_startup(id, vector);
	return wait_arrived(ARRIVE_NS);
}

/* To the end of its set-up, in which it asks for our TSC. */
static int wait_ready(struct cpu *cpu)
{
	uint64_t until = arch_time_now() + READY_NS;

	while (atomic_load(&cpu->state) == CPU_STARTING) {
		if (arch_time_now() > until) {
			return -E_TIMEDOUT;
		}
		tsc_sync_answer();
		arch_relax();
	}
	return cpu_is_online(cpu) ? 0 : -E_NODEV;
}

int arch_cpu_start(struct cpu *cpu)
{
	hpa_t page = smp_trampoline_page();
	uint32_t id = cpu->arch.apic_id;
	uint64_t start = arch_time_now();
	int err;

	if (page.value == 0) {
		return -E_NOMEM;
	}
	if (!lapic_reaches(id)) {
		return -E_RANGE;
	}
	err = page_fill(page, cpu);
	if (err != 0) {
		return err;
	}
	wait_until(tsc_to_ns(init_tsc) + INIT_NS);
	if (!wake(id, (uint8_t)(page.value >> PAGE_SHIFT))) {
		/* Back to waiting, lest it comes later, with the next one's parameters. */
		lapic_send_init(id);
		return -E_TIMEDOUT;
	}
	err = wait_ready(cpu);
	log(LOG_DEBUG, "smp: CPU %u, APIC ID %u, took %llu us", cpu->index, id,
	    (unsigned long long)(arch_time_now() - start) / 1000);
	return err;
}

noreturn void smp_arrive(struct cpu *cpu)
{
	atomic_store(&arrived, 1);
	cpu_main(cpu);
}
