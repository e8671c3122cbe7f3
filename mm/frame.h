/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame database: for every page of RAM who owns it, in which state it is, how often it is
 * mapped and pinned. One 64-bit word a frame, changed only by compare-exchange, in an array per RAM
 * range. Address ranges that are no RAM (MMIO) are owned as ranges.
 */
#pragma once

#include "core/bits.h"

/* An owner is a VM's id, or one of these. */
#define FRAME_OWNER_NOBODY     0 /* free, or reserved by the firmware */
#define FRAME_OWNER_HYPERVISOR 1
#define FRAME_OWNER_CONTROL    2 /* the control guest's VM id is always this */
#define FRAME_OWNER_MAX        0xffff

enum frame_state {
	FRAME_FREE,
	FRAME_HYPERVISOR,
	FRAME_CONTROL,
	FRAME_SHARED,
	FRAME_DONATED,
	FRAME_SEALED,
	FRAME_RESERVED, /* firmware's: not handed out, mapped only 1:1 to the control guest */
};

struct frame {
	uint64_t word;
#define FRAME_OWNER     BITS(15, 0)
#define FRAME_STATE     BITS(23, 16)
#define FRAME_MAP_COUNT BITS(47, 24) /* saturates: a saturated count never falls again */
#define FRAME_PIN_COUNT BITS(63, 48)
};
static_assert(sizeof(struct frame) == 8, "frame record");

/* Bytes of records that a range of RAM needs; the caller allocates them before frame_add(). */
uint64_t frame_records_size(uint64_t size);

/* Adds a page-aligned RAM range with zeroed records for it. Boot CPU only; sorted, no overlap. */
must_check int frame_add(hpa_t start, uint64_t size, struct frame *records);

/* The record of the frame at that address, or NULL where there is no RAM. */
struct frame *frame_find(hpa_t address);

/* Whether any byte of the range is RAM. */
bool frame_is_ram(hpa_t start, uint64_t size);

unsigned frame_owner(hpa_t address); /* FRAME_OWNER_NOBODY where there is no RAM */
enum frame_state frame_state(hpa_t address);

/*
 * Changes owner and state of one frame, only if the owner is `from`, and nobody maps or pins it
 * unless the new owner is the old. 0, -E_NOENT (no RAM), -E_PERM (another owner), -E_BUSY (mapped
 * or pinned). The caller has waited for the epoch since the last unmap (core/epoch.h).
 */
must_check int frame_set_owner(hpa_t address, unsigned from, unsigned to, enum frame_state state);

/* At boot, without counts: frames that are nobody's or `to`'s already; -E_PERM at the first that is
 * another's, -E_NOENT at the first that is no RAM. */
must_check int frame_set_owner_range(hpa_t start, uint64_t size, unsigned to,
				     enum frame_state state);

/* Count one mapping more, or less, of each frame of a range; no effect where there is no RAM. */
void frame_map_get(hpa_t start, uint64_t size);
void frame_map_put(hpa_t start, uint64_t size);
must_check int frame_pin(hpa_t address); /* -E_BUSY at the counter's end */
void frame_unpin(hpa_t address);

/* MMIO that the hypervisor keeps for itself: LAPIC, IOAPIC, HPET, IOMMU, its UART. Boot CPU only.
 */
must_check int frame_mmio_reserve(hpa_t start, uint64_t size, const char *name);

/* The name of the hypervisor's MMIO that the range touches, or NULL. */
const char *frame_mmio_owner(hpa_t start, uint64_t size);
