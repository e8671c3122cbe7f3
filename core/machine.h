/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's end: what follows when the control guest stops, powers off or resets the machine.
 */
#pragma once

#include "core/vm.h"

/* What a control guest's error or triple fault does; a power-off or reset of the guest's own always
 * happens. */
enum machine_policy { MACHINE_HALT, MACHINE_RESET };

void machine_policy_set(enum machine_policy policy);

/*
 * Says how the machine ends, in words that scripts/run knows ("caisson: machine power-off"), asks
 * the other CPUs to park, and asks this CPU to finish it in machine_finish(). Called from an exit
 * handler.
 */
void machine_end(enum vm_stop_reason reason);

/*
 * Called by the scheduler when CPU_WORK_STOP is set: parks this CPU, or, on the CPU that called
 * machine_end(), waits a bounded time for the others and powers off, resets or halts.
 */
noreturn void machine_finish(void);
