/* SPDX-License-Identifier: GPL-2.0-only */
/* ASIDs against TLBs that forget nothing by themselves: a missing flush shows as a stale entry. */
/* arch: x86 */
/* sources: arch/x86/svm_asid.c */
#include "arch/svm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmcb.h"
#include "core/cpu.h"

#define CPUS    2
#define ENTRIES 64
#define ASIDS   5 /* 1 to 4 are guests' */

uint32_t svm_features;

struct tlb_entry {
	uint32_t asid;
	uint64_t page, frame;
};

struct tlb {
	struct tlb_entry entries[ENTRIES];
	unsigned count;
	unsigned flushes_all, flushes_asid;
};

/* A guest with one vCPU: what its tables say now, for the one page that it looks at. */
struct guest {
	struct svm_vcpu vcpu;
	uint64_t frame;
	bool flush;
};

static struct cpu cpus[CPUS];
static struct tlb tlbs[CPUS];

static int setup(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(tlbs, 0, sizeof(tlbs));
	svm_features = 0;
	for (uint32_t i = 0; i < CPUS; i++) {
		cpus[i].index = i;
		svm_asid_init(&cpus[i].arch.svm, ASIDS);
	}
	return 0;
}

static struct guest new_guest(uint64_t frame)
{
	return (struct guest){ .vcpu = { .asid_cpu = UINT32_MAX }, .frame = frame };
}

static void tlb_control(struct tlb *tlb, uint8_t control, uint32_t asid)
{
	unsigned kept = 0;

	if (control == VMCB_TLB_KEEP) {
		return;
	}
	tlb->flushes_all += control == VMCB_TLB_FLUSH_ALL;
	tlb->flushes_asid += control == VMCB_TLB_FLUSH_ASID;
	for (unsigned i = 0; i < tlb->count; i++) {
		if (control == VMCB_TLB_FLUSH_ASID && tlb->entries[i].asid != asid) {
			tlb->entries[kept++] = tlb->entries[i];
		}
	}
	tlb->count = kept;
}

static uint64_t tlb_access(struct tlb *tlb, uint32_t asid, const struct guest *guest)
{
	for (unsigned i = 0; i < tlb->count; i++) {
		if (tlb->entries[i].asid == asid) {
			return tlb->entries[i].frame;
		}
	}
	assert_true(tlb->count < ENTRIES);
	tlb->entries[tlb->count++] = (struct tlb_entry){ asid, 0, guest->frame };
	return guest->frame;
}

/* Enters the guest on that CPU; it must see what its tables say. */
static void run(struct guest *guest, uint32_t cpu)
{
	struct svm_asid asid = svm_asid_select(&cpus[cpu], &guest->vcpu, guest->flush);

	guest->flush = false;
	assert_in_range(asid.asid, 1, ASIDS - 1);
	tlb_control(&tlbs[cpu], asid.tlb_control, asid.asid);
	assert_int_equal(tlb_access(&tlbs[cpu], asid.asid, guest), guest->frame);
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
	assert_int_not_equal(a.vcpu.asid, b.vcpu.asid);
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

static void changed_tables_flush_one_asid_where_there_is_flush_by_asid(void **state)
{
	struct guest a = new_guest(10), b = new_guest(20);
	uint32_t asid;

	(void)state;
	svm_features = SVM_CPUID_FLUSH_ASID;
	run(&a, 0);
	run(&b, 0);
	asid = a.vcpu.asid;
	change(&a, 11);
	run(&a, 0);
	assert_int_equal(a.vcpu.asid, asid);
	assert_int_equal(tlbs[0].flushes_asid, 1);
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

static void flush_by_asid_does_not_reach_another_cpu(void **state)
{
	struct guest a = new_guest(10);

	(void)state;
	svm_features = SVM_CPUID_FLUSH_ASID;
	run(&a, 0);
	run(&a, 1);
	change(&a, 11);
	run(&a, 1);
	run(&a, 0); /* no flush is due any more, but CPU 0 never had one */
}

static void more_guests_than_asids_never_mix(void **state)
{
	struct guest guests[ASIDS * 3];

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

static void used_up_asids_flush_once_and_start_again(void **state)
{
	struct guest a = new_guest(10);

	(void)state;
	for (unsigned i = 0; i < ASIDS - 1; i++) {
		a.flush = true;
		run(&a, 0);
	}
	assert_int_equal(tlbs[0].flushes_all, 1);
	a.flush = true;
	run(&a, 0);
	assert_int_equal(tlbs[0].flushes_all, 2);
	assert_int_equal(a.vcpu.asid, 1);
}

/* Its ASID is another's now; the generation tells. */
static void guest_from_before_the_flush_gets_a_new_asid(void **state)
{
	struct guest old = new_guest(10), busy = new_guest(20);

	(void)state;
	run(&old, 0);
	for (unsigned i = 0; i < ASIDS * 2; i++) {
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
		cmocka_unit_test_setup(changed_tables_flush_one_asid_where_there_is_flush_by_asid,
				       setup),
		cmocka_unit_test_setup(migration_leaves_no_stale_entries_behind, setup),
		cmocka_unit_test_setup(flush_by_asid_does_not_reach_another_cpu, setup),
		cmocka_unit_test_setup(more_guests_than_asids_never_mix, setup),
		cmocka_unit_test_setup(used_up_asids_flush_once_and_start_again, setup),
		cmocka_unit_test_setup(guest_from_before_the_flush_gets_a_new_asid, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
