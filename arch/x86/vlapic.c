/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual local APIC's heart: how a vector gets from the posting array through IRR and ISR to
 * its end, priorities, and reset. Register accesses are in vlapic_access.c.
 */
#include "arch/vlapic.h"

#include "arch/vlapic_regs.h"
#include "arch/lapic.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/sched.h"
#include "core/string.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

#define APIC_BASE_BSP    BIT(8)
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

#define XAPIC_ID_MAX 254 /* 255 is everybody */

/* ---- 256-bit registers: eight times 32 bits, 16 bytes apart ---- */

static unsigned vector_register(unsigned base, unsigned vector)
{
	return base + vector / 32 * 16;
}

static void vector_set(struct vlapic *vlapic, unsigned base, unsigned vector)
{
	unsigned at = vector_register(base, vector);

	vlapic_put(vlapic, at, vlapic_get(vlapic, at) | BIT(vector % 32));
}

/* What is left in the vector's register. */
static uint32_t vector_clear(struct vlapic *vlapic, unsigned base, unsigned vector)
{
	unsigned at = vector_register(base, vector);

	vlapic_put(vlapic, at, vlapic_get(vlapic, at) & ~BIT(vector % 32));
	return vlapic_get(vlapic, at);
}

/* IRR and ISR have summaries, so that their highest vector is found in one step. */
static void summary_set(uint8_t *words, unsigned vector)
{
	*words |= (uint8_t)(1U << vector / 32);
}

static void summary_clear(uint8_t *words, unsigned vector, uint32_t left)
{
	if (left == 0) {
		*words &= (uint8_t) ~(1U << vector / 32);
	}
}

static int vector_highest(const struct vlapic *vlapic, unsigned base, uint8_t words)
{
	unsigned word;

	if (words == 0) {
		return -1;
	}
	word = bits_highest(words);
	return (int)(word * 32 + bits_highest(vlapic_get(vlapic, base + word * 16)));
}

/* 64 vectors at once, as the posting array has them. */
static uint64_t word_get(const struct vlapic *vlapic, unsigned base, unsigned word)
{
	unsigned at = base + word * 32;

	return vlapic_get(vlapic, at) | (uint64_t)vlapic_get(vlapic, at + 16) << 32;
}

static void word_put(struct vlapic *vlapic, unsigned base, unsigned word, uint64_t bits)
{
	unsigned at = base + word * 32;

	vlapic_put(vlapic, at, bits);
	vlapic_put(vlapic, at + 16, bits >> 32);
}

/* ---- priority: APM2 16.6.4 "Interrupt Masking Using the Task Priority Register" ---- */

static void ppr_set(struct vlapic *vlapic, uint8_t ppr)
{
	vlapic->ppr = ppr;
	vlapic_put(vlapic, VLAPIC_PPR, ppr);
}

static void ppr_update(struct vlapic *vlapic)
{
	uint8_t tpr = (uint8_t)vlapic_get(vlapic, VLAPIC_TPR);
	int in_service = vector_highest(vlapic, VLAPIC_ISR, vlapic->isr_words);
	uint8_t served = in_service < 0 ? 0 : (uint8_t)(in_service & VLAPIC_PRIORITY);

	ppr_set(vlapic, (tpr & VLAPIC_PRIORITY) >= served ? tpr : served);
}

void vlapic_tpr_write(struct vlapic *vlapic, uint8_t value)
{
	vlapic_put(vlapic, VLAPIC_TPR, value);
	ppr_update(vlapic);
}

uint8_t vlapic_cr8_read(struct vcpu *vcpu)
{
	return (uint8_t)field_get(BITS(7, 4), vlapic_get(&vcpu->arch.vlapic, VLAPIC_TPR));
}

void vlapic_cr8_write(struct vcpu *vcpu, uint8_t value)
{
	vlapic_tpr_write(&vcpu->arch.vlapic, (uint8_t)field_set(BITS(7, 4), value));
}

/* ---- requests ---- */

