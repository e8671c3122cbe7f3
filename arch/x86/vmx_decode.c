/* SPDX-License-Identifier: GPL-2.0-only */
/* From a VMCS' exit reason to a vcpu_exit: one table with a row for every reason. Changes no state
 * but what the hardware told about the instruction. */
#include "arch/vmx.h"

#include "arch/msr.h"
#include "arch/vcpu_regs.h"
#include "arch/vmcs.h"
#include "arch/x86_exit.h"
#include "core/vcpu.h"

struct decode_row {
	uint8_t kind;   /* enum exit_kind; EXIT_INVALID: not expected, the guest is stopped */
	uint8_t code;   /* EXIT_ARCH: enum x86_exit */
	bool has_size;  /* an instruction exited, whose length is known */
	bool is_listed; /* the row is none of the gaps */
};

#define ROW(kind)                    \
	{                            \
		kind, 0, false, true \
	}
#define ROW_SIZED(kind)             \
	{                           \
		kind, 0, true, true \
	}
#define ROW_ARCH(code)                                  \
	{                                               \
		EXIT_ARCH, X86_EXIT_##code, false, true \
	}
#define ROW_INSN(code)                                 \
	{                                              \
		EXIT_ARCH, X86_EXIT_##code, true, true \
	}

/* A reason without a row is not asked for, or future hardware's. */
static const struct decode_row rows[VMX_EXIT_REASONS] = {
	[VMX_EXIT_EXCEPTION] = ROW_ARCH(EXCEPTION),
	[VMX_EXIT_INTERRUPT] = ROW(EXIT_IRQ),
	[VMX_EXIT_TRIPLE_FAULT] = ROW(EXIT_TRIPLE_FAULT),
	[VMX_EXIT_INIT] = ROW_ARCH(INIT),
	[VMX_EXIT_SIPI] = ROW_ARCH(INIT),
	[VMX_EXIT_IO_SMI] = ROW_ARCH(SMI),
	[VMX_EXIT_OTHER_SMI] = ROW_ARCH(SMI),
	[VMX_EXIT_INTERRUPT_WINDOW] = ROW_ARCH(INTERRUPT_WINDOW),
	[VMX_EXIT_NMI_WINDOW] = ROW_ARCH(NMI_WINDOW),
	[VMX_EXIT_TASK_SWITCH] = ROW_ARCH(TASK_SWITCH),
	[VMX_EXIT_CPUID] = ROW_INSN(CPUID),
	[VMX_EXIT_GETSEC] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_HLT] = ROW_SIZED(EXIT_HALT),
	[VMX_EXIT_INVD] = ROW_INSN(INVD),
	[VMX_EXIT_RDPMC] = ROW_INSN(RDPMC),
	[VMX_EXIT_RSM] = ROW_INSN(RSM),
	[VMX_EXIT_VMCALL] = ROW_SIZED(EXIT_HYPERCALL),
	[VMX_EXIT_VMCLEAR... VMX_EXIT_VMXON] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_CR] = ROW_INSN(CR_WRITE),
	[VMX_EXIT_DR] = ROW_INSN(DR_ACCESS),
	[VMX_EXIT_IO] = ROW_SIZED(EXIT_PORT),
	[VMX_EXIT_RDMSR] = ROW_INSN(RDMSR),
	[VMX_EXIT_WRMSR] = ROW_INSN(WRMSR),
	[VMX_EXIT_MWAIT] = ROW_INSN(MONITOR),
	[VMX_EXIT_MONITOR] = ROW_INSN(MONITOR),
	[VMX_EXIT_PAUSE] = ROW(EXIT_PAUSE),
	[VMX_EXIT_TPR] = ROW(EXIT_NONE), /* vmx_event.c has looked at it */
	[VMX_EXIT_VIRTUAL_EOI] = ROW(EXIT_NONE),
	[VMX_EXIT_APIC_WRITE] = ROW(EXIT_NONE),
	[VMX_EXIT_EPT_VIOLATION] = ROW(EXIT_STAGE2),
	[VMX_EXIT_INVEPT] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_TIMER] = ROW(EXIT_IRQ),
	[VMX_EXIT_INVVPID] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_WBINVD] = ROW_INSN(WBINVD),
	[VMX_EXIT_XSETBV] = ROW_INSN(XSETBV),
	[VMX_EXIT_VMFUNC] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_ENCLS] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_XSAVES] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_XRSTORS] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_UMWAIT] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_TPAUSE] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_SEAMCALL] = ROW_INSN(VM_INSTRUCTION),
	[VMX_EXIT_TDCALL] = ROW_INSN(VM_INSTRUCTION),
};

static void decode_raw(uint64_t reason, struct vcpu_exit *exit)
{
	exit->raw = (struct exit_raw){ .code = reason,
				       .info1 = vmcs_read(VMCS_EXIT_QUALIFICATION),
				       .info2 = vmcs_read(VMCS_GUEST_PHYSICAL) };
}

static void decode_port(struct exit_port *port)
{
	uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	port->access.address = field_get(VMX_IO_PORT, info);
	port->access.size = (uint8_t)(field_get(VMX_IO_SIZE, info) + 1);
	port->access.is_write = (info & VMX_IO_IN) == 0;
	port->is_string = (info & VMX_IO_STRING) != 0;
}

