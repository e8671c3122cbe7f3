/* SPDX-License-Identifier: GPL-2.0-only */
/* What guests may do with each model-specific register: one sorted table, for the exit handlers and
 * for the vendors' permission maps. What has no row is #GP. */
#pragma once

#include "core/types.h"

struct vcpu;
struct vcpu_msrs;
struct vm;

enum msr_read {
	MSR_READ_FAULT,
	MSR_READ_REAL,     /* the machine's, as far as .mask says */
	MSR_READ_STATE,    /* the vCPU's, at .offset of struct vcpu_msrs */
	MSR_READ_MTRR,     /* the boot CPU's: all CPUs have the same */
	MSR_READ_CONST,    /* .value */
	MSR_READ_FUNCTION, /* by its own function in exit_msr.c */
};

enum msr_write {
	MSR_WRITE_FAULT,
	MSR_WRITE_STATE, /* #GP for bits of .reserved */
	MSR_WRITE_DROP,
	MSR_WRITE_FUNCTION,
	MSR_WRITE_DIRECT, /* not intercepted: the world switch exchanges it */
};

/* Whose processors have it; elsewhere it is #GP. */
enum msr_vendor { MSR_OF_ALL, MSR_OF_AMD, MSR_OF_INTEL };

struct msr_policy {
	uint32_t first, last;
	uint8_t read;   /* enum msr_read */
	uint8_t write;  /* enum msr_write */
	bool direct;    /* reads are not intercepted */
	uint8_t vendor; /* enum msr_vendor */
	uint16_t offset;
	uint64_t value, mask, reserved;
};

extern const struct msr_policy exit_msr_table[];
extern const uint32_t exit_msr_count;

/* The row of an MSR, or NULL. */
const struct msr_policy *exit_msr_find(uint32_t msr);

/* A guest's RDMSR and WRMSR of the loaded vCPU; false: #GP. */
must_check bool exit_msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
must_check bool exit_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);

/* Values that the guest itself could have written, canonical addresses apart. */
must_check bool exit_msr_is_valid(const struct vm *vm, const struct vcpu_msrs *msrs);
