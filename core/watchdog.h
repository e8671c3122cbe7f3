/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The watchdog: every CPU looks from time to time whether the next one still gets out of the
 * hypervisor, and makes a hung one panic. It costs nothing elsewhere: epochs tell (core/epoch.h).
 */
#pragma once

#include "core/timer.h"

struct cpu;

/* What to do about the watched CPU. */
enum watchdog_step { WATCHDOG_WAIT, WATCHDOG_PROBE, WATCHDOG_PANIC };

struct watchdog { /* owner: the CPU that watches */
	struct timer timer;
	const struct cpu *watched;
	uint64_t ticket; /* epoch drawn when the watched CPU was last seen to move */
	uint32_t missed; /* looks since in which it had not */
	bool is_on;      /* this CPU is to be watched; read by others */
};

#define WATCHDOG_LOOKS 4 /* that a CPU must miss in a row, in the time that makes it hung */

/* One look: the watched CPU has moved since the ticket, or not. Pure, but for *watchdog. */
enum watchdog_step watchdog_judge(struct watchdog *watchdog, bool has_moved);

/* All CPUs begin to watch and to be watched, as watchdog=SECONDS says. Boot CPU, in front of the
 * scheduler's loop, where the others are. */
void watchdog_start(void);

/* How long a CPU must be in the hypervisor without a break to be taken for hung. */
uint64_t watchdog_seconds(void);
