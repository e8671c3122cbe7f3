/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block: layout, bits and exit codes. APM2 appendix B "Layout of VMCB"
 * and appendix C "SVM Intercept Exit Codes". What is done with them is in svm*.c.
 */
#pragma once

#include "core/bits.h"

/* ---- control area: what is intercepted, what is injected, why the guest was left ---- */

struct vmcb_control {
	uint32_t intercept_cr; /* 000: reads in 15:0, writes in 31:16 */
#define VMCB_CR_READ(n)  BIT(n)
#define VMCB_CR_WRITE(n) BIT((n) + 16)
	uint32_t intercept_dr;        /* 004: likewise */
	uint32_t intercept_exception; /* 008: by vector */
	uint32_t intercept_1;         /* 00c */
#define VMCB_1_INTR          BIT(0)
#define VMCB_1_NMI           BIT(1)
#define VMCB_1_SMI           BIT(2)
#define VMCB_1_INIT          BIT(3)
#define VMCB_1_VINTR         BIT(4)
#define VMCB_1_CR0_SELECTIVE BIT(5) /* writes that change more than TS and MP */
#define VMCB_1_RDTSC         BIT(14)
#define VMCB_1_RDPMC         BIT(15)
#define VMCB_1_CPUID         BIT(18)
#define VMCB_1_RSM           BIT(19)
#define VMCB_1_IRET          BIT(20)
#define VMCB_1_INVD          BIT(22)
#define VMCB_1_PAUSE         BIT(23)
#define VMCB_1_HLT           BIT(24)
#define VMCB_1_INVLPG        BIT(25)
#define VMCB_1_INVLPGA       BIT(26)
#define VMCB_1_IOIO          BIT(27)
#define VMCB_1_MSR           BIT(28)
#define VMCB_1_TASK_SWITCH   BIT(29)
#define VMCB_1_FERR_FREEZE   BIT(30)
#define VMCB_1_SHUTDOWN      BIT(31)
	uint32_t intercept_2;    /* 010 */
#define VMCB_2_VMRUN      BIT(0) /* must be set */
#define VMCB_2_VMMCALL    BIT(1)
#define VMCB_2_VMLOAD     BIT(2)
#define VMCB_2_VMSAVE     BIT(3)
#define VMCB_2_STGI       BIT(4)
#define VMCB_2_CLGI       BIT(5)
#define VMCB_2_SKINIT     BIT(6)
#define VMCB_2_RDTSCP     BIT(7)
#define VMCB_2_ICEBP      BIT(8)
#define VMCB_2_WBINVD     BIT(9)
#define VMCB_2_MONITOR    BIT(10)
#define VMCB_2_MWAIT      BIT(11)
#define VMCB_2_MWAIT_COND BIT(12)
#define VMCB_2_XSETBV     BIT(13)
#define VMCB_2_RDPRU      BIT(14)
	uint32_t intercept_3; /* 014 */
#define VMCB_3_INVLPGB         BIT(0)
#define VMCB_3_INVLPGB_ILLEGAL BIT(1)
#define VMCB_3_INVPCID         BIT(2)
#define VMCB_3_MCOMMIT         BIT(3)
#define VMCB_3_TLBSYNC         BIT(4)
	uint8_t reserved_018[0x24];
	uint16_t pause_filter_threshold; /* 03c */
	uint16_t pause_filter_count;     /* 03e */
	uint64_t io_map;                 /* 040: physical address of the I/O permission map */
	uint64_t msr_map;                /* 048: and of the MSR permission map */
	uint64_t tsc_offset;             /* 050 */
	uint32_t asid;                   /* 058: 0 is the host's */
	uint8_t tlb_control;             /* 05c */
#define VMCB_TLB_KEEP       0
#define VMCB_TLB_FLUSH_ALL  1 /* of every ASID on this core */
#define VMCB_TLB_FLUSH_ASID 3 /* this ASID's; only where CPUID has flush-by-ASID */
	uint8_t reserved_05d[3];
	uint64_t virtual_interrupt; /* 060 */
#define VMCB_V_TPR          BITS(7, 0)
#define VMCB_V_IRQ          BIT(8)
#define VMCB_V_PRIORITY     BITS(19, 16)
#define VMCB_V_IGNORE_TPR   BIT(20)
#define VMCB_V_INTR_MASKING BIT(24)
#define VMCB_V_VECTOR       BITS(39, 32)
	uint64_t interrupt_state; /* 068 */
#define VMCB_INTERRUPT_SHADOW BIT(0)
	uint64_t exit_code;  /* 070 */
	uint64_t exit_info1; /* 078 */
	uint64_t exit_info2; /* 080 */
	uint64_t exit_event; /* 088: EXITINTINFO, in EVENTINJ's form */
	uint64_t nested;     /* 090 */
#define VMCB_NESTED_PAGING BIT(0)
	uint8_t reserved_098[0x10];
	uint64_t event; /* 0a8: EVENTINJ */
#define VMCB_EVENT_VECTOR       BITS(7, 0)
#define VMCB_EVENT_TYPE         BITS(10, 8)
#define VMCB_EVENT_HAS_ERROR    BIT(11)
#define VMCB_EVENT_VALID        BIT(31)
#define VMCB_EVENT_ERROR        BITS(63, 32)
#define VMCB_EVENT_TYPE_INTR    0
#define VMCB_EVENT_TYPE_NMI     2
#define VMCB_EVENT_TYPE_EXCEPTN 3
#define VMCB_EVENT_TYPE_SOFT    4
	uint64_t nested_cr3;         /* 0b0 */
	uint64_t lbr_control;        /* 0b8 */
	uint32_t clean;              /* 0c0: parts that were not changed since the last #VMEXIT */
#define VMCB_CLEAN_INTERCEPTS BIT(0) /* intercepts, TSC offset, pause filter */
#define VMCB_CLEAN_MAPS       BIT(1)
#define VMCB_CLEAN_ASID       BIT(2)
#define VMCB_CLEAN_TPR        BIT(3) /* virtual_interrupt */
#define VMCB_CLEAN_NESTED     BIT(4) /* nested_cr3, pat */
#define VMCB_CLEAN_CR         BIT(5) /* CR0 CR3 CR4 EFER */
#define VMCB_CLEAN_DR         BIT(6)
#define VMCB_CLEAN_TABLES     BIT(7) /* GDTR, IDTR */
#define VMCB_CLEAN_SEGMENTS   BIT(8) /* CS DS SS ES, CPL */
#define VMCB_CLEAN_CR2        BIT(9)
#define VMCB_CLEAN_LBR        BIT(10)
#define VMCB_CLEAN_ALL        BITS(10, 0)
	uint32_t reserved_0c4;
	uint64_t next_rip;  /* 0c8: where CPUID has NRIPS */
	uint8_t byte_count; /* 0d0: where CPUID has decode assists, on nested page faults */
	uint8_t bytes[15];
	uint8_t reserved_0e0[0x320];
};
static_assert(sizeof(struct vmcb_control) == 0x400, "VMCB control area");
static_assert(offsetof(struct vmcb_control, pause_filter_count) == 0x03e, "pause filter");
static_assert(offsetof(struct vmcb_control, io_map) == 0x040, "IOPM_BASE_PA");
static_assert(offsetof(struct vmcb_control, tsc_offset) == 0x050, "TSC_OFFSET");
static_assert(offsetof(struct vmcb_control, tlb_control) == 0x05c, "TLB_CONTROL");
static_assert(offsetof(struct vmcb_control, virtual_interrupt) == 0x060, "V_TPR");
static_assert(offsetof(struct vmcb_control, exit_code) == 0x070, "EXITCODE");
static_assert(offsetof(struct vmcb_control, exit_event) == 0x088, "EXITINTINFO");
static_assert(offsetof(struct vmcb_control, nested) == 0x090, "NP_ENABLE");
static_assert(offsetof(struct vmcb_control, event) == 0x0a8, "EVENTINJ");
static_assert(offsetof(struct vmcb_control, nested_cr3) == 0x0b0, "N_CR3");
static_assert(offsetof(struct vmcb_control, clean) == 0x0c0, "VMCB clean bits");
static_assert(offsetof(struct vmcb_control, next_rip) == 0x0c8, "nRIP");
static_assert(offsetof(struct vmcb_control, bytes) == 0x0d1, "guest instruction bytes");

