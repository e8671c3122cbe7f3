/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls and model-specific registers of any number, with any value, in every ring. */
#include "tests/guest/hostile/hostile.h"

#define MSR_X2APIC_ICR   (MSR_X2APIC + 0x30)
#define MSR_X2APIC_LVTS  (MSR_X2APIC + 0x2f)
#define MSR_X2APIC_LVT_E (MSR_X2APIC + 0x37)

void hostile_hypercalls(uint64_t operations)
{
	uint8_t call = cpu_is_intel() ? 0xc1 : 0xd9; /* VMCALL, VMMCALL */

	for (uint64_t i = 0; i < operations; i++) {
		struct hostile_code code = { .bytes = { 0x0f, 0x01, call },
					     .count = 3,
					     .ring = hostile_below(4) };
		struct trap trap;

		for (unsigned reg = 0; reg < 16; reg++) {
			hostile_regs[reg] = hostile_value();
		}
		hostile_regs[0] = hostile_regs[0] % 2 == 0 ? hostile_regs[0] : UINT64_MAX - i;
		trap = hostile_run(&code);
		check(trap.vector == (code.ring == 0 ? TRAP_NONE : VECTOR_UD),
		      "hypercall %lx in ring %u: vector %lu", hostile_regs[0], code.ring,
		      trap.vector);
	}
}

static uint32_t number(void)
{
	static const uint32_t bases[] = { 0,          0x100,      0x200,      0x400,
					  0x800,      0xc00,      0x40000000, 0xc0000000,
					  0xc0000080, 0xc0000100, 0xc0010000, 0xc0010100,
					  0xc0011000, 0xffffff00 };

	if (hostile_below(8) == 0) {
		return (uint32_t)hostile_random();
	}
	return bases[hostile_below(ARRAY_SIZE(bases))] + hostile_below(256);
}

/* INIT to itself would be the end of it; interrupts are lapic.c's. */
static bool is_spared(uint32_t msr)
{
	return msr == MSR_X2APIC_ICR || (msr >= MSR_X2APIC_LVTS && msr <= MSR_X2APIC_LVT_E);
}

static void repair(uint64_t base, uint64_t efer, uint64_t pat)
{
	wrmsr(MSR_EFER, efer);
	wrmsr(MSR_PAT, pat);
	if ((rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0) {
		wrmsr(MSR_APIC_BASE, base & ~APIC_BASE_ENABLE); /* back through off */
	}
	wrmsr(MSR_APIC_BASE, base);
	apic_write(APIC_SVR, 0x1ff);
}

void hostile_msrs(uint64_t operations)
{
	uint64_t base = rdmsr(MSR_APIC_BASE), efer = rdmsr(MSR_EFER), pat = rdmsr(MSR_PAT);
	uint64_t high = guest_number("wide", 1); /* RCX' upper half: without effect */

	for (uint64_t i = 0; i < operations; i++) {
		struct hostile_code code = { .bytes = { 0x0f,
							(hostile_random() & 2) != 0 ? 0x30 : 0x32 },
					     .count = 2,
					     .ring = hostile_below(5) % 4 };
		uint32_t msr = number();
		uint64_t value = hostile_below(4) == 0 ? rdmsr(MSR_EFER) ^ BIT(hostile_below(64))
						       : hostile_value();
		struct trap trap;

		if (is_spared(msr)) {
			continue;
		}
		hostile_regs[0] = value;
		hostile_regs[1] = msr | (hostile_random() & high) << 32;
		hostile_regs[2] = value >> 32;
		trap = hostile_run(&code);
		check(trap.vector == VECTOR_GP || (code.ring == 0 && trap.vector == TRAP_NONE),
		      "MSR %x in ring %u: vector %lu", msr, code.ring, trap.vector);
	}
	repair(base, efer, pat);
}
