/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI functions as the control guest sees them: its configuration accesses go through to the
 * machine, but for what belongs to the hypervisor: message interrupts, and where registers may lie.
 * PCI 3.0, PCIe 5.0 chapter 7. One control guest.
 */
#pragma once

#include "core/region.h"
#include "drivers/pci.h"

struct vm;

/* Traps the memory-mapped ranges of configuration space. Boot CPU. */
void vpci_init(struct vm *vm);

/* The guest's access of a register, access->size bytes at offset, whichever way it came. Any CPU,
 * no lock held. REGION_DONE or _AGAIN. */
must_check enum region_result vpci_access(pci_address_t address, unsigned offset,
					  struct access *access);
