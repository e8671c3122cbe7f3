/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exits that only x86 has, vendor-neutral, and their handlers: one file a cause (exit_cpuid.c,
 * exit_msr.c, exit_cr.c, exit_io.c, ...), dispatched by a table in x86_exit.c.
 */
#pragma once

#include "core/exit.h"

enum x86_exit {
	X86_EXIT_CPUID,
	X86_EXIT_APIC_PAGE, /* stage-2 fault or APIC access on the local APIC's page: exit->stage2
			     */
	X86_EXIT_RDMSR,
	X86_EXIT_WRMSR,
	X86_EXIT_CR_WRITE, /* exit->control */
	X86_EXIT_DR_ACCESS,
	X86_EXIT_XSETBV,
	X86_EXIT_INVD,
	X86_EXIT_WBINVD,
	X86_EXIT_MONITOR,        /* MONITOR, MWAIT: #UD as CPUID says */
	X86_EXIT_VM_INSTRUCTION, /* VMRUN, VMLOAD, ..., INVLPGA, SKINIT: #UD */
	X86_EXIT_EXCEPTION,  /* intercepted #AC, #DB, #MC: exit->raw, whose code is the vector */
	X86_EXIT_NMI_WINDOW, /* IRET: NMIs may be delivered after it */
	X86_EXIT_INTERRUPT_WINDOW,
	X86_EXIT_RDPMC,
	X86_EXIT_RSM,         /* outside of system management mode, which guests never enter: #UD */
	X86_EXIT_TASK_SWITCH, /* exit->raw, whose info1 has the task's selector */
	X86_EXIT_INIT,
	X86_EXIT_SMI,
	X86_EXITS,
};

exit_fn exit_cpuid, exit_rdmsr, exit_wrmsr, exit_cr_write, exit_dr_access, exit_xsetbv, exit_wbinvd,
	exit_exception, exit_rdpmc, exit_task_switch;

/* What the guest's processor has not got, and system management mode: #UD. */
exit_fn exit_undefined;

/* Nothing to do. Of an interrupt window: the next entry looks again at what can be taken. */
exit_fn exit_ignore;

/* Port I/O, string forms included; and a device's MMIO: arch_exit_handle() calls them by exit kind.
 */
exit_fn exit_port, exit_mmio;

/*
 * Fetches and decodes the instruction at RIP, through the guest's page tables and stage-2. Where it
 * fails, the guest got its fault, or was stopped: the handler is done with it, and returns
 * x86_exit_resume().
 */
struct insn;
must_check int x86_exit_fetch(struct vcpu *vcpu, struct insn *insn);

/*
 * Instead of stopping the guest for an instruction that is not emulated: where user mode ran it,
 * raises #UD and returns true. A process can not end its machine.
 */
bool x86_exit_refuse_user(struct vcpu *vcpu);

/* False when the VM was stopped: the guest is not entered again. */
bool x86_exit_resume(const struct vcpu *vcpu);
