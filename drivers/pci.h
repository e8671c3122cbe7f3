/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI configuration space of the machine, by the firmware's memory-mapped ranges (MCFG) or, where
 * there is none for a bus, by ports CF8 and CFC. PCI 3.0 chapter 6, PCIe 5.0 chapter 7. Any CPU, at
 * run time.
 */
#pragma once

#include "core/bits.h"

/* A function's address: segment, and the requester ID below it. */
typedef uint32_t pci_address_t;
#define PCI_SEGMENT  BITS(31, 16)
#define PCI_BUS      BITS(15, 8)
#define PCI_DEVICE   BITS(7, 3)
#define PCI_FUNCTION BITS(2, 0)

#define PCI_CONFIG_SIZE   4096U
#define PCI_CONFIG_LEGACY 256U /* what CF8 reaches */

/* An access inside of one double word: size 1, 2 or 4. What is out of reach reads all ones. */
uint32_t pci_read(pci_address_t function, unsigned offset, unsigned size);
void pci_write(pci_address_t function, unsigned offset, unsigned size, uint32_t value);

/* The offset of a function's capability, or 0. The list's pointers are not trusted. */
unsigned pci_find_capability(pci_address_t function, uint8_t id);
unsigned pci_find_extended(pci_address_t function, uint16_t id);

/* Header: PCI 3.0 6.1 and PCI-to-PCI bridge 1.2, 3.2. */
#define PCI_IDENTITY      0x00U
#define PCI_COMMAND       0x04U
#define PCI_COMMAND_IO    BIT(0)
#define PCI_COMMAND_MEM   BIT(1)
#define PCI_STATUS_CAPS   BIT(20) /* of the double word at PCI_COMMAND */
#define PCI_HEADER        0x0eU
#define PCI_HEADER_TYPE   BITS(6, 0)
#define PCI_BAR           0x10U
#define PCI_BAR_IO        BIT(0)
#define PCI_BAR_TYPE      BITS(2, 1)
#define PCI_BAR_TYPE_64   2
#define PCI_BAR_ADDRESS   BITS(31, 4)
#define PCI_BUS_NUMBERS   0x18U
#define PCI_ROM           0x30U
#define PCI_ROM_BRIDGE    0x38U
#define PCI_ROM_ENABLE    BIT(0)
#define PCI_ROM_ADDRESS   BITS(31, 11)
#define PCI_CAPABILITIES  0x34U
#define PCI_CAP_MSI       0x05
#define PCI_CAP_MSIX      0x11
#define PCI_EXT_CAP_SRIOV 0x0010
#define PCI_EXT_CAP_REBAR 0x0015