void vlapic_raise_self(struct vlapic *vlapic, uint8_t vector)
{
	vector_set(vlapic, VLAPIC_IRR, vector);
	summary_set(&vlapic->irr_words, vector);
	(void)vector_clear(vlapic, VLAPIC_TMR, vector);
	bitmap_clear(vlapic->eoi_notify, vector);
}

void vlapic_raise_lvt(struct vlapic *vlapic, unsigned lvt)
{
	uint32_t entry = vlapic_get(vlapic, lvt);
	uint8_t vector = (uint8_t)field_get(VLAPIC_LVT_VECTOR, entry);

	if ((entry & VLAPIC_LVT_MASK) != 0) {
		return;
	}
	if (vector >= VLAPIC_VECTOR_FIRST) {
		vlapic_raise_self(vlapic, vector);
	} else if (lvt == VLAPIC_LVT_ERROR) {
		vlapic->esr_errors |= VLAPIC_ESR_RECEIVE_VECTOR;
	} else {
		vlapic_raise_error(vlapic, VLAPIC_ESR_RECEIVE_VECTOR);
	}
}

/* Only the first error since ESR was written interrupts: SDM3 11.5.3 "Error Handling". */
void vlapic_raise_error(struct vlapic *vlapic, uint64_t errors)
{
	bool is_first = vlapic->esr_errors == 0;

	vlapic->esr_errors |= (uint32_t)errors;
	if (is_first) {
		vlapic_raise_lvt(vlapic, VLAPIC_LVT_ERROR);
	}
}

void vlapic_notify(struct vcpu *vcpu)
{
	if ((atomic_or(&vcpu->arch.vlapic.post.on, VLAPIC_POST_ON) & VLAPIC_POST_ON) == 0) {
		sched_notify(vcpu);
	}
}

/*
 * True: the CPU that is in the guest takes it. Where the vCPU has left that CPU meanwhile, nothing
 * but an EOI comes of the interrupt: then its owner has cleared posting_cpu before it looked at ON,
 * and is told as ever.
 */
static bool post_to_cpu(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint64_t cpu = atomic_load(&vlapic->posting_cpu);

	if (cpu == 0) {
		return false;
	}
	if ((atomic_or(&vlapic->post.on, VLAPIC_POST_ON) & VLAPIC_POST_ON) == 0) {
		lapic_send_ipi(cpu_get((uint32_t)cpu - 1)->arch.apic_id, LAPIC_VECTOR_POSTED);
	}
	if (atomic_load(&vlapic->posting_cpu) != cpu) {
		sched_notify(vcpu);
	}
	return true;
}

/* The owner clears ON before it takes the vectors: what is set after that finds ON clear. */
void vlapic_post(struct vcpu *vcpu, uint8_t vector, bool level)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint64_t bit = BIT(vector % 64);

	if (level) {
		atomic_or(&vlapic->level_vectors[vector / 64], bit);
	} else if ((atomic_load(&vlapic->level_vectors[vector / 64]) & bit) != 0) {
		atomic_and(&vlapic->level_vectors[vector / 64], ~bit);
	}
	atomic_or(&vlapic->post.vectors[vector / 64], bit);
	/* A level is the owner's to note, and an illegal vector its error. */
	if (level || vector < VLAPIC_VECTOR_FIRST || !post_to_cpu(vcpu)) {
		vlapic_notify(vcpu);
	}
}

static void notify_ends(struct vcpu *vcpu, unsigned word, uint64_t bits)
{
	void (*notify)(struct vm *, uint8_t) = vcpu->vm->arch.eoi_notify;

	while (notify != NULL && bits != 0) {
		unsigned bit = bits_lowest(bits);

		bits &= bits - 1;
		notify(vcpu->vm, (uint8_t)(word * 64 + bit));
	}
}

/*
 * A level-triggered vector that is not accepted counts as ended: the line is sampled again and
 * finds another taker, or none. Its Remote IRR would stick otherwise.
 */
