/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit dispatch: what a vendor decoded goes to one handler by its kind. */
#include "core/exit.h"

#include "core/arch.h"
#include "core/control.h"
#include "core/err.h"
#include "core/hypercall.h"
#include "core/log.h"
#include "core/vcpu.h"
#include "core/vm.h"

static bool handle_none(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)vcpu, (void)exit;
	return true;
}

static bool handle_irq(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)vcpu, (void)exit;
	arch_irq_poll();
	return true;
}

/* HLT with interrupts off is a blocked vCPU like any other: NMI, INIT or nothing wakes it. */
static bool handle_halt(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	return !sched_block(vcpu);
}

static bool handle_pause(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	sched_give_way(vcpu);
	return false;
}

static bool handle_hypercall(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t number, args[4];

	(void)exit;
	arch_vcpu_hypercall_args(vcpu, &number, args);
	arch_vcpu_skip_insn(vcpu);
	arch_vcpu_hypercall_answer(vcpu, hypercall_handle(vcpu, number, args));
	return true;
}

/*
 * Regions come first: they lie over memory that the control guest could otherwise map. What is
 * neither a region's nor mappable is answered with ones by the same path as a device's access.
 */
static bool handle_stage2(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	struct vm *vm = vcpu->vm;
	uint64_t address = exit->stage2.address.value;
	struct region region;
	int err = -E_PERM;

	if (region_find(&vm->memory_regions, address, 1, &region)) {
		return arch_exit_handle(vcpu, exit);
	}
	if (vm->is_control && !exit->stage2.is_present) {
		err = control_map_fault(vm, exit->stage2.address);
	}
	if (err == 0) {
		return true;
	}
	if (err != -E_EXIST) {
		vm_count_ones(vm, "memory at", address);
	}
	return arch_exit_handle(vcpu, exit);
}

static bool handle_triple_fault(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)exit;
	vm_stop(vcpu->vm, VM_STOP_TRIPLE_FAULT, "vCPU %u had a triple fault", vcpu->index);
	return false;
}

static bool handle_invalid(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	vm_stop(vcpu->vm, VM_STOP_ERROR,
		"vCPU %u: the processor refused its state or left it for a reason that is not "
		"handled "
		"(exit %#llx, %#llx, %#llx)",
		vcpu->index, (unsigned long long)exit->raw.code,
		(unsigned long long)exit->raw.info1, (unsigned long long)exit->raw.info2);
	return false;
}

static exit_fn *const handlers[EXIT_KINDS] = {
	[EXIT_NONE] = handle_none,      [EXIT_IRQ] = handle_irq,
	[EXIT_HALT] = handle_halt,      [EXIT_PORT] = arch_exit_handle,
	[EXIT_STAGE2] = handle_stage2,  [EXIT_HYPERCALL] = handle_hypercall,
	[EXIT_PAUSE] = handle_pause,    [EXIT_TRIPLE_FAULT] = handle_triple_fault,
	[EXIT_ARCH] = arch_exit_handle, [EXIT_INVALID] = handle_invalid,
};

bool exit_handle(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	counter_add(&vcpu->exits[exit->kind], 1);
	return handlers[exit->kind](vcpu, exit);
}
