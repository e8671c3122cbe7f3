/* SPDX-License-Identifier: GPL-2.0-only */
/* One PCI function of the control guest, and the parts that look after it. All under vpci's lock
 * but for what says other. */
#pragma once

#include "drivers/pci.h"
#include "drivers/virtual/vmsg.h"

#define VPCI_BARS 6

struct vm;

/* A write of the guest's, inside of one double word. */
struct vpci_write {
	unsigned offset; /* of its first byte */
	unsigned size;   /* 1 2 4 */
	uint32_t value;
};

struct vpci_bar {
	uint64_t size; /* 0: not there, or I/O */
	bool is_64;
};

/* MSI: PCI 3.0 6.8.1 */
struct vpci_msi {
	unsigned at; /* of the capability; 0: none */
	bool is_64, is_on;
	uint32_t address, address_high, data; /* as the guest reads them */
	struct vmsg msg;
};

/* MSI-X: PCI 3.0 6.8.2 */
struct vpci_msix_entry {
	uint32_t address_high;
	bool is_masked; /* as the guest wrote it */
	struct vmsg msg;
};

struct vpci_msix {
	unsigned at; /* of the capability; 0: none */
	unsigned count;
	unsigned bar;
	unsigned live; /* entries that are as the guest has them, from the first on; on: all */
	bool is_on;
	uint64_t offset; /* of the table in the BAR */
	uint64_t table;  /* where the guest's accesses to it are trapped; 0: nowhere */
	struct vpci_msix_entry *entries;
};

/* SR-IOV: PCIe 5.0 9.3.3 */
struct vpci_sriov {
	unsigned at;  /* of the capability; 0: none */
	bool decodes; /* as the guest wants it: the machine follows */
	struct vpci_bar bars[VPCI_BARS];
};

struct vpci_function {
	struct vpci_function *next; /* of those with the same hash, or of the free ones */
	pci_address_t address;
	uint32_t identity;
	uint8_t header;
	unsigned order; /* of its pages */
	struct vpci_bar bars[VPCI_BARS];
	uint64_t rom_size;              /* 0: it has none */
	unsigned resizable;             /* capability that changes their sizes; 0: none */
	struct vpci_function *physical; /* of a virtual function, whose number is: */
	unsigned number;
	struct vpci_msi msi;
	struct vpci_msix msix;
	struct vpci_sriov sriov;
};

/* A double word with the bytes of a write in it; and the function's as it will be: bits that are
 * cleared by writing ones must not be put back. */
uint32_t vpci_merge(uint32_t dword, const struct vpci_write *write);
uint32_t vpci_merged(const struct vpci_function *function, const struct vpci_write *write);

static inline void vpci_forward(const struct vpci_function *function,
				const struct vpci_write *write)
{
	pci_write(function->address, write->offset, write->size, write->value);
}

/* Whether a write has any byte of the double word at offset. */
static inline bool vpci_writes(const struct vpci_write *write, unsigned offset)
{
	return (write->offset & ~3U) == offset;
}

/* ---- vpci_bar.c: where registers lie ---- */

/* Finds the sizes, with the function's decoding off meanwhile. */
void vpci_bar_discover(struct vpci_function *function);
void vpci_bar_size(pci_address_t address, unsigned offset, unsigned count, struct vpci_bar *bars);

/* Whether registers may lie there; and says, once, that some may not. */
bool vpci_bar_may_lie(uint64_t base, uint64_t size);
void vpci_bar_say_refused(const struct vpci_function *function);

/* Carries out a write of the command register, of a BAR, the ROM's too, or of a BAR's size;
 * -E_NOENT: it is none. */
must_check int vpci_bar_write(struct vpci_function *function, struct vpci_write *write);

/* Traps the table where it is now, or nowhere when memory decoding is off. One that can not be
 * trapped is without MSI-X. */
void vpci_bar_follow(struct vpci_function *function);

/* ---- vpci_msi.c ---- */

void vpci_msi_discover(struct vpci_function *function);
must_check int vpci_msi_write(struct vpci_function *function, struct vpci_write *write);
/* Puts the guest's message in place of what the machine has there. */
uint32_t vpci_msi_read(const struct vpci_function *function, unsigned offset, uint32_t dword);
void vpci_msi_off(struct vpci_function *function);

/* ---- vpci_msix.c ---- */

/* The number of entries of a function's table; 0: it has none. */
unsigned vpci_msix_count(pci_address_t address);
void vpci_msix_discover(struct vpci_function *function);
/* -E_RESTART: enough for one exit: the guest is to write again. */
must_check int vpci_msix_write(struct vpci_function *function, struct vpci_write *write);
void vpci_msix_off(struct vpci_function *function);

/* Moves the trap to the table's new address, 0: nowhere. -E_EXIST and the like: it stays. */
must_check int vpci_msix_trap(struct vpci_function *function, uint64_t table);
void vpci_msix_untrap(uint64_t table);

/* ---- vpci_sriov.c ---- */

void vpci_sriov_discover(struct vpci_function *function);
must_check int vpci_sriov_write(struct vpci_function *function, struct vpci_write *write);
/* Whether address is one of function's virtual ones, and which. */
bool vpci_sriov_has(const struct vpci_function *function, pci_address_t address, unsigned *number);
/* Where a virtual function's BAR lies; 0: it does not decode. */
uint64_t vpci_sriov_bar(const struct vpci_function *function, unsigned bar);

/* ---- vpci.c ---- */

extern struct vm *vpci_vm;

/* Taken by accesses to the tables too. */
void vpci_lock(void);
void vpci_unlock(void);

/* Calls fn for every function that is known; fn may forget it. */
void vpci_for_each(void (*fn)(struct vpci_function *function, void *context), void *context);
void vpci_forget(struct vpci_function *function);
void vpci_forget_virtual(struct vpci_function *physical); /* all of its virtual ones */
