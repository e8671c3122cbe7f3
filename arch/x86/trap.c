/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions of the hypervisor itself: expected faults are fixed up, others panic. */
#include "arch/idt.h"

#include "arch/layout.h"
#include "arch/mce.h"
#include "arch/msr.h"
#include "arch/nmi.h"
#include "arch/svm.h"
#include "arch/vmx.h"
#include "core/panic.h"
#include "core/symbols.h"

/* Page-fault error code: APM2 8.4.2 "Page-Fault Error Code". */
#define PF_PRESENT BIT(0)
#define PF_WRITE   BIT(1)
#define PF_FETCH   BIT(4)

struct fixup { /* MSR_FIXUP */
	uint64_t fault;
	uint64_t landing;
};

extern const struct fixup fixups_start[], fixups_end[];

static const char *const names[EXCEPTION_COUNT] = {
	[EXCEPTION_DE] = "#DE divide error",         [EXCEPTION_DB] = "#DB debug",
	[EXCEPTION_BP] = "#BP breakpoint",           [EXCEPTION_OF] = "#OF overflow",
	[EXCEPTION_BR] = "#BR bound range",          [EXCEPTION_UD] = "#UD invalid opcode",
	[EXCEPTION_NM] = "#NM device not available", [EXCEPTION_DF] = "#DF double fault",
	[EXCEPTION_TS] = "#TS invalid TSS",          [EXCEPTION_NP] = "#NP segment not present",
	[EXCEPTION_SS] = "#SS stack fault",          [EXCEPTION_GP] = "#GP general protection",
	[EXCEPTION_PF] = "#PF page fault",           [EXCEPTION_MF] = "#MF x87",
	[EXCEPTION_AC] = "#AC alignment check",      [EXCEPTION_XM] = "#XM SIMD",
};

static const struct trap_frame *current;

const struct trap_frame *trap_frame_current(void)
{
	return current;
}

void trap_frame_set(const struct trap_frame *frame)
{
	current = frame;
}

static bool fix_up(struct trap_frame *frame)
{
	for (const struct fixup *at = fixups_start; at < fixups_end; at++) {
		if (at->fault == frame->rip && frame->vector == EXCEPTION_GP) {
			frame->rip = at->landing;
			return true;
		}
	}
	return false;
}

static noreturn void panic_page_fault(const struct trap_frame *frame, const char *symbol,
				      uint64_t offset)
{
	const char *what = (frame->error & PF_FETCH) != 0   ? "executing"
			   : (frame->error & PF_WRITE) != 0 ? "writing"
							    : "reading";
	const char *why =
		(frame->error & PF_PRESENT) != 0 ? "is not allowed there" : "finds nothing mapped";

	panic("%s in %s+%#llx: %s %#llx %s", names[EXCEPTION_PF], symbol,
	      (unsigned long long)offset, what, (unsigned long long)cr2_read(), why);
}

/* A fault that found no stack to be told on, in the page that nothing is mapped to. */
static bool is_stack_overflow(const struct trap_frame *frame)
{
	return frame->vector == EXCEPTION_DF && cr2_read() - LAYOUT_STACK_BASE < GIB &&
	       frame->rsp - cr2_read() < PAGE_SIZE;
}

static noreturn void panic_trap(const struct trap_frame *frame)
{
	const char *name = frame->vector < EXCEPTION_COUNT ? names[frame->vector] : NULL;
	uint64_t offset = frame->rip;
	const char *symbol = symbol_find(frame->rip, &offset);

	symbol = symbol == NULL ? "(no function)" : symbol;
	current = frame;
	if (frame->vector == EXCEPTION_PF) {
		panic_page_fault(frame, symbol, offset);
	}
	if (is_stack_overflow(frame)) {
		panic("stack overflow in %s+%#llx: the guard page at %#llx was hit", symbol,
		      (unsigned long long)offset, (unsigned long long)(cr2_read() & PAGE_MASK));
	}
	panic("%s (vector %llu, error %#llx) in %s+%#llx", name == NULL ? "reserved trap" : name,
	      (unsigned long long)frame->vector, (unsigned long long)frame->error, symbol,
	      (unsigned long long)offset);
}

/*
 * Bochs delivers a guest's data breakpoint to the host when the instruction that hit it was left by
 * #VMEXIT. The hypervisor uses no breakpoints: there is nothing to do.
 */
static bool is_between(uintptr_t at, uintptr_t start, uintptr_t end)
{
	return at >= start && at < end;
}

static bool is_guests_breakpoint(const struct trap_frame *frame)
{
	return frame->vector == EXCEPTION_DB &&
	       (is_between(frame->rip, (uintptr_t)svm_enter, (uintptr_t)svm_enter_end) ||
		is_between(frame->rip, (uintptr_t)vmx_enter, (uintptr_t)vmx_enter_end));
}

void trap_handle(struct trap_frame *frame)
{
	if (frame->vector == EXCEPTION_NMI) {
		nmi_handle(frame);
		return;
	}
	if (frame->vector == EXCEPTION_MC) {
		mce_handle(frame);
		return;
	}
	if (!is_guests_breakpoint(frame) && !fix_up(frame)) {
		panic_trap(frame);
	}
}
