/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of the running machine, for self_test=1 on the command line. */
#pragma once

/* Interrupts between CPUs, timers and clocks of all CPUs that run: one line each, which says pass
 * or what failed. Boot CPU, before its sched_run(). */
void self_test_cores(void);
