/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual LAPIC of two vCPUs under any accesses, messages and passing of time. */
/* arch: x86 */
/* sources: arch/x86/vlapic.c arch/x86/vlapic_access.c arch/x86/vlapic_ipi.c */
/* sources: arch/x86/vlapic_map.c arch/x86/vlapic_timer.c arch/x86/vlapic_image.c */
#include <stdlib.h>
#include <string.h>

#include "arch/lapic.h"
#include "arch/msr.h"
#include "arch/tsc.h"
#include "arch/vcpu_image.h"
#include "arch/vlapic.h"
#include "arch/vlapic_regs.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/epoch.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

#define VCPUS     2
#define STEP_SIZE 12 /* bytes of input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vm vm;
static struct vcpu vcpus[VCPUS];
static struct vcpu *vcpu_list[VCPUS] = { &vcpus[0], &vcpus[1] };
static struct vcpu_state states[VCPUS];
static uint64_t now;

static void require(bool condition)
{
	if (!condition) {
		__builtin_trap();
	}
}

/* ---- what it stands on ---- */

struct cpu *arch_cpu_self(void)
{
	static struct cpu cpu;

	return &cpu;
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
	return now;
}

uint64_t tsc_read(void)
{
	return now * 3;
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
	require(vlapic_has_posted(vcpu) || vcpu->arch.requests != 0);
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
	timer->fn = fn;
	timer->armed = false;
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	require(deadline != 0);
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

static void eoi_notify(struct vm *of, uint8_t vector)
{
	require(of == &vm && vector >= VLAPIC_VECTOR_FIRST);
}

/* ---- one step ---- */

static void access_page(struct vcpu *vcpu, uint16_t offset, uint8_t kind, uint64_t value)
{
	struct access access = { .vcpu = vcpu,
				 .offset = offset % PAGE_SIZE,
				 .size = (uint8_t)(1U << kind % 4),
				 .is_write = (kind & 4) != 0,
				 .value = value };
	enum region_result result = vlapic_region(NULL, &access);

	require(result == REGION_DONE || result == REGION_ONES);
	if (result == REGION_DONE && !access.is_write && access.size < 8) {
		require(access.value >> access.size * 8 == 0);
	}
}

static void access_msr(struct vcpu *vcpu, uint16_t number, uint8_t kind, uint64_t value)
{
	if ((kind & 1) != 0) {
		(void)vlapic_msr_write(vcpu, MSR_X2APIC + number % 256, value);
	} else {
		(void)vlapic_msr_read(vcpu, MSR_X2APIC + number % 256, &value);
	}
}

static void send(uint16_t bits, uint8_t kind, uint64_t value)
{
	struct vlapic_message message = {
		.destination = (uint32_t)value,
		.vector = (uint8_t)(value >> 32),
		.mode = (enum vlapic_mode)(kind & 7),
		.is_logical = (bits & 1) != 0,
		.is_level = (bits & 2) != 0,
		.is_x2apic = (bits & 4) != 0,
	};

	require(vlapic_deliver(&vm, &message) <= VCPUS);
	(void)vlapic_target(&vm, &message);
}

static void let_time_pass(uint64_t ns)
{
	now += ns % (UINT64_C(1) << 40);
	for (unsigned i = 0; i < VCPUS; i++) {
		struct timer *timer = &vcpus[i].arch.vlapic.timer;

		if (timer->armed && timer->deadline <= now) {
			timer->armed = false;
			timer->fn(timer);
		}
	}
}

static void enter(struct vcpu *vcpu, uint8_t kind)
{
	int vector;

	vlapic_sync(vcpu);
	vector = vlapic_pending(vcpu);
	if (vector >= 0 && (kind & 1) != 0) {
		require(vector >= VLAPIC_VECTOR_FIRST);
		vlapic_accept(vcpu, (uint8_t)vector);
	}
}

static void step(const uint8_t *data)
{
	struct vcpu *vcpu = &vcpus[data[0] / 16 % VCPUS];
	uint8_t kind = data[1];
	uint16_t number;
	uint64_t value;

	memcpy(&number, data + 2, sizeof(number));
	memcpy(&value, data + 4, sizeof(value));
	switch (data[0] % 8) {
	case 0:
		access_page(vcpu, number, kind, value);
		break;
	case 1:
		access_msr(vcpu, number, kind, value);
		break;
	case 2:
		(void)vlapic_base_write(vcpu, VLAPIC_BASE_DEFAULT | (value & 0xfff));
		break;
	case 3:
		send(number, kind, value);
		break;
	case 4:
		let_time_pass(value);
		break;
	case 5:
		vlapic_tsc_deadline_write(vcpu, value);
		(void)vlapic_tsc_deadline_read(vcpu);
		break;
	case 6:
		enter(vcpu, kind);
		break;
	default:
		vlapic_cr8_write(vcpu, kind & 0xf);
		break;
	}
}

/* ---- what always holds ---- */

static void check(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	struct vcpu_image_lapic image;
	uint64_t mode = vlapic->base_msr & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	int vector = vlapic_pending(vcpu);

	require(mode != APIC_BASE_X2APIC);
	require((vlapic_get(vlapic, VLAPIC_IRR) & 0xffff) == 0);
	require((vlapic_get(vlapic, VLAPIC_ISR) & 0xffff) == 0);
	require(vlapic_get(vlapic, VLAPIC_PPR) == vlapic->ppr);
	require(vector < 0 || (vector & 0xf0) > (vlapic->ppr & 0xf0));
	require(vlapic_get(vlapic, VLAPIC_VERSION) == VLAPIC_VERSION_VALUE);
	require(!vlapic->timer.armed || vlapic->timer_next != 0);
	require(vlapic_cr8_read(vcpu) < 16);
	vlapic_image_get(&image, vlapic);
	require(vlapic_image_is_valid(vlapic, &image));
	if (!vlapic_is_software_enabled(vlapic)) {
		for (unsigned lvt = VLAPIC_LVT_TIMER; lvt <= VLAPIC_LVT_ERROR; lvt += 16) {
			require((vlapic_get(vlapic, lvt) & VLAPIC_LVT_MASK) != 0);
		}
	}
}

static void start(void)
{
	memset(&vm, 0, sizeof(vm));
	memset(vcpus, 0, sizeof(vcpus));
	memset(states, 0, sizeof(states));
	now = 1;
	vm.vcpu_count = VCPUS;
	vm.vcpus = vcpu_list;
	vm.arch.eoi_notify = eoi_notify;
	for (uint32_t i = 0; i < VCPUS; i++) {
		vcpus[i].vm = &vm;
		vcpus[i].index = i;
		vcpus[i].arch.state = &states[i];
		require(vlapic_init(&vcpus[i], i * 300) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	for (; size >= STEP_SIZE; size -= STEP_SIZE, data += STEP_SIZE) {
		step(data);
		check(&vcpus[0]);
		check(&vcpus[1]);
	}
	vlapic_fini(&vcpus[0]);
	vlapic_fini(&vcpus[1]);
	free(vm.arch.apic_map);
	return 0;
}
