/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the virtual LAPIC stands on, for its tests: a clock that is set by hand, timers that fire
 * when it passes them, a scheduler that counts notices, and a VM with up to 32 vCPUs.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/lapic.h"
#include "arch/msr.h"
#include "arch/tsc.h"
#include "arch/vlapic.h"
#include "arch/vlapic_regs.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

#define FAKE_VCPUS 32

static struct vm fake_vm;
static struct vcpu fake_vcpus[FAKE_VCPUS];
static struct vcpu *fake_vcpu_list[FAKE_VCPUS];
static struct vcpu_state fake_states[FAKE_VCPUS];
static uint64_t fake_now;
static uint64_t fake_tsc_per_ns = 2;
static unsigned fake_notified[FAKE_VCPUS];
static struct timer *fake_timers[FAKE_VCPUS];
static unsigned fake_ended_count;
static uint8_t fake_ended;

uint64_t arch_time_now(void)
{
	return fake_now;
}

static struct cpu fake_cpu;

struct cpu *arch_cpu_self(void)
{
	return &fake_cpu;
}

uint64_t tsc_read(void)
{
	return fake_now * fake_tsc_per_ns + fake_cpu.arch.tsc_offset;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
	return ticks / fake_tsc_per_ns;
}

uint64_t tsc_ticks_to_ns(uint64_t ticks)
{
	return ticks / fake_tsc_per_ns;
}

static uint32_t fake_ipi_count, fake_ipi_apic_id;
static uint8_t fake_ipi_vector;

struct cpu *cpu_get(uint32_t index)
{
	(void)index;
	return &fake_cpu;
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
	fake_ipi_count++;
	fake_ipi_apic_id = apic_id;
	fake_ipi_vector = vector;
}

void sched_notify(struct vcpu *vcpu)
{
	__atomic_fetch_add(&fake_notified[vcpu->index], 1, __ATOMIC_SEQ_CST);
}

void *page_alloc(enum page_use use, unsigned order)
{
	(void)use;
	return calloc(1, PAGE_SIZE << order);
}

void page_free(void *pages, enum page_use use, unsigned order)
{
	(void)use, (void)order;
	free(pages);
}

void epoch_defer(struct epoch_call *call, void (*fn)(struct epoch_call *call))
{
	fn(call);
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	memset(timer, 0, sizeof(*timer));
	timer->fn = fn;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	timer_cancel(timer);
	timer->deadline = deadline;
	timer->armed = true;
	for (unsigned i = 0; i < FAKE_VCPUS; i++) {
		if (fake_timers[i] == NULL) {
			fake_timers[i] = timer;
			return;
		}
	}
}

void timer_cancel(struct timer *timer)
{
	timer->armed = false;
	for (unsigned i = 0; i < FAKE_VCPUS; i++) {
		if (fake_timers[i] == timer) {
			fake_timers[i] = NULL;
		}
	}
}

bool timer_is_armed(const struct timer *timer)
{
	return timer->armed;
}

static unsigned fake_moved;

void timer_move_here(struct timer *timer)
{
	(void)timer;
	fake_moved++;
}

/* Time goes on; what falls due on the way fires at its own time. */
static inline void fake_advance(uint64_t ns)
{
	uint64_t end = fake_now + ns;

	for (;;) {
		struct timer *next = NULL;

		for (unsigned i = 0; i < FAKE_VCPUS; i++) {
			if (fake_timers[i] != NULL && fake_timers[i]->deadline <= end &&
			    (next == NULL || fake_timers[i]->deadline < next->deadline)) {
				next = fake_timers[i];
			}
		}
		if (next == NULL) {
			break;
		}
		fake_now = next->deadline > fake_now ? next->deadline : fake_now;
		timer_cancel(next);
		next->fn(next);
	}
	fake_now = end;
}

static inline void fake_eoi(struct vm *vm, uint8_t vector)
{
	assert_ptr_equal(vm, &fake_vm);
	fake_ended = vector;
	fake_ended_count++;
}

