/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A processor that is a function, for tests of vmx_run.c: it looks at the VMCS at each entry as the
 * hardware does, and exits as the test has said. Defines functions.
 */
#pragma once

#include "arch/vmx.h"

#include "tests/unit/vmx_guest.h"

#include "arch/bochs.h"
#include "arch/vlapic_regs.h"
#include "arch/vmx_insn.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/vcpu.h"
#include "tests/unit/log_capture.h"

#define STI       VMCS_BLOCKED_BY_STI
#define MOV_SS    VMCS_BLOCKED_BY_MOV_SS
#define NMI       VMCS_BLOCKED_BY_NMI
#define BS        PENDING_DEBUG_STEP
#define NO_VECTOR (-1)
#define CPUID     10

struct vmx_facts vmx_facts;
struct vmx_controls vmx_controls;
uint64_t epoch_count;

static struct cpu cpu;
static struct vcpu vcpu;
static struct vcpu_state guest;
static uint8_t lapic_page[PAGE_SIZE] __attribute__((aligned(16)));
static int lapic_vector;
static uint64_t groups_set;
static unsigned tlb_prepared, nmis_taken, mces, dumps, entries;
static bool apic_is_given, apic_posts;

/* The processor: what the next exit is, and what the entry had. */
static struct {
	uint64_t reason, interruptibility, pending_debug, rflags, rsp, rip;
	bool fails;       /* VMfail */
	bool is_launched; /* the VMCS */
	uint32_t work;    /* of vmx_enter_mitigated() */
	uint64_t event;
	uint64_t entered_interruptibility, entered_pending_debug;
} hardware;

/* ---- what stands around it ---- */

struct cpu *arch_cpu_self(void)
{
	return &cpu;
}

void arch_vcpu_dump(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	dumps++;
}

void vmx_state_set(struct vcpu *owner, uint64_t groups)
{
	groups_set = groups;
	owner->arch.state->dirty &= ~groups;
}

/* in_guest is set before generations are looked at, or a change is missed. */
void vmx_tlb_prepare(struct cpu *self, struct vcpu *owner)
{
	assert_ptr_equal(self, &cpu);
	assert_ptr_equal(owner, &vcpu);
	assert_true(cpu.in_guest);
	assert_true((cpu.epoch & EPOCH_QUIET) != 0);
	tlb_prepared++;
}

void vmx_nmi_take(void)
{
	assert_false(cpu.in_guest);
	nmis_taken++;
}

/* It may take interrupts: registers are here, and the CPU is out of the guest. */
bool bochs_is_host = true;

void bochs_take_interrupts(const struct vcpu_state *state)
{
	assert_ptr_equal(state, &guest);
	assert_int_equal(state->rip, hardware.rip);
	assert_false(cpu.in_guest);
}

uint64_t vmx_live_cr2(void)
{
	return 0;
}

void vmx_live_deliver(uint8_t vector, uint64_t payload)
{
	(void)vector, (void)payload;
}

void mce_exit(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	assert_false(cpu.in_guest);
	mces++;
}

/* The vLAPIC's page is the processor's from one to the other. */
void vmx_apic_give(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	assert_false(apic_is_given);
	apic_is_given = true;
}

void vmx_apic_take(struct vcpu *owner)
{
	assert_ptr_equal(owner, &vcpu);
	assert_true(apic_is_given);
	apic_is_given = false;
}

bool vmx_apic_posts(void)
{
	return apic_posts;
}

void vmx_apic_trapped(struct vcpu *owner, uint64_t reason)
{
	(void)owner, (void)reason;
	assert_false(apic_is_given);
}

int vlapic_injectable(struct vcpu *owner)
{
	return owner->arch.vlapic.by_hardware ? NO_VECTOR : lapic_vector;
}

int vlapic_pending(struct vcpu *owner)
{
	(void)owner;
	return lapic_vector;
}

void vlapic_accept(struct vcpu *owner, uint8_t vector)
{
	(void)vector;
	owner->arch.vlapic.irr_words = 0;
	lapic_vector = NO_VECTOR;
}

