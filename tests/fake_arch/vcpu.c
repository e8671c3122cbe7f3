/* SPDX-License-Identifier: GPL-2.0-only */
/* Fake vCPUs: a test plays the guest, and counts what core asks of the architecture. */
#include "core/vcpu.h"

#include <string.h>

#include "core/arch.h"
#include "core/vm.h"
#include "tests/fake_arch/fake.h"

FAKE int arch_vm_init(struct vm *vm)
{
	vm->arch.inits++;
	return 0;
}

FAKE void arch_vm_fini(struct vm *vm)
{
	vm->arch.finis++;
}

FAKE int arch_vcpu_init(struct vcpu *vcpu)
{
	vcpu->arch.inits++;
	return 0;
}

FAKE void arch_vcpu_fini(struct vcpu *vcpu)
{
	(void)vcpu;
}

FAKE void arch_vcpu_load(struct vcpu *vcpu)
{
	vcpu->arch.is_loaded = true;
	vcpu->arch.loads++;
}

FAKE void arch_vcpu_put(struct vcpu *vcpu)
{
	vcpu->arch.is_loaded = false;
	vcpu->arch.puts++;
}

FAKE void arch_vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	memset(exit, 0, sizeof(*exit));
	exit->kind = EXIT_IRQ;
	vcpu->arch.runs++;
	if (vcpu->arch.run != NULL) {
		vcpu->arch.run(vcpu, exit);
	}
}

FAKE bool arch_exit_handle(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	(void)vcpu;
	(void)exit;
	return true;
}

FAKE void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	vcpu->arch.skips++;
}

FAKE bool arch_vcpu_has_work(struct vcpu *vcpu)
{
	return vcpu->arch.has_work;
}

FAKE void arch_vcpu_hypercall_args(struct vcpu *vcpu, uint64_t *number, uint64_t args[4])
{
	*number = vcpu->arch.hypercall_number;
	memcpy(args, vcpu->arch.hypercall_args, sizeof(vcpu->arch.hypercall_args));
}

FAKE void arch_vcpu_hypercall_answer(struct vcpu *vcpu, uint64_t answer)
{
	vcpu->arch.hypercall_answer = answer;
}

FAKE void arch_vcpu_ask_swap(struct vcpu *vcpu, bool always)
{
	vcpu->arch.swaps++;
	vcpu->arch.swaps_always = always;
}

FAKE void arch_vcpu_dump(struct vcpu *vcpu)
{
	(void)vcpu;
}

FAKE int arch_control_load(struct vm *vm, const struct config_guest *config)
{
	(void)vm;
	(void)config;
	return 0;
}

FAKE bool arch_address_is_mappable(uint64_t start, uint64_t size)
{
	(void)start;
	(void)size;
	return true;
}
