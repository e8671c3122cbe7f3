/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual PC of the control guest, and the machine's power switch. */
#include "arch/pc.h"

#include "arch/bochs.h"
#include "arch/msr.h"
#include "arch/virt.h"
#include "arch/vlapic.h"
#include "core/arch.h"
#include "core/console.h"
#include "core/log.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vconsole.h"
#include "drivers/virtual/vioapic.h"
#include "drivers/virtual/vpc.h"
#include "drivers/virtual/vpci.h"
#include "drivers/virtual/vpm.h"
#include "mm/frame.h"

/*
 * Writes to this range are interrupt messages, whoever makes them: on some machines also a CPU's
 * that are not to the LAPIC's own page. SDM3 11.11.1.
 */
#define MESSAGES_BASE UINT64_C(0xfee00000)
#define MESSAGES_SIZE MIB

/*
 * An HPET's timer may send any message to any CPU: HPET 1.0a 2.3.9.2 "Timer N FSB Interrupt Route
 * Register". The guest has no table of it either.
 */
static int hpets_reserve(void)
{
	int err = 0;

	for (uint32_t i = 0; i < acpi.hpet_count && err == 0; i++) {
		err = frame_mmio_reserve(hpa(align_down(acpi.hpets[i], PAGE_SIZE)), PAGE_SIZE,
					 "HPET");
	}
	return err;
}

static int controllers_reserve(void)
{
	int err = frame_mmio_reserve(hpa(MESSAGES_BASE), MESSAGES_SIZE, "interrupt messages");

	for (uint32_t i = 0; i < acpi.ioapic_count && err == 0; i++) {
		err = frame_mmio_reserve(hpa(align_down(acpi.ioapics[i].address, PAGE_SIZE)),
					 PAGE_SIZE, "IOAPIC");
	}
	return err != 0 ? err : hpets_reserve();
}

static int lapic_page_init(struct vm *vm)
{
	struct region region = { .start = VLAPIC_BASE_DEFAULT,
				 .size = PAGE_SIZE,
				 .fn = vlapic_region,
				 .name = "vlapic" };

	return region_add(&vm->memory_regions, &region);
}

/* Regions that come later (none so far) close their ports themselves. */
static void ports_close(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->port_regions.count; i++) {
		const struct region *region = &vm->port_regions.regions[i];

		for (uint64_t n = 0; n < region->size; n++) {
			virt->port_intercept(vm, (uint16_t)(region->start + n), true);
		}
	}
}

int pc_init(struct vm *vm)
{
	int err = controllers_reserve();

	err = err != 0 ? err : lapic_page_init(vm);

	err = err != 0 ? err : vioapic_init(vm);
	vpci_init(vm);
	err = err != 0 ? err : vpc_init(vm);
	err = err != 0 ? err : bochs_vm_init(vm);
	err = err != 0 ? err : vconsole_init(vm, console_uart());
	if (err != 0) {
		log(LOG_ERROR, "pc: the devices of guest %s can not be made (error %d)", vm->name,
		    -err);
		return err;
	}
	ports_close(vm);
	return 0;
}

noreturn void arch_power_off(void)
{
	cli();
	vpm_power_off();
	log(LOG_ERROR, "The machine does not switch itself off: please do it.");
	arch_halt();
}
