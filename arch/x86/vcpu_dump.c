/* SPDX-License-Identifier: GPL-2.0-only */
/* All that is known of a vCPU, for people. */
#include "arch/vcpu_regs.h"
#include "arch/vlapic_regs.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/vm.h"

typedef unsigned long long ull;

static void dump_gprs(const struct vcpu_state *state)
{
	static const char *const names[GPR_COUNT] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
						      "rsi", "rdi", "r8 ", "r9 ", "r10", "r11",
						      "r12", "r13", "r14", "r15" };

	log(LOG_INFO, "  rip %016llx rflags %08llx", (ull)state->rip, (ull)state->rflags);
	for (unsigned i = 0; i < GPR_COUNT; i += 4) {
		log(LOG_INFO, "  %s %016llx %s %016llx %s %016llx %s %016llx", names[i],
		    (ull)state->gpr[i], names[i + 1], (ull)state->gpr[i + 1], names[i + 2],
		    (ull)state->gpr[i + 2], names[i + 3], (ull)state->gpr[i + 3]);
	}
}

static void dump_sregs(const struct vcpu_sregs *sregs)
{
	static const char *const names[SEGMENT_COUNT] = { "es", "cs", "ss",  "ds",
							  "fs", "gs", "ldt", "tr" };

	log(LOG_INFO, "  cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx cr8 %llx efer %llx cpl %u",
	    (ull)sregs->cr0, (ull)sregs->cr2, (ull)sregs->cr3, (ull)sregs->cr4, (ull)sregs->cr8,
	    (ull)sregs->efer, sregs->cpl);
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment *segment = &sregs->segments[i];

		log(LOG_INFO, "  %-3s %04x base %016llx limit %08x attributes %03x", names[i],
		    segment->selector, (ull)segment->base, segment->limit, segment->attributes);
	}
	log(LOG_INFO, "  gdt %016llx/%04x idt %016llx/%04x", (ull)sregs->gdtr.base,
	    sregs->gdtr.limit, (ull)sregs->idtr.base, sregs->idtr.limit);
}

static void dump_event(const char *name, const struct vcpu_event *event)
{
	if (event->kind != EVENT_NONE) {
		log(LOG_INFO, "  %s: kind %d vector %u error %d %#x payload %#llx", name,
		    event->kind, event->vector, event->has_error, event->error,
		    (ull)event->payload);
	}
}

static void dump_events(const struct vcpu *vcpu)
{
	const struct vcpu_events *events = &vcpu->arch.events;

	log(LOG_INFO,
	    "  nmi pending %d masked %d, shadow %d, halted %d, waits for sipi %d, requests %#llx",
	    events->nmi_pending, events->nmi_masked, events->interrupt_shadow, vcpu->arch.halted,
	    events->waits_for_sipi, (ull)vcpu->arch.requests);
	dump_event("in delivery", &events->injected);
	dump_event("raised", &events->exception);
}

static void dump_vectors(const struct vlapic *vlapic, const char *name, unsigned first)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t word = vlapic_get(vlapic, first + 16 * i);

		if (word != 0) {
			log(LOG_INFO, "  lapic %s of %#x: %08x", name, 32 * i, word);
		}
	}
}

static void dump_lapic(const struct vlapic *vlapic)
{
	log(LOG_INFO,
	    "  lapic base %llx tpr %x ppr %x posted %llx timer %x in %lld ns, deadline %llx",
	    (ull)vlapic->base_msr, vlapic_get(vlapic, VLAPIC_TPR), vlapic->ppr,
	    (ull)vlapic->post.on, vlapic_get(vlapic, VLAPIC_LVT_TIMER),
	    vlapic->timer_next == 0 ? -1LL : (long long)(vlapic->timer_next - arch_time_now()),
	    (ull)vlapic->tsc_deadline);
	dump_vectors(vlapic, "irr", VLAPIC_IRR);
	dump_vectors(vlapic, "isr", VLAPIC_ISR);
}

void arch_vcpu_dump(struct vcpu *vcpu)
{
	const struct vcpu_state *state = vcpu_regs(vcpu, STATE_SREGS | STATE_DEBUG | STATE_MSR);

	log(LOG_INFO, "guest %s vCPU %u:", vcpu->vm->name, vcpu->index);
	dump_gprs(state);
	dump_sregs(&state->sregs);
	log(LOG_INFO, "  dr6 %llx dr7 %llx xcr0 %llx pat %llx tsc offset %llx",
	    (ull)state->debug.dr6, (ull)state->debug.dr7, (ull)state->xcr0, (ull)state->msrs.pat,
	    (ull)state->tsc.offset);
	log(LOG_INFO, "  star %llx lstar %llx sfmask %llx kernel gs %llx", (ull)state->msrs.star,
	    (ull)state->msrs.lstar, (ull)state->msrs.sfmask, (ull)state->msrs.kernel_gs_base);
	dump_events(vcpu);
	dump_lapic(&vcpu->arch.vlapic);
	virt->dump(vcpu);
}
