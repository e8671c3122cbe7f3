/* SPDX-License-Identifier: GPL-2.0-only */
/* The interrupt controllers' registers with any value, of any size, at any place. */
#include "tests/guest/hostile/hostile.h"

#define LAPIC        UINT64_C(0xfee00000)
#define IOAPIC       UINT64_C(0xfec00000)
#define MODE         BITS(10, 8)
#define MODE_SMI     2
#define MODE_INIT    5
#define MODE_STARTUP 6
#define PINS         24

static void access(uint64_t address, uint64_t value, unsigned kind)
{
	switch (kind % 8) {
	case 0:
		*(volatile uint8_t *)address = (uint8_t)value;
		break;
	case 1:
		*(volatile uint16_t *)address = (uint16_t)value;
		break;
	case 2:
		*(volatile uint64_t *)address = value;
		break;
	case 3:
		(void)*(volatile uint8_t *)address;
		break;
	case 4:
		(void)*(volatile uint64_t *)address;
		break;
	case 5:
		(void)*(volatile uint32_t *)address;
		break;
	default:
		*(volatile uint32_t *)address = (uint32_t)value;
		break;
	}
}

/* Any word of a LVT or ICR but one that resets this processor. */
static uint32_t word(void)
{
	uint32_t value = ((uint32_t)hostile_random() & 0xffffff00) | hostile_vector();
	uint32_t mode = (uint32_t)field_get(MODE, value);

	if (mode == MODE_INIT || mode == MODE_SMI || mode == MODE_STARTUP) {
		value &= ~(uint32_t)MODE;
	}
	return value;
}

static void write_register(void)
{
	static const uint16_t lvts[] = { 0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370 };

	switch (hostile_below(6)) {
	case 0:
		*(volatile uint32_t *)(LAPIC + APIC_ICR_HIGH) = (uint32_t)hostile_value();
		*(volatile uint32_t *)(LAPIC + APIC_ICR) = word();
		break;
	case 1:
		*(volatile uint32_t *)(LAPIC + lvts[hostile_below(ARRAY_SIZE(lvts))]) = word();
		break;
	case 2:
		*(volatile uint32_t *)(LAPIC + APIC_TIMER_DIVIDE) = (uint32_t)hostile_value();
		*(volatile uint32_t *)(LAPIC + APIC_TIMER_INITIAL) = (uint32_t)hostile_value();
		break;
	case 3:
		*(volatile uint32_t *)(LAPIC + APIC_SVR) = word();
		break;
	default: /* anything before and behind those */
		access(LAPIC + (hostile_random() & 1 ? hostile_below(0x2e0)
						     : 0x380 + hostile_below(0xc78)),
		       hostile_value(), hostile_below(8));
		break;
	}
}

void hostile_lapic(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++) {
		write_register();
		if (hostile_below(4) == 0) {
			hostile_take_interrupts();
		}
	}
	apic_write(APIC_TIMER_INITIAL, 0);
	for (unsigned lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
		apic_write(lvt, LVT_MASKED);
	}
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, 0x1ff);
	for (unsigned i = 0; i < 512; i++) {
		hostile_take_interrupts();
		apic_eoi();
	}
}

/* Forged vectors, reserved modes, both triggers; nothing that resets a processor. */
static void write_entry(void)
{
	uint32_t pin = hostile_below(PINS + 8);

	ioapic_write(IOAPIC_ENTRY + pin * 2 + 1, (uint32_t)hostile_value());
	ioapic_write(IOAPIC_ENTRY + pin * 2, word() & ~(hostile_below(2) << 16));
}

void hostile_ioapic(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++) {
		switch (hostile_below(4)) {
		case 0:
			access(IOAPIC + hostile_below(16), hostile_value(), hostile_below(8));
			(void)*(volatile uint32_t *)(IOAPIC + 0x10);
			break;
		case 1:
			access(IOAPIC + 0x20 + hostile_below(0xfd0), hostile_value(),
			       hostile_below(8));
			break;
		default:
			write_entry();
			break;
		}
		if (hostile_below(4) == 0) {
			hostile_take_interrupts();
		}
	}
	for (uint32_t pin = 0; pin < PINS; pin++) {
		ioapic_write(IOAPIC_ENTRY + pin * 2, IOAPIC_MASKED);
	}
	for (unsigned i = 0; i < 512; i++) {
		hostile_take_interrupts();
		apic_eoi();
	}
}
