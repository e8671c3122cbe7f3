/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x: the vendor half of a CPU and of a vCPU. The VMCS is the hardware's own (vmcs.h); it is
 * current exactly while its vCPU is loaded.
 */
#pragma once

#include "arch/tlb_tag.h"

struct cpu;
struct segment;
struct vcpu;
struct vcpu_exit;
struct vcpu_sregs;
struct vcpu_state;

/* ---- what a CPU can do ---- */

/* The registers of controls, in the order of their capability MSRs. */
enum vmx_register { VMX_PIN, VMX_PROC, VMX_EXIT, VMX_ENTRY, VMX_PROC2, VMX_REGISTERS };

/* What CPUID and the capability MSRs say about this core: vmx_facts_read(). */
struct vmx_facts {
	bool has_vmx;
	uint64_t feature_control;
	uint64_t basic;
	uint64_t allowed[VMX_REGISTERS]; /* 31:0 must be set, 63:32 may be set */
	uint64_t ept_vpid, misc;
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

#define VMX_BASIC_REVISION BITS(30, 0)
#define VMX_BASIC_TRUE     BIT(55) /* the TRUE capability MSRs exist */
#define VMX_MISC_TIMER     BITS(4, 0)

#define VMX_EPT_LEVELS_4    BIT(6)
#define VMX_EPT_WB          BIT(14)
#define VMX_EPT_2M          BIT(16)
#define VMX_EPT_1G          BIT(17)
#define VMX_EPT_INVEPT      BIT(20)
#define VMX_EPT_ACCESSED    BIT(21)
#define VMX_EPT_INVEPT_ONE  BIT(25)
#define VMX_EPT_INVEPT_ALL  BIT(26)
#define VMX_EPT_INVVPID_ONE BIT(41)
#define VMX_EPT_INVVPID_ALL BIT(42)
#define VMX_EPT_INVVPID     (BIT(32) | VMX_EPT_INVVPID_ONE | VMX_EPT_INVVPID_ALL)
#define VMX_INVALIDATE_ONE  1 /* types of INVEPT and INVVPID */
#define VMX_INVALIDATE_ALL  2

enum vmx_need {
	VMX_REQUIRED, /* set: refused where the CPU has none */
	VMX_WANTED,   /* set where there */
	VMX_OFFERED,  /* clear at first: refused where the CPU insists; what it has of them is in
			 controls->offered */
	VMX_SWITCHED, /* refused where the CPU has none; set and cleared while guests run */
	VMX_NEVER,    /* clear: refused where the CPU insists */
};

/* What is asked of one bit. Bits without a row are as the CPU wants them. */
struct vmx_control {
	uint8_t reg; /* enum vmx_register */
	uint8_t bit;
	uint8_t need; /* enum vmx_need */
	const char *name;
};
extern const struct vmx_control vmx_control_table[];
extern const uint32_t vmx_control_count;

/* Register values, as vCPUs begin with them. */
struct vmx_controls {
	uint32_t values[VMX_REGISTERS];
	uint32_t offered[VMX_REGISTERS];
};

/* Makes them of the capabilities. False: *missing names the bit. Pure. */
must_check bool vmx_controls_make(const struct vmx_facts *facts, struct vmx_controls *controls,
				  const char **missing);

/* True when it has all that is required, and *controls is made; else *missing says what it lacks
 * and, if it can be helped, how; NULL where it is not this vendor's. Pure. */
must_check bool vmx_check(const struct vmx_facts *facts, struct vmx_controls *controls,
			  const char **missing);

void vmx_facts_read(struct vmx_facts *facts);

/* Of the boot CPU, const after its probe. */
extern struct vmx_facts vmx_facts;
extern struct vmx_controls vmx_controls;

/* The register has these bits on all vCPUs. */
static inline bool vmx_has(enum vmx_register reg, uint64_t bits)
{
	return (vmx_controls.values[reg] & bits) == bits;
}

/* Writes the register's value; of bits that a vCPU switches, vmx_vcpu has the copy. */
void vmx_controls_write(enum vmx_register reg, uint64_t value);

/* ---- a CPU, a vCPU ---- */

struct vmx_cpu {
	hpa_t region; /* VMXON's */
	struct tlb_tags vpids;
};

struct vmx_vcpu {
	/* owner CPU only. What the current VMCS holds: */
	uint32_t pin;              /* PIN_CONTROLS */
	uint32_t proc;             /* PROC_CONTROLS */
	uint32_t proc2;            /* PROC2_CONTROLS */
	uint32_t entry;            /* ENTRY_CONTROLS */
	uint32_t interruptibility; /* as the last exit left it, or as it was written since */
	uint32_t tpr_threshold;
	uint32_t interrupt_status; /* RVI, SVI */
	uint64_t eoi_exits[4];
	uint64_t rsp, rflags;
	bool is_current; /* its VMCS is the CPU's, and the live registers are its */
	bool launched;   /* since the VMCS was cleared */
	bool gives_nmi;  /* this entry does */
	uint8_t tpr;     /* what the vLAPIC's priorities were computed of */
	struct tlb_tag vpid;
};

/* vmx_enter.asm: the world switch. Enters the guest of the current VMCS with *state's GPRs (RSP is
 * the VMCS'), and returns false at its exit; true: it was not entered, VMfail. */
bool vmx_enter(struct vcpu_state *state, bool launched);
/* The same with work: MITIGATE_ bits. */
bool vmx_enter_mitigated(struct vcpu_state *state, bool launched, uint32_t work);
extern const char vmx_enter_end[];

/* vmx_run.c */
void vmx_run(struct vcpu *vcpu, struct vcpu_exit *exit);
/* What holds events back, as the next entry has it, and what of #DB is held back: the VMCS' part of
 * vcpu_events. RFLAGS and the rest of vcpu_events are up to date. */
void vmx_run_blocking_get(struct vcpu *vcpu);
void vmx_run_blocking_set(struct vcpu *vcpu);

/* vmx_tlb.c: drops what is stale before an entry; nearly always there is nothing to do. After
 * cpu->in_guest was set: whoever takes rights away from now on sees it, and kicks this CPU. */
void vmx_tlb_prepare(struct cpu *cpu, struct vcpu *vcpu);

/* vmx_decode.c: the VMCS' exit fields to *exit. */
void vmx_decode(struct vcpu *vcpu, uint64_t reason, struct vcpu_exit *exit);

/* vmx_event.c: the event of this entry and its windows to the VMCS; and what was in delivery at the
 * exit, and what the guest has made of its TPR, back to vcpu_events and the vLAPIC. */
void vmx_event_inject(struct vcpu *vcpu);
void vmx_event_collect(struct vcpu *vcpu, uint64_t reason);
/* The entry was none: its event is still in the VMCS, and is to be given again. */
void vmx_event_take_back(struct vcpu *vcpu);

/* vmx_apic.c: virtual-interrupt delivery, for vCPUs in x2APIC mode on a CPU that has it; nothing
 * else happens there. Before an entry, with posts folded; after the exit; at an exit behind a
 * write. */
bool vmx_apic_is_offered(void);
bool vmx_apic_posts(void); /* posted interrupts are used */
void vmx_apic_init(struct vcpu *vcpu);
void vmx_apic_probe(void); /* boot CPU */
void vmx_apic_give(struct vcpu *vcpu);
void vmx_apic_take(struct vcpu *vcpu);
void vmx_apic_trapped(struct vcpu *vcpu, uint64_t reason);

/* vmx_state.c: vcpu_state's groups from and to the VMCS and the live registers. */
void vmx_state_init(struct vcpu *vcpu); /* all of it dirty still */
void vmx_state_get(struct vcpu *vcpu, uint64_t groups);
void vmx_state_set(struct vcpu *vcpu, uint64_t groups);
void vmx_state_load(struct vcpu *vcpu);
void vmx_state_put(struct vcpu *vcpu);

/* vmx_paging.c: PAE's top entries, which are part of STATE_SREGS, and the VMCS; virt_ops' load. */
void vmx_paging_get(struct vcpu_sregs *sregs);
void vmx_paging_set(struct vcpu *vcpu, const struct vcpu_sregs *sregs);
bool vmx_paging_load(struct vcpu *vcpu, struct vcpu_sregs *sregs);

/* vmx_live.c: the registers that the VMCS has no place for, by the groups that they belong to; and
 * what an exception's delivery leaves in CR2 or DR6. Functions that unit tests replace. */
void vmx_live_get(struct vcpu_state *state, uint64_t groups);
void vmx_live_set(const struct vcpu_state *state, uint64_t groups);
uint64_t vmx_live_cr2(void);
void vmx_live_deliver(uint8_t vector, uint64_t payload);

/* vmx_check_guest.c: the first of the rules of SDM3 27.3 that the current VMCS breaks, for people;
 * NULL: none that is known here. */
const char *vmx_broken_rule(void);

/* vmx_dump.c */
void vmx_dump(struct vcpu *vcpu);
