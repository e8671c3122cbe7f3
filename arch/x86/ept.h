/* SPDX-License-Identifier: GPL-2.0-only */
/* Intel's extended page tables as a format of the walker. */
#pragma once

#include "core/types.h"

struct pt_format;
struct stage2;

/* The format as this machine has it: physical width, 1 GiB leaves. virt_vmx's stage2_format. */
const struct pt_format *ept_format(void);

/* The VMCS' EPT pointer of a stage-2. */
uint64_t ept_pointer(const struct stage2 *stage2);
