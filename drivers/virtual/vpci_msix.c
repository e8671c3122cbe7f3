/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSI-X. The guest's accesses to its table are trapped: the messages are kept here, the machine's
 * entries have host vectors, and the mask bits are the same. Other registers in the table's pages
 * are the guest's, each access carried out for it (control_mmio_access()). PCI 3.0 6.8.2.
 */
#include "core/arch.h"
#include "core/control.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/panic.h"
#include "core/region.h"
#include "core/vm.h"
#include "drivers/virtual/vpci_function.h"
#include "mm/frame.h"
#include "mm/window.h"

/* Of the capability's first double word. */
#define CONTROL_ID   BITS(7, 0)
#define CONTROL_LAST BITS(26, 16)
#define CONTROL_ON   BIT(31)
/* Of the second one. */
#define TABLE_BAR    BITS(2, 0)
#define TABLE_OFFSET BITS(31, 3)

/* An entry, by double words: PCI 3.0 6.8.2.6 ff. */
#define ENTRY_SIZE    16U
#define ENTRY_ADDRESS 0U
#define ENTRY_HIGH    4U
#define ENTRY_DATA    8U
#define ENTRY_CONTROL 12U
#define ENTRY_MASKED  BIT(0)

/* That are looked at in one exit when it is switched on. Reading one takes a microsecond or two. */
#define ENTRIES_MAX 32U

static uint32_t control_of(const struct vpci_function *function)
{
	return pci_read(function->address, function->msix.at, 4);
}

unsigned vpci_msix_count(pci_address_t address)
{
	unsigned at = pci_find_capability(address, PCI_CAP_MSIX);

	return at == 0 ? 0 : (unsigned)field_get(CONTROL_LAST, pci_read(address, at, 4)) + 1;
}

void vpci_msix_discover(struct vpci_function *function)
{
	struct vpci_msix *msix = &function->msix;
	uint32_t table;

	msix->at = msix->count == 0 ? 0 : pci_find_capability(function->address, PCI_CAP_MSIX);
	if (msix->at == 0) {
		return;
	}
	table = pci_read(function->address, msix->at + 4, 4);
	msix->bar = (unsigned)field_get(TABLE_BAR, table);
	msix->offset = table & TABLE_OFFSET;
	if (msix->bar >= VPCI_BARS) {
		msix->at = 0; /* it has no table that anybody could reach */
		return;
	}
	for (unsigned i = 0; i < msix->count; i++) {
		msix->entries[i].is_masked = true;
		msix->entries[i].address_high = 0;
		vmsg_reset(&msix->entries[i].msg, 1);
	}
	vpci_msix_off(function); /* the firmware's, to nobody */
}

/* ---- the machine's table ---- */

static hpa_t entry_at(const struct vpci_msix *msix, unsigned index, unsigned offset)
{
	return hpa(msix->table + index * ENTRY_SIZE + offset);
}

static uint32_t entry_read(const struct vpci_msix *msix, unsigned index, unsigned offset)
{
	return (uint32_t)window_mmio_read(entry_at(msix, index, offset), 4);
}

static void entry_write(const struct vpci_msix *msix, unsigned index, unsigned offset,
			uint32_t value)
{
	window_mmio_write(entry_at(msix, index, offset), 4, value);
}

static void entry_mask(const struct vpci_msix *msix, unsigned index)
{
	uint32_t control = entry_read(msix, index, ENTRY_CONTROL);

	entry_write(msix, index, ENTRY_CONTROL, control | (uint32_t)ENTRY_MASKED);
	(void)entry_read(msix, index, ENTRY_CONTROL); /* what was sent before has arrived */
}

static void entry_unmask(const struct vpci_msix *msix, unsigned index)
{
	uint32_t control = entry_read(msix, index, ENTRY_CONTROL);

	entry_write(msix, index, ENTRY_CONTROL, control & (uint32_t)~ENTRY_MASKED);
}

