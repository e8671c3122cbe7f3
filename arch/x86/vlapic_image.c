/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual LAPIC's state to an image and back. What follows from its registers is made anew. */
#include "arch/vcpu_image.h"
#include "arch/vlapic_regs.h"

#include "arch/msr.h"
#include "core/string.h"

#define NUMBER(offset) ((offset) / 16U)

#define ESR_BITS   (VLAPIC_ESR_SEND_VECTOR | VLAPIC_ESR_RECEIVE_VECTOR | VLAPIC_ESR_REGISTER)
#define LVT_BITS   (VLAPIC_LVT_MASK | VLAPIC_LVT_VECTOR)
#define DFR_FIXED  ((uint32_t)~VLAPIC_DFR_MODEL)
#define MODE_BITS  (APIC_BASE_ENABLE | APIC_BASE_X2APIC)
#define LINT_STATE BITS(15, 13) /* polarity, Remote IRR, trigger mode */

/* What a register's word can have set; there is none where this is 0. */
static const uint32_t kept[64] = {
	[NUMBER(VLAPIC_ID)] = UINT32_MAX,
	[NUMBER(VLAPIC_VERSION)] = VLAPIC_VERSION_VALUE,
	[NUMBER(VLAPIC_TPR)] = 0xff,
	[NUMBER(VLAPIC_PPR)] = 0xff,
	[NUMBER(VLAPIC_LDR)] = UINT32_MAX,
	[NUMBER(VLAPIC_DFR)] = UINT32_MAX,
	[NUMBER(VLAPIC_SVR)] = VLAPIC_SVR_WRITABLE,
	[NUMBER(VLAPIC_ESR)] = ESR_BITS,
	[NUMBER(VLAPIC_ICR)] = (uint32_t)~VLAPIC_ICR_BUSY,
	[NUMBER(VLAPIC_ICR_HIGH)] = UINT32_MAX,
	[NUMBER(VLAPIC_LVT_TIMER)] = LVT_BITS | VLAPIC_LVT_TIMER_MODE,
	[NUMBER(VLAPIC_LVT_THERMAL)] = LVT_BITS | VLAPIC_LVT_MODE,
	[NUMBER(VLAPIC_LVT_PMC)] = LVT_BITS | VLAPIC_LVT_MODE,
	[NUMBER(VLAPIC_LVT_LINT0)] = LVT_BITS | VLAPIC_LVT_MODE | (LINT_STATE & ~BIT(14)),
	[NUMBER(VLAPIC_LVT_LINT1)] = LVT_BITS | VLAPIC_LVT_MODE | (LINT_STATE & ~BIT(14)),
	[NUMBER(VLAPIC_LVT_ERROR)] = LVT_BITS,
	[NUMBER(VLAPIC_INITIAL)] = UINT32_MAX,
	[NUMBER(VLAPIC_DIVIDE)] = BIT(3) | BITS(1, 0),
};

static uint32_t word(const struct vcpu_image_lapic *image, unsigned at)
{
	return image->registers[at / 4];
}

static bool is_vectors(unsigned number)
{
	return number >= NUMBER(VLAPIC_ISR) && number < NUMBER(VLAPIC_ESR);
}

/* The first register of ISR, TMR and IRR lacks the vectors that are illegal. */
static uint32_t kept_bits(unsigned number)
{
	if (!is_vectors(number)) {
		return kept[number];
	}
	return number % 8 == 0 ? UINT32_MAX << VLAPIC_VECTOR_FIRST : UINT32_MAX;
}

static bool registers_are_known(const struct vcpu_image_lapic *image)
{
	for (unsigned i = 0; i < ARRAY_SIZE(image->registers); i++) {
		uint32_t bits = i % 4 == 0 ? kept_bits(i / 4) : 0;

		if ((image->registers[i] & ~bits) != 0) {
			return false;
		}
	}
	return word(image, VLAPIC_VERSION) == VLAPIC_VERSION_VALUE;
}

static uint8_t ppr_of(const struct vcpu_image_lapic *image)
{
	uint32_t tpr = word(image, VLAPIC_TPR), served = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint32_t bits = word(image, VLAPIC_ISR + i * 16);

		served = bits != 0 ? (i * 32 + bits_highest(bits)) & VLAPIC_PRIORITY : served;
	}
	return (uint8_t)((tpr & VLAPIC_PRIORITY) >= served ? tpr : served);
}

