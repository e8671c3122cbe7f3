/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions that are raised by their own delivery, for ever: #AC on a misaligned stack in ring 3,
 * #DB by a watchpoint on its own stack frame. A processor would be lost in its microcode; here the
 * other one has it back by INIT. debug=0 leaves out #DB, which kills QEMU. APM2 15.12 "Exception
 * Intercepts", CVE-2015-5307, CVE-2015-8104.
 */
#include "guests/lib/guest.h"

#define GATE32_USER UINT64_C(0xee0000000000) /* of ring 3, where its handler runs as well */
#define TSS_IST2    0x2c
#define IST2        2
#define FRAME_SIZE  40
#define DR7_L0_RW8  (BIT(0) | field_set(BITS(17, 16), 3) | field_set(BITS(19, 18), 2) | 0x400)
#define ROUNDS      3

const char test_title[] = "endless exceptions";

extern struct {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed)) loop_idt;
extern volatile uint32_t loop_state;
void loop_alignment(uint64_t unused);
void loop_handler(void);

static uint64_t idt32[32] __attribute__((aligned(8)));
static volatile uint64_t handled;

static void prepare_alignment(void)
{
	uint64_t handler = (uint64_t)loop_handler;

	for (unsigned i = 0; i < 32; i++) {
		idt32[i] = (handler & BITS(15, 0)) | SELECTOR_USER_CODE32 << 16 | GATE32_USER |
			   (handler & BITS(31, 16)) << 32;
	}
	loop_idt.limit = sizeof(idt32) - 1;
	loop_idt.base = (uint32_t)(uint64_t)idt32;
}

static uint64_t tss_of(unsigned cpu)
{
	uint64_t low = gdt_entry(SELECTOR_TSS)[cpu * 2],
		 high = gdt_entry(SELECTOR_TSS)[cpu * 2 + 1];

	return (low >> 16 & BITS(23, 0)) | (low >> 56) << 24 | high << 32;
}

static void count(struct trap_frame *frame)
{
	(void)frame;
	handled++;
}

/* The frame lies at the same place each time, because the gate names a stack of its own. */
static void loop_debug(uint64_t unused)
{
	uint64_t top;

	(void)unused;
	memcpy(&top, (const void *)(tss_of(cpu_index()) + TSS_IST2), sizeof(top));
	dr0_write(top - 8);
	dr7_write(DR7_L0_RW8);
	loop_state = 1;
	*(volatile uint64_t *)(top - 8) = 0;
	asm volatile("nop; nop");
	loop_state = 2;
	for (;;) {
		asm volatile("nop");
	}
}

/* States: 1 in the delivery for ever, 2 the processor raised nothing, 3 a handler was reached. */
static void run(const char *name, void (*call)(uint64_t))
{
	uint64_t before;

	handled = 0;
	loop_state = 0;
	cpu_run(1, call, 0);
	delay_us(20000);
	before = handled;
	delay_us(20000);
	print("%s: state %u, handled %lu then %lu times\n", name, loop_state, before, handled);
	check(cpu_restart(1), "%s: the processor is lost", name);
}

void test_main(void)
{
	if (!hypervisor_present()) {
		report_skip("it would be lost without a hypervisor");
		return;
	}
	prepare_alignment();
	trap_set_handler(VECTOR_DB, count);
	trap_set_ist(VECTOR_DB, IST2);
	if (!cpu_start_all()) {
		return;
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		run("#AC", loop_alignment);
		if (guest_number("debug", 1) != 0) {
			run("#DB", loop_debug);
		}
	}
	report_success();
}