/* ---- state save area ---- */

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes; /* as struct segment has them */
	uint32_t limit;
	uint64_t base;
};

struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs; /* 000 */
	struct vmcb_segment gdtr, ldtr, idtr, tr;   /* 060 */
	uint8_t reserved_0a0[0x2b];
	uint8_t cpl; /* 0cb */
	uint32_t reserved_0cc;
	uint64_t efer; /* 0d0 */
	uint8_t reserved_0d8[0x70];
	uint64_t cr4, cr3, cr0; /* 148 */
	uint64_t dr7, dr6;      /* 160 */
	uint64_t rflags, rip;   /* 170 */
	uint8_t reserved_180[0x58];
	uint64_t rsp; /* 1d8 */
	uint8_t reserved_1e0[0x18];
	uint64_t rax;                                        /* 1f8 */
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base; /* 200 */
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;    /* 228 */
	uint64_t cr2;                                        /* 240 */
	uint8_t reserved_248[0x20];
	uint64_t pat;                                /* 268 */
	uint64_t debugctl;                           /* 270 */
	uint64_t br_from, br_to, last_from, last_to; /* 278 */
	uint8_t reserved_298[0x48];
	uint64_t spec_ctrl; /* 2e0: where CPUID has virtual SPEC_CTRL */
	uint8_t reserved_2e8[0x918];
};
static_assert(sizeof(struct vmcb_save) == 0xc00, "VMCB state save area");
static_assert(offsetof(struct vmcb_save, gdtr) == 0x060, "GDTR");
static_assert(offsetof(struct vmcb_save, cpl) == 0x0cb, "CPL");
static_assert(offsetof(struct vmcb_save, efer) == 0x0d0, "EFER");
static_assert(offsetof(struct vmcb_save, cr4) == 0x148, "CR4");
static_assert(offsetof(struct vmcb_save, dr7) == 0x160, "DR7");
static_assert(offsetof(struct vmcb_save, rflags) == 0x170, "RFLAGS");
static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8, "RSP");
static_assert(offsetof(struct vmcb_save, rax) == 0x1f8, "RAX");
static_assert(offsetof(struct vmcb_save, sysenter_cs) == 0x228, "SYSENTER_CS");
static_assert(offsetof(struct vmcb_save, cr2) == 0x240, "CR2");
static_assert(offsetof(struct vmcb_save, pat) == 0x268, "G_PAT");
static_assert(offsetof(struct vmcb_save, spec_ctrl) == 0x2e0, "SPEC_CTRL");

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
};
static_assert(sizeof(struct vmcb) == PAGE_SIZE, "a VMCB is a page");

