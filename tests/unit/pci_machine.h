/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine's PCI functions for tests of vpci: configuration space with writable bits, BARs that
 * answer sizing, and memory that is there only while it is decoded. Two CPUs take interrupts. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/vlapic.h"
#include "core/control.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/region.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vpci.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"
#include "mm/window.h"

#define ECAM_0         UINT64_C(0xb0000000)
#define ECAM_1         UINT64_C(0xd0000000)
#define RAM_END        UINT64_C(0x80000000)
#define MESSAGES       UINT64_C(0xfee00000)
#define MEMORY_SIZE    0x8000U
#define FUNCTIONS_MAX  12
#define PCI_CPUS       3
#define AT(bus, dev)   ((pci_address_t)((bus) << 8 | (dev) << 3))
#define IN_SEGMENT_1   0x10000U
#define COMMAND_DECODE 2U

struct fake_function {
	pci_address_t address;
	uint8_t config[4096], writable[4096];
	uint8_t memory[MEMORY_SIZE]; /* behind its first memory BAR */
	bool is_gone;
	/* of a virtual function: */
	struct fake_function *physical;
	unsigned number;
};

static struct fake_function functions[FUNCTIONS_MAX];
static unsigned function_count;
static unsigned stray_count; /* accesses of memory that nobody decodes */
static unsigned config_writes[4096];
static void (*before_decode)(void); /* before virtual functions begin to decode */
static unsigned memory_reads;       /* of functions' memory */
static unsigned most_memory_reads;  /* in one exit */
static unsigned tries_max = 1000;   /* exits that the guest's instruction may take */

struct acpi acpi;
static struct vm vm;
static struct cpu cpus[PCI_CPUS];
static struct cpu *self;
static struct vcpu vcpus[PCI_CPUS];

/* ---- registers ---- */

static uint32_t get(const struct fake_function *function, unsigned offset)
{
	uint32_t value;

	memcpy(&value, function->config + offset, sizeof(value));
	return value;
}

static void set(struct fake_function *function, unsigned offset, uint32_t value, uint32_t writable)
{
	memcpy(function->config + offset, &value, sizeof(value));
	memcpy(function->writable + offset, &writable, sizeof(writable));
}

static struct fake_function *add_function(pci_address_t address)
{
	struct fake_function *function = &functions[function_count++];

	memset(function, 0, sizeof(*function));
	function->address = address;
	set(function, 0x00, 0x12348086, 0);
	set(function, 0x04, 0x00100000, 0x0407);
	set(function, 0x10, 0xf0000004 + (function_count << 16), ~(MEMORY_SIZE - 1));
	set(function, 0x14, 0, ~0U);
	set(function, 0x34, 0x40, 0);
	for (unsigned i = 0; i < MEMORY_SIZE / 16; i++) {
		function->memory[i * 16 + 12] = 1; /* as after a reset, should it be a table */
	}
	return function;
}

/* 64-bit, eight messages, no masks; next in the list is at 0x60. */
static inline void add_msi(struct fake_function *function, uint8_t next)
{
	set(function, 0x40, 0x00860005 | (uint32_t)next << 8, 0x00710000);
	set(function, 0x44, 0, ~3U);
	set(function, 0x48, 0, ~0U);
	set(function, 0x4c, 0, 0xffff);
}

static inline void add_msix(struct fake_function *function, uint8_t at, unsigned entries,
			    uint32_t table)
{
	if (at == 0x40) {
		function->config[0x34] = 0x40;
	}
	set(function, at, 0x00000011 | (entries - 1) << 16, 0xc0000000);
	set(function, at + 4U, table, 0);
	set(function, at + 8U, table + 0x800, 0);
}

/* Four virtual functions behind it, each with 16 KiB in its first BAR. */
static inline void add_sriov(struct fake_function *function, uint32_t base)
{
	set(function, 0x100, 0x00010010, 0);
	set(function, 0x108, 0, 0x9);
	set(function, 0x10c, 4 | 4 << 16, 0);
	set(function, 0x110, 0, 0xffff);
	set(function, 0x114, 0x10 | 8 << 16, 0);
	set(function, 0x124, base, ~(MEMORY_SIZE - 1));
}

static inline struct fake_function *add_virtual(struct fake_function *physical, unsigned number)
{
	struct fake_function *function = add_function(physical->address + 0x10 + 8 * number);

	set(function, 0x00, UINT32_MAX, 0);
	set(function, 0x04, 0x00100000, 0x0404);
	set(function, 0x10, 0, 0);
	set(function, 0x14, 0, 0);
	add_msix(function, 0x40, 2, 0);
	function->physical = physical;
	function->number = number;
	return function;
}

