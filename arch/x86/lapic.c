/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's local APIC. One mode for the whole machine: all CPUs are brought into it or left out.
 */
#include "arch/lapic.h"

#include "arch/calibrate.h"
#include "arch/mmio.h"
#include "arch/msr.h"
#include "arch/tsc.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/scale.h"
#include "drivers/acpi.h"
#include "mm/hyp_map.h"

/* Registers, by their xAPIC offset: APM2 table 16-2 "APIC Registers". */
#define LAPIC_ID           0x020
#define LAPIC_VERSION      0x030
#define LAPIC_TPR          0x080
#define LAPIC_EOI          0x0b0
#define LAPIC_SVR          0x0f0
#define LAPIC_ISR          0x100 /* 8 registers, 0x10 apart */
#define LAPIC_IRR          0x200 /* the same */
#define LAPIC_ESR          0x280
#define LAPIC_LVT_CMCI     0x2f0
#define LAPIC_ICR_LOW      0x300
#define LAPIC_ICR_HIGH     0x310
#define LAPIC_LVT_TIMER    0x320
#define LAPIC_LVT_THERMAL  0x330
#define LAPIC_LVT_COUNTER  0x340
#define LAPIC_LVT_LINT0    0x350
#define LAPIC_LVT_LINT1    0x360
#define LAPIC_LVT_ERROR    0x370
#define LAPIC_TIMER_INIT   0x380
#define LAPIC_TIMER_COUNT  0x390
#define LAPIC_TIMER_DIVIDE 0x3e0
#define LAPIC_EXTENDED     0x400 /* feature register of AMD's extended space */
#define LAPIC_EXTENDED_LVT 0x500 /* its LVTs, 0x10 apart */

#define ID_XAPIC           BITS(31, 24)
#define VERSION_LVT_MAX    BITS(23, 16)
#define VERSION_EXTENDED   BIT(31)
#define EXTENDED_LVT_COUNT BITS(23, 16)
#define EXTENDED_LVT_MOST  4
#define SVR_ENABLE         BIT(8)
#define LVT_MODE_NMI       field_set(BITS(10, 8), 4)
#define LVT_MASKED         BIT(16)
#define LVT_TIMER_PERIODIC BIT(17) /* modes 1 and 2 of bits 18:17; 0: one-shot */
#define LVT_TIMER_DEADLINE BIT(18)
#define TIMER_DIVIDE_1     0xb
#define ICR_MODE_NMI       field_set(BITS(10, 8), 4)
#define ICR_MODE_INIT      field_set(BITS(10, 8), 5)
#define ICR_MODE_STARTUP   field_set(BITS(10, 8), 6)
#define ICR_PENDING        BIT(12)
#define ICR_ASSERT         BIT(14)
#define ICR_SELF           BIT(18)      /* whatever the destination */
#define ICR_DESTINATION    BITS(31, 24) /* of ICR_HIGH, xAPIC */
#define ICR_X2_DESTINATION BITS(63, 32)

#define ONE_ECX_X2APIC       BIT(21) /* CPUID 1, ECX */
#define ONE_ECX_TSC_DEADLINE BIT(24)

#define XAPIC_ID_MAX 254 /* 255 is the broadcast address */
#define SEND_SPINS   1000000
#define NS_HZ        UINT64_C(1000000000)
#define REPEAT_NS    UINT64_C(20000)

static bool is_x2apic;
static uint64_t base_address;
static void *page; /* xAPIC */
static bool has_deadline;
static uint64_t timer_hz; /* of the counting timer, undivided */
static struct scale from_tsc;

static uint32_t reg_read(unsigned reg)
{
	return is_x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : mmio_read32(page, reg);
}

static void reg_write(unsigned reg, uint64_t value)
{
	if (is_x2apic) {
		wrmsr(MSR_X2APIC + reg / 16, value);
	} else {
		mmio_write32(page, reg, (uint32_t)value);
	}
}

/* ---- set-up ---- */

/* Firmware that left x2APIC on may have its reasons (interrupt remapping): there is no way back. */
static bool wants_x2apic(uint64_t base)
{
	bool needs = false;

	for (uint32_t i = 0; i < acpi.cpu_count; i++) {
		needs |= acpi.cpus[i].apic_id > XAPIC_ID_MAX;
	}
	if ((base & APIC_BASE_X2APIC) != 0) {
		return true;
	}
	if (needs && (cpuid(1, 0).ecx & ONE_ECX_X2APIC) == 0) {
		log(LOG_WARN, "lapic: APIC IDs above 254 need x2APIC, which this CPU lacks");
		return false;
	}
	return needs;
}

int lapic_init(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	is_x2apic = wants_x2apic(base);
	has_deadline = (cpuid(1, 0).ecx & ONE_ECX_TSC_DEADLINE) != 0;
	base_address = base & APIC_BASE_ADDRESS;
	if (!is_x2apic) {
		page = hyp_map_mmio(hpa(base_address), PAGE_SIZE);
		if (page == NULL) {
			return -E_NOMEM;
		}
	}
	log(LOG_INFO, "lapic: %s, %s timer", is_x2apic ? "x2APIC" : "xAPIC",
	    has_deadline ? "TSC-deadline" : "counting");
	return 0;
}

