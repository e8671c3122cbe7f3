/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOAPIC: registers read back, a masked pin keeps quiet, the PIT's line arrives as the vector
 * its entry names, at the CPU it names. IOAPIC data sheet 3.2 "IOAPIC Registers".
 */
#include "guests/lib/guest.h"

#define ENTRY_WRITABLE 0x1afff /* all but the delivery status and remote IRR */
#define PIT_CHANNEL0   0x40
#define PIT_COMMAND    0x43
#define PIT_RATE       0x34 /* channel 0, both bytes, mode 2 */
#define PIT_DIVISOR    2386 /* 500 Hz */
#define VECTOR         0x55

const char test_title[] = "IOAPIC";

static uint32_t pit_pin;
static volatile uint64_t ticks, ticks_of[CPUS_MAX];

static void handle(struct trap_frame *frame)
{
	(void)frame;
	ticks = ticks + 1;
	ticks_of[cpu_index()] = ticks_of[cpu_index()] + 1;
	apic_eoi();
}

static void test_registers(void)
{
	uint32_t version = ioapic_read(IOAPIC_VERSION);
	uint32_t last = version >> 16 & 0xff;

	check((version & 0xff) >= 0x11 && (version & 0xff) <= 0x20, "the version is %x", version);
	check(last >= 23, "there are %u pins", last + 1);
	for (uint32_t pin = 0; pin <= last; pin++) {
		uint32_t low, high;

		ioapic_route(pin, (uint64_t)pin << 56 | IOAPIC_MASKED | (0x40 + pin));
		low = ioapic_read(IOAPIC_ENTRY + pin * 2);
		high = ioapic_read(IOAPIC_ENTRY + pin * 2 + 1);
		check((low & ENTRY_WRITABLE) == (IOAPIC_MASKED | (0x40 + pin)) && high >> 24 == pin,
		      "entry %u reads back %x %x", pin, high, low);
	}
	ioapic_write(IOAPIC_VERSION, 0);
	check(ioapic_read(IOAPIC_VERSION) == version, "the version can be written");
}

static void test_delivery(unsigned cpu)
{
	uint64_t target = (uint64_t)cpu_apic_id(cpu) << 56;

	ticks = 0;
	ticks_of[cpu] = 0;
	ioapic_route(pit_pin, target | VECTOR);
	check(wait_for_interrupt(&ticks, 5, 2000000), "CPU %u: %lu of 5 interrupts of the PIT", cpu,
	      ticks);
	ioapic_route(pit_pin, target | IOAPIC_MASKED | VECTOR);
	sti();
	delay_us(50000); /* what was on its way arrives */
	check(ticks == ticks_of[cpu], "CPU %u: %lu of %lu interrupts went elsewhere", cpu,
	      ticks - ticks_of[cpu], ticks);
	ticks = 0;
	delay_us(10000);
	cli();
	check(ticks == 0, "CPU %u: %lu interrupts of a masked pin", cpu, ticks);
}

/* An AP takes interrupts while it works here. */
static void take_interrupts(uint64_t us)
{
	sti();
	delay_us(us);
	cli();
}

void test_main(void)
{
	pit_pin = ioapic_isa_pin(0);
	trap_set_handler(VECTOR, handle);
	test_registers();
	out8(PIT_COMMAND, PIT_RATE);
	out8(PIT_CHANNEL0, PIT_DIVISOR & 0xff);
	out8(PIT_CHANNEL0, PIT_DIVISOR >> 8);
	test_delivery(0);
	if (cpu_count() > 1 && cpu_start_all()) {
		cpu_run(1, take_interrupts, 400000);
		test_delivery(1);
		cpu_wait(1);
	}
}