/* A VM of count vCPUs whose APIC IDs are first, first + step, ... */
static inline void fake_vm_make(uint32_t count, uint32_t first, uint32_t step)
{
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(fake_vcpus, 0, sizeof(fake_vcpus));
	memset(fake_vcpu_list, 0, sizeof(fake_vcpu_list));
	memset(fake_states, 0, sizeof(fake_states));
	memset(fake_notified, 0, sizeof(fake_notified));
	memset(fake_timers, 0, sizeof(fake_timers));
	fake_now = 1000;
	fake_ended_count = 0;
	fake_moved = 0;
	fake_vm.vcpu_count = count;
	fake_vm.vcpus = fake_vcpu_list;
	fake_vm.arch.eoi_notify = fake_eoi;
	for (uint32_t i = 0; i < count; i++) {
		fake_vcpus[i].vm = &fake_vm;
		fake_vcpus[i].index = i;
		fake_vcpus[i].arch.state = &fake_states[i];
		fake_vcpu_list[i] = &fake_vcpus[i];
		assert_int_equal(vlapic_init(&fake_vcpus[i], first + i * step), 0);
	}
}

static inline void fake_vm_drop(void)
{
	for (uint32_t i = 0; i < fake_vm.vcpu_count; i++) {
		vlapic_fini(&fake_vcpus[i]);
	}
	free(fake_vm.arch.apic_map);
	fake_vm.arch.apic_map = NULL;
}

/* ---- accesses ---- */

static inline uint32_t xapic_read(struct vcpu *vcpu, unsigned at)
{
	struct access access = { .vcpu = vcpu, .offset = at, .size = 4 };

	assert_int_equal(vlapic_region(NULL, &access), REGION_DONE);
	return (uint32_t)access.value;
}

static inline void xapic_write(struct vcpu *vcpu, unsigned at, uint32_t value)
{
	struct access access = {
		.vcpu = vcpu, .offset = at, .size = 4, .is_write = true, .value = value
	};

	assert_int_equal(vlapic_region(NULL, &access), REGION_DONE);
}

static inline uint64_t x2apic_read(struct vcpu *vcpu, unsigned at)
{
	uint64_t value = 0;

	assert_true(vlapic_msr_read(vcpu, MSR_X2APIC + at / 16, &value));
	return value;
}

static inline void x2apic_write(struct vcpu *vcpu, unsigned at, uint64_t value)
{
	assert_true(vlapic_msr_write(vcpu, MSR_X2APIC + at / 16, value));
}

static inline void x2apic_enter(struct vcpu *vcpu)
{
	assert_true(
		vlapic_base_write(vcpu, VLAPIC_BASE_DEFAULT | APIC_BASE_ENABLE | APIC_BASE_X2APIC));
}

/* Enabled by SVR, all priorities accepted. */
static inline struct vcpu *enabled(uint32_t index)
{
	struct vcpu *vcpu = &fake_vcpus[index];

	if (vlapic_is_x2apic(&vcpu->arch.vlapic)) {
		x2apic_write(vcpu, VLAPIC_SVR, VLAPIC_SVR_ENABLE | 0xff);
	} else {
		xapic_write(vcpu, VLAPIC_SVR, VLAPIC_SVR_ENABLE | 0xff);
	}
	return vcpu;
}

/* What the guest would be given now, and its entry. */
static inline int pending(struct vcpu *vcpu)
{
	vlapic_sync(vcpu);
	return vlapic_pending(vcpu);
}

static inline int taken(struct vcpu *vcpu)
{
	int vector = pending(vcpu);

	if (vector >= 0) {
		vlapic_accept(vcpu, (uint8_t)vector);
	}
	return vector;
}

static inline bool is_set(struct vcpu *vcpu, unsigned base, unsigned vector)
{
	return (vlapic_get(&vcpu->arch.vlapic, base + vector / 32 * 16) >> vector % 32 & 1) != 0;
}