static bool is_64_bit(void)
{
	return (vmcs_read(VMCS_GUEST_EFER) & EFER_LMA) != 0 &&
	       (vmcs_read(VMCS_GUEST_ES_RIGHTS + 2 * SEGMENT_CS) >> 4 & SEGMENT_L) != 0;
}

never_inline static void decode_stage2(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);
	uint64_t address = vmcs_read(VMCS_GUEST_PHYSICAL);

	exit->stage2 = (struct exit_stage2){
		.address = gpa(address),
		.is_write = (info & VMX_EPT_WRITE) != 0,
		.is_fetch = (info & VMX_EPT_FETCH) != 0,
		.is_present = (info & VMX_EPT_RIGHTS) != 0,
		.is_walk = (info & VMX_EPT_LINEAR) != 0 && (info & VMX_EPT_TRANSLATED) == 0,
		.is_delivery = (vmcs_read(VMCS_IDT_EVENT) & VMCS_EVENT_VALID) != 0,
	};
	vcpu->arch.insn_is_64_bit = is_64_bit();
	/* No region need be looked for. */
	if ((address & PAGE_MASK) == VLAPIC_BASE_DEFAULT) {
		exit->kind = EXIT_ARCH;
		exit->arch_code = X86_EXIT_APIC_PAGE;
	}
}

/* MOV's source is told; CLTS and LMSW are decoded. */
static void decode_control(struct exit_control *control)
{
	uint64_t info = vmcs_read(VMCS_EXIT_QUALIFICATION);

	control->number = (uint8_t)field_get(VMX_CR_NUMBER, info);
	control->reg = (uint8_t)field_get(VMX_CR_GPR, info);
	control->is_decoded = field_get(VMX_CR_ACCESS, info) == VMX_CR_MOV_TO;
}

/*
 * Of a #DB the qualification has what DR6 has not yet. ICEBP's is a trap, and RIP is still at it.
 * An NMI has been taken already.
 */
static void decode_exception(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t word = vmcs_read(VMCS_EXIT_EVENT);
	uint64_t type = field_get(VMCS_EVENT_TYPE, word);

	exit->raw = (struct exit_raw){ .code = field_get(VMCS_EVENT_VECTOR, word) };
	if (type == VMCS_EVENT_NMI) {
		exit->kind = EXIT_IRQ;
	} else if (exit->raw.code == VECTOR_DB) {
		exit->raw.info1 = vmcs_read(VMCS_EXIT_QUALIFICATION) & VMX_DEBUG_CAUSES;
	}
	if (type == VMCS_EVENT_ICEBP) {
		vcpu->arch.state->rip += vmcs_read(VMCS_EXIT_LENGTH);
	}
}

static void decode_arch(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	switch (exit->arch_code) {
	case X86_EXIT_CR_WRITE:
		decode_control(&exit->control);
		break;
	case X86_EXIT_EXCEPTION:
		decode_exception(vcpu, exit);
		break;
	case X86_EXIT_TASK_SWITCH:
		decode_raw(VMX_EXIT_TASK_SWITCH, exit);
		break;
	default:
		break;
	}
}

/* From outside the guest's kernel mode there are no hypercalls. */
static void decode_hypercall(struct vcpu_exit *exit)
{
	uint64_t rights = vmcs_read(VMCS_GUEST_ES_RIGHTS + 2 * SEGMENT_SS);

	if (field_get(SEGMENT_DPL, rights) != 0) {
		exit->kind = EXIT_ARCH;
		exit->arch_code = X86_EXIT_VM_INSTRUCTION;
	}
}

static void decode_row(struct vcpu *vcpu, const struct decode_row *row, struct vcpu_exit *exit)
{
	exit->kind = row->kind;
	exit->arch_code = row->code;
	if (row->kind == EXIT_PORT) {
		decode_port(&exit->port);
	} else if (row->kind == EXIT_ARCH) {
		decode_arch(vcpu, exit);
	} else if (row->kind == EXIT_STAGE2) {
		decode_stage2(vcpu, exit);
	} else if (row->kind == EXIT_HYPERCALL) {
		decode_hypercall(exit);
	}
}

void vmx_decode(struct vcpu *vcpu, uint64_t reason, struct vcpu_exit *exit)
{
	const struct decode_row *row = reason < VMX_EXIT_REASONS ? &rows[reason] : NULL;

	vcpu->arch.insn_size = 0;
	vcpu->arch.insn_cause = (uint32_t)reason;
	vcpu->arch.fetched.count = 0;
	if (row == NULL || !row->is_listed) {
		exit->kind = EXIT_INVALID;
		decode_raw(reason, exit);
		return;
	}
	if (row->has_size) {
		vcpu->arch.insn_size = (uint8_t)vmcs_read(VMCS_EXIT_LENGTH);
	} else {
		vcpu->arch.insn_cr3 = vmcs_read(VMCS_GUEST_CR3);
	}
	if (unlikely(reason == VMX_EXIT_VIRTUAL_EOI || reason == VMX_EXIT_APIC_WRITE)) {
		vmx_apic_trapped(vcpu, reason);
	}
	decode_row(vcpu, row, exit);
}
