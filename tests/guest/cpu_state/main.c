/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-CPU registers are per vCPU: MSRs, debug and control registers differ between two vCPUs and
 * stay so while both leave the guest all the time and change places. APM2 appendix A "MSR
 * Cross-Reference".
 */
#include "guests/lib/guest.h"

#define ROUNDS 3000

const char test_title[] = "state of each CPU";

static const uint32_t msrs[] = { MSR_STAR,           MSR_LSTAR,       MSR_CSTAR,
				 MSR_SFMASK,         MSR_FS_BASE,     MSR_GS_BASE,
				 MSR_KERNEL_GS_BASE, MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
				 MSR_SYSENTER_EIP,   MSR_TSC_AUX };

/* Two arrangements of the legal memory types. */
static const uint64_t pats[2] = { 0x0007040600070406, 0x0001050600070406 };

/* Small and canonical, so that every one of these registers takes it. */
static uint64_t value_of(uint64_t cpu, size_t i)
{
	return (cpu + 1) << 8 | (i << 3);
}

static void load(uint64_t cpu)
{
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		wrmsr(msrs[i], value_of(cpu, i));
	}
	wrmsr(MSR_PAT, pats[cpu % 2]);
	dr0_write(cpu + 0x100);
	dr1_write(cpu + 0x200);
	dr2_write(cpu + 0x300);
	dr3_write(cpu + 0x400);
	cr2_write(cpu + 0x500);
	asm volatile("mov %0, %%cr8" : : "r"(cpu % 15));
}

static bool is_kept(uint64_t cpu, uint64_t round)
{
	uint64_t cr8;
	bool kept = true;

	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		kept = check(rdmsr(msrs[i]) == value_of(cpu, i),
			     "CPU %lu, round %lu: MSR %x is %lx", cpu, round, msrs[i],
			     rdmsr(msrs[i])) &&
		       kept;
	}
	asm volatile("mov %%cr8, %0" : "=r"(cr8));
	kept = check(cr8 == cpu % 15, "CPU %lu: CR8 is %lx", cpu, cr8) && kept;
	kept = check(rdmsr(MSR_PAT) == pats[cpu % 2], "CPU %lu: PAT is %lx", cpu, rdmsr(MSR_PAT)) &&
	       kept;
	kept = check(dr0_read() == cpu + 0x100 && dr1_read() == cpu + 0x200 &&
			     dr2_read() == cpu + 0x300 && dr3_read() == cpu + 0x400,
		     "CPU %lu: debug registers changed", cpu) &&
	       kept;
	return check(cr2_read() == cpu + 0x500, "CPU %lu: CR2 is %lx", cpu, cr2_read()) && kept;
}

static void run(uint64_t cpu)
{
	load(cpu);
	for (uint64_t round = 0; round < ROUNDS && is_kept(cpu, round); round++) {
		(void)cpuid(0, 0);
		(void)in8(0x3ff);
	}
	asm volatile("mov %0, %%cr8" : : "r"(UINT64_C(0)));
}

void test_main(void)
{
	cpu_start_all();
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, run, i);
	}
	run(0);
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_wait(i);
	}
}
