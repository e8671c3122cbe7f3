/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's local APIC: xAPIC or x2APIC, IPIs, EOI, the one-shot timer. APM2 chapter 16. Owner CPU
 * only.
 */
#pragma once

#include "core/types.h"

/* Host vectors that are not a device's. */
#define LAPIC_VECTOR_DEVICE_FIRST 0x30
#define LAPIC_VECTOR_DEVICE_LAST  0xef
#define LAPIC_VECTOR_TIMER        0xf0
#define LAPIC_VECTOR_KICK         0xf1
#define LAPIC_VECTOR_POSTED       0xf2 /* taken by a CPU in its guest: VT-x */
#define LAPIC_VECTOR_ERROR        0xfe
#define LAPIC_VECTOR_SPURIOUS     0xff

/* Boot CPU, after acpi_parse(): chooses the mode (x2APIC when the firmware left it on, or an ID
 * needs it), maps the page. */
must_check int lapic_init(void);

/* Each CPU: enables it, masks LINT0/ExtINT and all else but errors and NMI (LINT1), accepts all
 * priorities, timer off. -E_NOTSUP when this CPU can not be brought into the mode of the others. */
must_check int lapic_cpu_init(void);
uint32_t lapic_id(void);
void lapic_eoi(void);
/* The error interrupt: reads, clears and logs what happened. */
void lapic_error(void);
/* An ID that the mode can address; no other may be given to the functions below: to xAPIC 255 is
 * all CPUs, and of a greater one it takes the low bits. */
bool lapic_reaches(uint32_t apic_id);
void lapic_send_ipi(uint32_t apic_id, uint8_t vector);
/* LAPIC_VECTOR_KICK to this CPU itself: the one that NMI and machine-check handlers may send. */
void lapic_kick_self(void);
void lapic_send_nmi(uint32_t apic_id);
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint8_t page);
/* Arms the timer in TSC ticks of this CPU (TSC-deadline) or by the calibrated LAPIC clock. */
void lapic_timer_set(uint64_t tsc_deadline);
void lapic_timer_stop(void);
/* The timer's interrupt has come and waits to be taken. */
bool lapic_timer_is_pending(void);
/* Boot CPU, interrupts off, after tsc_init(): whether it keeps deadlines, or else its rate. */
must_check int lapic_timer_calibrate(void);
/* The part of that which asks the timer: it fires about when the TSC says so, not at once and
 * not far too late. For a timer in TSC-deadline mode, which is stopped afterwards. */
bool lapic_deadline_is_kept(void);