/* Without vectors the entry stays masked. */
static void entry_open(struct vpci_msix *msix, unsigned index)
{
	struct vmsg *msg = &msix->entries[index].msg;
	struct vmsg_host host;

	entry_mask(msix, index);
	if (vmsg_route(msg, true, &host) != 0) {
		return;
	}
	entry_write(msix, index, ENTRY_ADDRESS, host.address);
	entry_write(msix, index, ENTRY_HIGH, 0);
	entry_write(msix, index, ENTRY_DATA, host.data);
	entry_unmask(msix, index);
	(void)entry_read(msix, index, ENTRY_CONTROL);
	vmsg_settle(msg);
}

/* ---- the guest's accesses to it ---- */

static void set_message(struct vpci_msix_entry *entry, uint32_t address, uint32_t data)
{
	atomic_store(&entry->msg.message,
		     entry->address_high == 0 ? (uint64_t)address << 32 | data : data);
}

static void message_write(struct vpci_msix_entry *entry, unsigned offset, uint32_t value)
{
	uint32_t address = (uint32_t)(entry->msg.message >> 32);
	uint32_t data = (uint32_t)entry->msg.message;

	if (offset == ENTRY_HIGH) {
		entry->address_high = value;
	}
	set_message(entry, offset == ENTRY_ADDRESS ? value & ~3U : address,
		    offset == ENTRY_DATA ? value : data);
}

static void dword_write(struct vpci_msix *msix, unsigned at, uint32_t value)
{
	struct vpci_msix_entry *entry = &msix->entries[at / ENTRY_SIZE];
	unsigned index = at / ENTRY_SIZE, offset = at % ENTRY_SIZE;

	if (offset != ENTRY_CONTROL) {
		message_write(entry, offset, value);
	} else {
		entry->is_masked = (value & ENTRY_MASKED) != 0;
	}
	if (entry->is_masked) {
		entry_mask(msix, index);
	} else if (index < msix->live) {
		entry_open(msix, index);
	} else {
		entry_unmask(msix, index); /* go_live() looks there */
	}
}

static uint32_t dword_read(const struct vpci_msix *msix, unsigned at)
{
	const struct vpci_msix_entry *entry = &msix->entries[at / ENTRY_SIZE];

	switch (at % ENTRY_SIZE) {
	case ENTRY_ADDRESS:
		return (uint32_t)(entry->msg.message >> 32);
	case ENTRY_HIGH:
		return entry->address_high;
	case ENTRY_DATA:
		return (uint32_t)entry->msg.message;
	default:
		return (entry_read(msix, at / ENTRY_SIZE, ENTRY_CONTROL) &
			~(uint32_t)ENTRY_MASKED) |
		       entry->is_masked;
	}
}

/* Double words and their pairs are what software may use; of the rest, writes are dropped. */
static void table_access_locked(struct vpci_msix *msix, struct access *access)
{
	unsigned at = (unsigned)access->offset & ~3U;
	bool is_pair = access->size == 8 && is_aligned(access->offset, 8);

	if (!access->is_write) {
		uint64_t value = dword_read(msix, at);

		value |= is_pair ? (uint64_t)dword_read(msix, at + 4) << 32 : 0;
		access->value = value >> access->offset % 4 * 8 & BITS(access->size * 8U - 1, 0);
		return;
	}
	if (is_pair || (access->size == 4 && is_aligned(access->offset, 4))) {
		dword_write(msix, at, (uint32_t)access->value);
	}
	if (is_pair) {
		dword_write(msix, at + 4, (uint32_t)(access->value >> 32));
	}
}

/* The table may have moved on since the region was found. */
static enum region_result table_access(void *device, struct access *access)
{
	struct vpci_function *function = device;
	enum region_result result = REGION_ONES;

	vpci_lock();
	if (function->msix.table == access->address - access->offset) {
		table_access_locked(&function->msix, access);
		result = REGION_DONE;
	}
	vpci_unlock();
	return result;
}

/* ---- the trap ---- */

void vpci_msix_untrap(uint64_t table)
{
	if (table != 0) {
		int err = region_remove(&vpci_vm->memory_regions, table);

		assert(err == 0);
	}
}

