/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC of the running CPU, in whichever mode it is. APM2 chapter 16. */
#include "guests/lib/apic.h"

#include "guests/lib/acpi.h"
#include "guests/lib/guest.h"

#define SVR_ENABLE      BIT(8)
#define VECTOR_SPURIOUS 0xff
#define REGISTER_SHIFT  4 /* an x2APIC MSR for every 16 bytes of the page */
#define ICR_SEND_POLLS  1000000

static bool x2apic_wanted;

bool apic_is_x2apic(void)
{
	return (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0;
}

static volatile uint32_t *page_register(unsigned offset)
{
	return (volatile uint32_t *)((rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS) + offset);
}

uint32_t apic_read(unsigned offset)
{
	if (apic_is_x2apic()) {
		return (uint32_t)rdmsr(MSR_X2APIC + (offset >> REGISTER_SHIFT));
	}
	return *page_register(offset);
}

void apic_write(unsigned offset, uint32_t value)
{
	if (apic_is_x2apic()) {
		wrmsr(MSR_X2APIC + (offset >> REGISTER_SHIFT), value);
	} else {
		*page_register(offset) = value;
	}
}

uint32_t apic_id(void)
{
	return apic_is_x2apic() ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

void apic_send(uint32_t destination, uint32_t command)
{
	if (apic_is_x2apic()) {
		wrmsr(MSR_X2APIC + (APIC_ICR >> REGISTER_SHIFT),
		      (uint64_t)destination << 32 | command);
		return;
	}
	apic_write(APIC_ICR_HIGH, destination << 24);
	apic_write(APIC_ICR, command);
	for (unsigned i = 0; i < ICR_SEND_POLLS && (apic_read(APIC_ICR) & ICR_PENDING) != 0; i++) {
		cpu_relax();
	}
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

bool apic_bit(unsigned base, unsigned vector)
{
	return (apic_read(base + vector / 32 * 16) & BIT(vector % 32)) != 0;
}

void apic_use_x2apic(void)
{
	x2apic_wanted = true;
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

void apic_cpu_init(void)
{
	if (x2apic_wanted && !apic_is_x2apic()) {
		apic_use_x2apic();
	}
	apic_write(APIC_SVR, (uint32_t)(SVR_ENABLE | VECTOR_SPURIOUS));
	apic_write(APIC_TPR, 0);
}
