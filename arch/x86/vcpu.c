/* SPDX-License-Identifier: GPL-2.0-only */
/* The seam's vCPU functions: what is common to the vendors. */
#include "arch/cpuid.h"
#include "arch/exit_dr.h"
#include "arch/exit_msr.h"
#include "arch/fpu.h"
#include "arch/layout.h"
#include "arch/mitigation.h"
#include "arch/vcpu_image.h"
#include "arch/vcpu_regs.h"
#include "arch/vcpu_reset.h"
#include "arch/virt.h"
#include "arch/vlapic_regs.h"
#include "arch/vmce.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/hyp_map.h"

/* All are intercepted at first. */
static void msrs_open(struct vm *vm)
{
	for (uint32_t i = 0; i < exit_msr_count; i++) {
		const struct msr_policy *policy = &exit_msr_table[i];

		for (uint32_t msr = policy->first; policy->direct && msr <= policy->last; msr++) {
			virt->msr_intercept(vm, msr, false, policy->write != MSR_WRITE_DIRECT);
		}
	}
}

int arch_vm_init(struct vm *vm)
{
	int err = cpuid_vm_init(vm);

	err = err != 0 ? err : virt->vm_init(vm);
	if (err == 0) {
		msrs_open(vm);
	}
	return err;
}

void arch_vm_fini(struct vm *vm)
{
	virt->vm_fini(vm);
}

/* ---- secret pages ---- */

static void secrets_map(struct vcpu *vcpu)
{
	hpa_t *pages = vcpu->arch.secrets;

	vcpu->arch.state = hyp_map_secret_load(SECRET_STATE, pages[SECRET_STATE]);
	vcpu->arch.virt_page = hyp_map_secret_load(SECRET_VIRT, pages[SECRET_VIRT]);
	vcpu->arch.xsave = hyp_map_secret_load(SECRET_XSAVE, pages[SECRET_XSAVE]);
}

/* The pointers go too, so that a use of what is not loaded faults at once. */
static void secrets_unmap(struct vcpu *vcpu)
{
	for (unsigned slot = 0; slot < SECRET_SLOTS; slot++) {
		hyp_map_secret_unload(slot);
	}
	vcpu->arch.state = NULL;
	vcpu->arch.virt_page = NULL;
	vcpu->arch.xsave = NULL;
}

static int secrets_alloc(struct vcpu *vcpu)
{
	for (unsigned slot = 0; slot < SECRET_SLOTS; slot++) {
		int err = hyp_map_secret_alloc(&vcpu->arch.secrets[slot]);

		if (err != 0) {
			while (slot-- > 0) {
				hyp_map_secret_free(vcpu->arch.secrets[slot]);
			}
			return err;
		}
	}
	return 0;
}

static void secrets_free(struct vcpu *vcpu)
{
	for (unsigned slot = 0; slot < SECRET_SLOTS; slot++) {
		hyp_map_secret_free(vcpu->arch.secrets[slot]);
	}
}

/* ---- life ---- */

int arch_vcpu_init(struct vcpu *vcpu)
{
	int err = secrets_alloc(vcpu);

	if (err != 0) {
		return err;
	}
	vcpu->arch.loaded_cpu = UINT32_MAX;
	secrets_map(vcpu);
	vcpu_reset_power_up(vcpu);
	err = vlapic_init(vcpu, vcpu->index);
	if (err == 0) {
		err = virt->vcpu_init(vcpu);
	}
	if (err == 0) {
		virt->vcpu_put(vcpu);
	}
	secrets_unmap(vcpu);
	if (err != 0) {
		secrets_free(vcpu);
	}
	return err;
}

void arch_vcpu_fini(struct vcpu *vcpu)
{
	vlapic_fini(vcpu);
	virt->vcpu_fini(vcpu);
	secrets_free(vcpu);
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	mitigation_switch(vcpu);
	secrets_map(vcpu);
	virt->vcpu_load(vcpu);
	fpu_load(vcpu);
	exit_dr_load(vcpu);
	vlapic_load(vcpu);
	vcpu->arch.loaded_cpu = arch_cpu_self()->index;
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	exit_dr_put(vcpu);
	fpu_put(vcpu);
	virt->vcpu_put(vcpu);
	secrets_unmap(vcpu);
}

/* ---- running ---- */

