/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x' instructions but those on the current VMCS (vmcs.h). False: VMfail; what was wrong is in
 * the current VMCS, if there is one: SDM3 31.2 "Conventions".
 */
#pragma once

#include "core/types.h"

static inline bool vmxon(hpa_t region)
{
	bool failed;

	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region.value) : "memory");
	return !failed;
}

static inline void vmxoff(void)
{
	asm volatile("vmxoff" : : : "cc", "memory");
}

static inline bool vmclear(hpa_t vmcs)
{
	bool failed;

	asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs.value) : "memory");
	return !failed;
}

static inline bool vmptrld(hpa_t vmcs)
{
	bool failed;

	asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs.value) : "memory");
	return !failed;
}

struct invalidation {  /* operand of INVEPT and INVVPID */
	uint64_t what; /* EPT pointer, VPID */
	uint64_t address;
};

static inline bool invept(uint64_t type, uint64_t pointer)
{
	struct invalidation of = { .what = pointer };
	bool failed;

	asm volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(of), "r"(type) : "memory");
	return !failed;
}

static inline bool invvpid(uint64_t type, uint64_t vpid)
{
	struct invalidation of = { .what = vpid };
	bool failed;

	asm volatile("invvpid %1, %2" : "=@ccbe"(failed) : "m"(of), "r"(type) : "memory");
	return !failed;
}
