/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * INVEPT and INVVPID against TLBs that forget nothing by themselves: what is not dropped in time
 * shows as a stale translation. SDM3 29.4.1 "Information That May Be Cached".
 */
/* arch: x86 */
/* sources: arch/x86/vmx_tlb.c arch/x86/tlb_tag.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include <stdlib.h>

#include "arch/ept.h"
#include "arch/vmx_insn.h"
#include "core/cpu.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "tests/unit/log_capture.h"

#define CPUS    3
#define VMS     2
#define VCPUS   4 /* two of each VM */
#define TAGS    4 /* VPIDs 1 to 3 are guests' */
#define ENTRIES 256

/* A linear address of the guest to the machine's, or a physical one of the guest's to that. */
struct tlb_entry {
	bool is_combined;
	uint64_t vpid; /* combined ones */
	uint64_t ept;
	uint64_t from, to;
};

struct tlb {
	struct tlb_entry entries[ENTRIES];
	unsigned count;
};

struct vmx_facts vmx_facts;
struct vmx_controls vmx_controls;

static struct cpu cpus[CPUS];
static struct tlb tlbs[CPUS];
static struct vm vms[VMS];
static struct vcpu vcpus[VCPUS];
static struct tlb *tlb; /* of the CPU that runs */
/* What the tables say now. The one linear address of a vCPU is a page of its VM's, which stage-2
 * has somewhere. */
static uint64_t page_of[VCPUS], frame_of[VMS][2], next_frame;
static unsigned invepts, invepts_all, invvpids_one, invvpids_all;

uint64_t ept_pointer(const struct stage2 *stage2)
{
	return (uint64_t)(container_of(stage2, struct vm, stage2[0]) - vms + 1) << 12 | 0x5e;
}

/* ---- the hardware ---- */

static void drop(bool (*is_hit)(const struct tlb_entry *entry, uint64_t what), uint64_t what)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < tlb->count; i++) {
		if (!is_hit(&tlb->entries[i], what)) {
			tlb->entries[kept++] = tlb->entries[i];
		}
	}
	tlb->count = kept;
}

static bool is_of_ept(const struct tlb_entry *entry, uint64_t pointer)
{
	return entry->ept == pointer;
}

static bool is_of_vpid(const struct tlb_entry *entry, uint64_t vpid)
{
	return entry->is_combined && entry->vpid == vpid;
}

static bool is_combined(const struct tlb_entry *entry, uint64_t unused)
{
	(void)unused;
	return entry->is_combined;
}

bool invept(uint64_t type, uint64_t pointer)
{
	uint64_t cap = type == VMX_INVALIDATE_ONE ? VMX_EPT_INVEPT_ONE : VMX_EPT_INVEPT_ALL;

	assert_true(type == VMX_INVALIDATE_ONE || type == VMX_INVALIDATE_ALL);
	assert_true((vmx_facts.ept_vpid & cap) != 0);
	invepts++;
	if (type == VMX_INVALIDATE_ALL) {
		invepts_all++;
		tlb->count = 0;
	} else {
		drop(is_of_ept, pointer);
	}
	return true;
}

bool invvpid(uint64_t type, uint64_t vpid)
{
	assert_true(type == VMX_INVALIDATE_ONE || type == VMX_INVALIDATE_ALL);
	assert_true(vmx_has(VMX_PROC2, PROC2_VPID));
	assert_in_range(vpid, 1, UINT16_MAX);
	if (type == VMX_INVALIDATE_ALL) {
		invvpids_all++;
		drop(is_combined, 0);
	} else {
		invvpids_one++;
		drop(is_of_vpid, vpid);
	}
	return true;
}

static const struct tlb_entry *find(bool combined, uint64_t vpid, uint64_t ept, uint64_t from)
{
	for (unsigned i = 0; i < tlb->count; i++) {
		const struct tlb_entry *entry = &tlb->entries[i];

		if (entry->is_combined == combined && entry->vpid == vpid && entry->ept == ept &&
		    entry->from == from) {
			return entry;
		}
	}
	return NULL;
}

