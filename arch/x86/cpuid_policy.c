/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which CPUID bits guests see: an allow list, so that what a new machine adds stays hidden until
 * somebody has thought about it. A leaf without a row reads zero.
 */
#include "arch/cpuid.h"

#include "arch/fpu.h"
#include "arch/msr.h"
#include "core/hypercall.h"
#include "core/string.h"

#define ALL       UINT32_MAX
#define B(n)      ((uint32_t)BIT(n))
#define R(hi, lo) ((uint32_t)BITS(hi, lo))

#define BASIC_MAX_LEAST 0x0000000dU /* leaves B and D are there whatever the machine has */
#define BASIC_MAX       0x00000016U
#define EXT_MAX_LEAST   0x80000008U
#define EXT_MAX         0x80000021U

/* Hidden: DTES64 2, MONITOR 3, DSCPL 4, VMX 5, SMX 6, EIST 7, TM2 8, SDBG 11, xTPR 14, PDCM 15,
 * DCA 18. x2APIC 21 and TSC-deadline 24 are emulated, 31 says that there is a hypervisor. */
#define LEAF1_ECX   (B(0) | B(1) | B(9) | R(13, 12) | R(23, 19) | B(17) | R(30, 25))
#define LEAF1_SET   (B(21) | B(24) | B(31))
/* Hidden: PSN 18, DS 21, ACPI 22, TM 29, IA64 30, PBE 31. */
#define LEAF1_EDX   (R(17, 0) | B(19) | R(27, 23) | B(28))
/* Hidden: SGX 2, HLE 4, RTM 11, PQM 12, MPX 14, PQE 15, PT 25. TSC_ADJUST 1 is emulated. */
#define LEAF7_EBX   (B(0) | B(3) | R(10, 5) | B(13) | R(21, 16) | R(24, 23) | R(31, 26))
/* Hidden: WAITPKG 5, CET 7, TME 13, LA57 16, KL 23, ENQCMD 29, SGX 30, PKS 31. */
#define LEAF7_ECX   (R(4, 1) | B(6) | R(12, 8) | B(14) | B(22) | B(25) | R(28, 27))
/* Hidden: PCONFIG 18, LBR 19, CET 20, AMX 22 24 25, ARCH_CAPABILITIES 29, CORE_CAPABILITIES 30. */
#define LEAF7_EDX   (R(4, 2) | B(8) | B(10) | B(14) | B(23) | R(28, 26) | B(31))
#define LEAF7_1_EAX (R(5, 4) | R(12, 10) | B(23)) /* AVX-VNNI, BF16, fast strings, AVX-IFMA */
/* Hidden: SVM 2, EXTAPIC 3, OSVW 9, IBS 10, SKINIT 12, WDT 13, LWP 15, performance counters, DBX
 * 26, MWAITX 29. */
#define EXT1_ECX    (R(1, 0) | R(8, 4) | B(11) | B(16) | R(22, 21))
#define EXT1_EDX    (R(17, 0) | B(20) | R(31, 22))
/* Hidden: INVLPGB 3, RDPRU 4, MCOMMIT 8, PPIN 23, SSBD by another MSR 25, CPPC 27. */
#define EXT8_EBX    (R(2, 0) | B(9) | B(12) | R(18, 14) | B(24) | B(26) | R(30, 28))
/* No nested data breakpoints, LFENCE serialises, VERW clears, null selectors clear the base, SRSO.
 */
#define EXT21_EAX   (B(0) | B(2) | R(6, 5) | R(30, 27))
#define EXT21_ECX   R(2, 1) /* not affected by TSA */

#define ZEROES             \
	{                  \
		0, 0, 0, 0 \
	}
#define ONES                       \
	{                          \
		ALL, ALL, ALL, ALL \
	}