/* ---- exit codes ---- */

#define SVM_EXIT_CR_READ           0x000 /* to 00f */
#define SVM_EXIT_CR_WRITE          0x010 /* to 01f */
#define SVM_EXIT_DR_READ           0x020 /* to 02f */
#define SVM_EXIT_DR_WRITE          0x030 /* to 03f */
#define SVM_EXIT_EXCEPTION         0x040 /* to 05f, by vector */
#define SVM_EXIT_INTR              0x060
#define SVM_EXIT_NMI               0x061
#define SVM_EXIT_SMI               0x062
#define SVM_EXIT_INIT              0x063
#define SVM_EXIT_VINTR             0x064
#define SVM_EXIT_CR0_SELECTIVE     0x065
#define SVM_EXIT_RDTSC             0x06e
#define SVM_EXIT_RDPMC             0x06f
#define SVM_EXIT_PUSHF             0x070
#define SVM_EXIT_POPF              0x071
#define SVM_EXIT_CPUID             0x072
#define SVM_EXIT_RSM               0x073
#define SVM_EXIT_IRET              0x074
#define SVM_EXIT_SWINT             0x075
#define SVM_EXIT_INVD              0x076
#define SVM_EXIT_PAUSE             0x077
#define SVM_EXIT_HLT               0x078
#define SVM_EXIT_INVLPG            0x079
#define SVM_EXIT_INVLPGA           0x07a
#define SVM_EXIT_IOIO              0x07b
#define SVM_EXIT_MSR               0x07c
#define SVM_EXIT_TASK_SWITCH       0x07d
#define SVM_EXIT_FERR_FREEZE       0x07e
#define SVM_EXIT_SHUTDOWN          0x07f
#define SVM_EXIT_VMRUN             0x080
#define SVM_EXIT_VMMCALL           0x081
#define SVM_EXIT_VMLOAD            0x082
#define SVM_EXIT_VMSAVE            0x083
#define SVM_EXIT_STGI              0x084
#define SVM_EXIT_CLGI              0x085
#define SVM_EXIT_SKINIT            0x086
#define SVM_EXIT_RDTSCP            0x087
#define SVM_EXIT_ICEBP             0x088
#define SVM_EXIT_WBINVD            0x089
#define SVM_EXIT_MONITOR           0x08a
#define SVM_EXIT_MWAIT             0x08b
#define SVM_EXIT_MWAIT_CONDITIONAL 0x08c
#define SVM_EXIT_XSETBV            0x08d
#define SVM_EXIT_RDPRU             0x08e
#define SVM_EXIT_EFER_WRITE_TRAP   0x08f
#define SVM_EXIT_CR_WRITE_TRAP     0x090 /* to 09f */
#define SVM_EXIT_INVLPGB           0x0a0
#define SVM_EXIT_INVLPGB_ILLEGAL   0x0a1
#define SVM_EXIT_INVPCID           0x0a2
#define SVM_EXIT_MCOMMIT           0x0a3
#define SVM_EXIT_TLBSYNC           0x0a4
#define SVM_EXIT_CODES             0x0a5 /* one past those of a single byte */
#define SVM_EXIT_NPF               0x400
#define SVM_EXIT_INVALID           UINT32_C(0xffffffff) /* some hardware extends the sign, some does not */