static uint64_t fill(bool combined, uint64_t vpid, uint64_t ept, uint64_t from, uint64_t to)
{
	assert_true(tlb->count < ENTRIES);
	tlb->entries[tlb->count++] = (struct tlb_entry){ combined, vpid, ept, from, to };
	return to;
}

static uint64_t translate_physical(uint64_t vm, uint64_t ept, uint64_t page)
{
	const struct tlb_entry *entry = find(false, 0, ept, page);

	return entry != NULL ? entry->to : fill(false, 0, ept, page, frame_of[vm][page]);
}

/* An access of the guest's. */
static uint64_t translate(uint32_t vcpu, uint64_t vpid)
{
	uint64_t vm = vcpu / 2, ept = ept_pointer(&vms[vm].stage2[0]);
	const struct tlb_entry *entry = find(true, vpid, ept, 0);

	return entry != NULL ? entry->to
			     : fill(true, vpid, ept, 0, translate_physical(vm, ept, page_of[vcpu]));
}

/* ---- the guests ---- */

/* Enters it on that CPU: its access must end where its tables and stage-2 say now, and so must the
 * walker's of another page. */
static void run(uint32_t vcpu, uint32_t cpu)
{
	uint64_t vm = vcpu / 2, ept = ept_pointer(&vms[vm].stage2[0]), vpid = 0;

	tlb = &tlbs[cpu];
	if (!vmx_has(VMX_PROC2, PROC2_VPID)) {
		drop(is_combined, 0); /* by the entry itself: SDM3 29.4.3.1 */
	}
	vmx_tlb_prepare(&cpus[cpu], &vcpus[vcpu]);
	if (vmx_has(VMX_PROC2, PROC2_VPID)) {
		/* The VMCS is the vCPU's: another one's tag there is none. */
		vpid = vcpus[vcpu].arch.vmx.vpid.id;
		assert_in_range(vpid, 1, TAGS - 1);
	}
	assert_int_equal(translate(vcpu, vpid), frame_of[vm][page_of[vcpu]]);
	for (uint64_t page = 0; page < 2; page++) {
		assert_int_equal(translate_physical(vm, ept, page), frame_of[vm][page]);
	}
}

/* Its own paging was changed by us: CR0, CR4, EFER. */
static void change_paging(uint32_t vcpu)
{
	page_of[vcpu] ^= 1;
	vcpus[vcpu].arch.flush = true;
}

/* stage2_flush() was called. */
static void change_stage2(uint64_t vm, uint64_t page)
{
	frame_of[vm][page] = next_frame++;
	vms[vm].stage2[0].generation++;
}

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(cpus, 0, sizeof(cpus));
	memset(tlbs, 0, sizeof(tlbs));
	memset(vms, 0, sizeof(vms));
	memset(vcpus, 0, sizeof(vcpus));
	vmx_facts = (struct vmx_facts){ .ept_vpid = VMX_EPT_INVEPT_ONE | VMX_EPT_INVEPT_ALL };
	vmx_controls = (struct vmx_controls){ .values[VMX_PROC2] = (uint32_t)PROC2_VPID };
	for (uint32_t i = 0; i < CPUS; i++) {
		cpus[i].index = i;
		tlb_tags_init(&cpus[i].arch.vmx.vpids, TAGS);
	}
	next_frame = 100;
	for (uint64_t vm = 0; vm < VMS; vm++) {
		vms[vm].stage2[0].generation = 7 + vm;
		frame_of[vm][0] = next_frame++;
		frame_of[vm][1] = next_frame++;
	}
	for (uint32_t i = 0; i < VCPUS; i++) {
		vcpus[i].vm = &vms[i / 2];
		vcpus[i].arch.vmx.vpid.cpu = UINT32_MAX;
		page_of[i] = 0;
	}
	invepts = invepts_all = invvpids_one = invvpids_all = 0;
	return 0;
}

static int setup_without_vpids(void **state)
{
	setup(state);
	vmx_controls.values[VMX_PROC2] = 0;
	vmcs_fake_absent[VMCS_VPID] = true;
	return 0;
}

/* ---- what is dropped, and what is not ---- */

