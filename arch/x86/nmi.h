/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine's non-maskable interrupts. One says nothing about where it comes from: what no CPU of
 * ours has asked for came in at LINT1, and is the control guest's.
 */
#pragma once

struct cpu;
struct trap_frame;

/* From the exception's entry, at any instruction: takes no lock and can not fault. */
void nmi_handle(const struct trap_frame *frame);

/* Gives the vCPUs at home on this CPU what came in here. Owner CPU, on a kick. */
void nmi_forward(struct cpu *cpu);

/* Logs how many have come, and whether one has not reached its guest; for panic. */
void nmi_print(void);