static void fold_word(struct vcpu *vcpu, unsigned word, uint64_t bits)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint64_t level = atomic_load(&vlapic->level_vectors[word]) & bits;

	if (!vlapic_is_enabled(vlapic) || !vlapic_is_software_enabled(vlapic)) {
		notify_ends(vcpu, word, level);
		return;
	}
	if (word == 0 && (bits & BITS(VLAPIC_VECTOR_FIRST - 1, 0)) != 0) {
		bits &= ~BITS(VLAPIC_VECTOR_FIRST - 1, 0);
		level &= bits;
		vlapic_raise_error(vlapic, VLAPIC_ESR_RECEIVE_VECTOR);
	}
	if ((vlapic->eoi_notify[word] & bits) != level) {
		vlapic->eoi_notify[word] = (vlapic->eoi_notify[word] & ~bits) | level;
		word_put(vlapic, VLAPIC_TMR, word, vlapic->eoi_notify[word]);
	}
	word_put(vlapic, VLAPIC_IRR, word, word_get(vlapic, VLAPIC_IRR, word) | bits);
	vlapic->irr_words |= (uint8_t)(((uint32_t)bits != 0) << word * 2);
	vlapic->irr_words |= (uint8_t)((bits >> 32 != 0) << (word * 2 + 1));
}

void vlapic_sync(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	if ((atomic_load(&vlapic->post.on) & VLAPIC_POST_ON) == 0) {
		return;
	}
	atomic_and(&vlapic->post.on, ~VLAPIC_POST_ON);
	for (unsigned word = 0; word < 4; word++) {
		if (atomic_load(&vlapic->post.vectors[word]) != 0) {
			fold_word(vcpu, word, atomic_swap(&vlapic->post.vectors[word], 0));
		}
	}
	if (atomic_load(&vlapic->timer_due)) {
		vlapic_timer_fold(vlapic);
	}
}

/* ---- taking and ending ---- */

/* A virtual 8259 is heard through LINT0 set to ExtINT, or when the APIC is off. */
never_inline static int extint_ask(const struct vlapic *vlapic, bool acknowledge)
{
	uint32_t lint0 = vlapic_get(vlapic, VLAPIC_LVT_LINT0);

	if (vlapic_is_enabled(vlapic) && ((lint0 & VLAPIC_LVT_MASK) != 0 ||
					  field_get(VLAPIC_LVT_MODE, lint0) != VLAPIC_EXTINT)) {
		return -1;
	}
	return vlapic->extint(vlapic->extint_context, acknowledge);
}

static inline int extint(const struct vlapic *vlapic, bool acknowledge)
{
	return unlikely(vlapic->extint != NULL) ? extint_ask(vlapic, acknowledge) : -1;
}

/* While the APIC is off, the pin is the processor's NMI: SDM3 11.4.3. Other modes than NMI are of
 * no use there, and of no effect. */
void vlapic_lint1(struct vcpu *vcpu)
{
	const struct vlapic *vlapic = &vcpu->arch.vlapic;
	uint32_t lint1 = vlapic_get(vlapic, VLAPIC_LVT_LINT1);

	if (!vlapic_is_enabled(vlapic) ||
	    ((lint1 & VLAPIC_LVT_MASK) == 0 && field_get(VLAPIC_LVT_MODE, lint1) == VLAPIC_NMI)) {
		vcpu->arch.events.nmi_pending = true;
	}
}

int vlapic_highest_request(const struct vlapic *vlapic)
{
	return vector_highest(vlapic, VLAPIC_IRR, vlapic->irr_words);
}

/* The highest request that is above the processor's priority, or -1. */
static int takable(const struct vlapic *vlapic)
{
	int vector;

	if (vlapic->irr_words == 0 || !vlapic_is_enabled(vlapic)) {
		return -1;
	}
	vector = vector_highest(vlapic, VLAPIC_IRR, vlapic->irr_words);
	return (vector & VLAPIC_PRIORITY) > (vlapic->ppr & VLAPIC_PRIORITY) ? vector : -1;
}

/*
 * What was folded already is not counted: the owner has looked whether it can take that, and went
 * to sleep because it can not. To count it would wake a vCPU in HLT with interrupts off for ever.
 */
