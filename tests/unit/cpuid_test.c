/* SPDX-License-Identifier: GPL-2.0-only */
/* What guests see of a machine that has everything, and of one that has nothing. */
/* arch: x86 */
/* sources: arch/x86/cpuid.c arch/x86/cpuid_policy.c arch/x86/bochs.c core/region.c */
#include "arch/cpuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/fpu.h"
#include "arch/msr.h"
#include "core/arch.h"
#include "core/hypercall.h"
#include "core/panic.h"
#include "mm/page_alloc.h"

#define AUTH 0x68747541

void arch_irq_poll(void)
{
}

static struct cpuid_table table;

void *page_alloc_forever(enum page_use use, size_t size)
{
	(void)use, (void)size;
	return NULL;
}

noreturn void panic(const char *format, ...)
{
	(void)format;
	abort();
}

uint64_t fpu_xcr0_supported(void)
{
	return 0;
}

/* A machine whose every answer is ones, but where a number is meant. */
static void machine_with_everything(void)
{
	memset(&table, 0, sizeof(table));
	for (uint32_t i = 0; i < cpuid_policy_count; i++) {
		struct cpuid_entry *entry =
			cpuid_add(&table, cpuid_policies[i].leaf, cpuid_policies[i].subleaf);

		memset(entry->regs, 0xff, sizeof(entry->regs));
		if (entry->leaf == 0x80000008) {
			entry->regs[CPUID_EAX] = 0x3030;
		}
		if (entry->leaf == 0xd && entry->subleaf > 1) {
			entry->regs[CPUID_EAX] = 64;
			entry->regs[CPUID_EBX] = 512 + entry->subleaf * 64;
			entry->regs[CPUID_ECX] = 0;
		}
	}
}

static void machine_with_nothing(void)
{
	memset(&table, 0, sizeof(table));
	for (uint32_t i = 0; i < cpuid_policy_count; i++) {
		(void)cpuid_add(&table, cpuid_policies[i].leaf, cpuid_policies[i].subleaf);
	}
}

static void set_host(uint32_t leaf, uint32_t subleaf, enum cpuid_register reg, uint32_t value)
{
	for (uint32_t i = 0; i < table.count; i++) {
		if (table.entries[i].leaf == leaf && table.entries[i].subleaf == subleaf) {
			table.entries[i].regs[reg] = value;
			return;
		}
	}
	fail();
}

static void apply(uint32_t vcpus, uint64_t xcr0)
{
	struct cpuid_topology topology = { .vcpu_count = vcpus, .is_control = true };

	cpuid_apply_policy(&table, &topology, xcr0);
}

static uint32_t get(uint32_t leaf, uint32_t subleaf, enum cpuid_register reg)
{
	const struct cpuid_entry *entry = cpuid_find(&table, leaf, subleaf);

	assert_non_null(entry);
	return entry->regs[reg];
}

static int setup(void **state)
{
	(void)state;
	machine_with_everything();
	set_host(0, 0, CPUID_EBX, AUTH);
	apply(4, XCR0_OFFERED);
	return 0;
}

/* ---- what is hidden ---- */

struct bit {
	uint32_t leaf, subleaf;
	enum cpuid_register reg;
	unsigned number;
};

