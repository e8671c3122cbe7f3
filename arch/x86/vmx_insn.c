/* SPDX-License-Identifier: GPL-2.0-only */
/* VT-x' instructions, and the way to the handler of an NMI that was an exit. */
#include "arch/vmx_insn.h"

bool vmxon(hpa_t region)
{
	bool failed;

	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region.value) : "memory");
	return !failed;
}

void vmxoff(void)
{
	asm volatile("vmxoff" : : : "cc", "memory");
}

bool vmclear(hpa_t vmcs)
{
	bool failed;

	asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs.value) : "memory");
	return !failed;
}

bool vmptrld(hpa_t vmcs)
{
	bool failed;

	asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs.value) : "memory");
	return !failed;
}

struct invalidation {  /* operand of INVEPT and INVVPID */
	uint64_t what; /* EPT pointer, VPID */
	uint64_t address;
};

bool invept(uint64_t type, uint64_t pointer)
{
	struct invalidation of = { .what = pointer };
	bool failed;

	asm volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(of), "r"(type) : "memory");
	return !failed;
}

bool invvpid(uint64_t type, uint64_t vpid)
{
	struct invalidation of = { .what = vpid };
	bool failed;

	asm volatile("invvpid %1, %2" : "=@ccbe"(failed) : "m"(of), "r"(type) : "memory");
	return !failed;
}

void vmx_nmi_take(void)
{
	asm volatile("int $2" : : : "memory");
}
