/* SPDX-License-Identifier: GPL-2.0-only */
/* PAE's top entries as registers: from memory, from and to the VMCS. */
/* arch: x86 */
/* sources: arch/x86/vmx_paging.c */
#include "arch/vmx.h"

#include "tests/unit/vmcs_fake.h"

#include "arch/cpuid.h"
#include "arch/vcpu_regs.h"
#include "core/err.h"
#include "core/vm.h"
#include "mm/guest_mem.h"

#define PDPTE(n) (0x280a + 2 * (n)) /* SDM3 appendix B */
#define TABLE    0x5000

const struct virt_ops *virt;

static struct cpuid_table cpuid_answers = { .physical_bits = 40 };
static struct vm vm;
static struct vcpu vcpu;
static struct vcpu_sregs sregs;
static uint64_t table[4];
static unsigned table_reads;

int guest_mem_read(struct stage2 *stage2, gpa_t address, void *buffer, size_t size)
{
	assert_ptr_equal(stage2, &vm.stage2[0]);
	assert_int_equal(size, sizeof(table));
	table_reads++;
	if (address.value != TABLE) {
		memset(buffer, 0xff, size / 2); /* the page ends there */
		return -E_RANGE;
	}
	memcpy(buffer, table, sizeof(table));
	return 0;
}

static int setup(void **state)
{
	(void)state;
	vmcs_fake_clear();
	memset(&sregs, 0, sizeof(sregs));
	memset(table, 0, sizeof(table));
	vm.arch.cpuid = &cpuid_answers;
	vcpu.vm = &vm;
	table_reads = 0;
	return 0;
}

static void make_pae(void)
{
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.cr4 = CR4_PAE;
	sregs.efer = 0;
	sregs.cr3 = TABLE | BIT(3) | BIT(4); /* PWT, PCD: no part of the address */
	for (unsigned i = 0; i < 4; i++) {
		table[i] = 0x10001 + 0x1000 * i;
	}
}

static void pae_paging_loads_its_four_entries(void **state)
{
	(void)state;
	make_pae();
	assert_true(vmx_paging_load(&vcpu, &sregs));
	table[1] = 0x2006; /* what is in memory later does not count */
	vmx_paging_set(&vcpu, &sregs);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(vmcs_fake[PDPTE(i)], 0x10001 + 0x1000 * i);
	}
	assert_int_equal(table_reads, 1);
}

/* The processor would refuse the entry: SDM3 27.3.1.6. */
static void entries_with_reserved_bits_are_refused(void **state)
{
	static const uint64_t bad[] = { BIT(1), BIT(2), BIT(5), BIT(8), BIT(40), BIT(52), BIT(63) };
	static const uint64_t good[] = { BIT(3), BIT(4), BIT(9), BIT(11), BIT(39) };

	(void)state;
	make_pae();
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(sregs.pdptes, 0x77, sizeof(sregs.pdptes));
		table[i % 4] = PDPTE_PRESENT | bad[i];
		assert_false(vmx_paging_load(&vcpu, &sregs));
		assert_int_equal(sregs.pdptes[0], UINT64_C(0x7777777777777777));
		table[i % 4] = bad[i]; /* not present */
		assert_true(vmx_paging_load(&vcpu, &sregs));
		assert_int_equal(sregs.pdptes[i % 4], bad[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		table[i % 4] = PDPTE_PRESENT | good[i];
		assert_true(vmx_paging_load(&vcpu, &sregs));
	}
}

/* The entry would be refused: SDM3 27.3.1.2. */
static void long_mode_with_a_tss_of_16_bits_is_refused(void **state)
{
	(void)state;
	sregs.cr0 = CR0_PE | CR0_PG;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	sregs.segments[SEGMENT_TR].attributes = SEGMENT_PRESENT | 3;
	assert_false(vmx_paging_load(&vcpu, &sregs));
	sregs.segments[SEGMENT_TR].attributes = SEGMENT_PRESENT | 11;
	assert_true(vmx_paging_load(&vcpu, &sregs));
	assert_int_equal(table_reads, 0);
}

/* There the processor reads ones. */
static void table_outside_of_memory_is_refused(void **state)
{
	(void)state;
	make_pae();
	sregs.cr3 = 0xff000000;
	assert_false(vmx_paging_load(&vcpu, &sregs));
}

/* MOV CR3 has loaded them without an exit. */
static void entries_come_back_in_pae_paging_alone(void **state)
{
	(void)state;
	make_pae();
	vmx_paging_set(&vcpu, &sregs);
	for (unsigned i = 0; i < 4; i++) {
		vmcs_fake_set(PDPTE(i), 0x20001 + 0x1000 * i);
	}
	vmx_paging_get(&sregs);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(sregs.pdptes[i], 0x20001 + 0x1000 * i);
	}
	sregs.cr4 = CR4_PSE;
	vmx_paging_get(&sregs);
	assert_int_equal(sregs.pdptes[3], 0);
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	sregs.pdptes[3] = 1;
	vmx_paging_get(&sregs);
	assert_int_equal(sregs.pdptes[3], 0);
}

/* Of a processor without these registers. What would have faulted at MOV CR3 does so at the first
 * access. */
static void image_without_entries_has_those_of_memory(void **state)
{
	(void)state;
	make_pae();
	table[2] = PDPTE_PRESENT | BIT(5);
	vmx_paging_set(&vcpu, &sregs);
	assert_int_equal(vmcs_fake[PDPTE(1)], 0x11001);
	assert_int_equal(vmcs_fake[PDPTE(2)], 0);
	assert_int_equal(vmcs_fake[PDPTE(3)], 0x13001);
}

static void other_paging_has_no_such_entries(void **state)
{
	static const struct {
		uint64_t cr0, cr4, efer;
	} rows[] = {
		{ CR0_PE, CR4_PAE, 0 },
		{ CR0_PE | CR0_PG, 0, 0 },
		{ CR0_PE | CR0_PG, CR4_PAE, EFER_LME | EFER_LMA },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		sregs.cr0 = rows[i].cr0;
		sregs.cr4 = rows[i].cr4;
		sregs.efer = rows[i].efer;
		sregs.cr3 = TABLE;
		vmx_paging_set(&vcpu, &sregs);
		assert_int_equal(table_reads, 0);
		assert_int_equal(vmcs_fake_written[PDPTE(0)], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pae_paging_loads_its_four_entries, setup),
		cmocka_unit_test_setup(other_paging_has_no_such_entries, setup),
		cmocka_unit_test_setup(entries_with_reserved_bits_are_refused, setup),
		cmocka_unit_test_setup(long_mode_with_a_tss_of_16_bits_is_refused, setup),
		cmocka_unit_test_setup(table_outside_of_memory_is_refused, setup),
		cmocka_unit_test_setup(entries_come_back_in_pae_paging_alone, setup),
		cmocka_unit_test_setup(image_without_entries_has_those_of_memory, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
