/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traps: the IDT, each CPU's TSS, handlers of interrupts, and exceptions that a test expects. One
 * that nobody expects is a failure and the end.
 */
#include "guests/lib/traps.h"

#include "guests/lib/guest.h"

#define STACK_SIZE     8192
#define STUB_SIZE      16
#define GATE_INTERRUPT (UINT64_C(0x8e) << 40)
#define GATE_DPL3      (UINT64_C(3) << 45)
#define TSS_AVAILABLE  UINT64_C(9)
#define TSS_IST        0x24 /* IST1; APM2 12.2.5 "64-Bit Task State Segment" */
#define TSS_RSP0       0x04
#define TSS_IOMAP      0x66
#define TSS_SIZE       0x68

struct cpu_stacks {
	uint8_t tss[128];
	uint8_t double_fault[STACK_SIZE]; /* IST1 */
	uint8_t other[STACK_SIZE];        /* IST2: for tests */
	uint8_t from_user[STACK_SIZE];    /* RSP0 */
	uint8_t user[STACK_SIZE];
} __attribute__((aligned(64)));

extern const uint8_t trap_stubs[];
extern const uint8_t trap_try_return[];
extern uint64_t gdt[];
extern const uint64_t fixups_start[], fixups_end[];

void trap_try_call(void (*call)(uint64_t), uint64_t argument, uint64_t *recover_rsp);
noreturn void user_enter(void (*call)(uint64_t), uint64_t argument, void *stack_top);
void trap_handle(struct trap_frame *frame);

static uint64_t idt[256 * 2] __attribute__((aligned(16)));
static trap_handler *handlers[256];
static struct cpu_stacks stacks[CPUS_MAX];

/* An expect_exception() in progress, by CPU; they nest. */
struct attempt {
	struct attempt *outer;
	uint64_t rsp;
	struct trap trap;
};
static struct attempt *attempts[CPUS_MAX];

void traps_init(void)
{
	for (unsigned vector = 0; vector < 256; vector++) {
		uint64_t stub = (uint64_t)trap_stubs + vector * STUB_SIZE;

		idt[vector * 2] = (stub & BITS(15, 0)) | SELECTOR_CODE64 << 16 | GATE_INTERRUPT |
				  (stub & BITS(31, 16)) << 32;
		idt[vector * 2 + 1] = stub >> 32;
	}
	idt[VECTOR_BP * 2] |= GATE_DPL3;
	idt[VECTOR_OF * 2] |= GATE_DPL3;
	idt[TRAP_USER_RETURN * 2] |= GATE_DPL3;
	trap_set_ist(VECTOR_DF, 1);
}

static void tss_stack(uint8_t *tss, unsigned offset, uint8_t *stack)
{
	uint64_t top = (uint64_t)stack + STACK_SIZE;

	memcpy(tss + offset, &top, sizeof(top));
}

void traps_cpu_init(unsigned index)
{
	struct cpu_stacks *own = &stacks[index];
	struct table_register table = { sizeof(idt) - 1, (uint64_t)idt };
	uint64_t base = (uint64_t)own->tss;
	uint64_t *descriptor = &gdt[SELECTOR_TSS / 8 + index * 2];

	tss_stack(own->tss, TSS_RSP0, own->from_user);
	tss_stack(own->tss, TSS_IST, own->double_fault);
	tss_stack(own->tss, TSS_IST + 8, own->other);
	own->tss[TSS_IOMAP] = TSS_SIZE; /* beyond the limit: no ports for CPL 3 */
	descriptor[0] = (TSS_SIZE - 1) | (base & BITS(23, 0)) << 16 | TSS_AVAILABLE << 40 |
			UINT64_C(1) << 47 | (base & BITS(31, 24)) << 32;
	descriptor[1] = base >> 32;
	lidt(&table);
	ltr((uint16_t)(SELECTOR_TSS + index * 16));
}

unsigned cpu_index(void)
{
	uint16_t selector;

	asm volatile("str %0" : "=r"(selector));
	return selector < SELECTOR_TSS ? 0 : (selector - SELECTOR_TSS) / 16U;
}

void trap_set_handler(unsigned vector, trap_handler *handler)
{
	__atomic_store_n(&handlers[vector], handler, __ATOMIC_RELEASE);
}

uint64_t *gdt_entry(unsigned selector)
{
	return &gdt[selector / 8];
}

uint64_t *trap_gate(unsigned vector)
{
	return &idt[vector * 2];
}

void trap_set_ist(unsigned vector, unsigned ist)
{
	idt[vector * 2] = (idt[vector * 2] & ~BITS(34, 32)) | (uint64_t)ist << 32;
}

/* rdmsr_safe() and wrmsr_safe() name where to go on. */
static bool apply_fixup(struct trap_frame *frame)
{
	for (const uint64_t *fixup = fixups_start; fixup < fixups_end; fixup += 2) {
		if (fixup[0] == frame->rip) {
			frame->rip = fixup[1];
			return true;
		}
	}
	return false;
}

static void recover(struct attempt *attempt, struct trap_frame *frame)
{
	attempt->trap = (struct trap){ frame->vector, frame->error, frame->rip,
				       frame->rflags, cr2_read(),   dr6_read() };
	frame->rip = (uint64_t)trap_try_return;
	frame->rsp = attempt->rsp;
	frame->cs = SELECTOR_CODE64;
	frame->ss = SELECTOR_DATA;
	frame->rflags = 2;
}

static noreturn void die(const struct trap_frame *frame)
{
	report_failure("unexpected vector %lu (error %lx) at %lx on CPU %u, cs %lx rflags %lx rsp "
		       "%lx cr2 %lx",
		       frame->vector, frame->error, frame->rip, cpu_index(), frame->cs,
		       frame->rflags, frame->rsp, cr2_read());
	guest_finish();
}

void trap_handle(struct trap_frame *frame)
{
	struct attempt *attempt = attempts[cpu_index()];
	trap_handler *handler = __atomic_load_n(&handlers[frame->vector], __ATOMIC_ACQUIRE);

	if (handler != NULL) {
		handler(frame);
	} else if (attempt != NULL && frame->vector <= TRAP_USER_RETURN) {
		recover(attempt, frame);
	} else if (!apply_fixup(frame)) {
		die(frame);
	}
}

struct trap expect_exception(void (*call)(uint64_t), uint64_t argument)
{
	unsigned index = cpu_index();
	struct attempt attempt = { .outer = attempts[index], .trap.vector = TRAP_NONE };

	attempts[index] = &attempt;
	trap_try_call(call, argument, &attempt.rsp);
	attempts[index] = attempt.outer;
	return *(volatile struct trap *)&attempt.trap;
}

struct user_call {
	void (*call)(uint64_t);
	uint64_t argument;
};

static void enter_user(uint64_t user_call)
{
	const struct user_call *user = (const struct user_call *)user_call;

	user_enter(user->call, user->argument, stacks[cpu_index()].user + STACK_SIZE);
}

struct trap expect_exception_user(void (*call)(uint64_t), uint64_t argument)
{
	struct user_call user = { call, argument };

	return expect_exception(enter_user, (uint64_t)&user);
}

bool check_exception(const char *name, void (*call)(uint64_t), uint64_t argument, unsigned vector)
{
	struct trap trap = expect_exception(call, argument);

	return check(trap.vector == vector, "%s: vector %lu (error %lx, rip %lx), expected %u",
		     name, trap.vector, trap.error, trap.rip, vector);
}
