/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control structure: encodings, bits, exit reasons. SDM3 appendix B "Field
 * Encoding in VMCS", appendix C "VMX Basic Exit Reasons", chapter 25 "Virtual Machine Control
 * Structures". What is done with them is in vmx*.c.
 */
#pragma once

#include "core/bits.h"

enum vmcs_field {
	/* 16 bits */
	VMCS_VPID = 0x0000,
	VMCS_POSTED_VECTOR = 0x0002,
	VMCS_GUEST_ES =
		0x0800, /* and CS, SS, DS, FS, GS, LDTR, TR, two apart: enum segment_index */
	VMCS_GUEST_INTERRUPT_STATUS = 0x0810,
	VMCS_HOST_ES = 0x0c00,
	VMCS_HOST_CS = 0x0c02,
	VMCS_HOST_SS = 0x0c04,
	VMCS_HOST_DS = 0x0c06,
	VMCS_HOST_FS = 0x0c08,
	VMCS_HOST_GS = 0x0c0a,
	VMCS_HOST_TR = 0x0c0c,
	/* 64 bits */
	VMCS_IO_MAP_A = 0x2000,
	VMCS_IO_MAP_B = 0x2002,
	VMCS_MSR_MAP = 0x2004,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_VIRTUAL_APIC = 0x2012,
	VMCS_POSTED = 0x2016, /* the descriptor */
	VMCS_EPT_POINTER = 0x201a,
	VMCS_EOI_EXIT = 0x201c, /* four, two apart */
	VMCS_GUEST_PHYSICAL = 0x2400,
	VMCS_LINK = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_PAT = 0x2804,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_GUEST_PDPTE = 0x280a, /* four, two apart */
	VMCS_HOST_PAT = 0x2c00,
	VMCS_HOST_EFER = 0x2c02,
	/* 32 bits */
	VMCS_PIN_CONTROLS = 0x4000,
	VMCS_PROC_CONTROLS = 0x4002,
	VMCS_EXCEPTIONS = 0x4004,
	VMCS_PF_MASK = 0x4006,
	VMCS_PF_MATCH = 0x4008,
	VMCS_CR3_TARGETS = 0x400a,
	VMCS_EXIT_CONTROLS = 0x400c,
	VMCS_EXIT_STORE_COUNT = 0x400e,
	VMCS_EXIT_LOAD_COUNT = 0x4010,
	VMCS_ENTRY_CONTROLS = 0x4012,
	VMCS_ENTRY_LOAD_COUNT = 0x4014,
	VMCS_ENTRY_EVENT = 0x4016,
	VMCS_ENTRY_ERROR = 0x4018,
	VMCS_ENTRY_LENGTH = 0x401a,
	VMCS_TPR_THRESHOLD = 0x401c,
	VMCS_PROC2_CONTROLS = 0x401e,
	VMCS_PLE_GAP = 0x4020,
	VMCS_PLE_WINDOW = 0x4022,
	VMCS_INSTRUCTION_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_EVENT = 0x4404,
	VMCS_EXIT_ERROR = 0x4406,
	VMCS_IDT_EVENT = 0x4408,
	VMCS_IDT_ERROR = 0x440a,
	VMCS_EXIT_LENGTH = 0x440c,
	VMCS_EXIT_INSTRUCTION = 0x440e,
	VMCS_GUEST_ES_LIMIT = 0x4800, /* and the others as above, then GDTR, IDTR */
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_ES_RIGHTS = 0x4814,
	VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
	VMCS_GUEST_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482a,
	VMCS_PREEMPTION_TIMER = 0x482e,
	VMCS_HOST_SYSENTER_CS = 0x4c00,
	/* natural width */
	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,
	VMCS_EXIT_QUALIFICATION = 0x6400,
	VMCS_GUEST_LINEAR = 0x640a,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_ES_BASE = 0x6806,
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DEBUG = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,
	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RSP = 0x6c14,
	VMCS_HOST_RIP = 0x6c16,
};

/* Of the current VMCS. A field that the CPU does not have is a mistake of ours: it reads 0. */
uint64_t vmcs_read(enum vmcs_field field);
void vmcs_write(enum vmcs_field field, uint64_t value);

/* ---- controls: SDM3 25.6 to 25.8. Which are used: vmx_controls.c ---- */

#define PIN_INTERRUPT_EXIT BIT(0)
#define PIN_NMI_EXIT       BIT(3)
#define PIN_VIRTUAL_NMI    BIT(5)
#define PIN_TIMER          BIT(6)
#define PIN_POSTED         BIT(7)

