/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU with a real VMCB, virtual LAPIC and MSR policy, and with a CPU whose FPU, debug registers
 * and timer are memory: for what takes a vCPU's state out and puts it back. Defines functions.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "arch/cpuid.h"
#include "arch/exit_cr.h"
#include "arch/exit_dr.h"
#include "arch/fpu.h"
#include "arch/lapic.h"
#include "arch/mce.h"
#include "arch/msr.h"
#include "arch/mtrr.h"
#include "arch/tsc.h"
#include "arch/vcpu_image.h"
#include "arch/virt.h"
#include "arch/vlapic_regs.h"
#include "arch/vmcb.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

#define FAKE_XCR0  (XCR0_X87 | XCR0_SSE | XCR0_AVX)
#define FAKE_MXCSR UINT32_C(0xffff)
#define FAKE_BANKS 6U
#define FAKE_CR4   (CR4_PAE | CR4_PGE | CR4_PSE | CR4_OSFXSR | CR4_OSXSAVE | CR4_PCIDE)

static struct cpu fake_cpu;
static struct vm fake_vm;
static struct vcpu fake_vcpu;
static struct vcpu *fake_vcpu_list[] = { &fake_vcpu };
static struct vcpu_state fake_state;
static struct vmcb fake_vmcb;
static uint8_t fake_xsave[PAGE_SIZE];
static struct cpuid_table fake_cpuid = {
	.cr4 = FAKE_CR4,
	.efer = EFER_SCE | EFER_LME | EFER_NXE,
	.xcr0 = FAKE_XCR0,
	.physical_bits = 40,
};
static uint64_t fake_now;
/* The CPU's own: */
static uint8_t fake_cpu_fpu[PAGE_SIZE];
static uint64_t fake_cpu_dr[4], fake_cpu_xcr0, fake_cpu_cr2, fake_cpu_tsc_aux;

/* ---- clock and scheduler ---- */

struct cpu *arch_cpu_self(void)
{
	return &fake_cpu;
}

struct cpu *cpu_get(uint32_t index)
{
	(void)index;
	return arch_cpu_self();
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
	(void)apic_id, (void)vector;
}

uint64_t arch_time_now(void)
{
	return fake_now;
}

uint64_t tsc_read(void)
{
	return fake_now * 3;
}

uint64_t tsc_ticks_to_ns(uint64_t ticks)
{
	return ticks / 3;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
	return ticks / 3;
}

void sched_notify(struct vcpu *vcpu)
{
	(void)vcpu;
}

void epoch_defer(struct epoch_call *call, void (*fn)(struct epoch_call *call))
{
	fn(call);
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->fn = fn;
	timer->armed = false;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer->armed = true;
	timer->deadline = deadline;
}

void timer_cancel(struct timer *timer)
{
	timer->armed = false;
}

bool timer_is_armed(const struct timer *timer)
{
	return timer->armed;
}

void timer_move_here(struct timer *timer)
{
	(void)timer;
}

static void *fake_pages; /* those that were allocated last */

void *page_alloc(enum page_use use, unsigned order)
{
	(void)use;
	fake_pages = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	memset(fake_pages, 0, PAGE_SIZE << order);
	return fake_pages;
}

void page_free(void *pages, enum page_use use, unsigned order)
{
	(void)use, (void)order;
	free(pages);
}

/* ---- the CPU's registers ---- */

bool fpu_xcr0_is_valid(uint64_t value, uint64_t supported)
{
	return (value & ~supported) == 0 && (value & XCR0_X87) != 0 &&
	       ((value & XCR0_AVX) == 0 || (value & XCR0_SSE) != 0);
}

uint64_t fpu_xcr0_supported(void)
{
	return FAKE_XCR0;
}

uint32_t fpu_mxcsr_mask(void)
{
	return FAKE_MXCSR;
}

void fpu_reset(struct vcpu *vcpu)
{
	struct xsave_area *area = vcpu->arch.xsave;

	memset(area, 0, PAGE_SIZE);
	area->mxcsr = 0x1f80;
	vcpu->arch.state->xcr0 = XCR0_X87;
}

void fpu_load(struct vcpu *vcpu)
{
	memcpy(fake_cpu_fpu, vcpu->arch.xsave, PAGE_SIZE);
	fake_cpu_xcr0 = vcpu->arch.state->xcr0;
}

void fpu_put(struct vcpu *vcpu)
{
	memcpy(vcpu->arch.xsave, fake_cpu_fpu, PAGE_SIZE);
	fake_cpu_xcr0 = FAKE_XCR0;
}