static void first_entry_drops_what_was_there_before(void **state)
{
	(void)state;
	tlb = &tlbs[0];
	fill(true, 1, ept_pointer(&vms[0].stage2[0]), 0, 666);
	fill(false, 0, ept_pointer(&vms[0].stage2[0]), 0, 666);
	run(0, 0);
	assert_int_equal(invvpids_all, 1);
	assert_int_equal(invepts, 1);
}

static void guest_that_comes_back_flushes_nothing(void **state)
{
	unsigned before;

	(void)state;
	run(0, 0);
	before = vmcs_fake_writes;
	invepts = invvpids_one = invvpids_all = 0;
	run(0, 0);
	run(0, 0);
	assert_int_equal(invepts + invvpids_one + invvpids_all, 0);
	assert_int_equal(vmcs_fake_writes, before);
}

static void vpid_of_the_entry_is_in_the_vmcs(void **state)
{
	(void)state;
	run(0, 0);
	assert_int_equal(vmcs_read(VMCS_VPID), vcpus[0].arch.vmx.vpid.id);
	run(1, 0);
	assert_int_equal(vmcs_read(VMCS_VPID), vcpus[1].arch.vmx.vpid.id);
	assert_int_not_equal(vcpus[0].arch.vmx.vpid.id, vcpus[1].arch.vmx.vpid.id);
}

static void changed_paging_drops_the_vcpus_own_entries_alone(void **state)
{
	unsigned others;

	(void)state;
	run(0, 0);
	run(1, 0);
	run(0, 0);
	others = tlbs[0].count;
	invepts = invvpids_one = invvpids_all = 0;
	change_paging(0);
	run(0, 0);
	assert_int_equal(invvpids_one, 1);
	assert_int_equal(invvpids_all + invepts, 0);
	assert_int_equal(tlbs[0].count, others); /* one went, one came */
	assert_false(vcpus[0].arch.flush);
	run(1, 0);
}

static void changed_stage2_is_seen_by_address_and_by_walk(void **state)
{
	(void)state;
	run(0, 0);
	change_stage2(0, 0); /* what the vCPU looks at */
	run(0, 0);
	change_stage2(0, 1); /* what only walks see */
	run(0, 0);
	change_paging(0);
	run(0, 0);
}

static void each_vcpu_of_a_vm_sees_its_changed_stage2(void **state)
{
	(void)state;
	run(0, 0);
	run(1, 0);
	change_stage2(0, 0);
	run(0, 0);
	run(1, 0);
	change_stage2(0, 0);
	run(1, 1);
	run(0, 0);
	run(1, 0);
}

static void change_of_one_vm_leaves_another_ones_entries(void **state)
{
	(void)state;
	run(0, 0);
	run(2, 0);
	change_stage2(0, 0);
	run(0, 0);
	invepts = invvpids_one = invvpids_all = 0;
	run(2, 0);
	assert_int_equal(invepts + invvpids_one + invvpids_all, 0);
	assert_int_equal(invepts_all, 0);
}

/* ---- from CPU to CPU ---- */

/* The flush that was due happened elsewhere: what this CPU has kept is older. */
static void vcpu_that_comes_back_finds_no_stale_linear_entry(void **state)
{
	(void)state;
	run(0, 0);
	run(0, 1);
	change_paging(0);
	run(0, 1);
	run(0, 0);
	change_paging(0);
	run(0, 0);
	run(0, 1);
}

static void vcpu_that_comes_back_finds_no_stale_ept_entry(void **state)
{
	(void)state;
	run(0, 0);
	run(0, 1);
	change_stage2(0, 0);
	change_stage2(0, 1);
	run(0, 1);
	run(0, 0);
}

/* Its generation is the newest, but this CPU has entries of a brother's from before. */
static void vcpu_that_is_new_finds_no_stale_entry_of_its_brothers(void **state)
{
	(void)state;
	run(1, 0);
	run(0, 1);
	change_stage2(0, 0);
	run(0, 1);
	run(0, 0);
	run(1, 0);
}