#define PROC_INTERRUPT_WINDOW BIT(2)
#define PROC_TSC_OFFSET       BIT(3)
#define PROC_HLT_EXIT         BIT(7)
#define PROC_INVLPG_EXIT      BIT(9)
#define PROC_MWAIT_EXIT       BIT(10)
#define PROC_RDPMC_EXIT       BIT(11)
#define PROC_RDTSC_EXIT       BIT(12)
#define PROC_CR3_LOAD_EXIT    BIT(15)
#define PROC_CR3_STORE_EXIT   BIT(16)
#define PROC_CR8_LOAD_EXIT    BIT(19)
#define PROC_CR8_STORE_EXIT   BIT(20)
#define PROC_TPR_SHADOW       BIT(21)
#define PROC_NMI_WINDOW       BIT(22)
#define PROC_MOV_DR_EXIT      BIT(23)
#define PROC_IO_EXIT          BIT(24)
#define PROC_IO_MAPS          BIT(25)
#define PROC_MONITOR_TRAP     BIT(27)
#define PROC_MSR_MAPS         BIT(28)
#define PROC_MONITOR_EXIT     BIT(29)
#define PROC_PAUSE_EXIT       BIT(30)
#define PROC_SECONDARY        BIT(31)

#define PROC2_APIC_ACCESS       BIT(0)
#define PROC2_EPT               BIT(1)
#define PROC2_TABLE_EXIT        BIT(2)
#define PROC2_RDTSCP            BIT(3)
#define PROC2_X2APIC            BIT(4)
#define PROC2_VPID              BIT(5)
#define PROC2_WBINVD_EXIT       BIT(6)
#define PROC2_UNRESTRICTED      BIT(7)
#define PROC2_APIC_REGISTERS    BIT(8)
#define PROC2_VIRTUAL_INTERRUPT BIT(9)
#define PROC2_PAUSE_LOOP_EXIT   BIT(10)
#define PROC2_RDRAND_EXIT       BIT(11)
#define PROC2_INVPCID           BIT(12)
#define PROC2_VMFUNC            BIT(13)
#define PROC2_SHADOW            BIT(14)
#define PROC2_ENCLS_EXIT        BIT(15)
#define PROC2_RDSEED_EXIT       BIT(16)
#define PROC2_PML               BIT(17)
#define PROC2_VE                BIT(18)
#define PROC2_XSAVES            BIT(20)
#define PROC2_TSC_SCALING       BIT(25)
#define PROC2_USER_WAIT         BIT(26)

#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64    BIT(9)
#define EXIT_LOAD_PERF  BIT(12)
#define EXIT_ACK        BIT(15)
#define EXIT_SAVE_PAT   BIT(18)
#define EXIT_LOAD_PAT   BIT(19)
#define EXIT_SAVE_EFER  BIT(20)
#define EXIT_LOAD_EFER  BIT(21)
#define EXIT_SAVE_TIMER BIT(22)

#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_LONG_MODE  BIT(9)
#define ENTRY_SMM        BIT(10)
#define ENTRY_DUAL_OFF   BIT(11)
#define ENTRY_LOAD_PERF  BIT(13)
#define ENTRY_LOAD_PAT   BIT(14)
#define ENTRY_LOAD_EFER  BIT(15)

/* ENTRY_EVENT, EXIT_EVENT, IDT_EVENT: SDM3 25.8.3 "VM-Entry Controls for Event Injection" */
#define VMCS_EVENT_VECTOR    BITS(7, 0)
#define VMCS_EVENT_TYPE      BITS(10, 8)
#define VMCS_EVENT_HAS_ERROR BIT(11)
#define VMCS_EVENT_NMI_UNBLOCKED \
	BIT(12) /* EXIT_EVENT: an IRET had unblocked NMIs before it faulted */
#define VMCS_EVENT_VALID          BIT(31)
#define VMCS_EVENT_INTERRUPT      0
#define VMCS_EVENT_NMI            2
#define VMCS_EVENT_EXCEPTION      3
#define VMCS_EVENT_SOFT_INTERRUPT 4
#define VMCS_EVENT_ICEBP          5
#define VMCS_EVENT_SOFT_EXCEPTION 6

/* GUEST_INTERRUPTIBILITY: SDM3 25.4.2 "Guest Non-Register State" */
#define VMCS_BLOCKED_BY_STI    BIT(0)
#define VMCS_BLOCKED_BY_MOV_SS BIT(1)
#define VMCS_BLOCKED_BY_SMI    BIT(2)
#define VMCS_BLOCKED_BY_NMI    BIT(3)

/* GUEST_PENDING_DEBUG, likewise: as vcpu_events has it, and what is not asked for. Bus locks and
 * RTM: */
#define VMCS_PENDING_DEBUG_BLD BIT(11)
#define VMCS_PENDING_DEBUG_RTM BIT(16)

/* GUEST_INTERRUPT_STATUS: SDM3 25.4.2 */
#define VMCS_STATUS_REQUESTED BITS(7, 0)
#define VMCS_STATUS_SERVED    BITS(15, 8)

/* *_RIGHTS: as struct segment has them, but for a gap, and with "unusable" */
#define VMCS_RIGHTS_LOW      BITS(7, 0)
#define VMCS_RIGHTS_HIGH     BITS(15, 12)
#define VMCS_RIGHTS_UNUSABLE BIT(16)

