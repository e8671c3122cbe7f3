/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual LAPIC's timer: one-shot, periodic, TSC deadline. Its clock is 1 GHz, so that a tick
 * before division is a nanosecond. Time is settled by arithmetic; the host's timer is armed only
 * for an expiry that interrupts. SDM3 11.5.4 "APIC Timer".
 */
#include "arch/vlapic.h"

#include "arch/tsc.h"
#include "arch/vlapic_regs.h"
#include "core/arch.h"
#include "core/cpu.h"

/* A guest's periodic timer may not keep a CPU in interrupts: shorter periods lose ticks. */
#define PERIOD_MIN_NS UINT64_C(20000)

#define DEADLINE_FAR BIT(60) /* TSC ticks: decades, and no overflow in conversion */

static uint64_t timer_mode(const struct vlapic *vlapic)
{
	return field_get(VLAPIC_LVT_TIMER_MODE, vlapic_get(vlapic, VLAPIC_LVT_TIMER));
}

static bool is_masked(const struct vlapic *vlapic)
{
	return (vlapic_get(vlapic, VLAPIC_LVT_TIMER) & VLAPIC_LVT_MASK) != 0;
}

/* Bits 3, 1, 0: 000 divides by 2, ..., 110 by 128, 111 by 1. */
static uint64_t divisor(const struct vlapic *vlapic)
{
	uint32_t value = vlapic_get(vlapic, VLAPIC_DIVIDE);
	uint64_t code = field_get(BITS(1, 0), value) | field_get(BIT(3), value) << 2;

	return BIT((code + 1) % 8);
}

static void fired(struct timer *timer)
{
	struct vlapic *vlapic = container_of(timer, struct vlapic, timer);

	atomic_store(&vlapic->timer_due, true);
	vlapic_notify(container_of(vlapic, struct vcpu, arch.vlapic));
}

void vlapic_timer_init(struct vlapic *vlapic)
{
	timer_init(&vlapic->timer, fired);
}

void vlapic_timer_stop(struct vlapic *vlapic)
{
	vlapic->timer_next = 0;
	vlapic->timer_period_ns = 0;
	vlapic->tsc_deadline = 0;
	timer_cancel(&vlapic->timer);
}

static void program(struct vlapic *vlapic)
{
	uint64_t deadline = vlapic->timer_next;

	if (deadline == 0 || is_masked(vlapic)) {
		timer_cancel(&vlapic->timer);
		return;
	}
	if (timer_mode(vlapic) == VLAPIC_TIMER_PERIODIC) {
		deadline = max_u64(deadline, arch_time_now() + PERIOD_MIN_NS);
	}
	timer_arm(&vlapic->timer, deadline);
}

/* Ticks that were missed are one interrupt, as in hardware where IRR holds one. */
static void expire(struct vlapic *vlapic, uint64_t now)
{
	if (timer_mode(vlapic) == VLAPIC_TIMER_PERIODIC && vlapic->timer_period_ns != 0) {
		uint64_t periods = (now - vlapic->timer_next) / vlapic->timer_period_ns + 1;

		vlapic->timer_next += periods * vlapic->timer_period_ns;
	} else {
		vlapic->timer_next = 0;
		vlapic->tsc_deadline = 0;
	}
	vlapic_raise_lvt(vlapic, VLAPIC_LVT_TIMER);
}

/* What has expired by now takes effect. */
static void settle_at(struct vlapic *vlapic, uint64_t now)
{
	if (vlapic->timer_next != 0 && now >= vlapic->timer_next) {
		expire(vlapic, now);
	}
}

static void settle(struct vlapic *vlapic)
{
	settle_at(vlapic, arch_time_now());
}

/* The handler's word is a hint only: the timer may have been set anew since, or be periodic. */
void vlapic_timer_fold(struct vlapic *vlapic)
{
	atomic_store(&vlapic->timer_due, false);
	settle(vlapic);
	if (vlapic->timer_next != 0 && !timer_is_armed(&vlapic->timer)) {
		program(vlapic);
	}
}

