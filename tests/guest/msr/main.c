/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs: those a guest owns keep what it writes, reserved bits and unknown numbers are #GP, so is
 * any access at CPL 3. APM2 3.2 "Model-Specific Registers". TCG knows no unknown MSRs: only as a
 * guest.
 */
#include "guests/lib/guest.h"

#define VENDOR_AMD 0x68747541 /* "Auth" of AuthenticAMD */

const char test_title[] = "model-specific registers";

static const struct {
	uint32_t msr;
	uint64_t value;
} own[] = {
	{ MSR_STAR, 0x0018000800000000 },       { MSR_LSTAR, 0xffffffff80001234 },
	{ MSR_CSTAR, 0xffffffff80005678 },      { MSR_SFMASK, 0x47700 },
	{ MSR_FS_BASE, 0x123456789000 },        { MSR_GS_BASE, 0xffff888000001000 },
	{ MSR_KERNEL_GS_BASE, 0x7ffff0001000 }, { MSR_SYSENTER_CS, 0x10 },
	{ MSR_SYSENTER_ESP, 0x12345678 },       { MSR_SYSENTER_EIP, 0x87654321 },
	{ MSR_PAT, 0x0007010600070106 },        { MSR_TSC_AUX, 0xabcd },
};

static const uint32_t unknown[] = { 0x00001234, 0x00002000, 0x40001000, 0xc0000200,
				    0xc0002345, 0xc0013456, 0xffffffff };

/* Kernels read them without care on every CPU of AMD's, also where the emulator below has none. */
static const uint32_t amd[] = { MSR_PATCH_LEVEL, MSR_SYSCFG, MSR_HWCR, MSR_TOP_MEM, MSR_TOP_MEM2 };

struct write {
	uint32_t msr;
	uint64_t value;
};

static void read_one(uint64_t msr)
{
	(void)rdmsr((uint32_t)msr);
}

static void write_one(uint64_t write)
{
	const struct write *w = (const struct write *)write;

	wrmsr(w->msr, w->value);
}

static void check_refused(const char *name, uint32_t msr, uint64_t value)
{
	struct write write = { msr, value };
	uint64_t before = rdmsr(msr);

	check_exception(name, write_one, (uint64_t)&write, VECTOR_GP);
	check(rdmsr(msr) == before, "%s: it was written", name);
}

static void test_own_registers_keep_their_value(void)
{
	uint64_t before[ARRAY_SIZE(own)];

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		before[i] = rdmsr(own[i].msr);
		wrmsr(own[i].msr, own[i].value);
	}
	(void)cpuid(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		check(rdmsr(own[i].msr) == own[i].value, "MSR %x is %lx, %lx was written",
		      own[i].msr, rdmsr(own[i].msr), own[i].value);
		wrmsr(own[i].msr, before[i]);
	}
}

static void test_efer(void)
{
	uint64_t efer = rdmsr(MSR_EFER);

	check((efer & (EFER_LME | EFER_LMA)) == (EFER_LME | EFER_LMA), "EFER is %lx in long mode",
	      efer);
	wrmsr(MSR_EFER, efer & ~EFER_SCE);
	check(rdmsr(MSR_EFER) == (efer & ~EFER_SCE), "EFER.SCE stays set");
	wrmsr(MSR_EFER, efer);
	check(rdmsr(MSR_EFER) == efer, "EFER is %lx, %lx was written", rdmsr(MSR_EFER), efer);
}

static void test_tsc_aux_is_seen_by_rdtscp(void)
{
	uint32_t aux;

	if ((cpuid(0x80000001, 0).edx & BIT(27)) == 0) {
		return;
	}
	wrmsr(MSR_TSC_AUX, 0x1234);
	asm volatile("rdtscp" : "=c"(aux) : : "rax", "rdx");
	check(aux == 0x1234, "RDTSCP says %x", aux);
}

static void test_reserved_bits(void)
{
	check_refused("EFER bit 63", MSR_EFER, rdmsr(MSR_EFER) | BIT(63));
	check_refused("EFER.LME with paging", MSR_EFER, rdmsr(MSR_EFER) & ~(EFER_LME | EFER_LMA));
	check_refused("PAT type 2", MSR_PAT, 0x0007040600070402);
	check_refused("APIC_BASE bit 0", MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BIT(0));
	check_refused("APIC_BASE beyond the width", MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BIT(62));
}

static void test_unknown_registers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		struct write write = { unknown[i], 0 };

		check_exception("reading an unknown MSR", read_one, unknown[i], VECTOR_GP);
		check_exception("writing an unknown MSR", write_one, (uint64_t)&write, VECTOR_GP);
	}
}

static void test_amds_registers_can_be_read(void)
{
	struct trap trap;

	for (size_t i = 0; cpuid(0, 0).ebx == VENDOR_AMD && i < ARRAY_SIZE(amd); i++) {
		trap = expect_exception(read_one, amd[i]);
		check(trap.vector == TRAP_NONE, "reading MSR %x: vector %lu", amd[i], trap.vector);
	}
}

#define SPEC_CTRL_STIBP BIT(1)

/* Values of SPEC_CTRL are the guest's own over exits, and commands are taken, where CPUID has them.
 */
static void test_speculation_control(void)
{
	uint32_t has = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).ebx : 0;

	if ((has & BIT(15)) != 0) {
		wrmsr(MSR_SPEC_CTRL, SPEC_CTRL_STIBP);
		for (unsigned i = 0; i < 1000; i++) {
			(void)cpuid(0, 0);
		}
		check(rdmsr(MSR_SPEC_CTRL) == SPEC_CTRL_STIBP, "SPEC_CTRL is %lx",
		      rdmsr(MSR_SPEC_CTRL));
		wrmsr(MSR_SPEC_CTRL, 0);
		print("SPEC_CTRL was tried\n");
	}
	if ((has & BIT(12)) != 0) {
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	}
}

/* Memory types are the firmware's: they can be read, and writing them harms nobody. */
static void test_mtrrs_are_read_only(void)
{
	uint64_t type = rdmsr(MSR_MTRR_DEF_TYPE);

	check((rdmsr(MSR_MTRR_CAP) & 0xff) <= 16, "MTRR_CAP is %lx", rdmsr(MSR_MTRR_CAP));
	wrmsr(MSR_MTRR_DEF_TYPE, 0);
	check(rdmsr(MSR_MTRR_DEF_TYPE) == type, "MTRR_DEF_TYPE was written");
}

void test_main(void)
{
	struct write write = { MSR_STAR, 0 };

	test_own_registers_keep_their_value();
	test_efer();
	test_tsc_aux_is_seen_by_rdtscp();
	check(expect_exception_user(read_one, MSR_EFER).vector == VECTOR_GP,
	      "RDMSR works at CPL 3");
	check(expect_exception_user(write_one, (uint64_t)&write).vector == VECTOR_GP,
	      "WRMSR works at CPL 3");
	if (hypervisor_present()) {
		test_reserved_bits();
		test_unknown_registers();
		test_amds_registers_can_be_read();
		test_mtrrs_are_read_only();
		test_speculation_control();
	}
}