const struct cpuid_policy cpuid_policies[] = {
	{ 0x00, 0, false, false, ONES, ZEROES },
	{ 0x01, 0, false, true, { ALL, 0xffff, LEAF1_ECX, LEAF1_EDX }, { 0, 0, LEAF1_SET, 0 } },
	{ 0x02, 0, false, false, ONES, ZEROES },
	{ 0x04, 0, true, false, ONES, ZEROES },
	{ 0x04, 1, true, false, ONES, ZEROES },
	{ 0x04, 2, true, false, ONES, ZEROES },
	{ 0x04, 3, true, false, ONES, ZEROES },
	/* The timer of the virtual LAPIC never stops. */
	{ 0x06, 0, false, false, ZEROES, { B(2), 0, 0, 0 } },
	{ 0x07, 0, true, true, { ALL, LEAF7_EBX, LEAF7_ECX, LEAF7_EDX }, { 0, B(1), 0, 0 } },
	{ 0x07, 1, true, false, { LEAF7_1_EAX, 0, 0, 0 }, ZEROES },
	{ 0x0b, 0, true, true, ZEROES, ZEROES },
	{ 0x0b, 1, true, true, ZEROES, ZEROES },
	{ 0x0d, 0, true, true, { ALL, 0, 0, ALL }, ZEROES },
	/* XSAVEOPT, XSAVEC, XGETBV with ECX = 1; not XSAVES. */
	{ 0x0d, 1, true, true, { R(2, 0), 0, 0, 0 }, ZEROES },
	{ 0x0d, 2, true, false, ONES, ZEROES },
	{ 0x0d, 5, true, false, ONES, ZEROES },
	{ 0x0d, 6, true, false, ONES, ZEROES },
	{ 0x0d, 7, true, false, ONES, ZEROES },
	{ 0x0d, 9, true, false, ONES, ZEROES },
	{ 0x15, 0, false, false, ONES, ZEROES },
	{ 0x16, 0, false, false, ONES, ZEROES },
	{ 0x80000000, 0, false, false, ONES, ZEROES },
	{ 0x80000001, 0, false, false, { ALL, ALL, EXT1_ECX, EXT1_EDX }, ZEROES },
	{ 0x80000002, 0, false, false, ONES, ZEROES },
	{ 0x80000003, 0, false, false, ONES, ZEROES },
	{ 0x80000004, 0, false, false, ONES, ZEROES },
	{ 0x80000005, 0, false, false, ONES, ZEROES },
	{ 0x80000006, 0, false, false, ONES, ZEROES },
	/* Contained machine checks, invariant TSC. */
	{ 0x80000007, 0, false, false, { 0, R(1, 0), 0, B(8) }, ZEROES },
	{ 0x80000008, 0, false, false, { 0xffff, EXT8_EBX, 0, 0 }, ZEROES },
	{ 0x80000019, 0, false, false, ONES, ZEROES },
	{ 0x8000001a, 0, false, false, { R(2, 0), 0, 0, 0 }, ZEROES },
	{ 0x8000001d, 0, true, false, ONES, ZEROES },
	{ 0x8000001d, 1, true, false, ONES, ZEROES },
	{ 0x8000001d, 2, true, false, ONES, ZEROES },
	{ 0x8000001d, 3, true, false, ONES, ZEROES },
	{ 0x8000001e, 0, false, true, ZEROES, ZEROES },
	{ 0x80000021, 0, false, false, { EXT21_EAX, 0, EXT21_ECX, 0 }, ZEROES },
};

const uint32_t cpuid_policy_count = ARRAY_SIZE(cpuid_policies);

static uint32_t *reg(struct cpuid_table *table, uint32_t leaf, uint32_t subleaf,
		     enum cpuid_register which)
{
	/* The policy has all leaves that are named below. */
	return &((struct cpuid_entry *)(uintptr_t)cpuid_find(table, leaf, subleaf))->regs[which];
}

static void masks_apply(struct cpuid_table *table)
{
	for (uint32_t i = 0; i < cpuid_policy_count; i++) {
		const struct cpuid_policy *policy = &cpuid_policies[i];
		struct cpuid_entry *entry = &table->entries[i]; /* both are sorted */

		entry->has_subleaf = policy->has_subleaf;
		entry->is_dynamic = policy->is_dynamic;
		for (uint32_t r = 0; r < CPUID_REGISTERS; r++) {
			entry->regs[r] = (entry->regs[r] & policy->keep[r]) | policy->set[r];
		}
	}
}

static void limits_apply(struct cpuid_table *table)
{
	uint32_t *basic = reg(table, 0, 0, CPUID_EAX);
	uint32_t *ext = reg(table, CPUID_LEAF_EXT, 0, CPUID_EAX);
	uint32_t *subleaves = reg(table, 7, 0, CPUID_EAX);

	*basic = (uint32_t)min_u64(max_u64(*basic, BASIC_MAX_LEAST), BASIC_MAX);
	*ext = (uint32_t)min_u64(max_u64(*ext, EXT_MAX_LEAST), EXT_MAX);
	*subleaves = (uint32_t)min_u64(*subleaves, 1);
}

static bool is_amd(const struct cpuid_table *table)
{
	/* "AuthenticAMD" and "HygonGenuine" begin EDX with these letters of theirs. */
	return cpuid_get(table, 0, CPUID_EBX) == 0x68747541 ||
	       cpuid_get(table, 0, CPUID_EBX) == 0x6f677948;
}

