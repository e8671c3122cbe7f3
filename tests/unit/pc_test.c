/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the PC's registers is withheld from the control guest. */
/* arch: x86 */
/* sources: arch/x86/pc.c core/region.c mm/frame.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/log_capture.h"

#include "arch/bochs.h"
#include "arch/pc.h"
#include "arch/virt.h"
#include "arch/vlapic.h"
#include "core/arch.h"
#include "core/console.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vconsole.h"
#include "drivers/virtual/vioapic.h"
#include "drivers/virtual/vpc.h"
#include "drivers/virtual/vpci.h"
#include "drivers/virtual/vpm.h"
#include "mm/frame.h"

struct acpi acpi;
static struct vm vm;
static const struct virt_ops none;
const struct virt_ops *virt = &none;

/* ---- its devices, which reserve nothing here ---- */

enum region_result vlapic_region(void *device, struct access *access)
{
	(void)device, (void)access;
	return REGION_ONES;
}

int vioapic_init(struct vm *of)
{
	(void)of;
	return 0;
}

void vpci_init(struct vm *of)
{
	(void)of;
}

int vpc_init(struct vm *of)
{
	(void)of;
	return 0;
}

int bochs_vm_init(struct vm *of)
{
	(void)of;
	return 0;
}

int vconsole_init(struct vm *of, struct uart_16550 *uart)
{
	(void)of, (void)uart;
	return 0;
}

struct uart_16550 *console_uart(void)
{
	return NULL;
}

void vpm_power_off(void)
{
}

noreturn void arch_halt(void)
{
	abort();
}

/* ---- tests ---- */

static const char *owner(uint64_t address)
{
	const char *name = frame_mmio_owner(hpa(address), 4);

	return name == NULL ? "the guest" : name;
}

static int setup(void **state)
{
	(void)state;
	acpi.ioapics[0].address = 0xfec00000;
	acpi.ioapic_count = 1;
	acpi.hpets[0] = 0xfed00000;
	acpi.hpets[1] = 0xfed03400; /* not at its page's beginning */
	acpi.hpet_count = 2;
	return pc_init(&vm);
}

static void interrupt_controllers_are_withheld(void **state)
{
	(void)state;
	assert_string_equal(owner(0xfec00010), "IOAPIC");
	assert_string_equal(owner(0xfec01000), "the guest");
	assert_string_equal(owner(0xfee00000), "interrupt messages");
	assert_string_equal(owner(0xfeeffffc), "interrupt messages");
}

static void hpets_are_withheld_by_whole_pages(void **state)
{
	(void)state;
	assert_string_equal(owner(0xfecffffc), "the guest");
	assert_string_equal(owner(0xfed00000), "HPET");
	assert_string_equal(owner(0xfed00ffc), "HPET");
	assert_string_equal(owner(0xfed01000), "the guest");
	assert_string_equal(owner(0xfed03000), "HPET");
	assert_string_equal(owner(0xfed04000), "the guest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupt_controllers_are_withheld),
		cmocka_unit_test(hpets_are_withheld_by_whole_pages),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
