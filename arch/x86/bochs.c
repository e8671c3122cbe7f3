/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work-arounds for the emulator Bochs 2.7, whose models are test machines. Real machines never
 * come here. What the world switch does for it stands in svm*.c.
 */
#include "arch/bochs.h"

#include "arch/cpuid.h"
#include "arch/msr.h"
#include "arch/port_io.h"
#include "arch/vcpu_state.h"
#include "core/arch.h"
#include "core/lock.h"
#include "core/region.h"
#include "core/vm.h"

#define CPUID_ECX_HYPERVISOR BIT(31) /* of leaf 1 */
#define POLL_EXITS           16      /* what polls cost is not measured as an exit's cost */
#define PORT_DEBUG           0xe9 /* answers with its own number: QEMU has it too, but a CPUID bit */

bool bochs_is_host;
bool bochs_hides_causes;

void bochs_probe(void)
{
	bochs_is_host =
		(cpuid(1, 0).ecx & CPUID_ECX_HYPERVISOR) == 0 && in8(PORT_DEBUG) == PORT_DEBUG;
}

/*
 * Its 8259 interrupts the CPU past a masked LINT0, with any vector that was written to it: those of
 * exceptions too. So the machine's stay masked for good, and the guest gets registers without any
 * interrupts, of which kernels only look whether the mask is kept.
 */
#define PIC_MASK 1 /* port of a pair */

static uint8_t pic_masks[2];

static enum region_result pic_access(void *device, struct access *access)
{
	uint8_t *mask = device;
	bool is_mask = access->offset == PIC_MASK;

	if (!access->is_write) {
		access->value = is_mask ? *mask : 0;
	} else if (is_mask) {
		*mask = (uint8_t)access->value;
	}
	return REGION_DONE;
}

/*
 * It takes SMIs while a guest runs as if it did not, and the firmware's handler then exits to us at
 * its first port access. Those that a command asks for are taken here.
 */
static enum region_result smi_command(void *device, struct access *access)
{
	(void)device;
	if (access->is_write) {
		out8((uint16_t)access->address, (uint8_t)access->value);
	} else {
		access->value = in8((uint16_t)access->address);
	}
	return REGION_DONE;
}

void bochs_take_interrupts(const struct vcpu_state *state)
{
	static uint32_t exits; /* atomic; of all CPUs */

	if ((state->rflags & RFLAGS_IF) == 0 && atomic_add(&exits, 1) % POLL_EXITS == 0) {
		arch_irq_poll();
	}
}

/* DR6 and DR7: APM2 13.1.1 "Debug Registers". */
#define DR_COUNT      4
#define DR6_BD        BIT(13)
#define DR6_BS        BIT(14)
#define DR7_ENABLE(n) (UINT64_C(3) << (n)*2)
#define DR7_TYPE(n)   (UINT64_C(3) << (16 + (n)*4)) /* 0: instruction */
#define DR7_GD        BIT(13)

uint64_t bochs_debug_causes(const struct vcpu_state *state)
{
	const struct vcpu_debug *debug = &state->debug;
	uint64_t causes = (state->rflags & RFLAGS_TF) != 0 ? DR6_BS : 0;

	if ((debug->dr7 & DR7_GD) != 0) {
		return causes | DR6_BD;
	}
	for (unsigned i = 0; i < DR_COUNT; i++) {
		bool is_data = (debug->dr7 & DR7_TYPE(i)) != 0;

		if ((debug->dr7 & DR7_ENABLE(i)) != 0 && (is_data || debug->dr[i] == state->rip)) {
			causes |= BIT(i);
		}
	}
	return causes;
}

/*
 * Its XSAVEC finds the compacted form's places by adding up sizes, and counts SSE among them: AVX
 * goes to 416 instead of 576, the upper halves of YMM6 to YMM9 over the header. XRSTOR faults for
 * them, or finds others at 576. XSAVE and XSAVEOPT have fixed places.
 */
#define CPUID_XSTATE 0x0d
#define XSAVEC       BIT(1) /* of D.1 EAX */

void bochs_cpuid_correct(struct cpuid_table *table)
{
	for (uint32_t i = 0; bochs_is_host && i < table->count; i++) {
		struct cpuid_entry *entry = &table->entries[i];

		if (entry->leaf == CPUID_XSTATE && entry->subleaf == 1) {
			entry->regs[CPUID_EAX] &= (uint32_t)~XSAVEC;
		}
	}
}

static const struct region regions[] = {
	{ 0x020, 2, pic_access, &pic_masks[0], "8259 master" },
	{ 0x0a0, 2, pic_access, &pic_masks[1], "8259 slave" },
	{ 0x0b2, 1, smi_command, NULL, "SMI command" },
};

int bochs_vm_init(struct vm *vm)
{
	int err = 0;

	for (size_t i = 0; bochs_is_host && i < ARRAY_SIZE(regions) && err == 0; i++) {
		err = region_add(&vm->port_regions, &regions[i]);
	}
	return err;
}
