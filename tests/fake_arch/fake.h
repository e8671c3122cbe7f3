/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fake architecture's handles for tests. All its functions are weak: a test or a real source
 * that defines one of them replaces it. One thread plays all CPUs in turn.
 */
#pragma once

#include "core/types.h"

struct cpu;
struct pt_attr;
struct stage2;

#define FAKE __attribute__((weak))

/* ---- cpu.c: CPUs and time ---- */

#define FAKE_CPUS 4

/* Fake CPUs there are (cpu_count()), all online; 1 unless set. */
void fake_cpus_set(uint32_t count);

/* The test goes on as CPU n; its TLB is the one in use. */
void fake_cpu_switch(uint32_t n);

/* The struct that arch_cpu_self() gives on CPU n, where it is not the fake's own. */
void fake_cpu_self_set(uint32_t n, struct cpu *cpu);

/* Kicks that CPU n was sent since the last call. */
unsigned fake_cpu_kicks(uint32_t n);

/* arch_time_now(), in ns, and the deadline that CPU n's timer was set to. */
void fake_time_set(uint64_t now);
void fake_time_advance(uint64_t ns);
uint64_t fake_timer_deadline(uint32_t n);

/* Called by arch_cpu_idle() and arch_irq_poll() on the current CPU. */
extern void (*fake_idle_hook)(void);
extern void (*fake_irq_hook)(void);

/* How often idle was entered. */
extern unsigned fake_idle_count;

/* ---- memory.c: physical memory, and an MMU with a TLB that forgets nothing by itself ---- */

#define FAKE_MEMORY_SIZE (UINT64_C(8) << 30)

/*
 * All of physical memory, zeroed, mapped at LAYOUT_BOOT_BASE and LAYOUT_DIRECT_BASE without any
 * table, until arch_root_load() switches a CPU to tables: from then on only what these map can be
 * touched.
 */
void fake_memory_init(void);

/* True when the access (a byte read or written) faults. */
bool fake_read_faults(const volatile void *address);
bool fake_write_faults(volatile void *address);

/* Physical memory as a device sees it: always there. */
void *fake_memory(hpa_t address);

/* What the tables of the current CPU's root say of an address: true where it is mapped. */
bool fake_walk(uint64_t address, hpa_t *target, struct pt_attr *attr);

/* ---- guest.c: a guest's accesses through a stage-2, with the CPU's own TLB of it ---- */

/* Enters a guest of that stage-2 on this CPU: flushes if its generation has grown. */
void fake_guest_enter(struct stage2 *stage2);
void fake_guest_leave(void);

/* The guest touches an address; false: a stage-2 fault. Uses what the TLB holds. */
bool fake_guest_access(gpa_t address, bool is_write, hpa_t *target);

/* ---- end.c ---- */

/* Text of the last panic or refusal: panic(), refuse(), arch_halt() and the like end the test, or
 * satisfy expect_assert_failure(). */
extern char fake_panic_text[256];

/* ---- pt_format.c ---- */

/* Called before an entry is exchanged: plays hardware that sets bits in it just then. */
extern void (*fake_publish_hook)(uint64_t *slot);
