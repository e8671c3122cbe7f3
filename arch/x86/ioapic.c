/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's IOAPICs: redirection entries by GSI. What is routed to whom is decided elsewhere. */
#include "arch/ioapic.h"

#include "arch/mmio.h"
#include "core/bits.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/panic.h"
#include "drivers/acpi.h"
#include "mm/hyp_map.h"

/* 82093AA data sheet 3.1 "Memory Mapped Registers": an index and a data register. */
#define IOAPIC_INDEX 0x00
#define IOAPIC_DATA  0x10
#define IOAPIC_EOI   0x40 /* version 0x20 on */
#define IOAPIC_SIZE  0x100

#define IOAPIC_REG_VERSION  0x01
#define VERSION_NUMBER      BITS(7, 0)
#define VERSION_LAST_ENTRY  BITS(23, 16)
#define VERSION_HAS_EOI     0x20
#define IOAPIC_REG_ENTRY(n) (0x10 + 2 * (n)) /* low half; high half follows */

#define ENTRY_VECTOR      BITS(7, 0)
#define ENTRY_ACTIVE_LOW  BIT(13)
#define ENTRY_REMOTE_IRR  BIT(14)
#define ENTRY_LEVEL       BIT(15)
#define ENTRY_MASKED      BIT(16)
#define ENTRY_DESTINATION BITS(63, 56)

struct ioapic {
	/* const after init: */
	void *registers;
	uint32_t version; /* the register */
	uint32_t gsi_base;
	uint32_t entries;
	/* lock: the index register, and entries changed in two halves */
	struct lock lock;
};

static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static uint32_t ioapic_count;

static uint32_t reg_read(struct ioapic *ioapic, unsigned reg)
{
	mmio_write32(ioapic->registers, IOAPIC_INDEX, reg);
	return mmio_read32(ioapic->registers, IOAPIC_DATA);
}

static void reg_write(struct ioapic *ioapic, unsigned reg, uint64_t value)
{
	mmio_write32(ioapic->registers, IOAPIC_INDEX, reg);
	mmio_write32(ioapic->registers, IOAPIC_DATA, (uint32_t)value);
}

static uint32_t entry_low(struct ioapic *ioapic, unsigned n)
{
	return reg_read(ioapic, IOAPIC_REG_ENTRY(n));
}

/* A message that is under way is a posted write: the answer to a read comes behind it, PCI 3.0
 * 3.2.5 "Transaction Ordering and Posting". Afterwards Remote IRR says whether there was one. */
static void entry_mask(struct ioapic *ioapic, unsigned n)
{
	reg_write(ioapic, IOAPIC_REG_ENTRY(n), entry_low(ioapic, n) | ENTRY_MASKED);
	(void)entry_low(ioapic, n);
}

/* The halves are written while it is masked, so that no mixture of two routes is ever live. */
static void entry_write_masked(struct ioapic *ioapic, unsigned n, uint64_t entry)
{
	reg_write(ioapic, IOAPIC_REG_ENTRY(n) + 1, entry >> 32);
	reg_write(ioapic, IOAPIC_REG_ENTRY(n), entry | ENTRY_MASKED);
}

/* Level-triggered entries whose interrupt was never ended keep Remote IRR: without EOI register a
 * change to edge and back clears it (both are written masked). */
static void remote_irr_clear_locked(struct ioapic *ioapic, unsigned n)
{
	uint64_t low = entry_low(ioapic, n);

	if ((low & ENTRY_REMOTE_IRR) == 0) {
		return;
	}
	if (field_get(VERSION_NUMBER, ioapic->version) >= VERSION_HAS_EOI) {
		mmio_write32(ioapic->registers, IOAPIC_EOI, (uint32_t)field_get(ENTRY_VECTOR, low));
		return;
	}
	reg_write(ioapic, IOAPIC_REG_ENTRY(n), (low | ENTRY_MASKED) & ~ENTRY_LEVEL);
	reg_write(ioapic, IOAPIC_REG_ENTRY(n), low | ENTRY_MASKED | ENTRY_LEVEL);
	reg_write(ioapic, IOAPIC_REG_ENTRY(n), low);
}

