/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x' instructions but those on the current VMCS (vmcs.h). False: VMfail; what was wrong is in
 * the current VMCS, if there is one: SDM3 31.2 "Conventions". Functions, so that unit tests have
 * others in their place.
 */
#pragma once

#include "core/types.h"

bool vmxon(hpa_t region);
void vmxoff(void);
bool vmclear(hpa_t vmcs);
bool vmptrld(hpa_t vmcs);

/* type: VMX_INVALIDATE_ONE, the pointer's or the tag's entries, or VMX_INVALIDATE_ALL. */
bool invept(uint64_t type, uint64_t pointer);
bool invvpid(uint64_t type, uint64_t vpid);

/* NMIs stay blocked after an exit for one, until an IRET: the one that ends its handler. */
void vmx_nmi_take(void);
