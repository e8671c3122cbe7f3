/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The time-stamp counter as the clock: calibration against PM timer, HPET or PIT, skew between
 * CPUs, conversion to and from nanoseconds. Never written by a guest.
 */
#pragma once

#include "core/types.h"

/* Calibrates; -E_NODEV when nothing can tell its rate. Boot CPU, after acpi_parse(). */
must_check int tsc_init(void);
uint64_t tsc_frequency(void);             /* Hz */
uint64_t tsc_read(void);                  /* ordered against earlier loads */
uint64_t tsc_to_ns(uint64_t ticks);       /* absolute: since tsc_init() */
uint64_t tsc_from_ns(uint64_t ns);        /* absolute deadline in ticks; saturates */
uint64_t tsc_ticks_to_ns(uint64_t ticks); /* a difference */
uint64_t tsc_ns_to_ticks(uint64_t ns);

/*
 * Compares this CPU's TSC with the boot CPU's, which calls tsc_sync_answer() all the while;
 * corrects it by TSC_ADJUST where there is one, else by an offset in struct arch_cpu, and reports
 * it. A CPU that starts, one at a time.
 */
void tsc_sync_target(void);

/* Answers a question of tsc_sync_target() if there is one. Boot CPU. */
void tsc_sync_answer(void);