int vlapic_highest_request(const struct vlapic *vlapic)
{
	(void)vlapic;
	return lapic_vector;
}

void vlapic_tpr_write(struct vlapic *vlapic, uint8_t value)
{
	vlapic_put(vlapic, VLAPIC_TPR, value);
}

/* ---- the processor ---- */

static inline bool enter(struct vcpu_state *state, bool launched)
{
	uint64_t blocked = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);

	assert_ptr_equal(state, &guest);
	assert_int_equal(state->dirty & ~STATE_GPR, 0);
	assert_true(cpu.in_guest);
	assert_true(apic_is_given);
	if (hardware.fails) {
		return true;
	}
	/* VMLAUNCH takes a clear VMCS alone, VMRESUME a launched one: SDM3 27.1. */
	assert_int_equal(launched, hardware.is_launched);
	hardware.event = vmcs_read(VMCS_ENTRY_EVENT);
	hardware.entered_interruptibility = blocked;
	hardware.entered_pending_debug = vmcs_read(VMCS_GUEST_PENDING_DEBUG);
	if ((hardware.reason & VMX_EXIT_ENTRY_FAILED) == 0) {
		const char *rule = vmx_broken_rule();

		if (rule != NULL) {
			fail_msg("%s", rule);
		}
		entries++;
		hardware.is_launched = true;
		vmcs_fake_set(VMCS_ENTRY_EVENT, hardware.event & ~VMCS_EVENT_VALID);
		vmcs_fake_set(VMCS_GUEST_INTERRUPTIBILITY, hardware.interruptibility);
		vmcs_fake_set(VMCS_GUEST_PENDING_DEBUG, hardware.pending_debug);
		vmcs_fake_set(VMCS_GUEST_RFLAGS, hardware.rflags);
		vmcs_fake_set(VMCS_GUEST_RSP, hardware.rsp);
		vmcs_fake_set(VMCS_GUEST_RIP, hardware.rip);
	}
	vmcs_fake_set(VMCS_EXIT_REASON, hardware.reason);
	return false;
}

bool vmx_enter(struct vcpu_state *state, bool launched)
{
	hardware.work = 0;
	return enter(state, launched);
}

bool vmx_enter_mitigated(struct vcpu_state *state, bool launched, uint32_t work)
{
	hardware.work = work;
	return enter(state, launched);
}

static inline int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	log_clear();
	memset(&cpu, 0, sizeof(cpu));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&guest, 0, sizeof(guest));
	memset(&hardware, 0, sizeof(hardware));
	memset(lapic_page, 0, sizeof(lapic_page));
	vmx_guest_make();
	vcpu.arch.state = &guest;
	vcpu.arch.vlapic.page = lapic_page;
	vcpu.arch.debug_live = true;
	guest.valid = STATE_ALL;
	guest.rip = vmcs_read(VMCS_GUEST_RIP);
	guest.rflags = vcpu.arch.vmx.rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	hardware.reason = CPUID;
	hardware.rflags = guest.rflags;
	hardware.rip = guest.rip;
	lapic_vector = NO_VECTOR;
	groups_set = 0;
	tlb_prepared = nmis_taken = mces = dumps = entries = 0;
	apic_is_given = apic_posts = false;
	return 0;
}

static inline struct vcpu_exit run(void)
{
	struct vcpu_exit exit;

	memset(&exit, 0xee, sizeof(exit));
	vmx_run(&vcpu, &exit);
	assert_false(cpu.in_guest);
	assert_false(apic_is_given);
	assert_false((cpu.epoch & EPOCH_QUIET) != 0);
	return exit;
}

/* An exit that leaves that blocking and these flags. */
static inline void run_until(uint64_t interruptibility, uint64_t rflags)
{
	hardware.interruptibility = interruptibility;
	hardware.rflags = RFLAGS_RES1 | rflags;
	hardware.pending_debug = 0;
	if ((interruptibility & (STI | MOV_SS)) != 0 && (rflags & RFLAGS_TF) != 0) {
		hardware.pending_debug = BS;
	}
	(void)run();
}
