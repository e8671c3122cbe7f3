/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables that a guest is shown: a root pointer and an XSDT of our own, a MADT of its
 * vCPUs. The other tables are the firmware's, where they are; none is modified.
 * DMAR, IVRS and HPET are left out. Pure functions: the caller brings the memory.
 */
#pragma once

#include "drivers/acpi.h"

struct guest_tables {
	const struct acpi *machine;
	const uint32_t *apic_ids; /* of the vCPUs, with their ACPI processor UIDs */
	const uint32_t *uids;
	uint32_t count;
};

/*
 * Chooses the UIDs of count vCPUs: those of the machine's CPUs, which the namespace names, and for
 * vCPUs beyond them the lowest that no CPU has. Low, because an APIC ID below 255 has to be in an
 * entry of 8 bits (ACPI 6.5, 5.2.12.12 "Processor Local x2APIC Structure"), and kernels ignore
 * others.
 */
void guest_tables_choose_uids(const struct acpi *machine, uint32_t *uids, uint32_t count);

/* How many bytes guest_tables_build() needs; 0 on a machine without any table. */
size_t guest_tables_size(const struct guest_tables *tables);

/*
 * Builds the tables in the size bytes at to, which the guest will find at address (16-byte
 * aligned). The root pointer comes first: 36 bytes. 0, or -E_NOENT (no ACPI), -E_NOMEM (size is too
 * small).
 */
must_check int guest_tables_build(const struct guest_tables *tables, void *to, size_t size,
				  uint64_t address);