static const struct bit hidden[] = {
	{ 1, 0, CPUID_ECX, 2 },           { 1, 0, CPUID_ECX, 3 },  /* DTES64, MONITOR */
	{ 1, 0, CPUID_ECX, 5 },           { 1, 0, CPUID_ECX, 6 },  /* VMX, SMX */
	{ 1, 0, CPUID_ECX, 7 },           { 1, 0, CPUID_ECX, 15 }, /* EIST, PDCM */
	{ 1, 0, CPUID_ECX, 18 },          { 1, 0, CPUID_EDX, 21 }, /* DCA, DS */
	{ 1, 0, CPUID_EDX, 22 },          { 1, 0, CPUID_EDX, 29 }, /* ACPI, TM */
	{ 7, 0, CPUID_EBX, 2 },           { 7, 0, CPUID_EBX, 25 }, /* SGX, PT */
	{ 7, 0, CPUID_EBX, 4 },           { 7, 0, CPUID_EBX, 14 }, /* HLE, MPX */
	{ 7, 0, CPUID_ECX, 16 },          { 7, 0, CPUID_ECX, 7 },  /* LA57, CET_SS */
	{ 7, 0, CPUID_ECX, 5 },           { 7, 0, CPUID_EDX, 20 }, /* WAITPKG, CET_IBT */
	{ 7, 0, CPUID_EDX, 22 },          { 7, 0, CPUID_EDX, 24 }, /* AMX */
	{ 7, 0, CPUID_EDX, 25 },          { 7, 0, CPUID_EDX, 29 }, /* AMX, ARCH_CAPABILITIES */
	{ 13, 1, CPUID_EAX, 3 },                                   /* XSAVES */
	{ 0x80000001, 0, CPUID_ECX, 2 },  { 0x80000001, 0, CPUID_ECX, 3 },  /* SVM, EXTAPIC */
	{ 0x80000001, 0, CPUID_ECX, 9 },  { 0x80000001, 0, CPUID_ECX, 10 }, /* OSVW, IBS */
	{ 0x80000001, 0, CPUID_ECX, 12 }, { 0x80000001, 0, CPUID_ECX, 13 }, /* SKINIT, WDT */
	{ 0x80000001, 0, CPUID_ECX, 23 }, { 0x80000001, 0, CPUID_ECX, 24 }, /* counters */
	{ 0x80000001, 0, CPUID_ECX, 29 }, { 0x80000007, 0, CPUID_EDX, 7 },  /* MWAITX, P-states */
	{ 0x80000007, 0, CPUID_EDX, 10 }, { 0x80000007, 0, CPUID_EBX, 3 },  /* APERF, SMCA */
	{ 0x80000008, 0, CPUID_EBX, 3 },  { 0x80000008, 0, CPUID_EBX, 4 },  /* INVLPGB, RDPRU */
	{ 0x80000008, 0, CPUID_EBX, 27 },                                   /* CPPC */
};

static void what_guests_may_not_have_is_hidden(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		const struct bit *bit = &hidden[i];
		uint32_t value = get(bit->leaf, bit->subleaf, bit->reg);

		if ((value & BIT(bit->number)) != 0) {
			fail_msg("leaf %x.%x register %d bit %u is shown", bit->leaf, bit->subleaf,
				 bit->reg, bit->number);
		}
	}
}

static void whole_leaves_are_hidden(void **state)
{
	static const uint32_t leaves[] = { 3,          5,          9,          0xa,
					   0xf,        0x10,       0x12,       0x14,
					   0x19,       0x1f,       0x8000000a, 0x8000001b,
					   0x8000001f, 0x80000020, 0x80000022, 0x80000026 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		assert_null(cpuid_find(&table, leaves[i], 0));
	}
	assert_in_range(get(0, 0, CPUID_EAX), 0xd, 0x1e);
	assert_int_equal(get(0x80000000, 0, CPUID_EAX), 0x80000021);
	/* Of leaf 6 nothing but ARAT: no HWP, no APERF. */
	assert_int_equal(get(6, 0, CPUID_EAX), BIT(2));
	assert_int_equal(get(6, 0, CPUID_ECX), 0);
}

static void unknown_bits_of_known_leaves_are_hidden(void **state)
{
	(void)state;
	assert_int_equal(get(7, 0, CPUID_ECX) & BITS(31, 29), 0);
	assert_int_equal(get(0x80000021, 0, CPUID_EBX), 0);
	assert_int_equal(get(0x80000008, 0, CPUID_EDX), 0);
}

/* ---- what is always there ---- */

static void emulated_features_are_offered_whatever_the_machine_has(void **state)
{
	(void)state;
	machine_with_nothing();
	apply(1, 0);
	assert_int_equal(get(1, 0, CPUID_ECX), BIT(21) | BIT(24) | BIT(31));
	assert_int_equal(get(6, 0, CPUID_EAX), BIT(2));
	assert_int_equal(get(7, 0, CPUID_EBX), BIT(1));
	assert_int_equal(get(0, 0, CPUID_EAX), 0xd);
	assert_int_equal(get(0x80000000, 0, CPUID_EAX), 0x80000008);
}

