/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The current VMCS as an array: in place of arch/x86/vmcs.c. Knows which fields exist and which can
 * be written, keeps what fits a field's width, counts writes. Defines functions.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/vmcs.h"

#define VMCS_ENCODINGS 0x7000

static uint64_t vmcs_fake[VMCS_ENCODINGS];
static uint32_t vmcs_fake_written[VMCS_ENCODINGS]; /* how often, since vmcs_fake_clear() */
static bool vmcs_fake_absent[VMCS_ENCODINGS];      /* this CPU has not got it */
static unsigned vmcs_fake_writes;

/* First and last encodings of runs, two apart, as SDM3 appendix B has them; written out here, not
 * taken from the header. */
static const uint16_t vmcs_fake_runs[][2] = {
	{ 0x0000, 0x0004 }, { 0x0800, 0x0812 }, { 0x0c00, 0x0c0c }, { 0x2000, 0x2032 },
	{ 0x2400, 0x2400 }, { 0x2800, 0x2810 }, { 0x2c00, 0x2c04 }, { 0x4000, 0x4022 },
	{ 0x4400, 0x440e }, { 0x4800, 0x482a }, { 0x482e, 0x482e }, { 0x4c00, 0x4c00 },
	{ 0x6000, 0x600e }, { 0x6400, 0x640a }, { 0x6800, 0x6826 }, { 0x6c00, 0x6c16 },
};

static inline bool vmcs_fake_exists(uint32_t field)
{
	for (unsigned i = 0; i < ARRAY_SIZE(vmcs_fake_runs); i++) {
		if (field >= vmcs_fake_runs[i][0] && field <= vmcs_fake_runs[i][1] &&
		    field % 2 == 0) {
			return !vmcs_fake_absent[field];
		}
	}
	return false;
}

/* SDM3 25.11.2: bits 14:13 of an encoding are the width, 11:10 are 1 where it is read only. */
static inline uint64_t vmcs_fake_mask(uint32_t field)
{
	static const uint64_t masks[] = { UINT16_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX };

	return masks[field >> 13 & 3];
}

/* What the processor or the test puts there. */
static inline void vmcs_fake_set(uint32_t field, uint64_t value)
{
	assert_true(vmcs_fake_exists(field));
	assert_true((value & ~vmcs_fake_mask(field)) == 0);
	vmcs_fake[field] = value;
}

static inline void vmcs_fake_clear(void)
{
	memset(vmcs_fake, 0, sizeof(vmcs_fake));
	memset(vmcs_fake_written, 0, sizeof(vmcs_fake_written));
	memset(vmcs_fake_absent, 0, sizeof(vmcs_fake_absent));
	vmcs_fake_writes = 0;
}

/* Counts from now on. */
static inline void vmcs_fake_count(void)
{
	memset(vmcs_fake_written, 0, sizeof(vmcs_fake_written));
	vmcs_fake_writes = 0;
}

uint64_t vmcs_read(enum vmcs_field field)
{
	assert_true(vmcs_fake_exists(field));
	return vmcs_fake[field];
}

void vmcs_write(enum vmcs_field field, uint64_t value)
{
	assert_true(vmcs_fake_exists(field));
	assert_int_not_equal(field >> 10 & 3, 1);
	vmcs_fake[field] = value & vmcs_fake_mask(field);
	vmcs_fake_written[field]++;
	vmcs_fake_writes++;
}
