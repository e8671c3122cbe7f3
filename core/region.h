/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions: address ranges (memory or ports) of a VM that a device of the hypervisor answers.
 * Registered at VM creation and by BAR moves, looked up at exits.
 */
#pragma once

#include "core/err.h"
#include "core/lock.h"

struct vcpu;
struct vm;

#define REGION_MAX 512 /* each function with MSI-X has one */

struct access {
	struct vcpu *vcpu;
	uint64_t address; /* as the guest gave it: GPA or port */
	uint64_t offset;  /* from the region's start */
	uint8_t size;     /* 1 2 4 8 */
	bool is_write;
	uint64_t value; /* to write; or 0, and set by a read, zero-extended */
};

enum region_result {
	REGION_DONE,
	REGION_ONES,  /* not there: reads all ones, writes are dropped */
	REGION_STOP,  /* the VM was stopped or the machine is going down: do not resume */
	REGION_AGAIN, /* only a part is done, for one exit: the guest's instruction runs again */
};

typedef enum region_result region_fn(void *device, struct access *access);

struct region {
	uint64_t start;
	uint64_t size;
	region_fn *fn;
	void *device;
	const char *name;
};

struct region_table {
	struct lock lock; /* writers; readers run against a sequence count */
	uint32_t sequence;
	uint32_t count;
	struct region regions[REGION_MAX]; /* sorted by start */
};

/* 0, -E_EXIST where it overlaps another, -E_NOMEM when the table is full, -E_RANGE where it wraps.
 */
must_check int region_add(struct region_table *table, const struct region *region);
must_check int region_remove(struct region_table *table, uint64_t start);

/* Copies the region that holds all of [address, address + size) to *region; false where there is
 * none. */
bool region_find(struct region_table *table, uint64_t address, uint64_t size,
		 struct region *region);

/* Whether any region has a byte in common with the range. */
bool region_overlaps(struct region_table *table, uint64_t start, uint64_t size);

/* What becomes of the instruction: 0: it is done; -E_NODEV: do not resume; -E_RESTART: it runs
 * again. */
static inline int region_error(enum region_result result)
{
	return result == REGION_STOP ? -E_NODEV : result == REGION_AGAIN ? -E_RESTART : 0;
}

/* Finds and calls; REGION_ONES (value filled with ones) where nobody answers. */
enum region_result region_access(struct region_table *table, struct access *access);
