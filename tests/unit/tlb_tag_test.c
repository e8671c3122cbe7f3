/* SPDX-License-Identifier: GPL-2.0-only */
/* Tags against TLBs that forget nothing by themselves: a missing flush shows as a stale entry. */
/* arch: x86 */
/* sources: arch/x86/tlb_tag.c */
#include "arch/tlb_tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/bits.h"

#define CPUS    2
#define ENTRIES 64
#define TAGS    5 /* 1 to 4 are guests' */

static bool can_flush;

struct tlb_entry {
	uint32_t tag;
	uint64_t page, frame;
};

struct tlb {
	struct tlb_entry entries[ENTRIES];
	unsigned count;
	unsigned flushes_all, flushes_tag;
};

/* A guest with one vCPU: what its tables say now, for the one page that it looks at. */
struct guest {
	struct tlb_tag tag;
	uint64_t frame;
	bool flush;
};

static struct tlb_tags cpus[CPUS];
static struct tlb tlbs[CPUS];

static int setup(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(tlbs, 0, sizeof(tlbs));
	can_flush = false;
	for (uint32_t i = 0; i < CPUS; i++) {
		tlb_tags_init(&cpus[i], TAGS);
	}
	return 0;
}

static struct guest new_guest(uint64_t frame)
{
	return (struct guest){ .tag = { .cpu = UINT32_MAX }, .frame = frame };
}

static void tlb_flush(struct tlb *tlb, enum tlb_flush flush, uint32_t tag)
{
	unsigned kept = 0;

	if (flush == TLB_KEEP) {
		return;
	}
	tlb->flushes_all += flush == TLB_FLUSH_ALL;
	tlb->flushes_tag += flush == TLB_FLUSH_TAG;
	for (unsigned i = 0; i < tlb->count; i++) {
		if (flush == TLB_FLUSH_TAG && tlb->entries[i].tag != tag) {
			tlb->entries[kept++] = tlb->entries[i];
		}
	}
	tlb->count = kept;
}

static uint64_t tlb_access(struct tlb *tlb, uint32_t tag, const struct guest *guest)
{
	for (unsigned i = 0; i < tlb->count; i++) {
		if (tlb->entries[i].tag == tag) {
			return tlb->entries[i].frame;
		}
	}
	assert_true(tlb->count < ENTRIES);
	tlb->entries[tlb->count++] = (struct tlb_entry){ tag, 0, guest->frame };
	return guest->frame;
}

/* Enters the guest on that CPU; it must see what its tables say. */
static void run(struct guest *guest, uint32_t cpu)
{
	enum tlb_flush flush =
		tlb_tag_select(&cpus[cpu], cpu, &guest->tag, guest->flush, can_flush);

	guest->flush = false;
	assert_in_range(guest->tag.id, 1, TAGS - 1);
	tlb_flush(&tlbs[cpu], flush, guest->tag.id);
	assert_int_equal(tlb_access(&tlbs[cpu], guest->tag.id, guest), guest->frame);
}

static void change(struct guest *guest, uint64_t frame)
{
	guest->frame = frame;
	guest->flush = true;
}

static void first_entry_flushes_what_was_there_before(void **state)
{
	struct guest guest = new_guest(10);

	(void)state;
	tlbs[0].entries[0] = (struct tlb_entry){ 1, 0, 666 };
	tlbs[0].count = 1;
	run(&guest, 0);
	assert_int_equal(tlbs[0].flushes_all, 1);
}

static void guests_on_one_cpu_do_not_see_each_other(void **state)
{
	struct guest a = new_guest(10), b = new_guest(20);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		run(&a, 0);
		run(&b, 0);
	}
	assert_int_not_equal(a.tag.id, b.tag.id);
	assert_int_equal(tlbs[0].flushes_all, 1);
}

