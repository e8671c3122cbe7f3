/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x2APIC mode: the way into it, 32-bit ID and derived logical ID, self-IPI register, reserved
 * registers and bits are #GP, the page is gone. APM2 16.9 "x2APIC", SDM3 "Extended XAPIC (x2APIC)".
 */
#include "guests/lib/guest.h"

#define VECTOR    0x54
#define MSR_OF(o) (MSR_X2APIC + (o) / 16)

const char test_title[] = "local APIC (x2APIC)";

static volatile uint64_t taken;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	taken = taken + 1;
	apic_eoi();
}

struct access {
	uint32_t msr;
	uint64_t value;
};

static void read_one(uint64_t msr)
{
	(void)rdmsr((uint32_t)msr);
}

static void write_one(uint64_t access)
{
	const struct access *a = (const struct access *)access;

	wrmsr(a->msr, a->value);
}

static void check_refused(const char *name, uint32_t msr, uint64_t value)
{
	struct access access = { msr, value };

	check_exception(name, write_one, (uint64_t)&access, VECTOR_GP);
}

static void test_mode_changes(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	check_exception("an x2APIC register in xAPIC mode", read_one, MSR_OF(APIC_ID), VECTOR_GP);
	check_refused("x2APIC without the APIC", MSR_APIC_BASE,
		      (base & ~APIC_BASE_ENABLE) | APIC_BASE_X2APIC);
	apic_use_x2apic();
	check(apic_is_x2apic(), "APIC_BASE is %lx", rdmsr(MSR_APIC_BASE));
	check_refused("from x2APIC to xAPIC", MSR_APIC_BASE, base);
}

static void test_identity(uint64_t cpu)
{
	uint32_t id, cluster;

	if (!apic_is_x2apic()) {
		report_failure("CPU %lu did not come up in x2APIC mode", cpu);
		return;
	}
	id = (uint32_t)rdmsr(MSR_OF(APIC_ID));
	cluster = (id >> 4) << 16 | UINT32_C(1) << (id & 15);
	check(id == cpu_apic_id((unsigned)cpu), "CPU %lu: the ID is %x", cpu, id);
	check(cpuid(0xb, 0).edx == id || cpuid(0, 0).eax < 0xb, "CPU %lu: CPUID says %x", cpu,
	      cpuid(0xb, 0).edx);
	check(rdmsr(MSR_OF(APIC_LDR)) == cluster, "CPU %lu: LDR is %lx", cpu,
	      rdmsr(MSR_OF(APIC_LDR)));
}

static void test_refusals(void)
{
	check_refused("writing the ID", MSR_OF(APIC_ID), 1);
	check_refused("writing LDR", MSR_OF(APIC_LDR), 1);
	check_refused("a TPR of 256", MSR_OF(APIC_TPR), 0x100);
	check_refused("an EOI that is not 0", MSR_OF(APIC_EOI), 1);
	check_refused("reserved bits of SVR", MSR_OF(APIC_SVR), BIT(32));
	check_exception("reading EOI", read_one, MSR_OF(APIC_EOI), VECTOR_GP);
	check_exception("DFR", read_one, MSR_OF(APIC_DFR), VECTOR_GP);
	check_exception("ICR's upper half", read_one, MSR_OF(APIC_ICR_HIGH), VECTOR_GP);
	check_exception("a register that is none", read_one, MSR_X2APIC + 0x0f0, VECTOR_GP);
}

static void test_self_ipi(void)
{
	for (uint64_t i = 0; i < 100; i++) {
		taken = 0;
		wrmsr(MSR_OF(APIC_SELF_IPI), VECTOR);
		check(apic_bit(APIC_IRR, VECTOR), "the self-IPI is not pending");
		asm volatile("sti; nop; nop; cli" : : : "memory");
		if (!check(taken == 1, "self-IPI %lu: %lu interrupts", i, taken)) {
			return;
		}
	}
	apic_send(apic_id(), ICR_ASSERT | VECTOR);
	check(wait_for_interrupt(&taken, 2, 100000), "an IPI to the own ID is lost");
	apic_write(APIC_TPR, 0x70);
	check(rdmsr(MSR_OF(APIC_PPR)) == 0x70, "PPR is %lx", rdmsr(MSR_OF(APIC_PPR)));
	apic_write(APIC_TPR, 0);
}

void test_main(void)
{
	if ((cpuid(1, 0).ecx & BIT(21)) == 0) {
		report_skip("no x2APIC");
		return;
	}
	trap_set_handler(VECTOR, handle);
	test_mode_changes();
	apic_write(APIC_SVR, 0x1ff);
	test_identity(0);
	cpu_start_all();
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, test_identity, i);
		cpu_wait(i);
	}
	test_self_ipi();
	if (hypervisor_present()) {
		test_refusals();
	}
}
