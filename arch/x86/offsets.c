/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants and structure offsets for the assembler (core/offsets.h). Never linked. */
#include "core/offsets.h"

#include "arch/idt.h"
#include "arch/layout.h"
#include "arch/msr.h"
#include "core/cpu.h"

void offsets(void);

void offsets(void)
{
	CONSTANT(LAYOUT_IMAGE_BASE, LAYOUT_IMAGE_BASE);
	CONSTANT(LAYOUT_IMAGE_MAX, LAYOUT_IMAGE_MAX);
	CONSTANT(LAYOUT_PRIVATE_SELF, LAYOUT_PRIVATE_SELF);
	CONSTANT(BOOT_STACK_SIZE, LAYOUT_STACK_PAGES * PAGE_SIZE);
	CONSTANT(MSR_EFER, MSR_EFER);
	CONSTANT(EFER_LME, EFER_LME);
	CONSTANT(EFER_NXE, EFER_NXE);
	CONSTANT(CR4_PAE, CR4_PAE);
	CONSTANT(CR0_PE, CR0_PE);
	CONSTANT(CR0_ET, CR0_ET);
	CONSTANT(CR0_NE, CR0_NE);
	CONSTANT(CR0_WP, CR0_WP);
	CONSTANT(CR0_PG, CR0_PG);
	OFFSET(STATE_GPRS, vcpu_state, gpr);
	OFFSET(CPU_IRQ_PENDING, cpu, arch.irq_pending);
}