bool vlapic_has_posted(const struct vcpu *vcpu)
{
	return (atomic_load(&vcpu->arch.vlapic.post.on) & VLAPIC_POST_ON) != 0;
}

never_inline static int extint_or_takable(const struct vlapic *vlapic)
{
	int vector = extint_ask(vlapic, false);

	return vector >= 0 ? vector : takable(vlapic);
}

int vlapic_pending(struct vcpu *vcpu)
{
	const struct vlapic *vlapic = &vcpu->arch.vlapic;

	return unlikely(vlapic->extint != NULL) ? extint_or_takable(vlapic) : takable(vlapic);
}

int vlapic_injectable(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	return unlikely(vlapic->by_hardware) ? extint(vlapic, false) : vlapic_pending(vcpu);
}

static inline void request_accept(struct vlapic *vlapic, uint8_t vector)
{
	summary_clear(&vlapic->irr_words, vector, vector_clear(vlapic, VLAPIC_IRR, vector));
	vector_set(vlapic, VLAPIC_ISR, vector);
	summary_set(&vlapic->isr_words, vector);
	/* It was above all that is in service, and above TPR: nothing else can be the maximum. */
	ppr_set(vlapic, vector & VLAPIC_PRIORITY);
}

never_inline static void extint_accept(struct vlapic *vlapic, uint8_t vector)
{
	if (extint_ask(vlapic, false) == vector) {
		(void)extint_ask(vlapic, true);
	} else {
		request_accept(vlapic, vector);
	}
}

void vlapic_accept(struct vcpu *vcpu, uint8_t vector)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	if (unlikely(vlapic->extint != NULL)) {
		extint_accept(vlapic, vector);
	} else {
		request_accept(vlapic, vector);
	}
}

void vlapic_end(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	int vector = vector_highest(vlapic, VLAPIC_ISR, vlapic->isr_words);

	if (vector < 0) {
		return;
	}
	summary_clear(&vlapic->isr_words, (unsigned)vector,
		      vector_clear(vlapic, VLAPIC_ISR, (unsigned)vector));
	ppr_update(vlapic);
	if (unlikely(bitmap_test(vlapic->eoi_notify, (unsigned)vector))) {
		notify_ends(vcpu, (unsigned)vector / 64, BIT((unsigned)vector % 64));
	}
}

/* ---- what the CPU does by itself: SDM3 30.2 "Evaluation and Delivery of Virtual Interrupts" ----
 */

static uint8_t words_of(const struct vlapic *vlapic, unsigned base)
{
	unsigned words = 0;

	for (unsigned i = 0; i < 8; i++) {
		words |= (unsigned)(vlapic_get(vlapic, base + i * 16) != 0) << i;
	}
	return (uint8_t)words;
}

void vlapic_refresh(struct vlapic *vlapic, bool is_empty)
{
	vlapic->irr_words = is_empty ? 0 : words_of(vlapic, VLAPIC_IRR);
	vlapic->isr_words = is_empty ? 0 : words_of(vlapic, VLAPIC_ISR);
	vlapic->ppr = (uint8_t)vlapic_get(vlapic, VLAPIC_PPR);
	vlapic_put(vlapic, VLAPIC_SELF_IPI, 0); /* it keeps what was written there */
}

int vlapic_in_service(const struct vlapic *vlapic)
{
	return vector_highest(vlapic, VLAPIC_ISR, vlapic->isr_words);
}

void vlapic_ended(struct vcpu *vcpu, uint8_t vector)
{
	if (bitmap_test(vcpu->arch.vlapic.eoi_notify, vector)) {
		notify_ends(vcpu, vector / 64, BIT(vector % 64));
	}
}

/* ---- life ---- */