/* EXITINFO1 of CR_WRITE and CR0_SELECTIVE, with decode assists: APM2 15.8.1 "Nonvirtualized reads"
 */
#define SVM_CR_INFO_MOV BIT(63) /* a MOV: else LMSW or CLTS */
#define SVM_CR_INFO_GPR BITS(3, 0)

/* EXITINFO1 of MSR. */
#define SVM_MSR_INFO_WRITE BIT(0)

/* EXITINFO1 of IOIO: APM2 15.10.2 "IN and OUT Behavior". EXITINFO2 is the next RIP. */
#define SVM_IO_IN     BIT(0)
#define SVM_IO_STRING BIT(2)
#define SVM_IO_REP    BIT(3)
#define SVM_IO_SIZE   BITS(6, 4) /* bytes: 1 2 4 */
#define SVM_IO_PORT   BITS(31, 16)

/* EXITINFO1 of NPF: APM2 15.25.6 "Nested versus Guest Page Faults". EXITINFO2 is the address. */
#define SVM_NPF_PRESENT BIT(0)
#define SVM_NPF_WRITE   BIT(1)
#define SVM_NPF_FETCH   BIT(4)
#define SVM_NPF_WALK    BIT(33)

/* ---- CPUID Fn8000_000A EDX: what this core's SVM can do ---- */

#define SVM_CPUID_NESTED_PAGING BIT(0)
#define SVM_CPUID_LBR           BIT(1)
#define SVM_CPUID_NEXT_RIP      BIT(3)
#define SVM_CPUID_CLEAN         BIT(5)
#define SVM_CPUID_FLUSH_ASID    BIT(6)
#define SVM_CPUID_DECODE        BIT(7)
#define SVM_CPUID_PAUSE_FILTER  BIT(10)
#define SVM_CPUID_PAUSE_THRESH  BIT(12)
#define SVM_CPUID_SPEC_CTRL     BIT(20)
