/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults on demand, to show that the protection of the hypervisor's own memory holds. */
#pragma once

/*
 * Does what trap_test= of the command line says: stack, write_text, write_rodata, exec_data or
 * null. Each must end in a panic; one that does not is told, and the machine refused. Nothing
 * without the option. Boot CPU.
 */
void trap_test(void);