/* We write to it on the guest's behalf, and a virtual function's BAR is wherever the guest says. */
static bool may_be_table(const struct region *region)
{
	return arch_address_is_mappable(region->start, region->size) &&
	       frame_mmio_owner(hpa(region->start), region->size) == NULL &&
	       !frame_is_ram(hpa(region->start), region->size);
}

int vpci_msix_trap(struct vpci_function *function, uint64_t table)
{
	struct region region = {
		.start = table,
		.size = function->msix.count * ENTRY_SIZE,
		.fn = table_access,
		.device = function,
		.name = "MSI-X table",
	};
	int err = may_be_table(&region) ? region_add(&vpci_vm->memory_regions, &region) : -E_PERM;

	if (err != 0) {
		return err;
	}
	err = control_unmap(vpci_vm, region.start, region.size);
	if (err != 0) {
		vpci_msix_untrap(table);
	}
	return err;
}

/* ---- the capability ---- */

static void release(struct vpci_function *function)
{
	struct vpci_msix *msix = &function->msix;

	(void)control_of(function);
	for (unsigned i = 0; i < msix->live; i++) {
		vmsg_release(&msix->entries[i].msg);
	}
	msix->live = 0;
	msix->is_on = false;
}

/* A reset has masked entries that the guest has not: they are as the machine has them. */
static void go_live(struct vpci_msix *msix)
{
	unsigned index = msix->live++;
	struct vpci_msix_entry *entry = &msix->entries[index];

	entry->is_masked = (entry_read(msix, index, ENTRY_CONTROL) & ENTRY_MASKED) != 0;
	if (!entry->is_masked) {
		entry_open(msix, index);
	}
}

/* A reset masks all: one entry that was opened tells of it. */
static bool was_reset(const struct vpci_msix *msix)
{
	for (unsigned i = 0; i < msix->live; i++) {
		const struct vpci_msix_entry *entry = &msix->entries[i];

		if (!entry->is_masked && entry->msg.irq.vector != 0) {
			return (entry_read(msix, i, ENTRY_CONTROL) & ENTRY_MASKED) != 0;
		}
	}
	return false;
}

/*
 * Some entries at a time. Whoever began may have been interrupted for good, and what the device did
 * since is not known: a reset then makes it begin anew.
 */
static int turn_on(struct vpci_function *function, const struct vpci_write *write)
{
	struct vpci_msix *msix = &function->msix;

	/* There is no programming a table that is not decoded, and entries that have come since are
	 * not trapped: it stays off. */
	if (msix->table == 0 || vpci_msix_count(function->address) > msix->count) {
		return 0;
	}
	if (was_reset(msix)) {
		release(function);
	}
	for (unsigned i = 0; i < ENTRIES_MAX && msix->live < msix->count; i++) {
		go_live(msix);
	}
	if (msix->live < msix->count) {
		return -E_RESTART;
	}
	msix->is_on = true;
	vpci_forward(function, write);
	return 0;
}

int vpci_msix_write(struct vpci_function *function, struct vpci_write *write)
{
	struct vpci_msix *msix = &function->msix;
	bool was_on, is_on;

	if (msix->at == 0 || !vpci_writes(write, msix->at)) {
		return -E_NOENT;
	}
	was_on = msix->is_on && (control_of(function) & CONTROL_ON) != 0;
	is_on = (vpci_merged(function, write) & CONTROL_ON) != 0;
	if (is_on && !was_on) {
		if (msix->is_on) {
			vpci_msix_off(function); /* a reset did so, without us */
		}
		return turn_on(function, write);
	}
	vpci_forward(function, write);
	if (!is_on) {
		release(function);
	}
	return 0;
}

void vpci_msix_off(struct vpci_function *function)
{
	uint32_t control = function->msix.at == 0 ? 0 : control_of(function);

	/* Another function may be there by now, with something else at that place. */
	if (field_get(CONTROL_ID, control) == PCI_CAP_MSIX) {
		pci_write(function->address, function->msix.at, 4, control & (uint32_t)~CONTROL_ON);
	}
	if (function->msix.at != 0) {
		release(function);
	}
}
