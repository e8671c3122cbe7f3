/* SPDX-License-Identifier: GPL-2.0-only */
/* A core's life: identity, set-up, idle, kicks; and the machine's parts around it. */
#include "arch/host_cpu.h"
#include "arch/idt.h"
#include "arch/ioapic.h"
#include "arch/irq.h"
#include "arch/lapic.h"
#include "arch/layout.h"
#include "arch/mce.h"
#include "arch/mitigation.h"
#include "arch/msr.h"
#include "arch/mtrr.h"
#include "arch/pic.h"
#include "arch/pt_host.h"
#include "arch/smp.h"
#include "arch/tsc.h"
#include "arch/virt.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"

struct cpu *arch_cpu_self(void)
{
	return *(struct cpu *const *)LAYOUT_PRIVATE_SELF;
}

void arch_root_load(hpa_t root)
{
	cr3_write(root.value);
}

void arch_tlb_flush_page(const void *address)
{
	invlpg(address);
}

static int boot_cpu_init(void)
{
	int err;

	idt_use_stacks();
	pic_mask();
	err = lapic_init();
	err = err != 0 ? err : lapic_cpu_init();
	return err != 0 ? err : smp_init();
}

static int other_cpu_init(struct cpu *cpu)
{
	int err = lapic_cpu_init();

	if (err != 0) {
		return err;
	}
	if (lapic_id() != cpu->arch.apic_id) {
		log(LOG_ERROR, "smp: APIC ID %u started for %u", lapic_id(), cpu->arch.apic_id);
		return -E_NODEV;
	}
	tsc_sync_target();
	mitigation_cpu_enable(false);
	return virt != NULL ? virt->cpu_enable(cpu) : 0;
}

int arch_cpu_init(struct cpu *cpu)
{
	int err;

	host_cpu_init();
	wrmsr(MSR_PAT, PT_HOST_PAT);
	mtrr_cpu_init(cpu->index == 0);
	err = gdt_init(cpu);
	if (err != 0) {
		return err;
	}
	idt_load();
	mce_cpu_init();
	err = cpu->index == 0 ? boot_cpu_init() : other_cpu_init(cpu);
	cpu->arch.lapic_is_ready = err == 0;
	return err;
}

int arch_machine_init(void)
{
	int err = tsc_init();

	if (err != 0) {
		log(LOG_ERROR, "tsc: nothing tells its rate: no HPET, PM timer or PIT works");
		return err;
	}
	err = lapic_timer_calibrate();
	if (err != 0) {
		log(LOG_ERROR, "lapic: the timer does not count");
		return err;
	}
	err = ioapic_init();
	if (err != 0) {
		return err;
	}
	virt_select();
	mitigation_cpu_enable(true);
	return virt->cpu_enable(arch_cpu_self());
}

/* ---- interrupts ---- */

void irq_window(void)
{
	/* STI takes effect after the instruction that follows it. */
	asm volatile("sti; nop; cli" : : : "memory");
}

void arch_cpu_idle(void)
{
	sti_hlt_cli();
}

void arch_cpu_kick(struct cpu *cpu)
{
	lapic_send_ipi(cpu->arch.apic_id, LAPIC_VECTOR_KICK);
}
