/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPIs reach whom they name: physical, logical (flat, and x2APIC's clusters), shorthands, lowest
 * priority, NMI; none is lost in a ping-pong. In both APIC modes. APM2 16.5 "Interprocessor
 * Interrupts (IPI)".
 */
#include "guests/lib/guest.h"

#define VECTOR      0x56
#define VECTOR_WAKE 0x57 /* may be taken late, when nobody listens any more */
#define PING_PONGS  2000
#define WAIT_US     5000000
#define DFR_FLAT    0xffffffff

const char test_title[] = "interprocessor interrupts";

static volatile uint64_t taken[CPUS_MAX], nmis[CPUS_MAX], stop;

static void handle(struct trap_frame *frame)
{
	volatile uint64_t *count = frame->vector == VECTOR_NMI ? nmis : taken;

	count[cpu_index()] = count[cpu_index()] + 1;
	if (frame->vector != VECTOR_NMI) {
		apic_eoi();
	}
}

static void wake(struct trap_frame *frame)
{
	(void)frame;
	apic_eoi();
}

/* What the APs do: take interrupts, asleep. */
static void listen(uint64_t cpu)
{
	if (!apic_is_x2apic()) {
		apic_write(APIC_DFR, DFR_FLAT);
		apic_write(APIC_LDR, UINT32_C(1) << (24 + cpu % 8));
	}
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		sti_hlt_cli();
	}
}

static uint32_t logical_id(unsigned cpu)
{
	uint32_t id = cpu_apic_id(cpu);

	return apic_is_x2apic() ? (id >> 4) << 16 | UINT32_C(1) << (id & 15)
				: UINT32_C(1) << cpu % 8;
}

/* Every CPU whose bit is set has taken exactly one more, the others none. */
static void expect(const char *name, uint64_t cpus, volatile uint64_t *counts)
{
	for (unsigned i = 0; i < cpu_count(); i++) {
		uint64_t wanted = (cpus & BIT(i)) != 0;

		if (wanted != 0) {
			wait_for_interrupt(&counts[i], wanted, WAIT_US);
		}
	}
	sti();
	delay_us(500);
	cli();
	for (unsigned i = 0; i < cpu_count(); i++) {
		check(counts[i] == ((cpus & BIT(i)) != 0), "%s: CPU %u took %lu", name, i,
		      counts[i]);
		counts[i] = 0;
	}
}

static void test_destinations(void)
{
	uint64_t all = BITS(cpu_count() - 1, 0);
	uint32_t both = logical_id(0) | logical_id(1);

	for (unsigned i = 0; i < cpu_count(); i++) {
		apic_send(cpu_apic_id(i), ICR_ASSERT | VECTOR);
		expect("physical", BIT(i), taken);
		apic_send(logical_id(i), ICR_LOGICAL | ICR_ASSERT | VECTOR);
		expect("logical", BIT(i), taken);
	}
	apic_send(both, ICR_LOGICAL | ICR_ASSERT | VECTOR);
	expect("two logical", 3, taken);
	apic_send(0, ICR_SELF | ICR_ASSERT | VECTOR);
	expect("self", 1, taken);
	apic_send(0, ICR_ALL | ICR_ASSERT | VECTOR);
	expect("all", all, taken);
	apic_send(0, ICR_OTHERS | ICR_ASSERT | VECTOR);
	expect("all others", all & ~BIT(0), taken);
	apic_send(apic_is_x2apic() ? UINT32_MAX : 0xff, ICR_ASSERT | VECTOR);
	expect("broadcast", all, taken);
	apic_send(0, ICR_OTHERS | ICR_NMI | ICR_ASSERT);
	expect("NMI to others", all & ~BIT(0), nmis);
	apic_send(cpu_apic_id(1), ICR_NMI | ICR_ASSERT);
	expect("NMI to one", 2, nmis);
	apic_send(200, ICR_ASSERT | VECTOR);
	expect("to nobody", 0, taken);
}

static void test_lowest_priority(void)
{
	uint64_t sum = 0;

	apic_send(logical_id(0) | logical_id(1), ICR_LOGICAL | ICR_LOWEST | ICR_ASSERT | VECTOR);
	sti();
	delay_us(20000);
	cli();
	for (unsigned i = 0; i < cpu_count(); i++) {
		sum += taken[i];
		taken[i] = 0;
	}
	check(sum == 1, "lowest priority: %lu CPUs took it", sum);
}

static void test_ping_pong(void)
{
	for (uint64_t i = 1; i <= PING_PONGS; i++) {
		apic_send(cpu_apic_id(1), ICR_ASSERT | VECTOR);
		if (!check(wait_for(&taken[1], i, WAIT_US), "IPI %lu is lost", i)) {
			break;
		}
	}
	taken[1] = 0;
}

static void test_mode(void)
{
	stop = 0;
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, listen, i);
	}
	if (!apic_is_x2apic()) {
		apic_write(APIC_DFR, DFR_FLAT);
		apic_write(APIC_LDR, UINT32_C(1) << 24);
	}
	delay_us(1000);
	test_destinations();
	test_lowest_priority();
	test_ping_pong();
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	apic_send(0, ICR_OTHERS | ICR_ASSERT | VECTOR_WAKE);
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_wait(i);
	}
}

static void use_x2apic(uint64_t unused)
{
	(void)unused;
	apic_use_x2apic();
}

void test_main(void)
{
	if (cpu_count() < 2) {
		report_skip("one CPU");
		return;
	}
	trap_set_handler(VECTOR, handle);
	trap_set_handler(VECTOR_NMI, handle);
	trap_set_handler(VECTOR_WAKE, wake);
	if (!cpu_start_all()) {
		return;
	}
	test_mode();
	if ((cpuid(1, 0).ecx & BIT(21)) != 0) {
		for (unsigned i = 1; i < cpu_count(); i++) {
			cpu_run(i, use_x2apic, 0);
			cpu_wait(i);
		}
		apic_use_x2apic();
		test_mode();
	}
}
