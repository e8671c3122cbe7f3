/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking interrupts. The stubs only record; here they are handled, in the order of their priority
 * and each with its EOI. While interrupts are open, one may come on top of another of lower
 * priority: all that were recorded are in service at once, and an EOI ends the highest of them.
 */
#include "arch/irq.h"

#include "arch/lapic.h"
#include "arch/mce.h"
#include "arch/nmi.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/irq.h"
#include "core/timer.h"

#define ROUNDS 8 /* windows in one visit: each lets lower priorities in that waited for an EOI */

/* Timer and device handlers may take long or send interrupts themselves: the EOI of a timer or kick
 * comes first, that of a device after its handler had the chance to mask it. */
static void handle(struct cpu *cpu, unsigned vector)
{
	counter_add(&cpu->interrupts, 1);
	switch (vector) {
	case LAPIC_VECTOR_SPURIOUS: /* not in service: APM2 16.4.7 "Spurious Interrupts" */
		return;
	case LAPIC_VECTOR_KICK:
		counter_add(&cpu->kicks, 1);
		lapic_eoi();
		nmi_forward(cpu);
		mce_forward(cpu);
		return;
	case LAPIC_VECTOR_POSTED: /* it came too late: whoever sent it has seen that */
		lapic_eoi();
		return;
	case LAPIC_VECTOR_TIMER:
		lapic_eoi();
		timer_run();
		return;
	case LAPIC_VECTOR_ERROR:
		lapic_error();
		lapic_eoi();
		return;
	default:
		irq_handle(vector);
		lapic_eoi();
		return;
	}
}

static bool has_recorded(const struct cpu *cpu)
{
	const uint64_t *pending = cpu->arch.irq_pending;

	return (pending[0] | pending[1] | pending[2] | pending[3]) != 0;
}

static void handle_recorded(struct cpu *cpu)
{
	for (unsigned word = ARRAY_SIZE(cpu->arch.irq_pending); word-- > 0;) {
		while (cpu->arch.irq_pending[word] != 0) {
			unsigned bit = bits_highest(cpu->arch.irq_pending[word]);

			cpu->arch.irq_pending[word] &= ~BIT(bit);
			handle(cpu, word * 64 + bit);
		}
	}
}

/* What is left after the last round is pending still, and ends the next guest entry at once. */
void arch_irq_poll(void)
{
	struct cpu *cpu = arch_cpu_self();

	for (unsigned i = 0; i < ROUNDS; i++) {
		irq_window();
		if (!has_recorded(cpu)) {
			counter_add(&cpu->irq_drains, 1);
			return;
		}
		handle_recorded(cpu);
	}
}
