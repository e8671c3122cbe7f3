/* SPDX-License-Identifier: GPL-2.0-only */
/* How the machine ends: every core leaves its guest first, then one of them does it. */
#include "core/machine.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/vcpu.h"

#define MACHINE_PARK_NS \
	UINT64_C(200000000) /* a core that has not left its guest by then is left behind */

static enum machine_policy policy;
static enum vm_stop_reason end_reason;
static struct cpu *end_cpu;

void machine_policy_set(enum machine_policy new_policy)
{
	policy = new_policy;
}

static const char *const end_text[] = {
	[VM_STOP_POWER_OFF] = "caisson: machine power-off",
	[VM_STOP_RESET] = "caisson: machine reset",
	[VM_STOP_TRIPLE_FAULT] = "caisson: triple fault of the control guest",
	[VM_STOP_ERROR] = "caisson: control guest stopped",
};

void machine_end(enum vm_stop_reason reason)
{
	end_reason = reason;
	atomic_store(&end_cpu, arch_cpu_self());
	for (uint32_t i = 0; i < cpu_count(); i++) {
		cpu_request(cpu_get(i), CPU_WORK_STOP);
	}
}

static void wait_for_others(void)
{
	uint64_t until = arch_time_now() + MACHINE_PARK_NS;

	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);

		while (cpu != arch_cpu_self() && cpu_is_online(cpu) && arch_time_now() < until) {
			arch_relax();
		}
	}
}

/* On a core that did not leave its guest: its state is there, and may be in use. */
static bool is_left_behind(const struct vcpu *vcpu)
{
	for (uint32_t i = 0; i < cpu_count(); i++) {
		const struct cpu *cpu = cpu_get(i);

		if (cpu_is_online(cpu) && atomic_load(&cpu->loaded) == vcpu) {
			log(LOG_ERROR, "vCPU %u is still on CPU %u, which does not answer",
			    vcpu->index, i);
			return true;
		}
	}
	return false;
}

static void dump_control(void)
{
	if (end_reason != VM_STOP_ERROR && end_reason != VM_STOP_TRIPLE_FAULT) {
		return;
	}
	for (uint32_t i = 0; i < vm_control->vcpu_count; i++) {
		struct vcpu *vcpu = vm_control->vcpus[i];

		if (!is_left_behind(vcpu)) {
			arch_vcpu_load(vcpu);
			arch_vcpu_dump(vcpu);
			arch_vcpu_put(vcpu);
		}
	}
}

noreturn void machine_finish(void)
{
	struct cpu *self = arch_cpu_self();

	if (atomic_load(&end_cpu) != self) {
		atomic_store(&self->state, CPU_STOPPED);
		arch_halt();
	}
	wait_for_others();
	dump_control();
	log(LOG_INFO, "%s", end_text[end_reason]);
	if (end_reason == VM_STOP_POWER_OFF) {
		arch_power_off();
	}
	if (end_reason == VM_STOP_RESET || policy == MACHINE_RESET) {
		arch_reset();
	}
	arch_halt();
}
