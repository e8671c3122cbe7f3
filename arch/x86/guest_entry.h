/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a guest's first instruction is reached: what a loader hands to a vCPU that does not start
 * from the reset vector. The segments are flat and loaded already; interrupts are off.
 */
#pragma once

#include "core/types.h"

struct vcpu;

enum guest_entry_mode {
	GUEST_ENTRY_PROTECTED32, /* paging off: multiboot 1 and 2, PVH */
	GUEST_ENTRY_LONG64,      /* 4-level paging with cr3: Linux' 64-bit protocol */
};

struct guest_entry {
	enum guest_entry_mode mode;
	uint64_t rip, rsp;
	uint64_t rax, rbx, rsi; /* all other registers are 0 */
	uint64_t cr3;           /* LONG64 */
	uint64_t gdt_base;      /* GPA of a GDT that agrees with the selectors; 0: none is loaded */
	uint16_t gdt_limit;
	uint16_t code_selector, data_selector;
};

/*
 * Sets up a vCPU that has never run to enter the guest there, in kernel mode. The vCPU is not
 * loaded anywhere.
 */
void guest_entry_set(struct vcpu *vcpu, const struct guest_entry *entry);
