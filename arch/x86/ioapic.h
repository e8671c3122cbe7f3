/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's IOAPICs: all of them belong to the hypervisor. By global system interrupt (GSI).
 * 82093AA, ACPI 6.5 5.2.12.3.
 */
#pragma once

#include "core/types.h"

must_check int ioapic_init(void); /* maps all of acpi.ioapics, masks every entry. Boot CPU. */
uint32_t ioapic_gsi_count(void);
bool ioapic_gsi_exists(uint32_t gsi);

struct ioapic_route {
	uint8_t vector;
	uint32_t apic_id; /* physical destination */
	bool level, active_low;
};
void ioapic_route(uint32_t gsi, const struct ioapic_route *route); /* leaves it masked */
void ioapic_mask(uint32_t gsi);
void ioapic_unmask(uint32_t gsi);
/* Clears a Remote IRR that stuck, by directed EOI or the trigger-mode toggle. */
void ioapic_clear_remote_irr(uint32_t gsi);

/* What the guest is shown of each that answers, index 0 to the first without entries: version
 * register, number of entries and first GSI. */
uint32_t ioapic_version(uint32_t index);
uint32_t ioapic_entries(uint32_t index);
uint32_t ioapic_gsi_base(uint32_t index);
