/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI functions of the control guest: discovered at the first configuration access, forgotten when
 * they vanish or their bus gets another number. Their memory is used again and never given back: an
 * interrupt that comes late finds it.
 */
#include "drivers/virtual/vpci.h"

#include "core/control.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/region.h"
#include "core/string.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vpci_function.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"

#define BUCKETS        256U
#define RETRY_IDENTITY 0x0001U /* vendor of a function that asks for patience: PCIe 5.0 2.3.2 */

/* PCI-to-PCI bridge 1.2, 3.2.5: bytes of the double word of bus numbers. */
#define BUS_SECONDARY   BITS(15, 8)
#define BUS_SUBORDINATE BITS(23, 16)
#define HEADER_BRIDGE   1

struct vm *vpci_vm;

static struct lock lock;
static struct vpci_function *buckets[BUCKETS];
static struct vpci_function *spare; /* forgotten ones */
static bool said_no_memory;

void vpci_lock(void)
{
	lock_acquire(&lock);
}

void vpci_unlock(void)
{
	lock_release(&lock);
}

static struct vpci_function **bucket_of(pci_address_t address)
{
	return &buckets[(address ^ address >> 8) % BUCKETS];
}

static struct vpci_function *find(pci_address_t address)
{
	struct vpci_function *function = *bucket_of(address);

	while (function != NULL && function->address != address) {
		function = function->next;
	}
	return function;
}

void vpci_for_each(void (*fn)(struct vpci_function *function, void *context), void *context)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct vpci_function *next;

		for (struct vpci_function *at = buckets[i]; at != NULL; at = next) {
			next = at->next;
			fn(at, context);
		}
	}
}

uint32_t vpci_merge(uint32_t dword, const struct vpci_write *write)
{
	unsigned shift = write->offset % 4 * 8;
	uint32_t mask = (uint32_t)(BITS(write->size * 8 - 1, 0) << shift);

	return (dword & ~mask) | (write->value << shift & mask);
}

uint32_t vpci_merged(const struct vpci_function *function, const struct vpci_write *write)
{
	return vpci_merge(pci_read(function->address, write->offset & ~3U, 4), write);
}

/* ---- discovery ---- */

struct search {
	pci_address_t address;
	struct vpci_function *physical;
	unsigned number;
};

static void match_virtual(struct vpci_function *function, void *context)
{
	struct search *search = context;

	if (vpci_sriov_has(function, search->address, &search->number)) {
		search->physical = function;
	}
}

static unsigned order_of(size_t size)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < size) {
		order++;
	}
	return order;
}

static struct vpci_function *take_spare(unsigned order)
{
	for (struct vpci_function **at = &spare; *at != NULL; at = &(*at)->next) {
		struct vpci_function *function = *at;

		if (function->order == order) {
			*at = function->next;
			return function;
		}
	}
	return NULL;
}

/* An interrupt that comes late may look into it meanwhile: it finds no handler, or the new one. */
static struct vpci_function *make(pci_address_t address, unsigned entries)
{
	unsigned order =
		order_of(sizeof(struct vpci_function) + entries * sizeof(struct vpci_msix_entry));
	struct vpci_function *function = take_spare(order);

	if (function == NULL) {
		function = page_alloc(PAGE_USE_VM, order);
	}
	if (function == NULL) {
		if (!said_no_memory) {
			said_no_memory = true;
			log(LOG_WARN, "pci: no memory for another function: it is not shown to the "
				      "guest (said once)");
		}
		return NULL;
	}
	memset(function, 0, sizeof(*function));
	function->order = order;
	function->address = address;
	function->msix.count = entries;
	function->msix.entries = (struct vpci_msix_entry *)(function + 1);
	return function;
}

static void learn(struct vpci_function *function, const struct search *search)
{
	struct vpci_function **bucket = bucket_of(function->address);

	function->physical = search->physical;
	function->number = search->number;
	function->header =
		(uint8_t)field_get(PCI_HEADER_TYPE, pci_read(function->address, PCI_HEADER, 1));
	if (search->physical == NULL) {
		vpci_bar_discover(function);
		vpci_sriov_discover(function);
	}
	vpci_msi_discover(function);
	vpci_msix_discover(function);
	function->next = *bucket;
	*bucket = function;
	vpci_bar_follow(function);
}