/* ---- accesses ---- */

static bool is_there(const struct fake_function *function)
{
	return !function->is_gone &&
	       (function->physical == NULL || (get(function->physical, 0x108) & 1) != 0);
}

static uint8_t *config_byte(struct fake_function *function, unsigned at, bool writable)
{
	return (writable ? function->writable : function->config) + at;
}

static struct fake_function *at_address(pci_address_t address)
{
	for (unsigned i = 0; i < function_count; i++) {
		if (functions[i].address == address && is_there(&functions[i])) {
			return &functions[i];
		}
	}
	return NULL;
}

static uint64_t memory_base(const struct fake_function *function)
{
	const struct fake_function *physical = function->physical;

	if (physical != NULL) {
		return (get(physical, 0x108) & 9) != 9
			       ? 0
			       : (get(physical, 0x124) & ~15U) + function->number * MEMORY_SIZE;
	}
	return (get(function, 4) & COMMAND_DECODE) == 0
		       ? 0
		       : (get(function, 0x10) & ~15U) | (uint64_t)get(function, 0x14) << 32;
}

static uint8_t *memory_byte(uint64_t address)
{
	for (unsigned i = 0; i < function_count; i++) {
		uint64_t base = memory_base(&functions[i]);

		if (is_there(&functions[i]) && base != 0 && address - base < MEMORY_SIZE) {
			return &functions[i].memory[address - base];
		}
	}
	return NULL;
}

static bool in_config(uint64_t address, pci_address_t *function)
{
	uint64_t base = address >= ECAM_1 ? ECAM_1 : ECAM_0;

	*function = (pci_address_t)((address - base) >> 12) | (base == ECAM_1 ? IN_SEGMENT_1 : 0);
	return (address >= ECAM_0 && address < ECAM_0 + 256 * MIB) ||
	       (address >= ECAM_1 && address < ECAM_1 + 16 * MIB);
}

static uint8_t byte_read(uint64_t address)
{
	pci_address_t at;
	struct fake_function *function;
	uint8_t *byte;

	if (in_config(address, &at)) {
		function = at_address(at);
		return function == NULL ? 0xff : *config_byte(function, address & 0xfff, false);
	}
	byte = memory_byte(address);
	stray_count += byte == NULL;
	return byte == NULL ? 0xff : *byte;
}

static void byte_write(uint64_t address, uint8_t value)
{
	pci_address_t at;
	struct fake_function *function;
	uint8_t *byte;

	if (in_config(address, &at)) {
		function = at_address(at);
		if (function != NULL) {
			uint8_t mask = *config_byte(function, address & 0xfff, true);

			byte = config_byte(function, address & 0xfff, false);
			*byte = (uint8_t)((*byte & ~mask) | (value & mask));
		}
		return;
	}
	byte = memory_byte(address);
	stray_count += byte == NULL;
	if (byte != NULL) {
		*byte = value;
	}
}

uint64_t window_mmio_read(hpa_t at, unsigned size)
{
	pci_address_t function;
	uint64_t value = 0;

	memory_reads += !in_config(at.value, &function);
	for (unsigned i = 0; i < size; i++) {
		value |= (uint64_t)byte_read(at.value + i) << 8 * i;
	}
	return value;
}

void window_mmio_write(hpa_t at, unsigned size, uint64_t value)
{
	pci_address_t function;

	if (in_config(at.value, &function)) {
		config_writes[at.value & 0xfff]++;
		if ((at.value & 0xfff) == 0x108 && (value & 8) != 0 && before_decode != NULL) {
			before_decode();
		}
	}
	for (unsigned i = 0; i < size; i++) {
		byte_write(at.value + i, (uint8_t)(value >> 8 * i));
	}
}

static uint32_t memory_get(const struct fake_function *function, unsigned offset)
{
	uint32_t value;

	memcpy(&value, function->memory + offset, sizeof(value));
	return value;
}

/* ---- the guest ---- */

static uint64_t guest_access(uint64_t address, unsigned size, bool is_write, uint64_t value)
{
	struct access access = {
		.address = address, .size = (uint8_t)size, .is_write = is_write, .value = value
	};

	enum region_result result = REGION_AGAIN;

	if (!is_write) {
		access.value = 0;
	}
	for (unsigned i = 0; i < tries_max && result == REGION_AGAIN; i++) {
		memory_reads = 0;
		result = region_access(&vm.memory_regions, &access);
		most_memory_reads =
			memory_reads > most_memory_reads ? memory_reads : most_memory_reads;
	}
	return access.value;
}

