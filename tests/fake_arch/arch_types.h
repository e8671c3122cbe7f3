/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fake architecture embeds in core's objects, for tests to look at and to set. */
#pragma once

#include "core/types.h"

struct vcpu;
struct vcpu_exit;

/* Host vectors for devices: core/irq.h. */
#define ARCH_IRQ_FIRST 0x30
#define ARCH_IRQ_LAST  0xef

enum secret_slot { SECRET_STATE, SECRET_SLOTS };

struct arch_cpu {
	uint32_t apic_id;
};

static inline bool arch_irq_reaches(const struct arch_cpu *cpu)
{
	return cpu->apic_id < 0xff;
}

struct arch_vm {
	unsigned inits, finis;
};

struct arch_vcpu {
	bool has_work; /* what arch_vcpu_has_work() says */
	bool is_loaded, swaps_always;
	unsigned inits, loads, puts, runs, skips, swaps;
	/* Plays the guest: fills in the exit. Without it a run ends in EXIT_IRQ. */
	void (*run)(struct vcpu *vcpu, struct vcpu_exit *exit);
	uint64_t hypercall_number, hypercall_args[4], hypercall_answer;
};