static void hypervisor_leaves_name_kvm_and_us(void **state)
{
	const struct cpuid_entry *kvm = cpuid_find(&table, 0x40000000, 0);
	const struct cpuid_entry *own = cpuid_find(&table, 0x40000100, 0);

	(void)state;
	assert_memory_equal(&kvm->regs[CPUID_EBX], "KVMKVMKVM\0\0\0", 12);
	assert_int_equal(kvm->regs[CPUID_EAX], 0x40000001);
	assert_int_equal(get(0x40000001, 0, CPUID_EAX), 0); /* no feature is implemented */
	assert_memory_equal(&own->regs[CPUID_EBX], "Caisson     ", 12);
	assert_int_equal(get(0x40000101, 0, CPUID_EAX), HYPERCALL_ABI);
	assert_int_equal(get(0x40000101, 0, CPUID_EBX), 1);
}

/* ---- topology ---- */

static void topology_has_as_many_cores_as_vcpus(void **state)
{
	(void)state;
	assert_int_equal(field_get(BITS(23, 16), get(1, 0, CPUID_EBX)), 4);
	assert_int_equal(field_get(BITS(31, 24), get(1, 0, CPUID_EBX)), 0); /* each vCPU's own */
	assert_true((get(1, 0, CPUID_EDX) & BIT(28)) != 0);
	assert_int_equal(get(0xb, 0, CPUID_EAX), 0);
	assert_int_equal(get(0xb, 0, CPUID_EBX), 1);
	assert_int_equal(get(0xb, 0, CPUID_ECX), 0x100);
	assert_int_equal(get(0xb, 1, CPUID_EAX), 2);
	assert_int_equal(get(0xb, 1, CPUID_EBX), 4);
	assert_int_equal(get(0xb, 1, CPUID_ECX), 0x201);
	assert_int_equal(get(0x80000008, 0, CPUID_ECX), 0x2003);
	assert_true(cpuid_find(&table, 0xb, 0)->is_dynamic);
}

static void third_level_cache_is_shared_by_all_others_by_none(void **state)
{
	(void)state;
	machine_with_everything();
	set_host(0, 0, CPUID_EBX, AUTH);
	for (uint32_t i = 0; i < 4; i++) {
		set_host(0x8000001d, i, CPUID_EAX, 0x3fffc000 | (i == 3 ? 3 : 1) << 5 | 1);
	}
	apply(3, 0);
	assert_int_equal(field_get(BITS(25, 14), get(0x8000001d, 0, CPUID_EAX)), 0);
	assert_int_equal(field_get(BITS(25, 14), get(0x8000001d, 3, CPUID_EAX)), 2);
}

static void lone_vcpu_has_no_siblings(void **state)
{
	(void)state;
	machine_with_everything();
	set_host(0, 0, CPUID_EBX, AUTH);
	apply(1, 0);
	assert_int_equal(get(1, 0, CPUID_EDX) & BIT(28), 0);
	assert_int_equal(get(0xb, 1, CPUID_EAX), 0);
	assert_int_equal(get(0x80000001, 0, CPUID_ECX) & BIT(1), 0);
	assert_int_equal(get(0x80000008, 0, CPUID_ECX), 0);
}

static void thousand_vcpus_fit_the_fields(void **state)
{
	(void)state;
	machine_with_everything();
	set_host(0, 0, CPUID_EBX, AUTH);
	apply(1024, 0);
	assert_int_equal(field_get(BITS(23, 16), get(1, 0, CPUID_EBX)), 255);
	assert_int_equal(get(0xb, 1, CPUID_EAX), 10);
	assert_int_equal(get(0xb, 1, CPUID_EBX), 1024);
	assert_int_equal(get(0x80000008, 0, CPUID_ECX), 0xa0ff);
}

/* ---- extended state ---- */

