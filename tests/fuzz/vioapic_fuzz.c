/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtual IOAPICs under any accesses, host interrupts, EOIs and lines. */
/* arch: x86 */
/* sources: drivers/virtual/vioapic.c core/region.c */
#include <stdlib.h>
#include <string.h>

#include "arch/ioapic.h"
#include "arch/vlapic.h"
#include "core/cpu.h"
#include "core/irq.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vioapic.h"
#include "mm/page_alloc.h"
#include "tests/fuzz/quiet_log.h"

#define BASE      UINT64_C(0xfec00000)
#define PINS      24U
#define OWN       4U
#define STEP_SIZE 6 /* bytes of input */

#define ENTRY_MASKED 0x10000U
#define ENTRY_LEVEL  0x8000U
#define ENTRY_IRR    0x4000U

struct acpi acpi;
static struct vm vm;
static struct vcpu vcpu;
static struct cpu cpu;
static bool is_masked[PINS], is_routed[PINS];
static struct ioapic_route routes[PINS];
static struct irq *bound[256];
static unsigned next_vector, takers;
static void *allocations[4];
static unsigned allocation_count;

uint32_t ioapic_version(uint32_t index)
{
	(void)index;
	return (PINS - 1) << 16 | 0x20;
}

uint32_t ioapic_gsi_base(uint32_t index)
{
	(void)index;
	return 0;
}

uint32_t ioapic_entries(uint32_t index)
{
	(void)index;
	return PINS;
}

void ioapic_route(uint32_t gsi, const struct ioapic_route *route)
{
	require(gsi < PINS && gsi != OWN && route->vector >= 0x30);
	is_routed[gsi] = true;
	is_masked[gsi] = true;
	routes[gsi] = *route;
}

void ioapic_mask(uint32_t gsi)
{
	require(gsi < PINS && gsi != OWN);
	is_masked[gsi] = true;
}

void ioapic_unmask(uint32_t gsi)
{
	require(gsi < PINS && gsi != OWN && is_routed[gsi]);
	is_masked[gsi] = false;
}

int irq_route(struct irq *irq, struct cpu *to)
{
	if (irq->vector == 0) {
		bound[next_vector] = irq;
		irq->vector = (uint8_t)next_vector++;
	}
	irq->cpu = to;
	return 0;
}

void irq_settle(struct irq *irq)
{
	require(irq->vector != 0);
}

struct cpu *cpu_get(uint32_t index)
{
	require(index == 0);
	return &cpu;
}

void *page_alloc_forever(enum page_use use, size_t size)
{
	(void)use;
	return allocations[allocation_count++] = calloc(1, size);
}

unsigned vlapic_deliver(struct vm *to, const struct vlapic_message *message)
{
	require(to == &vm && message->source == NULL);
	require(message->mode != VLAPIC_SMI && message->mode != VLAPIC_EXTINT);
	return takers;
}

struct vcpu *vlapic_target(struct vm *to, const struct vlapic_message *message)
{
	require(to == &vm);
	return message->destination == 0 ? &vcpu : NULL;
}

static uint32_t mmio(uint64_t offset, unsigned size, bool is_write, uint32_t value)
{
	struct access access = { .address = BASE + offset,
				 .size = (uint8_t)size,
				 .is_write = is_write,
				 .value = value };

	(void)region_access(&vm.memory_regions, &access);
	return (uint32_t)access.value;
}

static void host_interrupt(uint32_t gsi)
{
	if (is_routed[gsi] && !is_masked[gsi]) {
		unsigned vector = routes[gsi].vector;

		bound[vector]->fn(bound[vector], 0);
		require(!routes[gsi].level || is_masked[gsi]);
	}
}

static void step(const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data + 2, sizeof(value));
	switch (data[0] % 8) {
	case 0:
	case 1:
		(void)mmio(0, 4, true, data[1]);
		(void)mmio(0x10, 4, true, value);
		break;
	case 2:
		(void)mmio(data[1], 1U << data[0] / 8 % 4, true, value);
		break;
	case 3:
		(void)mmio(data[1], 1U << data[0] / 8 % 4, false, 0);
		break;
	case 4:
		host_interrupt(data[1] % PINS);
		break;
	case 5:
		vioapic_eoi(&vm, data[1]);
		break;
	case 6:
		vioapic_set_line(&vm, data[1], (value & 1) != 0);
		break;
	default:
		takers = data[1] % 2;
		break;
	}
}

/* The host's entry is open only where the guest's is and waits for no EOI; edges never wait. */
static void check(void)
{
	for (uint32_t pin = 0; pin < PINS; pin++) {
		uint32_t entry;

		(void)mmio(0, 4, true, 0x10 + 2 * pin);
		entry = mmio(0x10, 4, false, 0);
		require((entry & ENTRY_IRR) == 0 || (entry & ENTRY_LEVEL) != 0);
		if (is_routed[pin] && !is_masked[pin]) {
			require((entry & (ENTRY_MASKED | ENTRY_IRR)) == 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&vm, 0, sizeof(vm));
	memset(is_routed, 0, sizeof(is_routed));
	memset(is_masked, 1, sizeof(is_masked));
	next_vector = 0x30;
	takers = 1;
	acpi.ioapic_count = 1;
	acpi.ioapics[0] = (struct acpi_ioapic){ 0, BASE, 0 };
	require(vioapic_init(&vm) == 0);
	vioapic_claim(&vm, OWN);
	for (; size >= STEP_SIZE; size -= STEP_SIZE, data += STEP_SIZE) {
		step(data);
		check();
	}
	while (allocation_count > 0) {
		free(allocations[--allocation_count]);
	}
	return 0;
}