static void vm_at_a_destroyed_ones_tables_finds_none_of_its_entries(void **state)
{
	(void)state;
	run(0, 0);
	run(1, 0);
	memset(&vcpus[0], 0, sizeof(vcpus[0]));
	vcpus[0].vm = &vms[0];
	vcpus[0].arch.vmx.vpid.cpu = UINT32_MAX;
	vms[0].stage2[0].generation = 0;
	frame_of[0][0] = next_frame++;
	frame_of[0][1] = next_frame++;
	run(0, 0);
}

/* ---- tags ---- */

static void used_up_vpids_are_given_again_without_their_entries(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4 * TAGS; i++) {
		run(i % VCPUS, 0);
		run((i + 1) % VCPUS, 1);
	}
	assert_in_range(invvpids_all, 3, 64);
}

static void vpid_from_before_all_were_flushed_is_not_used(void **state)
{
	(void)state;
	run(0, 0);
	for (uint32_t i = 0; i < 4; i++) {
		run(1, 0);
		run(1, 1); /* and a new tag on CPU 0 each time */
		run(2, 0);
		run(2, 1);
	}
	change_stage2(0, 0);
	run(0, 0);
}

/* ---- poorer processors ---- */

static void where_invept_drops_all_alone_all_is_dropped(void **state)
{
	(void)state;
	vmx_facts.ept_vpid = VMX_EPT_INVEPT_ALL;
	run(0, 0);
	change_stage2(0, 0);
	run(0, 0);
	assert_int_equal(invepts_all, 2);
	run(0, 1);
	run(2, 1);
}

static void without_vpids_the_ept_is_still_flushed(void **state)
{
	(void)state;
	run(0, 0);
	change_stage2(0, 0);
	run(0, 0);
	change_stage2(0, 1);
	run(1, 1);
	run(0, 1);
	run(1, 0);
	change_paging(0);
	run(0, 1);
	assert_int_equal(invvpids_one + invvpids_all, 0);
	assert_true(invepts >= 5);
}

/* ---- anything at any time ---- */

static void stale_entries_are_never_used(void **state)
{
	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		int what = rand() % 16;

		if (what == 0) {
			change_stage2((uint64_t)rand() % VMS, (uint64_t)rand() % 2);
		} else if (what < 3) {
			change_paging((uint32_t)rand() % VCPUS);
		} else {
			run((uint32_t)rand() % VCPUS, (uint32_t)rand() % CPUS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_entry_drops_what_was_there_before, setup),
		cmocka_unit_test_setup(guest_that_comes_back_flushes_nothing, setup),
		cmocka_unit_test_setup(vpid_of_the_entry_is_in_the_vmcs, setup),
		cmocka_unit_test_setup(changed_paging_drops_the_vcpus_own_entries_alone, setup),
		cmocka_unit_test_setup(changed_stage2_is_seen_by_address_and_by_walk, setup),
		cmocka_unit_test_setup(each_vcpu_of_a_vm_sees_its_changed_stage2, setup),
		cmocka_unit_test_setup(change_of_one_vm_leaves_another_ones_entries, setup),
		cmocka_unit_test_setup(vcpu_that_comes_back_finds_no_stale_linear_entry, setup),
		cmocka_unit_test_setup(vcpu_that_comes_back_finds_no_stale_ept_entry, setup),
		cmocka_unit_test_setup(vcpu_that_is_new_finds_no_stale_entry_of_its_brothers,
				       setup),
		cmocka_unit_test_setup(vm_at_a_destroyed_ones_tables_finds_none_of_its_entries,
				       setup),
		cmocka_unit_test_setup(used_up_vpids_are_given_again_without_their_entries, setup),
		cmocka_unit_test_setup(vpid_from_before_all_were_flushed_is_not_used, setup),
		cmocka_unit_test_setup(where_invept_drops_all_alone_all_is_dropped, setup),
		cmocka_unit_test_setup(without_vpids_the_ept_is_still_flushed, setup_without_vpids),
		cmocka_unit_test_setup(stale_entries_are_never_used, setup),
		cmocka_unit_test_setup(stale_entries_are_never_used, setup_without_vpids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