void exit_dr_load(struct vcpu *vcpu)
{
	if ((vcpu->arch.state->debug.dr7 & 0xff) != 0) {
		memcpy(fake_cpu_dr, vcpu->arch.state->debug.dr, sizeof(fake_cpu_dr));
		vcpu->arch.debug_live = true;
	}
}

void exit_dr_put(struct vcpu *vcpu)
{
	if (vcpu->arch.debug_live) {
		memcpy(vcpu->arch.state->debug.dr, fake_cpu_dr, sizeof(fake_cpu_dr));
	}
	vcpu->arch.debug_live = false;
}

/* ---- what MSRs that are not looked at would ask ---- */

uint32_t cpuid_get(const struct cpuid_table *table, uint32_t leaf, enum cpuid_register reg)
{
	(void)table, (void)leaf, (void)reg;
	return 0;
}

bool exit_cr_set_efer(struct vcpu_sregs *sregs, uint64_t value, uint64_t allowed)
{
	(void)sregs, (void)value, (void)allowed;
	return false;
}

uint32_t svm_features, mitigation_work;
uint64_t svm_cr4_always;

uint32_t mce_bank_count(void)
{
	return FAKE_BANKS;
}

uint64_t mce_status(void)
{
	return 0;
}

void mce_clear_status(void)
{
}

void mce_read_bank(uint32_t bank, struct mce_record *record)
{
	*record = (struct mce_record){ .bank = bank };
}

void mce_clear_bank(uint32_t bank)
{
	(void)bank;
}

bool mtrr_get(uint32_t msr, uint64_t *value)
{
	(void)msr, (void)value;
	return false;
}

void arch_vcpu_skip_insn(struct vcpu *vcpu)
{
	(void)vcpu;
}

__attribute__((weak)) void vcpu_events_raise(struct vcpu *vcpu, uint8_t vector, bool has_error,
					     uint32_t error)
{
	(void)vcpu, (void)vector, (void)has_error, (void)error;
}

__attribute__((weak)) void vcpu_events_raise_gp(struct vcpu *vcpu)
{
	(void)vcpu;
}

/* ---- the vendor ---- */

static int fake_vcpu_init(struct vcpu *vcpu)
{
	memset(&fake_vmcb, 0, sizeof(fake_vmcb));
	svm_state_set(vcpu, STATE_ALL);
	return 0;
}

static void fake_vcpu_load(struct vcpu *vcpu)
{
	fake_cpu_cr2 = fake_vmcb.save.cr2;
	fake_cpu_tsc_aux = vcpu->arch.state->msrs.tsc_aux;
}

static const struct virt_ops fake_virt = {
	.vcpu_init = fake_vcpu_init,
	.vcpu_load = fake_vcpu_load,
	.state_get = svm_state_get,
	.state_set = svm_state_set,
};
const struct virt_ops *virt = &fake_virt;

/* A vCPU after reset, loaded; false where it can not be made. */
static inline bool fixture_make(void)
{
	memset(&fake_cpu, 0, sizeof(fake_cpu));
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(&fake_vcpu, 0, sizeof(fake_vcpu));
	memset(&fake_state, 0, sizeof(fake_state));
	fake_now = 1000;
	fake_vm.arch.cpuid = &fake_cpuid;
	fake_vm.vcpus = fake_vcpu_list;
	fake_vm.vcpu_count = 1;
	fake_vm.is_control = true;
	fake_vcpu.vm = &fake_vm;
	fake_vcpu.arch.state = &fake_state;
	fake_vcpu.arch.xsave = fake_xsave;
	fake_vcpu.arch.svm.vmcb = &fake_vmcb;
	fake_state.valid = STATE_ALL;
	fake_state.rflags = RFLAGS_RES1;
	fake_state.sregs.cr0 = CR0_ET;
	fake_state.msrs.pat = UINT64_C(0x0007040600070406);
	fake_state.debug.dr7 = 0x400;
	fpu_reset(&fake_vcpu);
	fpu_load(&fake_vcpu);
	return fake_vcpu_init(&fake_vcpu) == 0 && vlapic_init(&fake_vcpu, 0) == 0;
}

static inline void fixture_drop(void)
{
	vlapic_fini(&fake_vcpu);
	free(fake_vm.arch.apic_map);
}

/* The guest has run: what is in the VMCB is not known here. */
static inline void fixture_run(void)
{
	fake_state.valid =
		STATE_GPR | STATE_XSAVE | STATE_EVENTS | STATE_LAPIC | STATE_TSC | STATE_MCE;
}
