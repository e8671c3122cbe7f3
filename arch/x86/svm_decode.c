/* SPDX-License-Identifier: GPL-2.0-only */
/* From a VMCB's exit code to a vcpu_exit: one table with a row for every code. Changes no state but
 * what the hardware told about the instruction. */
#include "arch/svm.h"

#include "arch/msr.h"
#include "arch/vmcb.h"
#include "arch/x86_exit.h"
#include "core/string.h"
#include "core/vcpu.h"

#define INSN_SIZE_MAX 15

struct decode_row {
	uint8_t kind; /* enum exit_kind; EXIT_NONE: not expected, the guest is stopped */
	uint8_t code; /* EXIT_ARCH: enum x86_exit */
};

#define ROW(kind)       \
	{               \
		kind, 0 \
	}
#define ROW_ARCH(code)                     \
	{                                  \
		EXIT_ARCH, X86_EXIT_##code \
	}

/*
 * A code without a row here is not intercepted: VMEXIT_INVALID and what future hardware has are
 * treated alike. SMI, VINTR and IRET are done with in svm*.c, which leaves nothing to handle.
 */
static const struct decode_row rows[SVM_EXIT_CODES] = {
	[SVM_EXIT_CR_WRITE... SVM_EXIT_CR_WRITE + 15] = ROW_ARCH(CR_WRITE),
	[SVM_EXIT_DR_READ... SVM_EXIT_DR_READ + 15] = ROW_ARCH(DR_ACCESS),
	[SVM_EXIT_DR_WRITE... SVM_EXIT_DR_WRITE + 15] = ROW_ARCH(DR_ACCESS),
	[SVM_EXIT_EXCEPTION... SVM_EXIT_EXCEPTION + 31] = ROW_ARCH(EXCEPTION),
	[SVM_EXIT_INTR] = ROW(EXIT_IRQ),
	[SVM_EXIT_NMI] = ROW(EXIT_IRQ),
	[SVM_EXIT_SMI] = ROW_ARCH(SMI),
	[SVM_EXIT_INIT] = ROW_ARCH(INIT),
	[SVM_EXIT_VINTR] = ROW_ARCH(INTERRUPT_WINDOW),
	[SVM_EXIT_CR0_SELECTIVE] = ROW_ARCH(CR_WRITE),
	[SVM_EXIT_RDPMC] = ROW_ARCH(RDPMC),
	[SVM_EXIT_CPUID] = ROW_ARCH(CPUID),
	[SVM_EXIT_RSM] = ROW_ARCH(RSM),
	[SVM_EXIT_IRET] = ROW_ARCH(NMI_WINDOW),
	[SVM_EXIT_INVD] = ROW_ARCH(INVD),
	[SVM_EXIT_PAUSE] = ROW(EXIT_PAUSE),
	[SVM_EXIT_HLT] = ROW(EXIT_HALT),
	[SVM_EXIT_INVLPGA] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_IOIO] = ROW(EXIT_PORT),
	[SVM_EXIT_MSR] = ROW_ARCH(RDMSR),
	[SVM_EXIT_TASK_SWITCH] = ROW_ARCH(TASK_SWITCH),
	[SVM_EXIT_SHUTDOWN] = ROW(EXIT_TRIPLE_FAULT),
	[SVM_EXIT_VMRUN] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_VMMCALL] = ROW(EXIT_HYPERCALL),
	[SVM_EXIT_VMLOAD] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_VMSAVE] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_STGI] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_CLGI] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_SKINIT] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_WBINVD] = ROW_ARCH(WBINVD),
	[SVM_EXIT_MONITOR] = ROW_ARCH(MONITOR),
	[SVM_EXIT_MWAIT] = ROW_ARCH(MONITOR),
	[SVM_EXIT_MWAIT_CONDITIONAL] = ROW_ARCH(MONITOR),
	[SVM_EXIT_XSETBV] = ROW_ARCH(XSETBV),
	[SVM_EXIT_RDPRU] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_INVLPGB] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_INVLPGB_ILLEGAL] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_MCOMMIT] = ROW_ARCH(VM_INSTRUCTION),
	[SVM_EXIT_TLBSYNC] = ROW_ARCH(VM_INSTRUCTION),
};

static void decode_port(const struct vmcb_control *control, struct exit_port *port)
{
	uint64_t info = control->exit_info1;

	port->access.address = field_get(SVM_IO_PORT, info);
	port->access.size = (uint8_t)field_get(SVM_IO_SIZE, info);
	port->access.is_write = (info & SVM_IO_IN) == 0;
	port->is_string = (info & SVM_IO_STRING) != 0;
}

never_inline static void decode_stage2(struct vcpu *vcpu, const struct vmcb_control *control,
				       struct vcpu_exit *exit)
{
	uint64_t info = control->exit_info1;

	exit->kind = EXIT_STAGE2;
	exit->stage2 = (struct exit_stage2){
		.address = gpa(control->exit_info2),
		.is_write = (info & SVM_NPF_WRITE) != 0,
		.is_fetch = (info & SVM_NPF_FETCH) != 0,
		.is_present = (info & SVM_NPF_PRESENT) != 0,
		.is_walk = (info & SVM_NPF_WALK) != 0,
		.is_delivery = (control->exit_event & VMCB_EVENT_VALID) != 0,
	};
	/* As VMX has it by itself: no region need be looked for. */
	if ((control->exit_info2 & PAGE_MASK) == VLAPIC_BASE_DEFAULT) {
		exit->kind = EXIT_ARCH;
		exit->arch_code = X86_EXIT_APIC_PAGE;
	}
	if ((svm_features & SVM_CPUID_DECODE) != 0 && !exit->stage2.is_fetch) {
		uint8_t count = control->byte_count & 0xf;

		vcpu->arch.fetched.count = count;
		memcpy(vcpu->arch.fetched.bytes, control->bytes, count);
	}
}