void vlapic_publish_route(struct vlapic *vlapic)
{
	uint64_t model = field_get(VLAPIC_DFR_MODEL, vlapic_get(vlapic, VLAPIC_DFR));
	uint64_t route = vlapic_get(vlapic, VLAPIC_LDR);

	route |= vlapic_is_enabled(vlapic) ? VLAPIC_ROUTE_ENABLED : 0;
	route |= vlapic_is_x2apic(vlapic) ? VLAPIC_ROUTE_X2APIC : 0;
	route |= vlapic_is_software_enabled(vlapic) ? VLAPIC_ROUTE_ACCEPTS : 0;
	route |= model == VLAPIC_DFR_FLAT ? VLAPIC_ROUTE_FLAT : 0;
	route |= model == VLAPIC_DFR_CLUSTER ? VLAPIC_ROUTE_CLUSTER : 0;
	atomic_store(&vlapic->route, route);
}

/* Level-triggered vectors that are lost in a reset end with it: see fold_word(). */
static void drop_vectors(struct vcpu *vcpu)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	atomic_and(&vlapic->post.on, ~VLAPIC_POST_ON);
	for (unsigned word = 0; word < 4; word++) {
		uint64_t posted = atomic_swap(&vlapic->post.vectors[word], 0);
		uint64_t held =
			word_get(vlapic, VLAPIC_IRR, word) | word_get(vlapic, VLAPIC_ISR, word);

		notify_ends(vcpu, word,
			    (posted & atomic_load(&vlapic->level_vectors[word])) |
				    (held & vlapic->eoi_notify[word]));
		vlapic->eoi_notify[word] = 0;
	}
	vlapic->irr_words = 0;
	vlapic->isr_words = 0;
}

static void registers_reset(struct vlapic *vlapic)
{
	uint32_t id = vlapic->apic_id;

	memset(vlapic->page, 0, PAGE_SIZE);
	vlapic_put(vlapic, VLAPIC_ID, field_set(VLAPIC_ID_XAPIC, id));
	if (vlapic_is_x2apic(vlapic)) {
		vlapic_put(vlapic, VLAPIC_ID, id);
		vlapic_put(vlapic, VLAPIC_LDR, vlapic_x2apic_ldr(id));
	}
	vlapic_put(vlapic, VLAPIC_VERSION, VLAPIC_VERSION_VALUE);
	vlapic_put(vlapic, VLAPIC_DFR, UINT32_MAX);
	vlapic_put(vlapic, VLAPIC_SVR, UINT64_C(0xff));
	for (unsigned lvt = VLAPIC_LVT_TIMER; lvt <= VLAPIC_LVT_ERROR; lvt += 16) {
		vlapic_put(vlapic, lvt, VLAPIC_LVT_MASK);
	}
	vlapic->esr_errors = 0;
	ppr_set(vlapic, 0);
}

void vlapic_reset(struct vcpu *vcpu, bool init)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;

	vlapic_timer_stop(vlapic);
	drop_vectors(vcpu);
	if (!init) {
		vlapic->base_msr = VLAPIC_BASE_DEFAULT | APIC_BASE_ENABLE |
				   (vcpu->index == 0 ? APIC_BASE_BSP : 0) |
				   (vlapic->apic_id > XAPIC_ID_MAX ? APIC_BASE_X2APIC : 0);
	}
	registers_reset(vlapic);
	vlapic_publish_route(vlapic);
}

int vlapic_init(struct vcpu *vcpu, uint32_t apic_id)
{
	struct vlapic *vlapic = &vcpu->arch.vlapic;
	int err;

	vlapic->page = page_alloc(PAGE_USE_VM, 0);
	if (vlapic->page == NULL) {
		return -E_NOMEM;
	}
	vlapic->apic_id = apic_id;
	vlapic_timer_init(vlapic);
	vlapic_reset(vcpu, false);
	err = vlapic_map_add(vcpu->vm, vcpu);
	if (err != 0) {
		vlapic_fini(vcpu);
	}
	return err;
}

void vlapic_fini(struct vcpu *vcpu)
{
	timer_cancel(&vcpu->arch.vlapic.timer);
	page_free(vcpu->arch.vlapic.page, PAGE_USE_VM, 0);
	vcpu->arch.vlapic.page = NULL;
}

void vlapic_load(struct vcpu *vcpu)
{
	timer_move_here(&vcpu->arch.vlapic.timer);
}
