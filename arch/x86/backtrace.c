/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers and call chain for panic: by frame pointers, each checked before it is followed. */
#include "arch/idt.h"

#include "arch/layout.h"
#include "arch/mce.h"
#include "arch/msr.h"
#include "arch/nmi.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/symbols.h"

#define FRAMES_MAX 32

extern const char image_rodata_end[], image_end[];

struct frame { /* what "push rbp; mov rbp, rsp" leaves */
	const struct frame *caller;
	uint64_t return_address;
};

static void print_registers(const struct trap_frame *frame)
{
	log(LOG_ERROR, "rip %016lx  rsp %016lx  rflags %08lx  error %lx", frame->rip, frame->rsp,
	    frame->rflags, frame->error);
	log(LOG_ERROR, "rax %016lx  rbx %016lx  rcx %016lx", frame->rax, frame->rbx, frame->rcx);
	log(LOG_ERROR, "rdx %016lx  rsi %016lx  rdi %016lx", frame->rdx, frame->rsi, frame->rdi);
	log(LOG_ERROR, "rbp %016lx   r8 %016lx   r9 %016lx", frame->rbp, frame->r8, frame->r9);
	log(LOG_ERROR, "r10 %016lx  r11 %016lx  r12 %016lx", frame->r10, frame->r11, frame->r12);
	log(LOG_ERROR, "r13 %016lx  r14 %016lx  r15 %016lx", frame->r13, frame->r14, frame->r15);
}

static void print_control_registers(void)
{
	log(LOG_ERROR, "cr0 %08lx  cr2 %016lx  cr3 %lx  cr4 %lx  efer %lx", cr0_read(), cr2_read(),
	    cr3_read(), cr4_read(), rdmsr(MSR_EFER));
}

static void print_call(uint64_t address)
{
	uint64_t offset;
	const char *name = symbol_find(address, &offset);

	if (name == NULL) {
		log(LOG_ERROR, "  %016lx (outside of the hypervisor's text)", address);
	} else {
		log(LOG_ERROR, "  %016lx %s+%#lx", address, name, offset);
	}
}

/* Stacks lie in the stack area, and before the boot CPU has one there, in the image. */
static bool is_on_stack(const struct frame *frame)
{
	uintptr_t address = (uintptr_t)frame;
	bool is_in_area = address >= LAYOUT_STACK_BASE && address < LAYOUT_PRIVATE_BASE;
	bool is_in_image = address >= (uintptr_t)image_rodata_end &&
			   address < (uintptr_t)image_end - sizeof(*frame);

	return is_aligned(address, 8) && (is_in_area || is_in_image);
}

/* The same stack: its frames only go up, and by less than its size. */
static bool is_above(const struct frame *caller, const struct frame *frame)
{
	return caller > frame &&
	       (uintptr_t)caller - (uintptr_t)frame < LAYOUT_STACK_PAGES * PAGE_SIZE;
}

static void print_chain(const struct frame *frame)
{
	for (unsigned i = 0; i < FRAMES_MAX && is_on_stack(frame); i++) {
		const struct frame *caller = frame->caller;

		print_call(frame->return_address);
		if (!is_above(caller, frame)) {
			return;
		}
		frame = caller;
	}
}

/* Where it was called from is still on top of the stack when a call went wrong itself. */
static void print_trap_chain(const struct trap_frame *trap)
{
	const struct frame *top = (const struct frame *)(trap->rsp - sizeof(uint64_t));
	uint64_t offset;

	print_call(trap->rip);
	if (symbol_find(trap->rip, &offset) == NULL && is_on_stack(top)) {
		print_call(top->return_address);
	}
	print_chain((const struct frame *)trap->rbp);
}

void arch_backtrace(void)
{
	const struct trap_frame *trap = trap_frame_current();

	if (trap != NULL) {
		print_registers(trap);
	}
	print_control_registers();
	mce_print_banks();
	nmi_print();
	log(LOG_ERROR, "called from, innermost first:");
	if (trap != NULL) {
		print_trap_chain(trap);
	} else {
		print_chain(__builtin_frame_address(0));
	}
}