/* EPT_POINTER: SDM3 25.6.11 "Extended-Page-Table Pointer (EPTP)" */
#define VMCS_EPTP_MEMORY   BITS(2, 0)
#define VMCS_EPTP_LEVELS   BITS(5, 3) /* less 1 */
#define VMCS_EPTP_ACCESSED BIT(6)     /* accessed and dirty flags */

/* ---- exits ---- */

#define VMX_EXIT_REASON       BITS(15, 0)
#define VMX_EXIT_ENTRY_FAILED BIT(31)

enum vmx_exit_reason {
	VMX_EXIT_EXCEPTION = 0, /* or NMI */
	VMX_EXIT_INTERRUPT = 1,
	VMX_EXIT_TRIPLE_FAULT = 2,
	VMX_EXIT_INIT = 3,
	VMX_EXIT_SIPI = 4,
	VMX_EXIT_IO_SMI = 5,
	VMX_EXIT_OTHER_SMI = 6,
	VMX_EXIT_INTERRUPT_WINDOW = 7,
	VMX_EXIT_NMI_WINDOW = 8,
	VMX_EXIT_TASK_SWITCH = 9,
	VMX_EXIT_CPUID = 10,
	VMX_EXIT_GETSEC = 11,
	VMX_EXIT_HLT = 12,
	VMX_EXIT_INVD = 13,
	VMX_EXIT_INVLPG = 14,
	VMX_EXIT_RDPMC = 15,
	VMX_EXIT_RDTSC = 16,
	VMX_EXIT_RSM = 17,
	VMX_EXIT_VMCALL = 18,
	VMX_EXIT_VMCLEAR = 19, /* to VMXON, 27 */
	VMX_EXIT_VMXON = 27,
	VMX_EXIT_CR = 28,
	VMX_EXIT_DR = 29,
	VMX_EXIT_IO = 30,
	VMX_EXIT_RDMSR = 31,
	VMX_EXIT_WRMSR = 32,
	VMX_EXIT_BAD_GUEST = 33,
	VMX_EXIT_BAD_MSR = 34,
	VMX_EXIT_MWAIT = 36,
	VMX_EXIT_MONITOR = 39,
	VMX_EXIT_PAUSE = 40,
	VMX_EXIT_MACHINE_CHECK = 41, /* during the entry */
	VMX_EXIT_TPR = 43,           /* below the threshold */
	VMX_EXIT_APIC_ACCESS = 44,
	VMX_EXIT_VIRTUAL_EOI = 45,
	VMX_EXIT_GDTR_IDTR = 46,
	VMX_EXIT_LDTR_TR = 47,
	VMX_EXIT_EPT_VIOLATION = 48,
	VMX_EXIT_EPT_MISCONFIGURED = 49,
	VMX_EXIT_INVEPT = 50,
	VMX_EXIT_RDTSCP = 51,
	VMX_EXIT_TIMER = 52,
	VMX_EXIT_INVVPID = 53,
	VMX_EXIT_WBINVD = 54,
	VMX_EXIT_XSETBV = 55,
	VMX_EXIT_APIC_WRITE = 56,
	VMX_EXIT_RDRAND = 57,
	VMX_EXIT_INVPCID = 58,
	VMX_EXIT_VMFUNC = 59,
	VMX_EXIT_ENCLS = 60,
	VMX_EXIT_RDSEED = 61,
	VMX_EXIT_XSAVES = 63,
	VMX_EXIT_XRSTORS = 64,
	VMX_EXIT_UMWAIT = 67,
	VMX_EXIT_TPAUSE = 68,
	VMX_EXIT_SEAMCALL = 76, /* of TDX, where the CPU has it */
	VMX_EXIT_TDCALL = 77,
	VMX_EXIT_REASONS,
};

/* Exit qualifications: SDM3 28.2.1 "Basic VM-Exit Information". Of CR accesses: */
#define VMX_CR_NUMBER         BITS(3, 0)
#define VMX_CR_ACCESS         BITS(5, 4)
#define VMX_CR_MOV_TO         0
#define VMX_CR_GPR            BITS(11, 8)
/* of I/O: */
#define VMX_IO_SIZE           BITS(2, 0) /* less 1 */
#define VMX_IO_IN             BIT(3)
#define VMX_IO_STRING         BIT(4)
#define VMX_IO_PORT           BITS(31, 16)
/* of EPT violations: */
#define VMX_EPT_WRITE         BIT(1)
#define VMX_EPT_FETCH         BIT(2)
#define VMX_EPT_RIGHTS        BITS(5, 3) /* that the entries gave */
#define VMX_EPT_LINEAR        BIT(7)
#define VMX_EPT_TRANSLATED    BIT(8) /* the access itself, not one of the walk */
#define VMX_EPT_NMI_UNBLOCKED BIT(12)
/* of debug exceptions: as DR6 */
#define VMX_DEBUG_CAUSES      (BITS(3, 0) | BITS(14, 13))