/* x2APIC is entered by way of xAPIC only: APM2 16.9 "x2APIC Support", state diagram. */
static int mode_enter(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (!is_x2apic && (base & APIC_BASE_X2APIC) != 0) {
		return -E_NOTSUP;
	}
	base = (base & ~APIC_BASE_ADDRESS) | base_address | APIC_BASE_ENABLE;
	wrmsr(MSR_APIC_BASE, base);
	if (is_x2apic && (base & APIC_BASE_X2APIC) == 0) {
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	}
	return 0;
}

/* Which local vectors there are tells the version register: APM2 16.3.4 "APIC Version Register". */
static void lvt_mask_all(void)
{
	static const uint16_t lvts[] = { LAPIC_LVT_TIMER, LAPIC_LVT_LINT0,   LAPIC_LVT_LINT1,
					 LAPIC_LVT_ERROR, LAPIC_LVT_COUNTER, LAPIC_LVT_THERMAL,
					 LAPIC_LVT_CMCI };
	uint32_t version = reg_read(LAPIC_VERSION);
	uint64_t most = field_get(VERSION_LVT_MAX, version);

	for (unsigned i = 0; i < ARRAY_SIZE(lvts) && i <= most; i++) {
		reg_write(lvts[i], LVT_MASKED);
	}
	if (!is_x2apic && (version & VERSION_EXTENDED) != 0) {
		uint64_t count = field_get(EXTENDED_LVT_COUNT, reg_read(LAPIC_EXTENDED));

		for (unsigned i = 0; i < min_u64(count, EXTENDED_LVT_MOST); i++) {
			reg_write(LAPIC_EXTENDED_LVT + i * 16, LVT_MASKED);
		}
	}
}

/* What firmware took and never ended would block all of its priority and below. */
static void isr_clear(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t in_service = 0;

		for (unsigned word = 0; word < 8; word++) {
			in_service |= reg_read(LAPIC_ISR + word * 16);
		}
		if (in_service == 0) {
			return;
		}
		lapic_eoi();
	}
}

static void timer_mode_set(void)
{
	reg_write(LAPIC_TIMER_DIVIDE, TIMER_DIVIDE_1);
	reg_write(LAPIC_TIMER_INIT, 0);
	reg_write(LAPIC_LVT_TIMER,
		  LAPIC_VECTOR_TIMER | (has_deadline ? LVT_TIMER_DEADLINE : LVT_TIMER_PERIODIC));
	/* SDM3 11.5.4.1 "TSC-Deadline Mode": the mode is to be set before the deadline is. */
	atomic_fence();
}

int lapic_cpu_init(void)
{
	int err = mode_enter();

	if (err != 0) {
		return err;
	}
	lvt_mask_all();
	reg_write(LAPIC_TPR, 0);
	reg_write(LAPIC_SVR, SVR_ENABLE | LAPIC_VECTOR_SPURIOUS);
	isr_clear();
	reg_write(LAPIC_ESR, 0);
	reg_write(LAPIC_LVT_ERROR, LAPIC_VECTOR_ERROR);
	timer_mode_set();
	/* Where the machine's NMI comes in: SDM3 11.5.1 "Local Vector Table". */
	reg_write(LAPIC_LVT_LINT1, LVT_MODE_NMI);
	return 0;
}

uint32_t lapic_id(void)
{
	uint32_t id = reg_read(LAPIC_ID);

	return is_x2apic ? id : (uint32_t)field_get(ID_XAPIC, id);
}

void lapic_eoi(void)
{
	reg_write(LAPIC_EOI, 0);
}

/*
 * A write latches what has come up since the last one: APM2 16.4.6 "APIC Error Interrupts". Each
 * kind is said once: a guest's device can send illegal vectors as fast as it likes.
 */
void lapic_error(void)
{
	static uint32_t said;
	uint32_t status;

	reg_write(LAPIC_ESR, 0);
	status = reg_read(LAPIC_ESR);
	if ((status & ~__atomic_fetch_or(&said, status, __ATOMIC_RELAXED)) != 0) {
		log(LOG_WARN, "lapic: error status %#x (said once)", status);
	}
}

/* ---- interrupts to other CPUs ---- */

static bool wait_sent(void)
{
	for (unsigned i = 0; i < SEND_SPINS; i++) {
		if ((reg_read(LAPIC_ICR_LOW) & ICR_PENDING) == 0) {
			return true;
		}
		arch_relax();
	}
	return false;
}

/*
 * What was written before must be seen by who is interrupted. Writing x2APIC's MSR does not order
 * earlier stores (SDM3 11.12.3 "MSR Access in x2APIC Mode"); an uncached store does.
 */