static int add(const struct acpi_ioapic *from)
{
	struct ioapic *ioapic = &ioapics[ioapic_count];

	ioapic->registers = hyp_map_mmio(hpa(from->address), IOAPIC_SIZE);
	if (ioapic->registers == NULL) {
		return -E_NOMEM;
	}
	ioapic->version = reg_read(ioapic, IOAPIC_REG_VERSION);
	if (ioapic->version == UINT32_MAX) {
		log(LOG_WARN, "ioapic: none answers at %#llx", (unsigned long long)from->address);
		return 0;
	}
	ioapic->gsi_base = from->gsi_base;
	ioapic->entries = (uint32_t)field_get(VERSION_LAST_ENTRY, ioapic->version) + 1;
	for (unsigned n = 0; n < ioapic->entries; n++) {
		entry_mask(ioapic, n);
		entry_write_masked(ioapic, n, entry_low(ioapic, n));
		remote_irr_clear_locked(ioapic, n);
	}
	log(LOG_INFO, "ioapic: GSI %u-%u, version %#x", ioapic->gsi_base,
	    ioapic->gsi_base + ioapic->entries - 1,
	    (unsigned)field_get(VERSION_NUMBER, ioapic->version));
	ioapic_count++;
	return 0;
}

int ioapic_init(void)
{
	ioapic_count = 0;
	for (uint32_t i = 0; i < acpi.ioapic_count; i++) {
		int err = add(&acpi.ioapics[i]);

		if (err != 0) {
			return err;
		}
	}
	return 0;
}

/* The IOAPIC of a GSI, or NULL. */
static struct ioapic *find(uint32_t gsi)
{
	for (uint32_t i = 0; i < ioapic_count; i++) {
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].entries) {
			return &ioapics[i];
		}
	}
	return NULL;
}

/* The same, locked; GSIs come from our own tables and exist. */
static struct ioapic *find_and_lock(uint32_t gsi)
{
	struct ioapic *ioapic = find(gsi);

	assert(ioapic != NULL);
	lock_acquire(&ioapic->lock);
	return ioapic;
}

uint32_t ioapic_gsi_count(void)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < ioapic_count; i++) {
		end = (uint32_t)max_u64(end, ioapics[i].gsi_base + ioapics[i].entries);
	}
	return end;
}

bool ioapic_gsi_exists(uint32_t gsi)
{
	return find(gsi) != NULL;
}

void ioapic_route(uint32_t gsi, const struct ioapic_route *route)
{
	struct ioapic *ioapic = find_and_lock(gsi);
	unsigned n = gsi - ioapic->gsi_base;
	uint64_t entry = field_set(ENTRY_VECTOR, route->vector) |
			 field_set(ENTRY_DESTINATION, route->apic_id) |
			 (route->level ? ENTRY_LEVEL : 0) |
			 (route->active_low ? ENTRY_ACTIVE_LOW : 0);

	entry_mask(ioapic, n);
	/* Before the vector changes: it is what a directed EOI names. */
	remote_irr_clear_locked(ioapic, n);
	entry_write_masked(ioapic, n, entry);
	lock_release(&ioapic->lock);
}

static void mask_set(uint32_t gsi, bool masked)
{
	struct ioapic *ioapic = find_and_lock(gsi);
	unsigned n = gsi - ioapic->gsi_base;
	uint64_t low = entry_low(ioapic, n) & ~(ENTRY_MASKED | ENTRY_REMOTE_IRR);

	reg_write(ioapic, IOAPIC_REG_ENTRY(n), masked ? low | ENTRY_MASKED : low);
	lock_release(&ioapic->lock);
}

void ioapic_mask(uint32_t gsi)
{
	mask_set(gsi, true);
}

void ioapic_unmask(uint32_t gsi)
{
	mask_set(gsi, false);
}

void ioapic_clear_remote_irr(uint32_t gsi)
{
	struct ioapic *ioapic = find_and_lock(gsi);

	remote_irr_clear_locked(ioapic, gsi - ioapic->gsi_base);
	lock_release(&ioapic->lock);
}

uint32_t ioapic_version(uint32_t index)
{
	return index < ioapic_count ? ioapics[index].version : 0;
}

uint32_t ioapic_entries(uint32_t index)
{
	return index < ioapic_count ? ioapics[index].entries : 0;
}

uint32_t ioapic_gsi_base(uint32_t index)
{
	return index < ioapic_count ? ioapics[index].gsi_base : 0;
}