/* *function is NULL where there is none. -E_NOMEM: there is one, and it can not be looked after. */
static int discover(pci_address_t address, struct vpci_function **function)
{
	struct search search = { .address = address };
	uint32_t identity = pci_read(address, PCI_IDENTITY, 4);

	*function = NULL;
	if (identity == UINT32_MAX) { /* virtual ones have none: PCIe 5.0 9.3.4.1.1, 9.3.4.1.2 */
		vpci_for_each(match_virtual, &search);
	}
	if (search.physical == NULL &&
	    (identity == UINT32_MAX || (identity & BITS(15, 0)) == RETRY_IDENTITY)) {
		return 0;
	}
	*function = make(address, vpci_msix_count(address));
	if (*function == NULL) {
		return -E_NOMEM;
	}
	(*function)->identity = identity;
	learn(*function, &search);
	return 0;
}

/* ---- forgetting ---- */

static void forget_virtual(struct vpci_function *function, void *context)
{
	if (function->physical == context) {
		vpci_forget(function);
	}
}

void vpci_forget(struct vpci_function *function)
{
	struct vpci_function **at = bucket_of(function->address);

	while (*at != function) {
		at = &(*at)->next;
	}
	*at = function->next;
	vpci_msi_off(function);
	vpci_msix_off(function);
	vpci_msix_untrap(function->msix.table);
	function->next = spare;
	spare = function;
}

void vpci_forget_virtual(struct vpci_function *physical)
{
	vpci_for_each(forget_virtual, physical);
}

struct buses {
	uint64_t segment, keep_first, keep_last, first, last;
};

static bool is_lost(const struct buses *buses, pci_address_t address)
{
	uint64_t bus = field_get(PCI_BUS, address);

	return field_get(PCI_SEGMENT, address) == buses->segment && buses->first <= bus &&
	       bus <= buses->last && (bus < buses->keep_first || bus > buses->keep_last);
}

/* A physical function keeps its address when it is forgotten, for its virtual ones. */
static void forget_on_bus(struct vpci_function *function, void *context)
{
	const struct vpci_function *physical = function->physical;

	if (is_lost(context, function->address) ||
	    (physical != NULL && is_lost(context, physical->address))) {
		vpci_forget(function);
	}
}

/* What lies below the bridge under the same number before and after is kept. */
static void renumber(const struct vpci_function *bridge, uint32_t from, uint32_t to)
{
	uint64_t from_first = field_get(BUS_SECONDARY, from);
	uint64_t from_last = field_get(BUS_SUBORDINATE, from);
	uint64_t to_first = field_get(BUS_SECONDARY, to), to_last = field_get(BUS_SUBORDINATE, to);
	struct buses buses = {
		.segment = field_get(PCI_SEGMENT, bridge->address),
		.keep_first = 1,
		.first = max_u64(min_u64(from_first, to_first), 1),
		.last = max_u64(from_last, to_last),
	};

	if (from_first == to_first) {
		buses.keep_first = from_first;
		buses.keep_last = min_u64(from_last, to_last);
	}
	vpci_for_each(forget_on_bus, &buses);
}

static int bridge_write(struct vpci_function *function, struct vpci_write *write)
{
	uint32_t from, to;

	if (function->header != HEADER_BRIDGE || !vpci_writes(write, PCI_BUS_NUMBERS)) {
		return -E_NOENT;
	}
	from = pci_read(function->address, PCI_BUS_NUMBERS, 4);
	to = vpci_merged(function, write);
	if (((from ^ to) & (BUS_SECONDARY | BUS_SUBORDINATE)) != 0) {
		renumber(function, from, to);
	}
	vpci_forward(function, write);
	return 0;
}

/* ---- accesses ---- */

/* 0, -E_NOENT: it is not its own, -E_RESTART. */
typedef int write_fn(struct vpci_function *function, struct vpci_write *write);

static write_fn *const writers[] = {
	vpci_bar_write, vpci_msi_write, vpci_msix_write, vpci_sriov_write, bridge_write,
};