static void send(uint32_t apic_id, uint64_t command)
{
	if (is_x2apic) {
		atomic_fence();
		lfence();
		wrmsr(MSR_X2APIC + LAPIC_ICR_LOW / 16,
		      field_set(ICR_X2_DESTINATION, apic_id) | command);
		return;
	}
	if (!wait_sent()) {
		log(LOG_WARN, "lapic: an interrupt to another CPU is not accepted");
	}
	reg_write(LAPIC_ICR_HIGH, field_set(ICR_DESTINATION, apic_id));
	reg_write(LAPIC_ICR_LOW, command);
}

bool lapic_reaches(uint32_t apic_id)
{
	return is_x2apic || apic_id <= XAPIC_ID_MAX;
}

void lapic_send_ipi(uint32_t apic_id, uint8_t vector)
{
	send(apic_id, ICR_ASSERT | vector);
}

/*
 * What was interrupted may be between the two writes of send(): the shorthand needs no ICR_HIGH,
 * and the low half is free again afterwards.
 */
void lapic_kick_self(void)
{
	if (is_x2apic) {
		wrmsr(MSR_X2APIC + LAPIC_ICR_LOW / 16, ICR_SELF | ICR_ASSERT | LAPIC_VECTOR_KICK);
		return;
	}
	(void)wait_sent();
	reg_write(LAPIC_ICR_LOW, ICR_SELF | ICR_ASSERT | LAPIC_VECTOR_KICK);
	(void)wait_sent();
}

void lapic_send_nmi(uint32_t apic_id)
{
	send(apic_id, ICR_ASSERT | ICR_MODE_NMI);
}

void lapic_send_init(uint32_t apic_id)
{
	send(apic_id, ICR_ASSERT | ICR_MODE_INIT);
}

void lapic_send_startup(uint32_t apic_id, uint8_t start_page)
{
	send(apic_id, ICR_ASSERT | ICR_MODE_STARTUP | start_page);
}

/* ---- the timer ---- */

void lapic_timer_stop(void)
{
	if (has_deadline) {
		wrmsr(MSR_TSC_DEADLINE, 0);
	} else {
		reg_write(LAPIC_TIMER_INIT, 0);
	}
}

/*
 * A deadline that is past fires at once, or after REPEAT_NS. One that is too far for the count
 * fires early, for nothing, and is set again by timer_run().
 *
 * The count repeats, so that an interrupt that is lost on its way comes again after the same time;
 * timer_run() sets the next count or stops it, so that one which is not lost does not. On QEMU's
 * TCG an interrupt is seen to stay in IRR now and then, with nothing in service and priority 0,
 * until another one comes: a CPU whose guest spins would wait for ever. REPEAT_NS bounds the rate
 * at which one comes again before it is handled.
 */
void lapic_timer_set(uint64_t tsc_deadline)
{
	uint64_t now, count;

	if (has_deadline) {
		wrmsr(MSR_TSC_DEADLINE, max_u64(tsc_deadline, 1));
		return;
	}
	now = tsc_read();
	count = tsc_deadline > now ? scale_apply(&from_tsc, tsc_deadline - now) + 1 : 1;
	count = max_u64(count, REPEAT_NS * timer_hz / NS_HZ);
	reg_write(LAPIC_TIMER_INIT, min_u64(count, UINT32_MAX));
}

bool lapic_timer_is_pending(void)
{
	uint32_t word = reg_read(LAPIC_IRR + LAPIC_VECTOR_TIMER / 32 * 16);

	return (word & BIT(LAPIC_VECTOR_TIMER % 32)) != 0;
}

/* It counts down. */
static uint64_t timer_read(void)
{
	return ~(uint64_t)reg_read(LAPIC_TIMER_COUNT);
}

static int count_calibrate(void)
{
	const struct clock reference = { .name = "TSC",
					 .hz = tsc_frequency(),
					 .mask = UINT64_MAX,
					 .spin_max = 10000000,
					 .read = tsc_read };
	const struct clock counter = { .name = "LAPIC timer",
				       .mask = UINT32_MAX,
				       .read = timer_read };
	int err;

	reg_write(LAPIC_LVT_TIMER, LAPIC_VECTOR_TIMER | LVT_MASKED);
	reg_write(LAPIC_TIMER_INIT, UINT32_MAX);
	err = calibrate(&reference, &counter, &timer_hz);
	timer_mode_set();
	if (err != 0) {
		return err;
	}
	from_tsc = scale_make(tsc_frequency(), timer_hz);
	log(LOG_INFO, "lapic: the timer counts at %llu kHz", (unsigned long long)timer_hz / 1000);
	return 0;
}

/* The interrupt by which a timer was asked stays pending: timer_run() finds nothing due. */
int lapic_timer_calibrate(void)
{
	if (has_deadline && lapic_deadline_is_kept()) {
		return 0;
	}
	if (has_deadline) {
		log(LOG_WARN,
		    "lapic: the TSC-deadline timer does not go by the TSC: it is not used");
		has_deadline = false;
	}
	return count_calibrate();
}
