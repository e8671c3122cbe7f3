/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the virtual local APIC share: the register page's layout and each other's
 * functions. APM2 table 16-2 "APIC Registers", SDM3 table 11-1 "Local APIC Register Address Map".
 */
#pragma once

#include "arch/vlapic.h"
#include "core/vcpu.h"

#define VLAPIC_ID          0x020
#define VLAPIC_VERSION     0x030
#define VLAPIC_TPR         0x080
#define VLAPIC_APR         0x090
#define VLAPIC_PPR         0x0a0
#define VLAPIC_EOI         0x0b0
#define VLAPIC_RRR         0x0c0
#define VLAPIC_LDR         0x0d0
#define VLAPIC_DFR         0x0e0
#define VLAPIC_SVR         0x0f0
#define VLAPIC_ISR         0x100 /* eight registers each */
#define VLAPIC_TMR         0x180
#define VLAPIC_IRR         0x200
#define VLAPIC_ESR         0x280
#define VLAPIC_ICR         0x300
#define VLAPIC_ICR_HIGH    0x310
#define VLAPIC_LVT_TIMER   0x320
#define VLAPIC_LVT_THERMAL 0x330
#define VLAPIC_LVT_PMC     0x340
#define VLAPIC_LVT_LINT0   0x350
#define VLAPIC_LVT_LINT1   0x360
#define VLAPIC_LVT_ERROR   0x370
#define VLAPIC_INITIAL     0x380
#define VLAPIC_CURRENT     0x390
#define VLAPIC_DIVIDE      0x3e0
#define VLAPIC_SELF_IPI    0x3f0 /* x2APIC only */

#define VLAPIC_VERSION_VALUE UINT32_C(0x00050014) /* six LVT entries, integrated APIC */
#define VLAPIC_ID_XAPIC      BITS(31, 24)
#define VLAPIC_DFR_MODEL     BITS(31, 28)
#define VLAPIC_DFR_FLAT      UINT32_C(0xf)
#define VLAPIC_DFR_CLUSTER   UINT32_C(0x0)

#define VLAPIC_SVR_ENABLE   BIT(8)
#define VLAPIC_SVR_WRITABLE BITS(9, 0)

#define VLAPIC_LVT_VECTOR         BITS(7, 0)
#define VLAPIC_LVT_MODE           BITS(10, 8)
#define VLAPIC_LVT_MASK           BIT(16)
#define VLAPIC_LVT_TIMER_MODE     BITS(18, 17)
#define VLAPIC_TIMER_ONE_SHOT     UINT64_C(0)
#define VLAPIC_TIMER_PERIODIC     UINT64_C(1)
#define VLAPIC_TIMER_TSC_DEADLINE UINT64_C(2)

#define VLAPIC_ESR_SEND_VECTOR    BIT(5) /* an IPI with a vector below 16 */
#define VLAPIC_ESR_RECEIVE_VECTOR BIT(6) /* an interrupt with one */
#define VLAPIC_ESR_REGISTER       BIT(7) /* access to a register that does not exist */

#define VLAPIC_ICR_VECTOR      BITS(7, 0)
#define VLAPIC_ICR_MODE        BITS(10, 8)
#define VLAPIC_ICR_LOGICAL     BIT(11)
#define VLAPIC_ICR_BUSY        BIT(12) /* read-only: a message is on its way */
#define VLAPIC_ICR_ASSERT      BIT(14)
#define VLAPIC_ICR_LEVEL       BIT(15)
#define VLAPIC_ICR_SHORTHAND   BITS(19, 18)
#define VLAPIC_ICR_DESTINATION BITS(63, 32)

#define VLAPIC_POST_ON BIT(0)

#define VLAPIC_VECTOR_FIRST 16 /* APM2 16.6.5: vectors 0-15 are illegal */
#define VLAPIC_PRIORITY     0xf0

static inline uint32_t vlapic_get(const struct vlapic *vlapic, unsigned at)
{
	return *(const uint32_t *)(const void *)(vlapic->page + at);
}

static inline void vlapic_put(struct vlapic *vlapic, unsigned at, uint64_t value)
{
	*(uint32_t *)(void *)(vlapic->page + at) = (uint32_t)value;
}

static inline bool vlapic_is_enabled(const struct vlapic *vlapic)
{
	return (vlapic->base_msr & BIT(11)) != 0;
}

static inline bool vlapic_is_x2apic(const struct vlapic *vlapic)
{
	return (vlapic->base_msr & BIT(10)) != 0;
}

static inline bool vlapic_is_software_enabled(const struct vlapic *vlapic)
{
	return (vlapic_get(vlapic, VLAPIC_SVR) & VLAPIC_SVR_ENABLE) != 0;
}

/* SDM3 11.12.10.2 "Deriving Logical x2APIC ID from the Local x2APIC ID". */
static inline uint32_t vlapic_x2apic_ldr(uint32_t id)
{
	return (uint32_t)(id >> 4 << 16 | BIT(id & 0xf));
}

/* Registers whose reads have no effect and are the page's contents as they are. */
static inline bool vlapic_is_plain(unsigned at)
{
	return at == VLAPIC_ID || at == VLAPIC_VERSION || at == VLAPIC_TPR || at == VLAPIC_PPR ||
	       at == VLAPIC_LDR || at == VLAPIC_SVR || (at >= VLAPIC_ISR && at < VLAPIC_ESR);
}

/* vlapic.c; owner CPU: */
void vlapic_publish_route(struct vlapic *vlapic);
void vlapic_raise_self(struct vlapic *vlapic, uint8_t vector); /* edge-triggered, by itself */
void vlapic_raise_lvt(struct vlapic *vlapic, unsigned lvt);    /* a fixed one: timer, error */
void vlapic_raise_error(struct vlapic *vlapic, uint64_t errors);
void vlapic_end(struct vcpu *vcpu); /* EOI */
void vlapic_tpr_write(struct vlapic *vlapic, uint8_t value);
/* Any CPU: tells the owner that something is posted, unless it has been told. */
void vlapic_notify(struct vcpu *vcpu);

/* vlapic_timer.c; owner CPU: */
void vlapic_timer_init(struct vlapic *vlapic);
void vlapic_timer_stop(struct vlapic *vlapic);
void vlapic_timer_fold(struct vlapic *vlapic); /* the host's timer fired */
uint32_t vlapic_timer_current(struct vlapic *vlapic);
void vlapic_timer_initial_write(struct vlapic *vlapic, uint32_t value);
void vlapic_timer_divide_write(struct vlapic *vlapic, uint32_t value);
void vlapic_timer_lvt_write(struct vlapic *vlapic, uint32_t value);
void vlapic_timer_set(struct vlapic *vlapic, uint64_t next, uint64_t tsc_deadline);

/* vlapic_image.c; owner CPU: */
struct vcpu_image_lapic;
void vlapic_image_get(struct vcpu_image_lapic *image, const struct vlapic *vlapic);
void vlapic_image_set(struct vlapic *vlapic,
		      const struct vcpu_image_lapic *image); /* a valid one */
must_check bool vlapic_image_is_valid(const struct vlapic *vlapic,
				      const struct vcpu_image_lapic *image);
uint8_t vlapic_image_cr8(const struct vcpu_image_lapic *image);

/* vlapic_ipi.c; owner CPU: sends what ICR says. */
void vlapic_send(struct vcpu *vcpu, uint64_t icr);

/* vlapic_map.c: whose physical ID that is, any CPU; and entering a new one. */
struct vcpu *vlapic_map_find(const struct vm *vm, uint32_t apic_id);
must_check int vlapic_map_add(struct vm *vm, struct vcpu *vcpu);
