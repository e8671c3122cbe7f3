/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the machine reports on its own account. Alone it proves the rules of the machine-check
 * registers: APM2 9.3.3 "Machine-Check Recording", SDM3 15.3. With wait= on its command line it
 * waits for what tests/boot/test_machine_events.py injects: nmi, or #MC while it spins (spin) or
 * halts (halt).
 */
#include "guests/lib/guest.h"

#define NMIS         20 /* that are injected, one after the other */
#define EVENTS       2
#define LVT_NMI      (4U << 8)
#define COM1         0x3f8
#define COM1_LSR     (COM1 + 5)
#define LSR_READY    BIT(0)
#define BANK(n)      (MSR_MC0_CTL + 4 * (uint32_t)(n))
#define STATUS(n)    (BANK(n) + 1)
#define STATUS_VALID BIT(63)
#define MCG_COUNT    BITS(7, 0)

const char test_title[] = "what the machine reports";

static volatile uint64_t nmis, events;
static volatile uint64_t bank, status, address, misc, mcg_status; /* of the last event */

static bool is_asked(const char *word)
{
	const char *wanted = guest_word("wait");

	return strlen(wanted) == strlen(word) && memcmp(wanted, word, strlen(word)) == 0;
}

/* ---- the registers ---- */

static void write_status(uint64_t number)
{
	wrmsr(STATUS(number), 1);
}

static void read_bank(uint64_t number)
{
	(void)rdmsr(BANK(number));
}

static void test_registers(void)
{
	uint64_t count = rdmsr(MSR_MCG_CAP) & MCG_COUNT;

	for (uint64_t i = 0; i < count; i++) {
		check(rdmsr(BANK(i)) == UINT64_MAX, "bank %lu does not report all", i);
		wrmsr(STATUS(i), 0);
		check(rdmsr(STATUS(i)) == 0, "bank %lu is not clear", i);
	}
	wrmsr(MSR_MCG_STATUS, 0);
	check(rdmsr(MSR_MCG_STATUS) == 0, "MCG_STATUS is not clear");
	if (count != 0 && hypervisor_present()) { /* QEMU lets other values through */
		check_exception("a status that is not 0", write_status, 0, VECTOR_GP);
		check_exception("a bank that is not there", read_bank, count, VECTOR_GP);
	}
}

/* ---- NMI ---- */

static void count_nmi(struct trap_frame *frame)
{
	(void)frame;
	nmis = nmis + 1;
}

static void wait_for_key(void)
{
	while ((in8(COM1_LSR) & LSR_READY) == 0) {
		cpu_relax();
	}
	(void)in8(COM1);
}

/* One exit after the other, of two kinds. */
static void test_nmis(void)
{
	uint64_t seen = 0;

	trap_set_handler(VECTOR_NMI, count_nmi);
	apic_write(APIC_LVT_LINT1, LVT_NMI | LVT_MASKED);
	print("ready: masked\n");
	wait_for_key();
	check(nmis == 0, "%lu NMIs came through the masked LINT1", nmis);
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	print("nmis: 0\n");
	while (seen < NMIS) {
		(void)cpuid(0, 0);
		(void)in8(COM1_LSR);
		if (nmis != seen) {
			seen = nmis;
			print("nmis: %lu\n", seen);
		}
	}
	delay_us(50000);
	check(nmis == NMIS, "%lu NMIs came of %u", nmis, NMIS);
}

/* ---- #MC ---- */

/* It may have come in the middle of a print(). */
static void machine_check(struct trap_frame *frame)
{
	(void)frame;
	for (uint64_t i = 0; i < (rdmsr(MSR_MCG_CAP) & MCG_COUNT); i++) {
		if ((rdmsr(STATUS(i)) & STATUS_VALID) != 0) {
			bank = i;
			status = rdmsr(STATUS(i));
			address = rdmsr(BANK(i) + 2);
			misc = rdmsr(BANK(i) + 3);
			wrmsr(STATUS(i), 0);
		}
	}
	mcg_status = rdmsr(MSR_MCG_STATUS);
	wrmsr(MSR_MCG_STATUS, 0);
	events = events + 1;
}

static void test_machine_checks(bool halts)
{
	trap_set_handler(VECTOR_MC, machine_check);
	cr4_write(cr4_read() | CR4_MCE);
	for (uint64_t i = 0; i < EVENTS; i++) {
		print("ready: %lu\n", i);
		while (events == i) {
			if (halts) {
				hlt();
			}
		}
		print("bank %lu: %lx %lx %lx, %lx\n", bank, status, address, misc, mcg_status);
		test_registers();
	}
	check(events == EVENTS, "%lu machine checks came of %u", events, EVENTS);
}

void test_main(void)
{
	test_registers();
	if (is_asked("nmi")) {
		test_nmis();
	} else if (is_asked("spin") || is_asked("halt")) {
		test_machine_checks(is_asked("halt"));
	}
}
