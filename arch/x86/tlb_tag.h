/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tags that keep one vCPU's TLB entries from another's on one CPU: ASIDs, VPIDs. A vCPU that comes
 * from another CPU, or whose entries are stale, gets a new one; when they are used up, all of the
 * CPU's TLB is flushed and they are given out again. APM2 15.16 "TLB Control", SDM3 29.1 "Virtual
 * Processor Identifiers".
 */
#pragma once

#include "core/types.h"

/* Of a CPU. */
struct tlb_tags {
	uint32_t next, max;  /* tag 0 is the host's */
	uint64_t generation; /* grows when the tags are used up and all are flushed */
	bool flush;          /* that flush is due with the next entry */
};

/* Of a (vCPU, address space), on CPU `cpu` in generation `generation`. */
struct tlb_tag {
	uint32_t id;
	uint32_t cpu; /* UINT32_MAX: none yet */
	uint64_t generation;
};

enum tlb_flush { TLB_KEEP, TLB_FLUSH_TAG, TLB_FLUSH_ALL };

/* count: the tags that the CPU has, with the host's. */
void tlb_tags_init(struct tlb_tags *tags, uint32_t count);

/* The tag is still its owner's on the CPU of that index. */
static inline bool tlb_tag_is_current(const struct tlb_tags *tags, uint32_t cpu,
				      const struct tlb_tag *tag)
{
	return tag->cpu == cpu && tag->generation == tags->generation;
}

/*
 * Chooses the tag of an entry on this CPU, after cpu->in_guest was set, and says what the entry has
 * to flush. is_stale: what the TLB holds of the vCPU is. can_flush: the CPU can flush a single tag.
 */
must_check enum tlb_flush tlb_tag_select(struct tlb_tags *tags, uint32_t cpu, struct tlb_tag *tag,
					 bool is_stale, bool can_flush);
