/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interrupt descriptor table, shared by all CPUs, and what its stubs hand over. Interrupts are
 * only recorded in cpu->arch.irq_pending; exceptions go to trap_handle().
 */
#pragma once

#include "core/types.h"

#define IDT_VECTORS 256

enum exception {
	EXCEPTION_DE,
	EXCEPTION_DB,
	EXCEPTION_NMI,
	EXCEPTION_BP,
	EXCEPTION_OF,
	EXCEPTION_BR,
	EXCEPTION_UD,
	EXCEPTION_NM,
	EXCEPTION_DF,
	EXCEPTION_TS = 10,
	EXCEPTION_NP,
	EXCEPTION_SS,
	EXCEPTION_GP,
	EXCEPTION_PF,
	EXCEPTION_MF = 16,
	EXCEPTION_AC,
	EXCEPTION_MC,
	EXCEPTION_XM,
	EXCEPTION_COUNT = 32,
};

/* What traps.asm pushes, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss; /* by the CPU: APM2 8.9.3 "Interrupt Stack Frame" */
};

/* Fills the table, without interrupt stacks, and loads it: boot CPU, before anything can fault. */
void idt_init(void);

/* Exceptions that may come on a bad stack get their own, from now on: boot CPU, after gdt_init().
 */
void idt_use_stacks(void);

/* Loads the table on this CPU; after gdt_init(). */
void idt_load(void);

/* Where it is. */
uint64_t idt_base(void);

/* From traps.asm. Returns only from NMIs and faults that have a fix-up. */
void trap_handle(struct trap_frame *frame);

/* The frame of the exception that this panic is about, or NULL; and saying so. */
const struct trap_frame *trap_frame_current(void);
void trap_frame_set(const struct trap_frame *frame);
