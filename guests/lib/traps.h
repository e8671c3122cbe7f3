/* SPDX-License-Identifier: GPL-2.0-only */
/* Set-up of descriptor tables and traps, for the library alone. */
#pragma once

void traps_init(void);               /* once: the IDT */
void traps_cpu_init(unsigned index); /* each CPU: its TSS and IDT register */
