/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual CPUs: creation, and the loop that is their life. */
#include "core/vcpu.h"

#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/exit.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

int vcpu_create(struct vm *vm, uint32_t index)
{
	struct vcpu *vcpu;
	int err;

	if (index >= vm->vcpu_count || vm->vcpus[index] != NULL) {
		return -E_RANGE;
	}
	vcpu = page_alloc_forever(PAGE_USE_VM, sizeof(struct vcpu));
	if (vcpu == NULL) {
		return -E_NOMEM;
	}
	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->home = UINT32_MAX;
	err = arch_vcpu_init(vcpu);
	if (err != 0) {
		return err;
	}
	vm->vcpus[index] = vcpu;
	return 0;
}

void vcpu_run(struct vcpu *vcpu)
{
	struct cpu *cpu = arch_cpu_self();
	struct vcpu_exit exit;

	while (!cpu_has_work(cpu)) {
		arch_vcpu_run(vcpu, &exit);
		if (!exit_handle(vcpu, &exit)) {
			break;
		}
	}
}
