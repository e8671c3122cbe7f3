/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a guest was left, decoded: what vendors translate their exits into. */
#pragma once

#include "core/region.h"

enum exit_kind {
	EXIT_NONE,   /* handled already: enter again */
	EXIT_IRQ,    /* a host interrupt or NMI is pending or was taken */
	EXIT_HALT,   /* waits for an event: HLT was done, or nothing has ended it yet */
	EXIT_PORT,   /* port I/O */
	EXIT_STAGE2, /* a guest physical access that stage-2 does not allow */
	EXIT_HYPERCALL,
	EXIT_PAUSE, /* spins: give way */
	EXIT_TRIPLE_FAULT,
	EXIT_ARCH,    /* CPUID, MSRs, control registers, ...: arch_exit_handle() */
	EXIT_INVALID, /* the hardware refused the state, or an exit that we know nothing of */
	EXIT_KINDS,
};

/* The access that the instruction is, but for its vCPU, and the value of a write. */
struct exit_port {
	struct access access;
	bool is_string; /* INS, OUTS: one or more of it */
};

struct exit_stage2 {
	gpa_t address;
	bool is_write, is_fetch;
	bool is_present;  /* mapped, but not with that right */
	bool is_walk;     /* on the walk of the guest's own tables */
	bool is_delivery; /* while an event was delivered, not an instruction run */
};

/* A write to a control register. */
struct exit_control {
	uint8_t number;
	uint8_t reg;     /* its source */
	bool is_decoded; /* reg is known; else the instruction tells */
};

/* As the hardware has it: EXIT_INVALID, and where the handler of an EXIT_ARCH says so. */
struct exit_raw {
	uint64_t code, info1, info2;
};

struct vcpu_exit {
	enum exit_kind kind;
	uint32_t arch_code; /* EXIT_ARCH: enum x86_exit */
	union {
		struct exit_port port;
		struct exit_stage2 stage2;
		struct exit_control control;
		struct exit_raw raw;
	};
};
