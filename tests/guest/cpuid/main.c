/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID: the hypervisor's leaves, nothing that is not offered, the vCPU's own topology, sizes that
 * agree with XCR0; the same at CPL 3 and in real mode. APM3 "CPUID", docs "CPUID, MSR,
 * speculation".
 */
#include "guests/lib/guest.h"

#define REG_EAX 0
#define REG_EBX 1
#define REG_ECX 2
#define REG_EDX 3

const char test_title[] = "CPUID";

struct feature {
	const char *name;
	uint32_t leaf, reg, bit;
};

static const struct feature hidden[] = {
	{ "MONITOR", 1, REG_ECX, 3 },
	{ "VMX", 1, REG_ECX, 5 },
	{ "EIST", 1, REG_ECX, 7 },
	{ "PDCM", 1, REG_ECX, 15 },
	{ "APERF", 6, REG_ECX, 0 },
	{ "LA57", 7, REG_ECX, 16 },
	{ "CET_SS", 7, REG_ECX, 7 },
	{ "IBT", 7, REG_EDX, 20 },
	{ "PT", 7, REG_EBX, 25 },
	{ "AMX", 7, REG_EDX, 24 },
	{ "SVM", 0x80000001, REG_ECX, 2 },
	{ "extended APIC", 0x80000001, REG_ECX, 3 },
	{ "PerfCtr", 0x80000001, REG_ECX, 23 },
	{ "SKINIT", 0x80000001, REG_ECX, 12 },
	{ "CPPC", 0x80000008, REG_EBX, 27 },
	{ "SME", 0x8000001f, REG_EAX, 0 },
	{ "SEV", 0x8000001f, REG_EAX, 1 },
};

static const struct feature offered[] = {
	{ "APIC", 1, REG_EDX, 9 },
	{ "TSC", 1, REG_EDX, 4 },
	{ "x2APIC", 1, REG_ECX, 21 },
	{ "TSC deadline", 1, REG_ECX, 24 },
	{ "hypervisor", 1, REG_ECX, 31 },
	{ "ARAT", 6, REG_EAX, 2 },
	{ "long mode", 0x80000001, REG_EDX, 29 },
};

static struct cpuid seen;

static bool has(const struct feature *feature)
{
	struct cpuid leaf = cpuid(feature->leaf, 0);
	uint32_t regs[4] = { leaf.eax, leaf.ebx, leaf.ecx, leaf.edx };

	return (regs[feature->reg] & BIT(feature->bit)) != 0;
}

static void test_hypervisor(void)
{
	struct cpuid leaf = cpuid(0x40000000, 0);

	check(leaf.eax >= 0x40000001, "the last hypervisor leaf is %x", leaf.eax);
	check(leaf.ebx == 0x4b4d564b && leaf.ecx == 0x564b4d56 && leaf.edx == 0x4d,
	      "the signature is not KVMKVMKVM");
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		check(!has(&hidden[i]), "%s is shown", hidden[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(offered); i++) {
		check(has(&offered[i]), "%s is not offered", offered[i].name);
	}
	leaf = cpuid(0x0fffffff, 0);
	check((leaf.eax | leaf.ebx | leaf.ecx | leaf.edx) == 0, "a leaf past the last has content");
	leaf = cpuid(0xa, 0);
	check((leaf.eax & 0xff) == 0, "performance counters are shown");
}

static void test_topology(uint64_t unused)
{
	uint32_t id = apic_id();
	struct cpuid one = cpuid(1, 0), b = cpuid(0xb, 0);

	(void)unused;
	check(one.ebx >> 24 == (id & 0xff), "leaf 1 says APIC ID %x, the APIC %x", one.ebx >> 24,
	      id);
	if (cpuid(0, 0).eax >= 0xb && b.ebx != 0) {
		check(b.edx == id, "leaf B says APIC ID %x, the APIC %x", b.edx, id);
		check(cpuid(0xb, 1).ebx >= cpu_count(), "leaf B counts %u logical processors",
		      cpuid(0xb, 1).ebx);
	}
	check((cpuid(0x80000008, 0).ecx & 0xff) + 1 == (cpu_is_intel() ? 1 : cpu_count()) ||
		      !hypervisor_present(),
	      "80000008 counts %u threads", (cpuid(0x80000008, 0).ecx & 0xff) + 1);
}

static void test_xsave(void)
{
	uint64_t cr4 = cr4_read();

	if ((cpuid(1, 0).ecx & BIT(26)) == 0) {
		return;
	}
	check((cpuid(1, 0).ecx & BIT(27)) == 0, "OSXSAVE is shown before CR4 has it");
	cr4_write(cr4 | CR4_OSXSAVE);
	check((cpuid(1, 0).ecx & BIT(27)) != 0, "OSXSAVE does not follow CR4");
	xsetbv(0, 3);
	check(cpuid(0xd, 0).ebx == 576, "XSAVE size with x87 and SSE: %u", cpuid(0xd, 0).ebx);
	if ((cpuid(0xd, 0).eax & 4) != 0) {
		struct cpuid avx = cpuid(0xd, 2);

		xsetbv(0, 7);
		check(cpuid(0xd, 0).ebx == avx.ebx + avx.eax, "XSAVE size with AVX: %u",
		      cpuid(0xd, 0).ebx);
		check(cpuid(0xd, 0).ecx >= cpuid(0xd, 0).ebx,
		      "XSAVE's most is less than what is on");
	}
	cr4_write(cr4);
}

static void ask(uint64_t leaf)
{
	seen = cpuid((uint32_t)leaf, 0);
}

static void test_everywhere(void)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xc3 }; /* cpuid; ret */
	struct real_regs regs = { .eax = 0x80000002 };
	struct cpuid here = cpuid(0x80000002, 0);

	check(expect_exception_user(ask, 0x80000002).vector == TRAP_USER_RETURN,
	      "CPUID faults at CPL 3");
	check(memcmp(&seen, &here, sizeof(here)) == 0, "CPUID differs at CPL 3");
	real_call(code, sizeof(code), &regs);
	check(regs.eax == here.eax && regs.ebx == here.ebx && regs.ecx == here.ecx &&
		      regs.edx == here.edx,
	      "CPUID differs in real mode");
}

void test_main(void)
{
	if (hypervisor_present()) {
		test_hypervisor();
	}
	test_topology(0);
	cpu_start_all();
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, test_topology, 0);
		cpu_wait(i);
	}
	test_xsave();
	test_everywhere();
}
