/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a guest reaches its local APIC: the register page (xAPIC), the MSRs (x2APIC) and the switch
 * between them. What each register does is decided here, once for both.
 */
#include "arch/vlapic.h"

#include "arch/msr.h"
#include "arch/vlapic_regs.h"
#include "core/region.h"

/* A register's number is its offset in the page / 16; a bit each. */
#define NUMBER(offset) ((offset) / 16U)
#define REG(offset)    BIT(NUMBER(offset))
#define REG8(offset)   (UINT64_C(0xff) * REG(offset))

#define READABLE                                                                        \
	(REG(VLAPIC_ID) | REG(VLAPIC_VERSION) | REG(VLAPIC_TPR) | REG(VLAPIC_PPR) |     \
	 REG(VLAPIC_LDR) | REG(VLAPIC_SVR) | REG8(VLAPIC_ISR) | REG8(VLAPIC_TMR) |      \
	 REG8(VLAPIC_IRR) | REG(VLAPIC_ESR) | REG(VLAPIC_ICR) | REG(VLAPIC_LVT_TIMER) | \
	 REG(VLAPIC_LVT_THERMAL) | REG(VLAPIC_LVT_PMC) | REG(VLAPIC_LVT_LINT0) |        \
	 REG(VLAPIC_LVT_LINT1) | REG(VLAPIC_LVT_ERROR) | REG(VLAPIC_INITIAL) |          \
	 REG(VLAPIC_CURRENT) | REG(VLAPIC_DIVIDE))
#define XAPIC_EXISTING                                                                           \
	(READABLE | REG(VLAPIC_APR) | REG(VLAPIC_RRR) | REG(VLAPIC_DFR) | REG(VLAPIC_ICR_HIGH) | \
	 REG(VLAPIC_EOI))

/* ---- what a value may have set; x2APIC answers other bits with #GP ---- */

#define LVT_RO_BITS BIT(12) /* delivery status; Remote IRR (14) is a bit of the LINT entries */

static const struct {
	bool is_writable;
	uint64_t mask;
} writable[64] = {
	[NUMBER(VLAPIC_TPR)] = { true, BITS(7, 0) },
	[NUMBER(VLAPIC_EOI)] = { true, 0 },
	[NUMBER(VLAPIC_SVR)] = { true, VLAPIC_SVR_WRITABLE },
	[NUMBER(VLAPIC_ESR)] = { true, 0 },
	[NUMBER(VLAPIC_ICR)] = { true, BITS(63, 32) | BITS(19, 18) | BITS(15, 14) | BITS(12, 0) },
	[NUMBER(VLAPIC_LVT_TIMER)] = { true, BITS(18, 16) | LVT_RO_BITS | BITS(7, 0) },
	[NUMBER(VLAPIC_LVT_THERMAL)] = { true, BIT(16) | LVT_RO_BITS | BITS(10, 0) },
	[NUMBER(VLAPIC_LVT_PMC)] = { true, BIT(16) | LVT_RO_BITS | BITS(10, 0) },
	[NUMBER(VLAPIC_LVT_LINT0)] = { true, BITS(16, 13) | LVT_RO_BITS | BITS(10, 0) },
	[NUMBER(VLAPIC_LVT_LINT1)] = { true, BITS(16, 13) | LVT_RO_BITS | BITS(10, 0) },
	[NUMBER(VLAPIC_LVT_ERROR)] = { true, BIT(16) | LVT_RO_BITS | BITS(7, 0) },
	[NUMBER(VLAPIC_INITIAL)] = { true, BITS(31, 0) },
	[NUMBER(VLAPIC_DIVIDE)] = { true, BIT(3) | BITS(1, 0) },
	[NUMBER(VLAPIC_SELF_IPI)] = { true, BITS(7, 0) },
};

/* ---- registers ---- */

static uint32_t register_read(struct vlapic *vlapic, unsigned number)
{
	if (number == NUMBER(VLAPIC_CURRENT)) {
		return vlapic_timer_current(vlapic);
	}
	return vlapic_get(vlapic, number * 16);
}

