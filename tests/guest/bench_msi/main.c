/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device's message interrupt to the guest's handler: from the store that causes it to the
 * handler's C function, and to the instruction behind its IRET, with the device's register and the
 * EOI written.
 */
#include "tests/guest/bench_msi/bench_msi.h"

#include "guests/lib/guest.h"

#define ROUNDS   1024
#define PATIENCE 10000000 /* polls */

const char test_title[] = "benchmark: message interrupts";

static const struct source *source;
static volatile uint32_t *apic_page;
static uint64_t sent, entry_ticks, round_ticks;
static volatile uint64_t handled;

static void handle(struct trap_frame *frame)
{
	(void)frame;
	entry_ticks += rdtsc() - sent;
	source->settle();
	handled = handled + 1;
	apic_page[APIC_EOI / 4] = 0;
}

static bool wait_round(uint64_t wanted)
{
	for (unsigned i = 0; handled != wanted && i < PATIENCE; i++) {
		asm volatile("" : : : "memory");
	}
	return handled == wanted;
}

static void measure(const struct source *device)
{
	source = device;
	handled = entry_ticks = round_ticks = 0;
	if (!source->init()) {
		return;
	}
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		source->prepare();
		sent = rdtsc();
		source->send();
		if (!wait_round(i)) {
			report_failure("%s: %lu interrupts after %lu", source->round, handled, i);
			return;
		}
		round_ticks += rdtsc() - sent;
	}
	report_bench(source->entry, entry_ticks, ROUNDS);
	report_bench(source->round, round_ticks, ROUNDS);
}

void test_main(void)
{
	apic_page = (volatile uint32_t *)(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS);
	trap_set_handler(VECTOR, handle);
	sti();
	measure(&edu);
	measure(&xhci);
	measure(&virtio);
	cli();
}
