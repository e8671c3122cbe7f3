/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoded instructions of device accesses that come again and again. An entry is used only when
 * all that it was made from is still the same: the entries of the guest's page tables on the way to
 * RIP, and the bytes there, are read again each time, where they lie in memory. That they still lie
 * there is certain while stage-2 has taken no rights away.
 */
#pragma once

#include "arch/insn.h"
#include "mm/window.h"

struct vcpu;

#define INSN_FETCH_ENTRIES 4
#define INSN_FETCH_WORDS   7 /* four table entries; 15 bytes from anywhere in a word */

struct insn_fetch_entry {
	uint64_t rip, cr3;
	uint64_t generation; /* of stage-2 */
	unsigned count;      /* 0: empty */
	struct window_word words[INSN_FETCH_WORDS];
	struct insn insn;
};

struct insn_fetch {
	struct insn_fetch_entry entries[INSN_FETCH_ENTRIES];
};

/* The instruction that exited, if it is known and unchanged; else NULL. Loaded. */
const struct insn *insn_fetch_find(struct vcpu *vcpu);

/* Remembers what was just fetched and decoded, where it is 64-bit code. Loaded. */
void insn_fetch_store(struct vcpu *vcpu, const struct insn *insn);
