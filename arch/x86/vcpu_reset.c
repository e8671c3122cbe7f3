/* SPDX-License-Identifier: GPL-2.0-only */
/* Reset, INIT, start-up and direct entry. APM2 14.1.3 "Processor Initialization State". */
#include "arch/vcpu_reset.h"

#include "arch/fpu.h"
#include "arch/guest_entry.h"
#include "arch/msr.h"
#include "arch/virt.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/string.h"
#include "core/vcpu.h"

#define RESET_CS_SELECTOR 0xf000
#define RESET_CS_BASE     0xffff0000
#define RESET_RIP         0xfff0
#define RESET_EDX         0x00000600 /* a family; firmware takes it from CPUID */
#define DR6_RESET         UINT64_C(0xffff0ff0)
#define DR7_RESET         UINT64_C(0x400)
#define PAT_RESET         UINT64_C(0x0007040600070406)

#define TYPE_DATA  (SEGMENT_PRESENT | SEGMENT_S | 0x3) /* read, write, accessed */
#define TYPE_CODE  (SEGMENT_PRESENT | SEGMENT_S | 0xb) /* execute, read, accessed */
#define TYPE_LDT   (SEGMENT_PRESENT | 0x2)
#define TYPE_TSS   (SEGMENT_PRESENT | 0xb) /* busy, 32 or 64 bits */
#define LIMIT_REAL 0xffff
#define LIMIT_FLAT UINT32_MAX

static struct segment segment(uint16_t selector, uint64_t base, uint32_t limit, uint64_t attributes)
{
	return (struct segment){ .selector = selector,
				 .base = base,
				 .limit = limit,
				 .attributes = (uint16_t)attributes };
}

static void segments_set_data(struct vcpu_sregs *sregs, struct segment data)
{
	sregs->segments[SEGMENT_ES] = data;
	sregs->segments[SEGMENT_SS] = data;
	sregs->segments[SEGMENT_DS] = data;
	sregs->segments[SEGMENT_FS] = data;
	sregs->segments[SEGMENT_GS] = data;
}

static void sregs_reset(struct vcpu_sregs *sregs)
{
	memset(sregs, 0, sizeof(*sregs));
	segments_set_data(sregs, segment(0, 0, LIMIT_REAL, TYPE_DATA));
	sregs->segments[SEGMENT_CS] =
		segment(RESET_CS_SELECTOR, RESET_CS_BASE, LIMIT_REAL, TYPE_CODE);
	sregs->segments[SEGMENT_LDTR] = segment(0, 0, LIMIT_REAL, TYPE_LDT);
	sregs->segments[SEGMENT_TR] = segment(0, 0, LIMIT_REAL, TYPE_TSS);
	sregs->gdtr = segment(0, 0, LIMIT_REAL, 0);
	sregs->idtr = segment(0, 0, LIMIT_REAL, 0);
	sregs->cr0 = CR0_ET;
}

/* What RESET and INIT have in common. */
static void reset_common(struct vcpu *vcpu)
{
	struct vcpu_state *state = vcpu->arch.state;

	memset(state->gpr, 0, sizeof(state->gpr));
	state->gpr[GPR_RDX] = RESET_EDX;
	state->rip = RESET_RIP;
	state->rflags = RFLAGS_RES1;
	sregs_reset(&state->sregs);
	memset(&state->debug, 0, sizeof(state->debug));
	state->debug.dr6 = DR6_RESET;
	state->debug.dr7 = DR7_RESET;
	memset(&vcpu->arch.events, 0, sizeof(vcpu->arch.events));
	vcpu->arch.halted = false;
	vcpu->arch.debug_live = false;
	vcpu->arch.flush = true;
	vcpu->arch.events.waits_for_sipi = vcpu->index != 0;
	state->valid = STATE_ALL;
	state->dirty = STATE_ALL;
}

void vcpu_reset_power_up(struct vcpu *vcpu)
{
	struct vcpu_state *state = vcpu->arch.state;

	memset(state, 0, sizeof(*state));
	reset_common(vcpu);
	state->msrs.pat = PAT_RESET;
	fpu_reset(vcpu);
}

void vcpu_reset_init(struct vcpu *vcpu)
{
	/* MSRs stay: they must be here before all groups are declared dirty. */
	virt->state_get(vcpu, STATE_MSR);
	reset_common(vcpu);
	vlapic_reset(vcpu, true);
}

void vcpu_reset_startup(struct vcpu *vcpu, uint8_t vector)
{
	struct vcpu_state *state = vcpu->arch.state;

	if (!vcpu->arch.events.waits_for_sipi) {
		return;
	}
	vcpu->arch.events.waits_for_sipi = false;
	virt->state_get(vcpu, STATE_SREGS);
	state->sregs.segments[SEGMENT_CS] =
		segment((uint16_t)(vector << 8), (uint64_t)vector << 12, LIMIT_REAL, TYPE_CODE);
	state->rip = 0;
	state->dirty |= STATE_SREGS;
}

/* ---- a loader's entry ---- */

static void sregs_enter(struct vcpu_sregs *sregs, const struct guest_entry *entry)
{
	bool is_long = entry->mode == GUEST_ENTRY_LONG64;
	uint64_t code = TYPE_CODE | SEGMENT_G | (is_long ? SEGMENT_L : SEGMENT_DB);

	segments_set_data(sregs, segment(entry->data_selector, 0, LIMIT_FLAT,
					 TYPE_DATA | SEGMENT_G | SEGMENT_DB));
	sregs->segments[SEGMENT_CS] = segment(entry->code_selector, 0, LIMIT_FLAT, code);
	sregs->gdtr = segment(0, entry->gdt_base, entry->gdt_limit, 0);
	sregs->idtr = segment(0, 0, 0, 0);
	sregs->cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (is_long) {
		sregs->cr0 |= CR0_PG | CR0_WP;
		sregs->cr3 = entry->cr3;
		sregs->cr4 = CR4_PAE;
		sregs->efer = EFER_LME | EFER_LMA;
	}
}

void guest_entry_set(struct vcpu *vcpu, const struct guest_entry *entry)
{
	struct vcpu_state *state;

	assert(arch_cpu_self()->loaded == NULL);
	arch_vcpu_load(vcpu);
	state = vcpu->arch.state;
	virt->state_get(vcpu, STATE_SREGS);
	memset(state->gpr, 0, sizeof(state->gpr));
	state->rip = entry->rip;
	state->gpr[GPR_RSP] = entry->rsp;
	state->gpr[GPR_RAX] = entry->rax;
	state->gpr[GPR_RBX] = entry->rbx;
	state->gpr[GPR_RSI] = entry->rsi;
	sregs_enter(&state->sregs, entry);
	state->dirty |= STATE_SREGS;
	vcpu->arch.events.waits_for_sipi = false;
	arch_vcpu_put(vcpu);
}
