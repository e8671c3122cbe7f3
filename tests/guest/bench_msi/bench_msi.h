/* SPDX-License-Identifier: GPL-2.0-only */
/* A device that interrupts at once when it is told to. */
#pragma once

#include "core/types.h"

#define VECTOR      0x62
#define MSI_ADDRESS UINT32_C(0xfee00000) /* and the APIC ID from bit 12 */

struct source {
	const char *entry, *round; /* the figures' names */
	bool (*init)(void);        /* false with a report where there is none */
	void (*prepare)(void);     /* the next interrupt: not measured */
	void (*send)(void);        /* one store */
	void (*settle)(void);      /* in the handler, before the EOI */
};

/* Switches MSI-X on with VECTOR in its first entry; false where there is none within reach. */
bool msix_enable(unsigned function);

extern const struct source edu, xhci, virtio;
