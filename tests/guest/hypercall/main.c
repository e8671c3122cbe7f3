/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall interface: VMMCALL or VMCALL with the number in RAX answers in RAX, an unknown
 * number answers all ones, other registers stay; from CPL 3 it is #UD (APM3 "VMMCALL",
 * core/hypercall.h).
 */
#include "guests/lib/guest.h"

#define HYPERCALL_VERSION 0
#define HYPERCALL_ABI     1

const char test_title[] = "hypercalls";

static void call_version(uint64_t unused)
{
	(void)unused;
	(void)hypercall(HYPERCALL_VERSION, 0);
}

static void check_registers_stay(void)
{
	uint64_t regs[HYPERCALL_REGS] = { HYPERCALL_VERSION, 1, 2, 3, 4, 5 };

	hypercall_raw(regs);
	check(regs[0] == HYPERCALL_ABI, "version: %lx", regs[0]);
	for (uint64_t i = 1; i < HYPERCALL_REGS; i++) {
		check(regs[i] == i, "a hypercall changed register %lu", i);
	}
}

void test_main(void)
{
	struct trap trap;

	if (!hypervisor_present()) {
		report_skip("no hypervisor");
		return;
	}
	check_registers_stay();
	check(hypercall(12345, 0) == UINT64_MAX, "an unknown number is answered");
	check(hypercall(UINT64_MAX, 0) == UINT64_MAX, "number -1 is answered");
	check(hypercall(BIT(32), 0) == UINT64_MAX, "the number is cut to 32 bits");
	trap = expect_exception_user(call_version, 0);
	check(trap.vector == VECTOR_UD, "at CPL 3: vector %lu", trap.vector);
}