/* IA32_APIC_BASE, and the registers that follow from it and the ID. */
static bool mode_is_valid(const struct vlapic *vlapic, const struct vcpu_image_lapic *image)
{
	uint64_t mode = image->base_msr & MODE_BITS;
	uint32_t id = vlapic->apic_id, ldr = word(image, VLAPIC_LDR);
	bool is_x2apic = mode == MODE_BITS;

	return image->apic_id == id && mode != APIC_BASE_X2APIC &&
	       ((image->base_msr ^ vlapic->base_msr) & ~MODE_BITS) == 0 &&
	       word(image, VLAPIC_ID) ==
		       (is_x2apic ? id : (uint32_t)field_set(VLAPIC_ID_XAPIC, id)) &&
	       (is_x2apic ? ldr == vlapic_x2apic_ldr(id) : (ldr & ~BITS(31, 24)) == 0);
}

static bool lvts_are_valid(const struct vcpu_image_lapic *image)
{
	bool must_mask = (word(image, VLAPIC_SVR) & VLAPIC_SVR_ENABLE) == 0;

	for (unsigned lvt = VLAPIC_LVT_TIMER; must_mask && lvt <= VLAPIC_LVT_ERROR; lvt += 16) {
		if ((word(image, lvt) & VLAPIC_LVT_MASK) == 0) {
			return false;
		}
	}
	return true;
}

/* One of the two ways to count, and a goal if it counts. */
static bool timer_is_valid(const struct vcpu_image_lapic *image)
{
	uint64_t mode = field_get(VLAPIC_LVT_TIMER_MODE, word(image, VLAPIC_LVT_TIMER));
	uint32_t initial = word(image, VLAPIC_INITIAL);

	if (mode == VLAPIC_TIMER_TSC_DEADLINE) {
		return initial == 0 && (image->tsc_deadline != 0) == (image->timer_next != 0);
	}
	return image->tsc_deadline == 0 && (image->timer_next == 0 || initial != 0);
}

bool vlapic_image_is_valid(const struct vlapic *vlapic, const struct vcpu_image_lapic *image)
{
	return registers_are_known(image) && mode_is_valid(vlapic, image) &&
	       (word(image, VLAPIC_DFR) & DFR_FIXED) == DFR_FIXED &&
	       word(image, VLAPIC_PPR) == ppr_of(image) && lvts_are_valid(image) &&
	       timer_is_valid(image) && (image->esr_errors & ~ESR_BITS) == 0;
}

uint8_t vlapic_image_cr8(const struct vcpu_image_lapic *image)
{
	return (uint8_t)field_get(BITS(7, 4), word(image, VLAPIC_TPR));
}

void vlapic_image_get(struct vcpu_image_lapic *image, const struct vlapic *vlapic)
{
	memcpy(image->registers, vlapic->page, sizeof(image->registers));
	image->base_msr = vlapic->base_msr;
	image->timer_next = vlapic->timer_next;
	image->tsc_deadline = vlapic->tsc_deadline;
	image->apic_id = vlapic->apic_id;
	image->esr_errors = vlapic->esr_errors;
}

/* TMR in the form of 64 bits. */
static void notify_make(struct vlapic *vlapic)
{
	for (unsigned i = 0; i < 8; i++) {
		uint64_t level = vlapic_get(vlapic, VLAPIC_TMR + i * 16);
		uint64_t *notify = &vlapic->eoi_notify[i / 2];

		*notify = i % 2 == 0 ? level : *notify | level << 32;
	}
}

void vlapic_image_set(struct vlapic *vlapic, const struct vcpu_image_lapic *image)
{
	memset(vlapic->page, 0, PAGE_SIZE);
	memcpy(vlapic->page, image->registers, sizeof(image->registers));
	vlapic_refresh(vlapic, false);
	vlapic->base_msr = image->base_msr;
	vlapic->esr_errors = image->esr_errors;
	notify_make(vlapic);
	vlapic_publish_route(vlapic);
	vlapic_timer_set(vlapic, image->timer_next, image->tsc_deadline);
}
