/* SPDX-License-Identifier: GPL-2.0-only */
/* Sleep commands of the control guest, and the power-off that one of them asks for. */
#include "drivers/virtual/vpm.h"

#include "arch/port_io.h"
#include "core/arch.h"
#include "core/bits.h"
#include "core/log.h"
#include "core/region.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "drivers/acpi_sleep.h"
#include "drivers/virtual/vpc_port.h"

#define GAS_SPACE_IO  1
#define CONTROL_PORTS 2
#define EVENT_PORTS   4 /* status and enable registers: ACPI 6.5 4.8.1.1 "PM1 Event Grouping" */

#define STATUS_WAKE BIT(15) /* WAK_STS, cleared by writing 1 */

#define CONTROL_SLEEP_TYPE BITS(12, 10)
#define CONTROL_SLEEP      BIT(13) /* SLP_EN */

#define POWER_OFF_SPINS 10000000 /* it takes effect some time after the write */

/* One PM1 control register; the type that the guest last wrote to it. */
struct vpm_control {
	uint16_t port; /* 0: absent */
	uint8_t type;
	const uint8_t *types; /* by state, where known */
};

static struct vpm_control controls[2] = { { .types = acpi_sleep.type_a },
					  { .types = acpi_sleep.type_b } };

/* The state of a type, or -1 where no package of the DSDT has it. Some have the same one for S4,
 * which they do not mean, and S5. */
static int state_of(const struct vpm_control *control, uint8_t type)
{
	for (int i = ACPI_SLEEP_STATES - 1; i > 0; i--) {
		if (acpi_sleep.known[i] && control->types[i] == type) {
			return i;
		}
	}
	return -1;
}

/*
 * The guest has evaluated \_S5 by AML, which we can not. Where our search did not find it, a type
 * that is none of the found \_S1 to \_S4 is taken for it: powering off is what a machine is asked
 * for nearly always, and the others would be dropped anyway.
 */
static bool is_power_off(const struct vpm_control *control, uint8_t type)
{
	if (acpi_sleep.known[5]) {
		return control->types[5] == type; /* another state may have the same: Bochs' S4 */
	}
	return state_of(control, type) < 0;
}

static const char *const state_names[] = {
	"of no known state", "S0", "S1", "S2", "S3", "S4", "S5"
};

static bool said_no;  /* atomic */
static bool is_woken; /* atomic: WAK_STS of the sleep that there was none of */

/*
 * S1 to S4 would take the hypervisor's CPUs and memory with them. The guest waits for WAK_STS after
 * the command, without interrupts and without an end, so it finds that something has woken it.
 */
static enum region_result command_sleep(struct vm *vm, const struct vpm_control *control)
{
	if (is_power_off(control, control->type)) {
		vm_stop(vm, VM_STOP_POWER_OFF, "it powers the machine off (SLP_TYP %u)",
			control->type);
		return REGION_STOP;
	}
	atomic_store(&is_woken, true);
	if (!__atomic_exchange_n(&said_no, true, __ATOMIC_RELAXED)) {
		log(LOG_WARN,
		    "vpm: the guest may not sleep: it is woken at once (SLP_TYP %u, %s) (said "
		    "once)",
		    control->type, state_names[state_of(control, control->type) + 1]);
	}
	return REGION_DONE;
}

/* The machine's register, with our bit in it. */
static enum region_result event_access(void *device, struct access *access)
{
	bool has_high = access->offset + access->size > 1;
	uint64_t wake = has_high ? STATUS_WAKE >> 8 * access->offset : 0;

	(void)device;
	if (access->is_write) {
		if ((access->value & wake) != 0) {
			atomic_store(&is_woken, false);
		}
		vpc_port_write((uint16_t)access->address, access->size, access->value);
		return REGION_DONE;
	}
	access->value = vpc_port_read((uint16_t)access->address, access->size);
	access->value |= atomic_load(&is_woken) ? wake : 0;
	return REGION_DONE;
}

/* Byte accesses are legal: the command is in the high byte. */
static enum region_result control_write(struct vpm_control *control, const struct access *access)
{
	uint64_t value = access->value << (8 * access->offset);
	bool has_high = access->offset + access->size > 1;

	if (has_high) {
		control->type = (uint8_t)field_get(CONTROL_SLEEP_TYPE, value);
		if ((value & CONTROL_SLEEP) != 0) {
			return command_sleep(access->vcpu->vm, control);
		}
	}
	vpc_port_write((uint16_t)access->address, access->size, access->value);
	return REGION_DONE;
}

static enum region_result control_access(void *device, struct access *access)
{
	if (access->is_write) {
		return control_write(device, access);
	}
	access->value = vpc_port_read((uint16_t)access->address, access->size);
	return REGION_DONE;
}

/* Takes a register's ports, where it is there and a port; base has the rest. */
static int add(struct vm *vm, const struct acpi_gas *gas, struct region base)
{
	base.start = gas->address;
	if (gas->address == 0 || gas->space != GAS_SPACE_IO || gas->address > UINT16_MAX) {
		return 0;
	}
	return region_add(&vm->port_regions, &base);
}

static int control_init(struct vm *vm, struct vpm_control *control, const struct acpi_gas *gas)
{
	bool is_port = gas->space == GAS_SPACE_IO && gas->address <= UINT16_MAX;

	control->port = is_port ? (uint16_t)gas->address : 0;
	return add(vm, gas,
		   (struct region){ .size = CONTROL_PORTS,
				    .fn = control_access,
				    .device = control,
				    .name = "PM1 control" });
}

int vpm_init(struct vm *vm)
{
	const struct region event = { .size = EVENT_PORTS,
				      .fn = event_access,
				      .name = "PM1 event" };
	int err;

	said_no = false;
	is_woken = false;
	err = control_init(vm, &controls[0], &acpi.pm1a_control);
	err = err != 0 ? err : control_init(vm, &controls[1], &acpi.pm1b_control);
	return err != 0 ? err : add(vm, &acpi.pm1a_event, event);
}

static void control_sleep(const struct vpm_control *control)
{
	uint8_t type = acpi_sleep.known[5] ? control->types[5] : control->type;
	uint64_t value;

	if (control->port == 0) {
		return;
	}
	value = in16(control->port) & ~(CONTROL_SLEEP_TYPE | CONTROL_SLEEP);
	value |= field_set(CONTROL_SLEEP_TYPE, type);
	/* The type first, by itself: ACPI 6.5 16.1.6 "Transitioning from the Working to the
	 * Sleeping State", and chipsets that latch it. */
	out16(control->port, (uint16_t)value);
	out16(control->port, (uint16_t)(value | CONTROL_SLEEP));
}

void vpm_power_off(void)
{
	control_sleep(&controls[0]);
	control_sleep(&controls[1]);
	for (unsigned i = 0; i < POWER_OFF_SPINS; i++) {
		arch_relax();
	}
}
