/* SPDX-License-Identifier: GPL-2.0-only */
/* Who owns the rest of the PC, as one table; resets by the control guest; PCI configuration ports.
 */
#include "drivers/virtual/vpc.h"

#include "arch/port_io.h"
#include "core/bits.h"
#include "core/err.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/region.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/virtual/vpc_port.h"
#include "drivers/virtual/vpci.h"
#include "drivers/virtual/vpm.h"

#define GAS_SPACE_IO 1

static uint32_t config_address; /* CF8 as this guest wrote it; atomic */
static struct lock keyboard_lock;
static bool is_output_port_next; /* keyboard_lock: the next data byte is the 8042's output port */

static enum region_result reset(const struct access *access, const char *how)
{
	vm_stop(access->vcpu->vm, VM_STOP_RESET, "it resets the machine by %s", how);
	return REGION_STOP;
}

static enum region_result forward(struct access *access)
{
	uint16_t port = (uint16_t)access->address;

	if (access->is_write) {
		vpc_port_write(port, access->size, access->value);
	} else {
		access->value = vpc_port_read(port, access->size);
	}
	return REGION_DONE;
}

/*
 * ---- A20: never off. It masks bit 20 of addresses after stage-2 has given them, so that the guest
 * would find the hypervisor's memory, and the hypervisor not its own. ----
 */

/* ---- 8042 keyboard controller: its output port's bit 0 is the CPU's reset, active low ---- */

#define KEYBOARD_WRITE_OUTPUT 0xd1
#define KEYBOARD_A20_OFF      0xdd
#define KEYBOARD_A20          BIT(1)     /* of the output port */
#define KEYBOARD_PULSE        BITS(7, 4) /* with the bits to pull low in 3:0, inverted */
#define KEYBOARD_RESET        BIT(0)

/* A command in between does not make all controllers forget that one. */
static bool command_resets_locked(struct access *access)
{
	uint64_t command = access->value & BITS(7, 0);

	if ((command & (KEYBOARD_PULSE | KEYBOARD_RESET)) == KEYBOARD_PULSE) {
		return true;
	}
	is_output_port_next |= command == KEYBOARD_WRITE_OUTPUT;
	if ((command & KEYBOARD_PULSE) == KEYBOARD_PULSE) {
		access->value |= KEYBOARD_A20; /* not low, not even for a pulse */
	}
	if (command != KEYBOARD_A20_OFF) {
		(void)forward(access);
	}
	return false;
}

static bool data_resets_locked(struct access *access)
{
	if (is_output_port_next && (access->value & KEYBOARD_RESET) == 0) {
		return true;
	}
	access->value |= is_output_port_next ? KEYBOARD_A20 : 0;
	is_output_port_next = false;
	(void)forward(access);
	return false;
}

/* Command and data of two CPUs reach the controller in the order in which they were looked at. */
static enum region_result keyboard_access(struct access *access,
					  bool (*resets_locked)(struct access *))
{
	bool resets;

	if (!access->is_write) {
		return forward(access);
	}
	lock_acquire(&keyboard_lock);
	resets = resets_locked(access);
	lock_release(&keyboard_lock);
	return resets ? reset(access, "the keyboard controller") : REGION_DONE;
}

static enum region_result keyboard_command(void *device, struct access *access)
{
	(void)device;
	return keyboard_access(access, command_resets_locked);
}

static enum region_result keyboard_data(void *device, struct access *access)
{
	(void)device;
	return keyboard_access(access, data_resets_locked);
}

/* ---- other ways to reset ---- */

/* PS/2 system control port A. */
#define CONTROL_PORT_A_RESET BIT(0) /* on a rising edge */
#define CONTROL_PORT_A_A20   BIT(1)

static enum region_result control_port_a(void *device, struct access *access)
{
	(void)device;
	if (access->is_write && (access->value & CONTROL_PORT_A_RESET) != 0) {
		return reset(access, "port 92h");
	}
	access->value |= access->is_write ? CONTROL_PORT_A_A20 : 0;
	return forward(access);
}

static enum region_result acpi_reset(void *device, struct access *access)
{
	(void)device;
	if (access->is_write && (uint8_t)access->value == acpi.reset_value) {
		return reset(access, "ACPI's reset register");
	}
	return forward(access);
}

/* ---- PCI configuration mechanism #1: PCI 3.0 3.2.2.3.2 ---- */

