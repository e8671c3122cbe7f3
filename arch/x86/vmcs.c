/* SPDX-License-Identifier: GPL-2.0-only */
/* Access to the current VMCS. */
#include "arch/vmcs.h"

#include "arch/vmx.h"
#include "core/panic.h"

uint64_t vmcs_read(enum vmcs_field field)
{
	uint64_t value = 0;

	asm volatile("vmread %1, %0" : "+r"(value) : "r"((uint64_t)field) : "cc", "memory");
	return value;
}

void vmcs_write(enum vmcs_field field, uint64_t value)
{
	bool failed;

	asm volatile("vmwrite %2, %1"
		     : "=@ccbe"(failed)
		     : "r"((uint64_t)field), "r"(value)
		     : "memory");
	if (unlikely(failed)) {
		panic("vmx: VMCS field %#x can not be written", field);
	}
}
