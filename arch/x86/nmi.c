/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's NMIs, and our own: those that stop CPUs for a panic and those that ask a CPU
 * whether it hangs. The handler only records and kicks its own CPU: a guest that is entered just
 * now exits at once, and idle ends. As in hardware, those that come before the first one is taken
 * are one.
 */
#include "arch/nmi.h"

#include "arch/idt.h"
#include "arch/lapic.h"
#include "arch/tsc.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/symbols.h"
#include "core/vcpu.h"
#include "core/vm.h"

#define STOP_NS UINT64_C(100000000) /* others have not taken their NMI by then: they never will */

static struct cpu *stopper; /* the CPU that stops the others; NULL: nobody does */
static uint32_t stopped_count;

/* ---- what we send ---- */

void arch_cpu_stop_others(void)
{
	struct cpu *self = arch_cpu_self();
	uint32_t sent = 0;
	uint64_t until;

	if (cpu_count() < 2) {
		return;
	}
	atomic_store(&stopper, self);
	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);

		if (cpu != self && cpu_is_online(cpu)) {
			lapic_send_nmi(cpu->arch.apic_id);
			sent++;
		}
	}
	until = tsc_read() + tsc_ns_to_ticks(STOP_NS);
	while (atomic_load(&stopped_count) < sent && tsc_read() < until) {
		arch_relax();
	}
}

void arch_cpu_probe(struct cpu *cpu)
{
	lapic_send_nmi(cpu->arch.apic_id);
}

/* ---- what comes ---- */

static void stop_if_asked(struct cpu *self)
{
	struct cpu *by = atomic_load(&stopper);

	if (by != NULL && by != self) {
		atomic_store(&self->state, CPU_STOPPED);
		atomic_add(&stopped_count, 1);
		arch_halt();
	}
}

/* The last look is this CPU's own: from here on it can not move. */
static void answer_probe(const struct cpu *self, uint64_t ticket, const struct trap_frame *frame)
{
	uint64_t offset = frame->rip;
	const char *symbol = symbol_find(frame->rip, &offset);

	if (epoch_has_moved(self, ticket)) {
		return;
	}
	trap_frame_set(frame);
	panic("CPU %u hung for %llu s in %s+%#llx", self->index,
	      (unsigned long long)watchdog_seconds(), symbol == NULL ? "(no function)" : symbol,
	      (unsigned long long)offset);
}

void nmi_handle(const struct trap_frame *frame)
{
	struct cpu *self = arch_cpu_self();
	uint64_t ticket;

	stop_if_asked(self);
	ticket = atomic_swap(&self->probe, 0);
	if (ticket != 0) {
		answer_probe(self, ticket, frame);
		return;
	}
	counter_add(&self->arch.nmi_count, 1);
	atomic_store(&self->arch.nmi_is_due, true);
	if (self->arch.lapic_is_ready) {
		lapic_kick_self();
	}
}

/*
 * The signal comes to the LINT1 of every CPU, and each guest CPU listens or not, as it has set up
 * its own: so a vCPU keeps to the wire of one CPU, wherever it runs.
 */
void nmi_forward(struct cpu *cpu)
{
	if (!atomic_load(&cpu->arch.nmi_is_due)) {
		return;
	}
	atomic_store(&cpu->arch.nmi_is_due, false);
	for (uint32_t i = 0; vm_control != NULL && i < vm_control->vcpu_count; i++) {
		struct vcpu *vcpu = vm_control->vcpus[i];

		if (vcpu != NULL && atomic_load(&vcpu->home) == cpu->index) {
			atomic_or(&vcpu->arch.requests, REQUEST_LINT1);
			sched_notify(vcpu);
		}
	}
}

void nmi_print(void)
{
	for (uint32_t i = 0; log_has_cpus() && i < cpu_count(); i++) {
		const struct arch_cpu *cpu = &cpu_get(i)->arch;

		if (cpu->nmi_count != 0) {
			log(LOG_ERROR, "CPU %u took %lu NMIs of the machine%s", i, cpu->nmi_count,
			    cpu->nmi_is_due ? ", the last of which no guest has got" : "");
		}
	}
}