/* What others have asked for, in the order in which it makes sense to have asked. */
static void requests_apply(struct vcpu *vcpu)
{
	uint64_t requests = atomic_swap(&vcpu->arch.requests, 0);

	if ((requests & REQUEST_INIT) != 0) {
		vcpu_reset_init(vcpu);
	}
	if ((requests & REQUEST_SIPI) != 0) {
		vcpu_reset_startup(vcpu, (uint8_t)field_get(REQUEST_SIPI_VECTOR, requests));
	}
	if ((requests & REQUEST_NMI) != 0) {
		vcpu->arch.events.nmi_pending = true;
	}
	if ((requests & REQUEST_LINT1) != 0) {
		vlapic_lint1(vcpu);
	}
	if ((requests & REQUEST_MCE) != 0) {
		vmce_take(vcpu);
	}
	if ((requests & REQUEST_SWAP_ALWAYS) != 0) {
		atomic_or(&vcpu->arch.requests, REQUEST_SWAP_ALWAYS);
		vcpu->arch.swap_turn = !vcpu->arch.swap_turn;
	}
	if ((requests & REQUEST_SWAP) != 0 || unlikely(vcpu->arch.swap_turn)) {
		vlapic_sync(vcpu);
		vcpu_swap(vcpu);
	}
}

void arch_vcpu_ask_swap(struct vcpu *vcpu, bool always)
{
	atomic_or(&vcpu->arch.requests, always ? REQUEST_SWAP_ALWAYS : REQUEST_SWAP);
	sched_notify(vcpu);
}

void arch_vcpu_state_get(struct vcpu *vcpu, uint64_t groups, struct vcpu_image *image)
{
	requests_apply(vcpu);
	vlapic_sync(vcpu);
	vcpu_image_get(vcpu, groups, image);
}

/* Waits for a SIPI, or is in HLT and nothing ends that. */
static bool is_idle(struct vcpu *vcpu)
{
	if (vcpu->arch.events.waits_for_sipi) {
		return true;
	}
	if (vcpu->arch.halted) {
		vcpu->arch.halted = !vcpu_events_deliverable(vcpu);
	}
	return vcpu->arch.halted;
}

/* HLT is done with when it exits. What was pending meanwhile, behind STI's shadow, ends it. */
static void halt(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	arch_vcpu_skip_insn(vcpu);
	vcpu->arch.halted = !vcpu_events_deliverable(vcpu);
	if (!vcpu->arch.halted) {
		exit->kind = EXIT_NONE;
	}
}

void arch_vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	if (unlikely(atomic_load(&vcpu->arch.requests) != 0)) {
		requests_apply(vcpu);
	}
	if (unlikely((atomic_load(&vcpu->arch.vlapic.post.on) & VLAPIC_POST_ON) != 0)) {
		vlapic_sync(vcpu);
	}
	if (unlikely(vcpu->arch.events.triple_fault)) {
		vcpu->arch.events.triple_fault = false;
		exit->kind = EXIT_TRIPLE_FAULT;
		return;
	}
	if (unlikely(is_idle(vcpu))) {
		exit->kind = EXIT_HALT;
		return;
	}
	virt->run(vcpu, exit);
	if (exit->kind == EXIT_HALT) {
		halt(vcpu, exit);
	}
}

bool arch_vcpu_has_work(struct vcpu *vcpu)
{
	return (atomic_load(&vcpu->arch.requests) & ~REQUEST_SWAP_ALWAYS) != 0 ||
	       vlapic_has_posted(vcpu);
}

void arch_vcpu_hypercall_args(struct vcpu *vcpu, uint64_t *number, uint64_t args[4])
{
	const uint64_t *gpr = vcpu->arch.state->gpr;

	*number = gpr[GPR_RAX];
	args[0] = gpr[GPR_RBX];
	args[1] = gpr[GPR_RCX];
	args[2] = gpr[GPR_RDX];
	args[3] = gpr[GPR_RSI];
}

void arch_vcpu_hypercall_answer(struct vcpu *vcpu, uint64_t answer)
{
	vcpu->arch.state->gpr[GPR_RAX] = answer;
}

/* ---- stage 2 ---- */

const struct pt_format *arch_stage2_format(void)
{
	return virt->stage2_format();
}

void arch_stage2_flush(struct stage2 *stage2)
{
	struct cpu *self = arch_cpu_self();

	atomic_fence(); /* the generation has grown before in_guest is looked at: svm_run.c */
	for (uint32_t i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = cpu_get(i);
		struct vcpu *vcpu = atomic_load(&cpu->loaded);

		if (cpu != self && atomic_load(&cpu->in_guest) && vcpu != NULL &&
		    vcpu->vm == stage2->vm) {
			arch_cpu_kick(cpu);
		}
	}
}
