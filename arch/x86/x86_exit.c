/* SPDX-License-Identifier: GPL-2.0-only */
/* Dispatch of x86's own exits, and the fetch of the instruction that exited. */
#include "arch/x86_exit.h"

#include "arch/guest_walk.h"
#include "arch/insn.h"
#include "arch/vcpu_regs.h"
#include "core/arch.h"
#include "core/err.h"
#include "core/string.h"
#include "core/vm.h"

static exit_fn *const handlers[X86_EXITS] = {
	[X86_EXIT_CPUID] = exit_cpuid,
	[X86_EXIT_APIC_PAGE] = exit_mmio,
	[X86_EXIT_RDMSR] = exit_rdmsr,
	[X86_EXIT_WRMSR] = exit_wrmsr,
	[X86_EXIT_CR_WRITE] = exit_cr_write,
	[X86_EXIT_DR_ACCESS] = exit_dr_access,
	[X86_EXIT_XSETBV] = exit_xsetbv,
	[X86_EXIT_INVD] = exit_wbinvd,
	[X86_EXIT_WBINVD] = exit_wbinvd,
	[X86_EXIT_MONITOR] = exit_undefined,
	[X86_EXIT_VM_INSTRUCTION] = exit_undefined,
	[X86_EXIT_EXCEPTION] = exit_exception,
	[X86_EXIT_NMI_WINDOW] = exit_ignore,
	[X86_EXIT_INTERRUPT_WINDOW] = exit_ignore,
	[X86_EXIT_RDPMC] = exit_rdpmc,
	[X86_EXIT_RSM] = exit_undefined,
	[X86_EXIT_TASK_SWITCH] = exit_task_switch,
	[X86_EXIT_INIT] = exit_ignore,
	[X86_EXIT_SMI] = exit_ignore,
};

bool arch_exit_handle(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	if (exit->kind == EXIT_PORT) {
		return exit_port(vcpu, exit);
	}
	if (exit->kind == EXIT_STAGE2) {
		return exit_mmio(vcpu, exit);
	}
	return handlers[exit->arch_code](vcpu, exit);
}

static enum insn_mode insn_mode(const struct vcpu_sregs *sregs)
{
	if (vcpu_regs_is_long(sregs)) {
		return INSN_MODE_64;
	}
	return (sregs->segments[SEGMENT_CS].attributes & SEGMENT_DB) != 0 ? INSN_MODE_32
									  : INSN_MODE_16;
}

/* The hardware's bytes, else those on RIP's page, and then those on the next. */
static int fetch_more(struct vcpu *vcpu, uint8_t *bytes, unsigned count)
{
	const struct insn_bytes *fetched = &vcpu->arch.fetched;

	if (count == 0 && fetched->count > 0) {
		memcpy(bytes, fetched->bytes, fetched->count);
		return fetched->count;
	}
	return guest_fetch(vcpu, count, bytes + count, INSN_LENGTH_MAX - count);
}

bool x86_exit_refuse_user(struct vcpu *vcpu)
{
	if (vcpu_regs(vcpu, STATE_SREGS)->sregs.cpl != 3) {
		return false;
	}
	vcpu_events_raise_ud(vcpu);
	return true;
}

/* A length that is not known to us, or code outside of memory: nothing that a sane guest runs. */
static int cannot_decode(struct vcpu *vcpu, const char *why)
{
	if (!x86_exit_refuse_user(vcpu)) {
		vm_stop(vcpu->vm, VM_STOP_ERROR, "vCPU %u: instruction at %#llx (exit %#x): %s",
			vcpu->index, (unsigned long long)vcpu->arch.state->rip,
			vcpu->arch.insn_cause, why);
	}
	return -E_NOTSUP;
}

int x86_exit_fetch(struct vcpu *vcpu, struct insn *insn)
{
	enum insn_mode mode = insn_mode(&vcpu_regs(vcpu, STATE_SREGS)->sregs);
	uint8_t bytes[INSN_LENGTH_MAX];
	unsigned count = 0;
	int err = -E_RANGE;

	while (err == -E_RANGE && count < INSN_LENGTH_MAX) {
		int more = fetch_more(vcpu, bytes, count);

		if (more == -E_RANGE) {
			return cannot_decode(vcpu, "it is not in the guest's memory");
		}
		if (more < 0) {
			return more; /* the guest got a page fault */
		}
		count += (unsigned)more;
		err = insn_decode(insn, mode, bytes, count);
	}
	if (err == -E_INVAL || err == -E_RANGE) {
		vcpu_events_raise_ud(vcpu);
	} else if (err == -E_NOTSUP) {
		return cannot_decode(vcpu, "it is not known to the decoder");
	}
	return err;
}
