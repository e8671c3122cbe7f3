/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A work-around for QEMU's TCG. It keeps the vector of an interrupt that EVENTINJ delivered as if
 * it were still to come, and delivers it again, with IF = 0, when it leaves its execution loop
 * before the next #VMEXIT. A guest that was in user mode then enters its kernel twice without
 * SWAPGS. What V_IRQ presents is delivered once. Real machines never come here.
 */
#include "arch/tcg.h"

#include "arch/lapic.h"
#include "arch/msr.h"
#include "arch/vmcb.h"

#define CPUID_SIGNATURE      0x40000000
#define CPUID_ECX_HYPERVISOR BIT(31) /* of leaf 1 */
#define SIGNATURE_TCGT       0x54474354

#define V_PRIORITY_MAX 15
#define V_GIVEN        (VMCB_V_IRQ | VMCB_V_PRIORITY | VMCB_V_IGNORE_TPR | VMCB_V_VECTOR)

bool tcg_is_host;

void tcg_probe(void)
{
	tcg_is_host = (cpuid(1, 0).ecx & CPUID_ECX_HYPERVISOR) != 0 &&
		      cpuid(CPUID_SIGNATURE, 0).ebx == SIGNATURE_TCGT;
}

static void virq_set(struct vmcb_control *control, uint64_t bits)
{
	control->virtual_interrupt = (control->virtual_interrupt & ~V_GIVEN) | bits;
	control->clean &= (uint32_t)~VMCB_CLEAN_TPR;
}

/*
 * The vLAPIC has looked at the priority already. Where V_IRQ is the window of an interrupt of a
 * higher priority, EVENTINJ has to do, and a #VMEXIT right behind it, which makes QEMU forget the
 * vector: an interrupt of our own waits for the VMRUN. (Where an NMI waits, svm_nmi.c sends it.)
 */
bool tcg_interrupt_give(struct vmcb_control *control, const struct vcpu_event *event,
			const struct vcpu_windows *windows)
{
	if (!tcg_is_host || event->kind != EVENT_INTERRUPT || windows->nmi) {
		return false;
	}
	if (windows->interrupt) {
		lapic_send_ipi(lapic_id(), LAPIC_VECTOR_KICK);
		return false;
	}
	virq_set(control, VMCB_V_IRQ | VMCB_V_IGNORE_TPR |
				  field_set(VMCB_V_PRIORITY, V_PRIORITY_MAX) |
				  field_set(VMCB_V_VECTOR, event->vector));
	return true;
}

/*
 * Intercepted, V_IRQ is a window. A #VMEXIT in the middle of the delivery leaves V_IRQ set, and has
 * the interrupt in EXITINTINFO too: as an exception.
 */
bool tcg_interrupt_take_back(struct vmcb_control *control, struct vcpu_event *event)
{
	uint64_t word = control->virtual_interrupt;
	bool is_given = tcg_is_host && (word & VMCB_V_IGNORE_TPR) != 0 &&
			(control->intercept_1 & VMCB_1_VINTR) == 0;

	if (is_given) {
		virq_set(control, 0);
	}
	*event = (struct vcpu_event){
		.kind = EVENT_INTERRUPT,
		.vector = (uint8_t)field_get(VMCB_V_VECTOR, word),
	};
	return is_given && (word & VMCB_V_IRQ) != 0;
}