/* Disabling masks every LVT entry, and they stay masked until it is enabled: SDM3 11.4.7.2. */
static void svr_write(struct vlapic *vlapic, uint32_t value)
{
	vlapic_put(vlapic, VLAPIC_SVR, value & VLAPIC_SVR_WRITABLE);
	vlapic_publish_route(vlapic);
	if ((value & VLAPIC_SVR_ENABLE) != 0) {
		return;
	}
	vlapic_timer_lvt_write(vlapic, vlapic_get(vlapic, VLAPIC_LVT_TIMER) | VLAPIC_LVT_MASK);
	for (unsigned lvt = VLAPIC_LVT_THERMAL; lvt <= VLAPIC_LVT_ERROR; lvt += 16) {
		vlapic_put(vlapic, lvt, vlapic_get(vlapic, lvt) | VLAPIC_LVT_MASK);
	}
}

static void lvt_write(struct vlapic *vlapic, unsigned number, uint32_t value)
{
	uint64_t keep = writable[number].mask & ~(LVT_RO_BITS | BIT(14));

	value &= (uint32_t)keep;
	if (!vlapic_is_software_enabled(vlapic)) {
		value |= VLAPIC_LVT_MASK;
	}
	if (number == NUMBER(VLAPIC_LVT_TIMER)) {
		vlapic_timer_lvt_write(vlapic, value);
	} else {
		vlapic_put(vlapic, number * 16, value);
	}
}

/* A write latches what has happened since the last one: SDM3 11.5.3 "Error Handling". */
static void esr_write(struct vlapic *vlapic)
{
	vlapic_put(vlapic, VLAPIC_ESR, vlapic->esr_errors);
	vlapic->esr_errors = 0;
}

/* Delivery is immediate: the busy bit is never seen set. */
static void icr_write(struct vcpu *vcpu, uint64_t value)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	vlapic_put(vlapic, VLAPIC_ICR, value & ~VLAPIC_ICR_BUSY);
	vlapic_put(vlapic, VLAPIC_ICR_HIGH, value >> 32);
	vlapic_send(vcpu, value);
}

/* Those that both forms have. */
static void register_write(struct vcpu *vcpu, unsigned number, uint32_t value)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	switch (number) {
	case NUMBER(VLAPIC_EOI):
		vlapic_end(vcpu);
		break;
	case NUMBER(VLAPIC_TPR):
		vlapic_tpr_write(vlapic, (uint8_t)value);
		break;
	case NUMBER(VLAPIC_SVR):
		svr_write(vlapic, value);
		break;
	case NUMBER(VLAPIC_ESR):
		esr_write(vlapic);
		break;
	case NUMBER(VLAPIC_LVT_TIMER):
	case NUMBER(VLAPIC_LVT_THERMAL):
	case NUMBER(VLAPIC_LVT_PMC):
	case NUMBER(VLAPIC_LVT_LINT0):
	case NUMBER(VLAPIC_LVT_LINT1):
	case NUMBER(VLAPIC_LVT_ERROR):
		lvt_write(vlapic, number, value);
		break;
	case NUMBER(VLAPIC_INITIAL):
		vlapic_timer_initial_write(vlapic, value);
		break;
	case NUMBER(VLAPIC_DIVIDE):
		vlapic_timer_divide_write(vlapic, value);
		break;
	default: /* read-only: dropped */
		break;
	}
}

/* ---- xAPIC: the page ---- */

static void xapic_write(struct vcpu *vcpu, unsigned number, uint32_t value)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	switch (number) {
	case NUMBER(VLAPIC_ICR):
		icr_write(vcpu, (uint64_t)vlapic_get(vlapic, VLAPIC_ICR_HIGH) << 32 | value);
		break;
	case NUMBER(VLAPIC_ICR_HIGH):
		vlapic_put(vlapic, VLAPIC_ICR_HIGH, value & BITS(31, 24));
		break;
	case NUMBER(VLAPIC_LDR):
		vlapic_put(vlapic, VLAPIC_LDR, value & BITS(31, 24));
		vlapic_publish_route(vlapic);
		break;
	case NUMBER(VLAPIC_DFR):
		vlapic_put(vlapic, VLAPIC_DFR, value | ~VLAPIC_DFR_MODEL);
		vlapic_publish_route(vlapic);
		break;
	default:
		register_write(vcpu, number, value);
		break;
	}
}

