/* SPDX-License-Identifier: GPL-2.0-only */
/* Who has which tag of a CPU's TLB. Owner CPU only. */
#include "arch/tlb_tag.h"

void tlb_tags_init(struct tlb_tags *tags, uint32_t count)
{
	tags->max = count - 1;
	tags->next = 1;
	tags->generation = 1;
	tags->flush = true; /* whatever a hypervisor before us left under them */
}

static void assign(struct tlb_tags *tags, uint32_t cpu, struct tlb_tag *tag)
{
	if (tags->next > tags->max) {
		tags->next = 1;
		tags->generation++;
		tags->flush = true;
	}
	tag->id = tags->next++;
	tag->cpu = cpu;
	tag->generation = tags->generation;
}

enum tlb_flush tlb_tag_select(struct tlb_tags *tags, uint32_t cpu, struct tlb_tag *tag,
			      bool is_stale, bool can_flush)
{
	enum tlb_flush flush = TLB_KEEP;
	bool owned = tlb_tag_is_current(tags, cpu, tag);

	if (owned && is_stale && can_flush) {
		flush = TLB_FLUSH_TAG;
	} else if (!owned || is_stale) {
		assign(tags, cpu, tag);
	}
	if (tags->flush) {
		tags->flush = false;
		flush = TLB_FLUSH_ALL;
	}
	return flush;
}