/* ---- topology: one package of as many single-threaded cores as there are vCPUs ---- */

static uint32_t id_bits(uint32_t count)
{
	return count <= 1 ? 0 : bits_highest(count - 1) + 1;
}

/* Sharing of a cache, in leaves 4 and 8000001D: the third level by all, the others by none. */
static void caches_share(struct cpuid_table *table, uint32_t leaf, uint32_t count)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t *eax = reg(table, leaf, i, CPUID_EAX);
		uint32_t level = (uint32_t)field_get(BITS(7, 5), *eax);
		uint32_t sharing = level == 3 ? (uint32_t)min_u64(count - 1, 0xfff) : 0;
		uint32_t cores = leaf == 4 ? (uint32_t)min_u64(count - 1, 63) : 0;

		if (*eax != 0) {
			*eax = (uint32_t)((*eax & R(13, 0)) | field_set(BITS(25, 14), sharing) |
					  field_set(BITS(31, 26), cores));
		}
	}
}

static void topology_apply(struct cpuid_table *table, uint32_t count)
{
	uint32_t bits = id_bits(count);
	uint32_t cores = (uint32_t)min_u64(count, 255);

	*reg(table, 1, 0, CPUID_EBX) &= R(15, 0);
	*reg(table, 1, 0, CPUID_EBX) |= (uint32_t)field_set(BITS(23, 16), cores);
	*reg(table, 1, 0, CPUID_EDX) &= ~B(28);
	*reg(table, 1, 0, CPUID_EDX) |= count > 1 ? B(28) : 0;
	/* Level types: 1 thread, 2 core. */
	*reg(table, 0xb, 0, CPUID_EBX) = 1;
	*reg(table, 0xb, 0, CPUID_ECX) = 1 << 8;
	*reg(table, 0xb, 1, CPUID_EAX) = bits;
	*reg(table, 0xb, 1, CPUID_EBX) = (uint32_t)min_u64(count, UINT16_MAX);
	*reg(table, 0xb, 1, CPUID_ECX) = 2 << 8 | 1;
	caches_share(table, 0x4, count);
	caches_share(table, 0x8000001d, count);
	if (!is_amd(table)) {
		return;
	}
	*reg(table, 0x80000001, 0, CPUID_ECX) &= ~B(1);
	*reg(table, 0x80000001, 0, CPUID_ECX) |= count > 1 ? B(1) : 0;
	*reg(table, 0x80000008, 0, CPUID_ECX) =
		(uint32_t)(field_set(BITS(7, 0), min_u64(count - 1, 255)) |
			   field_set(BITS(15, 12), bits));
}

/* ---- extended state ---- */

static void xsave_apply(struct cpuid_table *table, uint64_t xcr0)
{
	if ((*reg(table, 1, 0, CPUID_ECX) & B(26)) == 0) {
		xcr0 = 0;
	}
	table->xcr0 = xcr0;
	*reg(table, 0xd, 0, CPUID_EAX) = (uint32_t)xcr0;
	*reg(table, 0xd, 0, CPUID_EDX) = (uint32_t)(xcr0 >> 32);
	*reg(table, 0xd, 0, CPUID_ECX) = xcr0 == 0 ? 0 : cpuid_xsave_size(table, xcr0, false);
	for (uint32_t i = 0; i < table->count; i++) {
		struct cpuid_entry *entry = &table->entries[i];

		if (entry->leaf == 0xd &&
		    (xcr0 == 0 || (entry->subleaf > 1 && (xcr0 & BIT(entry->subleaf)) == 0))) {
			memset(entry->regs, 0, sizeof(entry->regs));
		}
	}
	/* Instructions on state that the guest can not turn on are not there. */
	if ((xcr0 & XCR0_AVX) == 0) {
		*reg(table, 1, 0, CPUID_ECX) &= ~(B(12) | B(28) | B(29)); /* FMA AVX F16C */
		*reg(table, 7, 0, CPUID_EBX) &= ~B(5);
		*reg(table, 7, 0, CPUID_ECX) &= ~R(10, 9); /* VAES VPCLMULQDQ */
		*reg(table, 7, 1, CPUID_EAX) &= ~(B(4) | B(23));
		*reg(table, 0x80000001, 0, CPUID_ECX) &= ~(B(11) | B(16)); /* XOP FMA4 */
	}
	if ((xcr0 & XCR0_AVX512) == 0) {
		*reg(table, 7, 0, CPUID_EBX) &= ~(R(17, 16) | B(21) | R(28, 26) | R(31, 30));
		*reg(table, 7, 0, CPUID_ECX) &= ~(B(1) | B(6) | R(12, 11) | B(14));
		*reg(table, 7, 0, CPUID_EDX) &= ~(R(3, 2) | B(8) | B(23));
		*reg(table, 7, 1, CPUID_EAX) &= ~B(5);
	}
	if ((xcr0 & XCR0_PKRU) == 0) {
		*reg(table, 7, 0, CPUID_ECX) &= ~B(3);
	}
}