static uint64_t config_address(pci_address_t address, unsigned offset)
{
	uint64_t base = (address & IN_SEGMENT_1) != 0 ? ECAM_1 : ECAM_0;

	return base + ((uint64_t)(address & 0xffff) << 12) + offset;
}

static inline uint32_t config_read(const struct fake_function *function, unsigned offset,
				   unsigned size)
{
	return (uint32_t)guest_access(config_address(function->address, offset), size, false, 0);
}

static void config_write(const struct fake_function *function, unsigned offset, unsigned size,
			 uint32_t value)
{
	(void)guest_access(config_address(function->address, offset), size, true, value);
}

/* ---- the rest of the hypervisor ---- */

static struct vlapic_message sent;
static unsigned sent_count;
static unsigned unmap_count;
static void *allocations[64];
static unsigned allocation_count;

unsigned vlapic_deliver(struct vm *to, const struct vlapic_message *message)
{
	(void)to;
	sent = *message;
	sent_count++;
	return 1;
}

struct vcpu *vlapic_target(struct vm *to, const struct vlapic_message *message)
{
	(void)to;
	return message->destination < PCI_CPUS ? &vcpus[message->destination] : NULL;
}

int control_unmap(struct vm *of, uint64_t start, uint64_t size)
{
	(void)of, (void)start, (void)size;
	unmap_count++;
	return 0;
}

int frame_mmio_reserve(hpa_t start, uint64_t size, const char *name)
{
	(void)start, (void)size, (void)name;
	return 0;
}

static bool meets(uint64_t start, uint64_t size, uint64_t base, uint64_t length)
{
	return start < base + length && base < start + size;
}

const char *frame_mmio_owner(hpa_t start, uint64_t size)
{
	return meets(start.value, size, MESSAGES, MIB) ||
			       meets(start.value, size, ECAM_0, 256 * MIB) ||
			       meets(start.value, size, ECAM_1, 16 * MIB)
		       ? "the hypervisor"
		       : NULL;
}

bool arch_address_is_mappable(uint64_t start, uint64_t size)
{
	return start + size - 1 >= start && start + size <= UINT64_C(1) << 48;
}

bool frame_is_ram(hpa_t start, uint64_t size)
{
	(void)size;
	return start.value < RAM_END;
}

void *page_alloc(enum page_use use, unsigned order)
{
	(void)use;
	return allocations[allocation_count++] = calloc(1, PAGE_SIZE << order);
}

struct cpu *arch_cpu_self(void)
{
	return self;
}

struct cpu *cpu_get(uint32_t index)
{
	return &cpus[index];
}

uint32_t cpu_count(void)
{
	return PCI_CPUS;
}

void arch_cpu_kick(struct cpu *cpu)
{
	(void)cpu;
}

/* The device sends: what stands in its registers, taken by the CPU that it names. */
static bool interrupt(uint32_t address, uint32_t data)
{
	uint32_t cpu = address >> 12 & 0xff;

	if (address >> 20 != 0xfee || (address & 0xfff) != 0 || cpu >= PCI_CPUS ||
	    (data & ~0xffU) != 0 || data < 0x30) {
		return false; /* no message that the hypervisor makes */
	}
	self = &cpus[cpu];
	irq_handle(data);
	self = &cpus[0];
	return true;
}

/* What vpci knows of an earlier machine is found gone; its memory is used again. */
static void forget_all(void)
{
	for (unsigned i = 0; i < function_count; i++) {
		functions[i].is_gone = true;
	}
	for (unsigned i = 0; i < function_count; i++) {
		(void)config_read(&functions[i], 0, 4);
	}
}

static void pci_machine_start(void)
{
	forget_all();
	memset(functions, 0, sizeof(functions));
	memset(&vm, 0, sizeof(vm));
	memset(cpus, 0, sizeof(cpus));
	memset(&sent, 0, sizeof(sent));
	function_count = stray_count = sent_count = unmap_count = most_memory_reads = 0;
	tries_max = 1000;
	self = &cpus[0];
	before_decode = NULL;
	for (uint32_t i = 0; i < PCI_CPUS; i++) {
		cpus[i].state = CPU_ONLINE;
		cpus[i].arch.apic_id = i;
		vcpus[i].sched.cpu = i;
	}
	acpi.mcfg[0] = (struct acpi_mcfg_entry){ .address = ECAM_0, .bus_end = 255 };
	acpi.mcfg[1] = (struct acpi_mcfg_entry){ .address = ECAM_1, .segment = 1, .bus_end = 15 };
	acpi.mcfg_count = 2;
	vpci_init(&vm);
}

__attribute__((unused)) static void pci_machine_end(void)
{
	while (allocation_count > 0) {
		free(allocations[--allocation_count]);
	}
}
