/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lengths of instructions that exit again and again, for CPUs that do not tell the next RIP: the
 * page walk and the decoder then run once an instruction, not once an exit. An entry is only good
 * for the same RIP, address space and exit cause: what it answers is the length of a CPUID, a HLT
 * or their like, which differs only by redundant prefixes. Meanings of instructions are never
 * cached.
 */
#pragma once

#include "core/types.h"

#define INSN_CACHE_ENTRIES 8

struct insn_cache_entry {
	uint64_t rip, cr3;
	uint32_t cause;
	uint8_t size; /* 0: empty */
};

struct insn_cache {
	struct insn_cache_entry entries[INSN_CACHE_ENTRIES];
};

/* Bytes of the instruction that the hardware fetched for us; count 0: none. */
struct insn_bytes {
	uint8_t count;
	uint8_t bytes[15];
};

static inline struct insn_cache_entry *insn_cache_slot(struct insn_cache *cache, uint64_t rip)
{
	return &cache->entries[(rip ^ rip >> 4) % INSN_CACHE_ENTRIES];
}

static inline uint8_t insn_cache_find(struct insn_cache *cache, uint64_t rip, uint64_t cr3,
				      uint32_t cause)
{
	const struct insn_cache_entry *entry = insn_cache_slot(cache, rip);

	return entry->rip == rip && entry->cr3 == cr3 && entry->cause == cause ? entry->size : 0;
}

static inline void insn_cache_store(struct insn_cache *cache, const struct insn_cache_entry *entry)
{
	*insn_cache_slot(cache, entry->rip) = *entry;
}