/* Bytes 4-15 of a register are undefined (SDM3 11.4.1): they read 0. */
static uint64_t xapic_read(struct vlapic *vlapic, const struct access *access)
{
	unsigned byte = (unsigned)access->offset % 16;
	uint64_t value = 0;

	if (byte < 4) {
		value = register_read(vlapic, NUMBER((unsigned)access->offset)) >> (byte * 8);
	}
	return access->size < 8 ? value & (BIT(access->size * 8U) - 1) : value;
}

enum region_result vlapic_region(void *device, struct access *access)
{
	struct vlapic *vlapic = &access->vcpu->arch.vlapic;
	unsigned number = NUMBER((unsigned)access->offset);

	(void)device;
	if (!vlapic_is_enabled(vlapic) || vlapic_is_x2apic(vlapic)) {
		return REGION_ONES;
	}
	if (number >= 64 || (XAPIC_EXISTING & BIT(number)) == 0) {
		vlapic_raise_error(vlapic, VLAPIC_ESR_REGISTER);
		access->value = access->is_write ? access->value : 0;
	} else if (!access->is_write) {
		access->value = xapic_read(vlapic, access);
	} else if (access->size == 4 && access->offset % 16 == 0) {
		xapic_write(access->vcpu, number, (uint32_t)access->value);
	}
	return REGION_DONE;
}

/* ---- x2APIC: the MSRs ---- */

bool vlapic_msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	unsigned number = msr - MSR_X2APIC;

	if (!vlapic_is_x2apic(vlapic) || number >= 64 || (READABLE & BIT(number)) == 0) {
		return false;
	}
	*value = register_read(vlapic, number);
	if (number == NUMBER(VLAPIC_ICR)) {
		*value |= (uint64_t)vlapic_get(vlapic, VLAPIC_ICR_HIGH) << 32;
	}
	return true;
}

bool vlapic_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	unsigned number = msr - MSR_X2APIC;

	if (!vlapic_is_x2apic(&vcpu->arch.vlapic) || number >= 64 ||
	    !writable[number].is_writable || (value & ~writable[number].mask) != 0) {
		return false;
	}
	if (number == NUMBER(VLAPIC_ICR)) {
		icr_write(vcpu, value);
	} else if (number == NUMBER(VLAPIC_SELF_IPI)) {
		vlapic_send(vcpu, value | field_set(VLAPIC_ICR_SHORTHAND, VLAPIC_SELF));
	} else {
		register_write(vcpu, number, (uint32_t)value);
	}
	return true;
}

/* ---- IA32_APIC_BASE ---- */

#define MODE_BITS (APIC_BASE_ENABLE | APIC_BASE_X2APIC)

/* SDM3 11.12.5 "x2APIC State Transitions": off -> xAPIC -> x2APIC -> off, and xAPIC -> off. */
static bool is_legal(uint64_t from, uint64_t to)
{
	if (to == APIC_BASE_X2APIC) {
		return false;
	}
	return from == to || to == 0 || (from == 0 && to == APIC_BASE_ENABLE) ||
	       (from == APIC_BASE_ENABLE && to == MODE_BITS);
}

static void enter_x2apic(struct vlapic *vlapic)
{
	uint32_t id = vlapic->apic_id;

	vlapic_put(vlapic, VLAPIC_ID, id);
	vlapic_put(vlapic, VLAPIC_LDR, vlapic_x2apic_ldr(id));
	vlapic_put(vlapic, VLAPIC_ICR_HIGH, 0);
}

/* The page stays where it is: regions are the VM's, and no guest in use moves it. BSP is read-only.
 */
bool vlapic_base_write(struct vcpu *vcpu, uint64_t value)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint64_t from = vlapic->base_msr & MODE_BITS, to = value & MODE_BITS;

	if ((value & ~(MODE_BITS | APIC_BASE_BSP)) != VLAPIC_BASE_DEFAULT || !is_legal(from, to)) {
		return false;
	}
	if (from == to) {
		return true;
	}
	vlapic->base_msr = (vlapic->base_msr & ~MODE_BITS) | to;
	if (to == 0) {
		vlapic_reset(vcpu, true); /* what was set up is lost: SDM3 11.4.3 */
	} else if (to == MODE_BITS) {
		enter_x2apic(vlapic);
	}
	vlapic_publish_route(vlapic);
	return true;
}