static enum region_result write_function(struct vpci_function *function, struct vpci_write *write)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		int err = writers[i](function, write);

		if (err != -E_NOENT) {
			return err == -E_RESTART ? REGION_AGAIN : REGION_DONE;
		}
	}
	vpci_forward(function, write);
	return REGION_DONE;
}

/* Whoever looks at the identity sees whether another function is there now, or none. */
static void check_identity(struct vpci_function *function, uint32_t identity)
{
	if (identity != function->identity && (identity & BITS(15, 0)) != RETRY_IDENTITY) {
		vpci_forget_virtual(function);
		vpci_forget(function);
	}
}

static uint32_t read_function(struct vpci_function *function, unsigned offset, unsigned size)
{
	uint32_t value = pci_read(function->address, offset, size);
	unsigned shift = offset % 4 * 8;
	uint32_t mask = (uint32_t)(BITS(size * 8 - 1, 0) << shift);

	if (offset == PCI_IDENTITY && size == 4) {
		check_identity(function, value);
		return value;
	}
	return (vpci_msi_read(function, offset & ~3U, value << shift) & mask) >> shift;
}

static enum region_result access_dword(pci_address_t address, unsigned offset,
				       struct access *access)
{
	struct vpci_write write = { .offset = offset,
				    .size = access->size,
				    .value = (uint32_t)access->value };
	struct vpci_function *function = find(address);

	if (function == NULL && discover(address, &function) != 0) {
		access->value = UINT32_MAX;
	} else if (function != NULL && access->is_write) {
		return write_function(function, &write);
	} else if (function != NULL) {
		access->value = read_function(function, offset, access->size);
	} else if (!access->is_write) {
		access->value = pci_read(address, offset, access->size);
	}
	return REGION_DONE;
}

enum region_result vpci_access(pci_address_t address, unsigned offset, struct access *access)
{
	enum region_result result;

	vpci_lock();
	result = access_dword(address, offset, access);
	vpci_unlock();
	return result;
}

/* ---- the memory-mapped ranges ---- */

/* Where the second half comes again, so does the first one. */
static enum region_result access_quad(pci_address_t address, unsigned offset, struct access *access)
{
	struct access half = { .size = 4, .is_write = access->is_write, .value = access->value };
	enum region_result result = vpci_access(address, offset, &half);
	uint64_t low = half.value & UINT32_MAX;

	if (result == REGION_DONE) {
		half.value = access->value >> 32;
		result = vpci_access(address, offset + 4, &half);
	}
	access->value = low | half.value << 32;
	return result;
}

static enum region_result mapped_access(void *device, struct access *access)
{
	const struct acpi_mcfg_entry *entry = device;
	uint64_t at = access->offset + entry->bus_start * MIB;
	pci_address_t address =
		(pci_address_t)(field_set(PCI_SEGMENT, entry->segment) | at / PCI_CONFIG_SIZE);
	unsigned offset = (unsigned)(at % PCI_CONFIG_SIZE);

	if (!is_aligned(offset, access->size)) {
		return REGION_ONES;
	}
	return access->size == 8 ? access_quad(address, offset, access)
				 : vpci_access(address, offset, access);
}

static void trap_range(struct vm *vm, struct acpi_mcfg_entry *entry)
{
	struct region region = {
		.start = entry->address + entry->bus_start * MIB,
		.size = (entry->bus_end - entry->bus_start + UINT64_C(1)) * MIB,
		.fn = mapped_access,
		.device = entry,
		.name = "PCI configuration",
	};
	int err = frame_mmio_reserve(hpa(region.start), region.size, region.name);

	err = err != 0 ? err : region_add(&vm->memory_regions, &region);
	if (err != 0) {
		log(LOG_WARN, "pci: the MCFG's range at %#llx is not shown to the guest (error %d)",
		    (unsigned long long)region.start, -err);
	}
}

void vpci_init(struct vm *vm)
{
	vpci_vm = vm;
	vmsg_init(vm);
	for (uint32_t i = 0; i < acpi.mcfg_count; i++) {
		trap_range(vm, &acpi.mcfg[i]);
	}
}
