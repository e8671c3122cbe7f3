/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a guest was left, decoded: what vendors translate their exits into. */
#pragma once

#include "core/types.h"

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

struct exit_port {
	uint16_t port;
	uint8_t size; /* 1 2 4 */
	bool is_write;
	bool is_string, is_rep;
	uint8_t address_size; /* string forms: 2 4 8 */
	uint8_t segment;      /* string forms: 0 ES 1 CS 2 SS 3 DS 4 FS 5 GS */
	uint64_t value;       /* OUT: the value */
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

struct vcpu_exit {
	enum exit_kind kind;
	uint32_t arch_code; /* EXIT_ARCH: enum x86_exit; else the raw code, for the dump */
	uint64_t raw_code, raw_info1, raw_info2;
	uint8_t instruction_size; /* 0: not known, decode it */
	union {
		struct exit_port port;
		struct exit_stage2 stage2;
		struct exit_control control;
		struct {
			uint64_t number;
		} hypercall;
	};
};