/* ---- hypervisor leaves ---- */

/* Only what is implemented: of KVM's features that is nothing yet but being known, which is what
 * lets Linux use x2APIC without interrupt remapping. */
static void hypervisor_add(struct cpuid_table *table, const struct cpuid_topology *topology)
{
	static const char kvm[12] = "KVMKVMKVM", own[13] = "Caisson     ";
	struct cpuid_entry *entry;

	entry = cpuid_add(table, CPUID_LEAF_KVM, 0);
	entry->regs[CPUID_EAX] = CPUID_LEAF_KVM + 1;
	memcpy(&entry->regs[CPUID_EBX], kvm, 12);
	cpuid_add(table, CPUID_LEAF_KVM + 1, 0);
	entry = cpuid_add(table, CPUID_LEAF_OWN, 0);
	entry->regs[CPUID_EAX] = CPUID_LEAF_OWN + 1;
	memcpy(&entry->regs[CPUID_EBX], own, 12);
	entry = cpuid_add(table, CPUID_LEAF_OWN + 1, 0);
	entry->regs[CPUID_EAX] = HYPERCALL_ABI;
	entry->regs[CPUID_EBX] = topology->is_control;
}

/* ---- what follows for control registers ---- */

struct control_bit {
	uint32_t leaf;
	enum cpuid_register reg;
	uint32_t feature;
	uint64_t bits;
};

static const struct control_bit cr4_bits[] = {
	{ 1, CPUID_EDX, B(1), CR4_VME | CR4_PVI },
	{ 1, CPUID_EDX, B(4), CR4_TSD },
	{ 1, CPUID_EDX, B(2), CR4_DE },
	{ 1, CPUID_EDX, B(3), CR4_PSE },
	{ 1, CPUID_EDX, B(6), CR4_PAE },
	{ 1, CPUID_EDX, B(7), CR4_MCE },
	{ 1, CPUID_EDX, B(13), CR4_PGE },
	{ 1, CPUID_EDX, B(5), CR4_PCE },
	{ 1, CPUID_EDX, B(24), CR4_OSFXSR },
	{ 1, CPUID_EDX, B(25), CR4_OSXMMEXCPT },
	{ 1, CPUID_ECX, B(17), CR4_PCIDE },
	{ 1, CPUID_ECX, B(26), CR4_OSXSAVE },
	{ 7, CPUID_EBX, B(0), CR4_FSGSBASE },
	{ 7, CPUID_EBX, B(7), CR4_SMEP },
	{ 7, CPUID_EBX, B(20), CR4_SMAP },
	{ 7, CPUID_ECX, B(2), CR4_UMIP },
	{ 7, CPUID_ECX, B(3), CR4_PKE },
};

static const struct control_bit efer_bits[] = {
	{ 0x80000001, CPUID_EDX, B(11), EFER_SCE },
	{ 0x80000001, CPUID_EDX, B(29), EFER_LME },
	{ 0x80000001, CPUID_EDX, B(20), EFER_NXE },
	{ 0x80000001, CPUID_EDX, B(25), EFER_FFXSR },
};

static uint64_t bits_allowed(const struct cpuid_table *table, const struct control_bit *bits,
			     size_t count)
{
	uint64_t allowed = 0;

	for (size_t i = 0; i < count; i++) {
		if ((cpuid_get(table, bits[i].leaf, bits[i].reg) & bits[i].feature) != 0) {
			allowed |= bits[i].bits;
		}
	}
	return allowed;
}

void cpuid_apply_policy(struct cpuid_table *table, const struct cpuid_topology *topology,
			uint64_t xcr0)
{
	masks_apply(table);
	limits_apply(table);
	topology_apply(table, topology->vcpu_count);
	xsave_apply(table, xcr0);
	hypervisor_add(table, topology);
	table->cr4 = bits_allowed(table, cr4_bits, ARRAY_SIZE(cr4_bits));
	table->efer = bits_allowed(table, efer_bits, ARRAY_SIZE(efer_bits));
	table->vendor = cpuid_get(table, 0, CPUID_EBX);
	table->physical_bits = (unsigned)cpuid_get(table, 0x80000008, CPUID_EAX) & 0xff;
}