/* The number is in the code; the source register is known with decode assists, unless it is LMSW.
 */
never_inline static void decode_control(const struct vmcb_control *control, struct vcpu_exit *exit)
{
	uint64_t info = control->exit_info1;

	exit->control.number = control->exit_code == SVM_EXIT_CR0_SELECTIVE
				       ? 0
				       : (uint8_t)(control->exit_code - SVM_EXIT_CR_WRITE);
	exit->control.reg = (uint8_t)field_get(SVM_CR_INFO_GPR, info);
	exit->control.is_decoded =
		(svm_features & SVM_CPUID_DECODE) != 0 && (info & SVM_CR_INFO_MOV) != 0;
}

static void decode_raw(const struct vmcb_control *control, struct vcpu_exit *exit)
{
	exit->raw = (struct exit_raw){ .code = control->exit_code,
				       .info1 = control->exit_info1,
				       .info2 = control->exit_info2 };
}

static void decode_invalid(const struct vmcb_control *control, struct vcpu_exit *exit)
{
	exit->kind = EXIT_INVALID;
	decode_raw(control, exit);
}

static void decode_exception(struct vcpu *vcpu, const struct vmcb_control *control,
			     struct vcpu_exit *exit)
{
	decode_raw(control, exit);
	exit->raw.code -= SVM_EXIT_EXCEPTION;
	exit->raw.info1 = 0; /* DR6 has the causes of a #DB */
	if (vcpu->arch.svm.step_done) {
		vcpu->arch.svm.step_done = false;
		exit->kind = EXIT_NONE;
	}
}

static void decode_arch(struct vcpu *vcpu, const struct vmcb_control *control,
			struct vcpu_exit *exit)
{
	switch (exit->arch_code) {
	case X86_EXIT_RDMSR:
		if ((control->exit_info1 & SVM_MSR_INFO_WRITE) != 0) {
			exit->arch_code = X86_EXIT_WRMSR;
		}
		break;
	case X86_EXIT_CR_WRITE:
		decode_control(control, exit);
		break;
	case X86_EXIT_EXCEPTION:
		decode_exception(vcpu, control, exit);
		break;
	case X86_EXIT_TASK_SWITCH:
		decode_raw(control, exit);
		break;
	case X86_EXIT_NMI_WINDOW:
		svm_nmi_iret(vcpu);
		exit->kind = EXIT_NONE;
		break;
	default:
		break;
	}
}

/* IOIO has always told the next RIP. It is 0 or stale where no instruction caused the exit. */
static uint8_t instruction_size(const struct vcpu *vcpu, const struct vmcb_control *control)
{
	uint64_t next = 0, size;

	if (control->exit_code == SVM_EXIT_IOIO) {
		next = control->exit_info2;
	} else if ((svm_features & SVM_CPUID_NEXT_RIP) != 0) {
		next = control->next_rip;
	}
	size = next - vcpu->arch.state->rip;
	return size <= INSN_SIZE_MAX ? (uint8_t)size : 0;
}

/* From outside the guest's kernel mode there are no hypercalls. */
static void decode_hypercall(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	if (vcpu->arch.svm.vmcb->save.cpl != 0) {
		exit->kind = EXIT_ARCH;
		exit->arch_code = X86_EXIT_VM_INSTRUCTION;
	}
}

static void decode_row(struct vcpu *vcpu, const struct vmcb_control *control,
		       struct vcpu_exit *exit)
{
	const struct decode_row *row = &rows[control->exit_code];

	exit->kind = row->kind;
	if (row->kind == EXIT_PORT) {
		decode_port(control, &exit->port);
	} else if (row->kind == EXIT_ARCH) {
		exit->arch_code = row->code;
		decode_arch(vcpu, control, exit);
	} else if (row->kind == EXIT_HYPERCALL) {
		decode_hypercall(vcpu, exit);
	} else if (row->kind == EXIT_NONE) {
		decode_invalid(control, exit);
	}
}

static bool is_64_bit(const struct vmcb_save *save)
{
	return (save->efer & EFER_LMA) != 0 && (save->cs.attributes & SEGMENT_L) != 0;
}

void svm_decode(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	uint64_t code = vmcb->control.exit_code;

	vcpu->arch.insn_size = instruction_size(vcpu, &vmcb->control);
	vcpu->arch.insn_cause = (uint32_t)code;
	vcpu->arch.insn_cr3 = vmcb->save.cr3;
	vcpu->arch.fetched.count = 0;
	if (code < SVM_EXIT_CODES) {
		decode_row(vcpu, &vmcb->control, exit);
	} else if (code == SVM_EXIT_NPF) {
		vcpu->arch.insn_is_64_bit = is_64_bit(&vmcb->save);
		decode_stage2(vcpu, &vmcb->control, exit);
	} else {
		decode_invalid(&vmcb->control, exit);
	}
}