static void same_guest_keeps_its_entries(void **state)
{
	struct guest a = new_guest(10);
	unsigned flushes;

	(void)state;
	run(&a, 0);
	flushes = tlbs[0].flushes_all;
	run(&a, 0);
	run(&a, 0);
	assert_int_equal(tlbs[0].flushes_all, flushes);
	assert_int_equal(tlbs[0].count, 1);
}

static void changed_tables_are_seen(void **state)
{
	struct guest a = new_guest(10);

	(void)state;
	run(&a, 0);
	change(&a, 11);
	run(&a, 0);
}

static void changed_tables_flush_one_tag_where_the_cpu_can(void **state)
{
	struct guest a = new_guest(10), b = new_guest(20);
	uint32_t tag;

	(void)state;
	can_flush = true;
	run(&a, 0);
	run(&b, 0);
	tag = a.tag.id;
	change(&a, 11);
	run(&a, 0);
	assert_int_equal(a.tag.id, tag);
	assert_int_equal(tlbs[0].flushes_tag, 1);
	assert_int_equal(tlbs[0].flushes_all, 1);
	run(&b, 0);
}

/* The tables change while it runs elsewhere: what the first CPU kept is stale. */
static void migration_leaves_no_stale_entries_behind(void **state)
{
	struct guest a = new_guest(10);

	(void)state;
	run(&a, 0);
	run(&a, 1);
	change(&a, 11);
	run(&a, 1);
	run(&a, 0);
	change(&a, 12);
	run(&a, 0);
	run(&a, 1);
}

static void flush_of_a_tag_does_not_reach_another_cpu(void **state)
{
	struct guest a = new_guest(10);

	(void)state;
	can_flush = true;
	run(&a, 0);
	run(&a, 1);
	change(&a, 11);
	run(&a, 1);
	run(&a, 0); /* no flush is due any more, but CPU 0 never had one */
}

static void more_guests_than_tags_never_mix(void **state)
{
	struct guest guests[TAGS * 3];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(guests); i++) {
		guests[i] = new_guest(100 + i);
	}
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(guests); i++) {
			run(&guests[i], i % CPUS);
		}
	}
}

static void used_up_tags_flush_once_and_start_again(void **state)
{
	struct guest a = new_guest(10);

	(void)state;
	for (unsigned i = 0; i < TAGS - 1; i++) {
		a.flush = true;
		run(&a, 0);
	}
	assert_int_equal(tlbs[0].flushes_all, 1);
	a.flush = true;
	run(&a, 0);
	assert_int_equal(tlbs[0].flushes_all, 2);
	assert_int_equal(a.tag.id, 1);
}

/* Its tag is another's now; the generation tells. */
static void guest_from_before_the_flush_gets_a_new_tag(void **state)
{
	struct guest old = new_guest(10), busy = new_guest(20);

	(void)state;
	run(&old, 0);
	for (unsigned i = 0; i < TAGS * 2; i++) {
		change(&busy, 21 + i);
		run(&busy, 0);
	}
	old.frame = 11; /* its flush happened with the others' */
	run(&old, 0);
	run(&busy, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_entry_flushes_what_was_there_before, setup),
		cmocka_unit_test_setup(guests_on_one_cpu_do_not_see_each_other, setup),
		cmocka_unit_test_setup(same_guest_keeps_its_entries, setup),
		cmocka_unit_test_setup(changed_tables_are_seen, setup),
		cmocka_unit_test_setup(changed_tables_flush_one_tag_where_the_cpu_can, setup),
		cmocka_unit_test_setup(migration_leaves_no_stale_entries_behind, setup),
		cmocka_unit_test_setup(flush_of_a_tag_does_not_reach_another_cpu, setup),
		cmocka_unit_test_setup(more_guests_than_tags_never_mix, setup),
		cmocka_unit_test_setup(used_up_tags_flush_once_and_start_again, setup),
		cmocka_unit_test_setup(guest_from_before_the_flush_gets_a_new_tag, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