#define CONFIG_ADDRESS_PORT 0xcf8
#define CONFIG_DATA_PORT    0xcfc
#define CHIPSET_RESET_PORT  0xcf9
#define CONFIG_ENABLE       BIT(31)
#define CONFIG_FUNCTION     BITS(23, 8)
#define CONFIG_REGISTER     BITS(7, 2)
/* Without bits 27:24, which some AMD chipsets take for register bits 11:8. */
#define CONFIG_ADDRESS_BITS (CONFIG_ENABLE | BITS(23, 2))

/* The chipset's reset control register, one byte: bit 1 chooses hard or soft, bit 2 does it. */
static bool resets_chipset(const struct access *access)
{
	uint64_t at = CHIPSET_RESET_PORT - access->address;

	return access->is_write && at < access->size && (access->value >> 8 * at & BIT(2)) != 0;
}

/* Only a double word at its start is the register; the rest are ports of the chipset's own. */
static enum region_result config_address_access(void *device, struct access *access)
{
	(void)device;
	if (access->size != 4 || access->offset != 0) {
		return resets_chipset(access) ? reset(access, "port CF9h") : forward(access);
	}
	if (access->is_write) {
		atomic_store(&config_address, (uint32_t)(access->value & CONFIG_ADDRESS_BITS));
	} else {
		access->value = atomic_load(&config_address);
	}
	return REGION_DONE;
}

static enum region_result config_data_access(void *device, struct access *access)
{
	uint32_t at = atomic_load(&config_address);
	unsigned offset = (unsigned)((at & CONFIG_REGISTER) + access->offset);

	(void)device;
	if ((at & CONFIG_ENABLE) == 0 || access->offset + access->size > 4) {
		return REGION_ONES;
	}
	return vpci_access((pci_address_t)field_get(CONFIG_FUNCTION, at), offset, access);
}

/* ---- the table ---- */

struct vpc_rule {
	uint16_t port, count;
	region_fn *fn; /* NULL: the guest's own, not trapped */
	const char *name;
};

/*
 * The hypervisor is done with PIT, RTC and PM timer once its clock is calibrated. IOMMUs are
 * hidden by leaving out their tables, HPETs' registers are withheld as well. PM1 control is
 * vpm.c's, the console's UART vuart.c's.
 */
static const struct vpc_rule rules[] = {
	{ 0x020, 2, NULL, "8259 master" }, /* the host's LINT0 is masked: it interrupts nobody */
	{ 0x040, 4, NULL, "PIT" },
	{ 0x060, 1, keyboard_data, "8042 data" },
	{ 0x061, 1, NULL, "NMI status, speaker" },
	{ 0x064, 1, keyboard_command, "8042 command" },
	{ 0x070, 2, NULL, "RTC and CMOS" },
	{ 0x092, 1, control_port_a, "system control port A" },
	{ 0x0a0, 2, NULL, "8259 slave" },
	{ 0x0b2, 2, NULL, "SMI command" }, /* never trapped: firmware expects the CPU's state */
	{ CONFIG_ADDRESS_PORT, 4, config_address_access, "PCI configuration address, CF9 reset" },
	{ CONFIG_DATA_PORT, 4, config_data_access, "PCI configuration data" },
};

static int add(struct vm *vm, const struct vpc_rule *rule)
{
	struct region region = {
		.start = rule->port, .size = rule->count, .fn = rule->fn, .name = rule->name
	};

	return rule->fn == NULL ? 0 : region_add(&vm->port_regions, &region);
}

/* Often it is one of the ports above, whose rule then sees the reset. */
static int add_reset_register(struct vm *vm)
{
	const struct acpi_gas *at = &acpi.reset_register;
	struct vpc_rule rule = { (uint16_t)at->address, 1, acpi_reset, "ACPI reset" };
	int err;

	if (!acpi.has_reset || at->space != GAS_SPACE_IO || at->address > UINT16_MAX) {
		return 0;
	}
	err = add(vm, &rule);
	return err == -E_EXIST ? 0 : err;
}

int vpc_init(struct vm *vm)
{
	int err = 0;

	config_address = 0;
	is_output_port_next = false;
	for (size_t i = 0; i < ARRAY_SIZE(rules) && err == 0; i++) {
		err = add(vm, &rules[i]);
	}
	err = err != 0 ? err : add_reset_register(vm);
	return err != 0 ? err : vpm_init(vm);
}
