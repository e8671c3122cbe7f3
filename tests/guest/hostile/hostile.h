/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hostile kinds share: numbers from a seed, and any bytes run as an instruction. */
#pragma once

#include "guests/lib/guest.h"

/* One kind: that many operations. What it has spoilt of the guest itself it repairs at the end. */
typedef void hostile_fn(uint64_t operations);
hostile_fn hostile_hypercalls, hostile_msrs, hostile_lapic, hostile_ioapic, hostile_ports,
	hostile_strings, hostile_mmio, hostile_instructions, hostile_steps, hostile_registers,
	hostile_frames, hostile_pci, hostile_page_tables, hostile_delivery, hostile_task,
	hostile_wide_cr3;

uint64_t hostile_random(void);
unsigned hostile_below(unsigned count);
uint64_t hostile_value(void); /* often at an edge: 0, ones, one bit, a small number */

/* A vector that no exception has: below 16 it is illegal, 16 to 32 would be taken for one. */
uint8_t hostile_vector(void);

/* Lets what is pending be delivered: every vector's handler ends it and returns. */
void hostile_take_interrupts(void);

/* Registers of hostile_run(), in the hardware's order; RSP's is not used. */
extern uint64_t hostile_regs[16];

struct hostile_code {
	uint8_t bytes[32];
	unsigned count;
	unsigned ring;  /* 0 to 3 */
	uint64_t flags; /* for rings 1 to 3: of RFLAGS */
};

static inline void hostile_add(struct hostile_code *code, uint8_t byte)
{
	code->bytes[code->count++] = byte;
}

/* Runs the bytes, with hostile_regs, often over a page's end. TRAP_NONE: without exception. */
struct trap hostile_run(const struct hostile_code *code);

/* A page of RAM for operands; its 2 MiB page has more behind it. */
#define HOSTILE_DATA (GUEST_SCRATCH + 0x10000)

#define HOSTILE_WINDOW UINT64_C(0xc0000000) /* linear: where hostile_map() maps */

/* Maps 2 MiB of the physical address space, outside of the first 4 GiB too. */
void hostile_map(uint64_t physical);
