/* SPDX-License-Identifier: GPL-2.0-only */
/* What the firmware says of the machine, apart from its memory map. Boot CPU, once. */
#pragma once

#include "core/types.h"

/* Reads the ACPI tables into `acpi` through the window. A machine without them has one CPU. */
void firmware_read(void);

/* CPUs that the firmware offers; at least 1. */
uint32_t firmware_cpu_count(void);