static void xsave_sizes_follow_the_components(void **state)
{
	(void)state;
	assert_int_equal(get(0xd, 0, CPUID_EAX), XCR0_OFFERED);
	assert_int_equal(cpuid_xsave_size(&table, XCR0_X87 | XCR0_SSE, false), 576);
	assert_int_equal(cpuid_xsave_size(&table, XCR0_X87 | XCR0_SSE | XCR0_AVX, false),
			 512 + 2 * 64 + 64);
	assert_int_equal(cpuid_xsave_size(&table, XCR0_OFFERED, false), 512 + 9 * 64 + 64);
	assert_int_equal(cpuid_xsave_size(&table, XCR0_OFFERED, true), 576 + 5 * 64);
	assert_int_equal(get(0xd, 0, CPUID_ECX), 512 + 9 * 64 + 64);
}

static void what_needs_state_that_is_not_offered_is_hidden(void **state)
{
	(void)state;
	machine_with_everything();
	apply(1, XCR0_X87 | XCR0_SSE);
	assert_int_equal(get(1, 0, CPUID_ECX) & (BIT(12) | BIT(28) | BIT(29)), 0);
	assert_int_equal(get(7, 0, CPUID_EBX) & (BIT(5) | BIT(16) | BIT(31)), 0);
	assert_int_equal(get(7, 0, CPUID_ECX) & BIT(3), 0);
	assert_int_equal(get(0xd, 2, CPUID_EAX), 0);
	assert_int_equal(table.cr4 & CR4_PKE, 0);
	machine_with_everything();
	apply(1, 0);
	assert_int_equal(get(0xd, 0, CPUID_EAX), 0);
	assert_int_equal(get(0xd, 1, CPUID_EAX), 0);
}

/* ---- control registers ---- */

static void control_register_bits_follow_the_features(void **state)
{
	(void)state;
	assert_true((table.cr4 & (CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_PCIDE | CR4_OSXSAVE)) ==
		    (CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_PCIDE | CR4_OSXSAVE));
	assert_int_equal(table.cr4 & (CR4_VMXE | CR4_LA57 | CR4_CET), 0);
	assert_int_equal(table.efer, EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR);
	assert_int_equal(table.physical_bits, 0x30);
	machine_with_nothing();
	apply(1, 0);
	assert_int_equal(table.cr4, 0);
	assert_int_equal(table.efer, 0);
}

/* ---- look-up ---- */

static void look_up_finds_subleaves_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(cpuid_find(&table, 0xd, 9)->subleaf, 9);
	assert_null(cpuid_find(&table, 0xd, 3));
	assert_null(cpuid_find(&table, 0xd, 100));
	assert_ptr_equal(cpuid_find(&table, 1, 77), cpuid_find(&table, 1, 0));
	assert_null(cpuid_find(&table, 0x27, 0));
	assert_null(cpuid_find(&table, 0x28, 0));
	assert_null(cpuid_find(&table, 0x40000002, 0));
	assert_null(cpuid_find(&table, 0x80000101, 0));
	assert_null(cpuid_find(&table, 0xc0000000, 0));
	assert_null(cpuid_find(&table, UINT32_MAX, UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_guests_may_not_have_is_hidden, setup),
		cmocka_unit_test_setup(whole_leaves_are_hidden, setup),
		cmocka_unit_test_setup(unknown_bits_of_known_leaves_are_hidden, setup),
		cmocka_unit_test_setup(emulated_features_are_offered_whatever_the_machine_has,
				       setup),
		cmocka_unit_test_setup(hypervisor_leaves_name_kvm_and_us, setup),
		cmocka_unit_test_setup(topology_has_as_many_cores_as_vcpus, setup),
		cmocka_unit_test_setup(third_level_cache_is_shared_by_all_others_by_none, setup),
		cmocka_unit_test_setup(lone_vcpu_has_no_siblings, setup),
		cmocka_unit_test_setup(thousand_vcpus_fit_the_fields, setup),
		cmocka_unit_test_setup(xsave_sizes_follow_the_components, setup),
		cmocka_unit_test_setup(what_needs_state_that_is_not_offered_is_hidden, setup),
		cmocka_unit_test_setup(control_register_bits_follow_the_features, setup),
		cmocka_unit_test_setup(look_up_finds_subleaves_and_nothing_else, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