uint32_t vlapic_timer_current(struct vlapic *vlapic)
{
	uint64_t now = arch_time_now();

	settle(vlapic);
	if (vlapic->timer_next <= now || timer_mode(vlapic) == VLAPIC_TIMER_TSC_DEADLINE) {
		return 0;
	}
	return (uint32_t)((vlapic->timer_next - now + divisor(vlapic) - 1) / divisor(vlapic));
}

void vlapic_timer_initial_write(struct vlapic *vlapic, uint32_t value)
{
	if (timer_mode(vlapic) == VLAPIC_TIMER_TSC_DEADLINE) {
		return;
	}
	settle(vlapic);
	vlapic_put(vlapic, VLAPIC_INITIAL, value);
	vlapic->timer_period_ns = value * divisor(vlapic);
	vlapic->timer_next = value == 0 ? 0 : arch_time_now() + vlapic->timer_period_ns;
	program(vlapic);
}

/* The count goes on from where it is, at the new speed. */
void vlapic_timer_divide_write(struct vlapic *vlapic, uint32_t value)
{
	uint64_t count = vlapic_timer_current(vlapic);

	vlapic_put(vlapic, VLAPIC_DIVIDE, value & (BIT(3) | BITS(1, 0)));
	if (timer_mode(vlapic) == VLAPIC_TIMER_TSC_DEADLINE) {
		return;
	}
	vlapic->timer_period_ns = vlapic_get(vlapic, VLAPIC_INITIAL) * divisor(vlapic);
	if (count != 0) {
		vlapic->timer_next = arch_time_now() + count * divisor(vlapic);
		program(vlapic);
	}
}

/* What expired before takes effect under the old entry. A change to or from TSC deadline disarms.
 */
void vlapic_timer_lvt_write(struct vlapic *vlapic, uint32_t value)
{
	uint64_t old_mode = timer_mode(vlapic);

	settle(vlapic);
	vlapic_put(vlapic, VLAPIC_LVT_TIMER, value);
	if (timer_mode(vlapic) != old_mode && (timer_mode(vlapic) == VLAPIC_TIMER_TSC_DEADLINE ||
					       old_mode == VLAPIC_TIMER_TSC_DEADLINE)) {
		vlapic_timer_stop(vlapic);
		vlapic_put(vlapic, VLAPIC_INITIAL, 0);
	}
	program(vlapic);
}

/* It goes on from an image; the registers are in the page already. */
void vlapic_timer_set(struct vlapic *vlapic, uint64_t next, uint64_t tsc_deadline)
{
	vlapic->timer_period_ns = vlapic_get(vlapic, VLAPIC_INITIAL) * divisor(vlapic);
	vlapic->timer_next = next;
	vlapic->tsc_deadline = tsc_deadline;
	program(vlapic);
}

/* ---- IA32_TSC_DEADLINE ---- */

uint64_t vlapic_tsc_deadline_read(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	settle(vlapic);
	return vlapic->tsc_deadline;
}

/* Rounded up: an interrupt never comes before its deadline. */
static uint64_t deadline_to_ns(uint64_t deadline, uint64_t guest_tsc, uint64_t now)
{
	if (deadline <= guest_tsc) {
		return now;
	}
	return now + tsc_ticks_to_ns(min_u64(deadline - guest_tsc, DEADLINE_FAR)) + 1;
}

/* The clock is read once: every idle guest comes here for each of its sleeps. */
void vlapic_tsc_deadline_write(struct vcpu *vcpu, uint64_t value)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint64_t ticks, now;

	if (timer_mode(vlapic) != VLAPIC_TIMER_TSC_DEADLINE) {
		return;
	}
	ticks = tsc_read() - arch_cpu_self()->arch.tsc_offset;
	now = tsc_to_ns(ticks);
	settle_at(vlapic, now);
	vlapic->tsc_deadline = value;
	vlapic->timer_next = 0;
	if (value != 0) {
		uint64_t next = deadline_to_ns(value, ticks + vcpu->arch.state->tsc.offset, now);

		vlapic->timer_next = max_u64(next, 1);
		settle_at(vlapic, now);
	}
	program(vlapic);
}

void vlapic_tsc_changed(struct vcpu *vcpu)
{
	uint64_t deadline = vcpu->arch.vlapic.tsc_deadline;

	if (deadline != 0) {
		vlapic_tsc_deadline_write(vcpu, deadline);
	}
}
