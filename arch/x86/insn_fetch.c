/* SPDX-License-Identifier: GPL-2.0-only */
/* Decoded instructions of device accesses, checked against memory at each use. */
#include "arch/insn_fetch.h"

#include "core/vcpu.h"
#include "core/vm.h"
#include "mm/frame.h"
#include "mm/window.h"

#define LEVELS      4
#define CODE_WORDS  (INSN_FETCH_WORDS - LEVELS)
#define PTE_PRESENT BIT(0)
#define PTE_LARGE   BIT(7)
#define PTE_ADDRESS BITS(51, 12)

static struct insn_fetch_entry *slot(struct vcpu *vcpu)
{
	uint64_t rip = vcpu->arch.state->rip;

	return &vcpu->arch.insn_fetch.entries[(rip ^ rip >> 4) % INSN_FETCH_ENTRIES];
}

const struct insn *insn_fetch_find(struct vcpu *vcpu)
{
	const struct insn_fetch_entry *entry = slot(vcpu);

	if (entry->count == 0 || !vcpu->arch.insn_is_64_bit ||
	    entry->rip != vcpu->arch.state->rip || entry->cr3 != vcpu->arch.insn_cr3 ||
	    entry->generation != atomic_load(&vcpu->vm->stage2[0].generation)) {
		return NULL;
	}
	return window_words_are_same(entry->words, entry->count) ? &entry->insn : NULL;
}

/* ---- making one ---- */

/* The next word is the one at that address. False where no memory is. */
static bool add_word(struct vcpu *vcpu, struct insn_fetch_entry *entry, gpa_t at)
{
	struct pt_leaf leaf;
	hpa_t address;

	if (stage2_lookup(&vcpu->vm->stage2[0], at, &leaf) != 0) {
		return false;
	}
	address = hpa_add(leaf.address, at.value - leaf.start);
	if (frame_find(address) == NULL) {
		return false;
	}
	window_word_take(&entry->words[entry->count++], address);
	return true;
}

/* The guest's tables, as in APM2 figure 5-17 "4-Kbyte Page Translation". */
static bool add_walk(struct vcpu *vcpu, struct insn_fetch_entry *entry, gpa_t *code)
{
	uint64_t value = entry->cr3;
	unsigned shift = PAGE_SHIFT + 9 * LEVELS;

	do {
		shift -= 9;
		*code = gpa((value & PTE_ADDRESS) + (entry->rip >> shift & BITS(8, 0)) * 8);
		if (!add_word(vcpu, entry, *code)) {
			return false;
		}
		value = entry->words[entry->count - 1].value;
	} while ((value & PTE_PRESENT) != 0 && (value & PTE_LARGE) == 0 && shift > PAGE_SHIFT);
	*code = gpa((value & PTE_ADDRESS & ~(BIT(shift) - 1)) | (entry->rip & (BIT(shift) - 1)));
	return (value & PTE_PRESENT) != 0;
}

static bool add_code(struct vcpu *vcpu, struct insn_fetch_entry *entry, gpa_t code, uint8_t size)
{
	uint64_t end = code.value + size;

	for (uint64_t at = align_down(code.value, 8); at < end; at += 8) {
		if (!add_word(vcpu, entry, gpa(at))) {
			return false;
		}
	}
	return true;
}

/*
 * From the very words that are compared later: what was fetched before may have been changed by
 * another vCPU since, and would be taken for the new bytes ever after.
 */
static bool decode(struct insn_fetch_entry *entry, gpa_t code, uint8_t size)
{
	uint64_t words[CODE_WORDS] = { 0 };
	unsigned count = (unsigned)(code.value % 8 + size + 7) / 8;
	const uint8_t *bytes = (const uint8_t *)words + code.value % 8;

	for (unsigned i = 0; i < count; i++) {
		words[i] = entry->words[entry->count - count + i].value;
	}
	return insn_decode(&entry->insn, INSN_MODE_64, bytes, size) == 0 &&
	       entry->insn.length == size;
}

/* The generation is read first: should rights be taken away meanwhile, the entry is stale already.
 */
void insn_fetch_store(struct vcpu *vcpu, const struct insn *insn)
{
	struct insn_fetch_entry *entry = slot(vcpu);
	uint64_t rip = vcpu->arch.state->rip;
	gpa_t code;

	entry->count = 0;
	if (!vcpu->arch.insn_is_64_bit || (rip & ~PAGE_MASK) + insn->length > PAGE_SIZE) {
		return;
	}
	entry->generation = atomic_load(&vcpu->vm->stage2[0].generation);
	entry->rip = rip;
	entry->cr3 = vcpu->arch.insn_cr3;
	if (!add_walk(vcpu, entry, &code) || !add_code(vcpu, entry, code, insn->length) ||
	    !decode(entry, code, insn->length)) {
		entry->count = 0;
	}
}
