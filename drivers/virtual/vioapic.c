/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual IOAPICs. A level-triggered host interrupt masks the host's entry until the guest has
 * ended it: unmasking samples the line again, so that nothing is lost and a line that stays
 * asserted costs one interrupt for each EOI of the guest. Nothing is sent with a lock held.
 */
#include "drivers/virtual/vioapic.h"

#include "arch/ioapic.h"
#include "arch/vlapic.h"
#include "core/bits.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/irq.h"
#include "core/log.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "drivers/acpi.h"
#include "mm/page_alloc.h"

/* 82093AA 3.1 "Memory Mapped Registers" */
#define MMIO_SELECT 0x00
#define MMIO_WINDOW 0x10
#define MMIO_EOI    0x40 /* from version 20h on */
#define MMIO_SIZE   0x100

#define REGISTER_ID          0x00
#define REGISTER_VERSION     0x01
#define REGISTER_ARBITRATION 0x02
#define REGISTER_ENTRIES     0x10 /* two each: low, high */

#define ID_FIELD      BITS(27, 24)
#define VERSION_FIELD BITS(7, 0)
#define VERSION_EOI   0x20

/* 82093AA 3.2.4 "I/O Redirection Table Registers" */
#define ENTRY_VECTOR          BITS(7, 0)
#define ENTRY_MODE            BITS(10, 8)
#define ENTRY_LOGICAL         BIT(11)
#define ENTRY_ACTIVE_LOW      BIT(13)
#define ENTRY_REMOTE_IRR      BIT(14)
#define ENTRY_LEVEL           BIT(15)
#define ENTRY_MASKED          BIT(16)
#define ENTRY_DESTINATION_EXT BITS(55, 49) /* bits 14:8 of the ID, as KVM's guests know it */
#define ENTRY_DESTINATION     BITS(63, 56)
#define ENTRY_WRITABLE                                                                \
	(ENTRY_VECTOR | ENTRY_MODE | ENTRY_LOGICAL | ENTRY_ACTIVE_LOW | ENTRY_LEVEL | \
	 ENTRY_MASKED | ENTRY_DESTINATION_EXT | ENTRY_DESTINATION)

struct vioapic;

struct vioapic_pin {
	/* const after init: */
	struct vioapic *vioapic;
	uint32_t gsi;
	bool is_virtual; /* the hypervisor's own: no host entry */
	/* vioapic->lock: */
	uint64_t entry;
	bool line;    /* virtual: asserted */
	bool is_open; /* the host's entry is unmasked */
	bool refused; /* until it is ended: where nobody takes it, a write of the entry opens it */
	uint8_t sent; /* vector of the level interrupt that waits for its EOI */
	struct irq irq;
	struct ioapic_route host; /* as programmed; vector 0: not yet */
};

struct vioapic {
	/* const after init: */
	struct vm *vm;
	uint32_t gsi_base, pin_count;
	uint32_t version;
	struct vioapic_pin *pins;
	/* lock: */
	struct lock lock;
	uint32_t id; /* register */
	uint32_t select;
	uint32_t unended; /* pins with Remote IRR; read without the lock */
	bool said_no_vector;
};

struct vioapics {
	uint32_t count;
	struct vioapic list[];
};

/* ---- entries ---- */

static bool is_level(const struct vioapic_pin *pin)
{
	uint64_t mode = field_get(ENTRY_MODE, pin->entry);

	return (pin->entry & ENTRY_LEVEL) != 0 && (mode == VLAPIC_FIXED || mode == VLAPIC_LOWEST);
}

/* SMIs are the firmware's, and a virtual 8259 is not behind this IOAPIC: such entries stay silent.
 */
static bool has_mode(const struct vioapic_pin *pin)
{
	switch (field_get(ENTRY_MODE, pin->entry)) {
	case VLAPIC_FIXED:
	case VLAPIC_LOWEST:
	case VLAPIC_NMI:
	case VLAPIC_INIT:
		return true;
	default:
		return false;
	}
}

static bool is_live(const struct vioapic_pin *pin)
{
	return has_mode(pin) && (pin->entry & ENTRY_MASKED) == 0;
}

static bool is_unended(const struct vioapic_pin *pin)
{
	return (pin->entry & ENTRY_REMOTE_IRR) != 0;
}

static struct vlapic_message message_of(const struct vioapic_pin *pin)
{
	uint32_t extension = (uint32_t)field_get(ENTRY_DESTINATION_EXT, pin->entry);

	return (struct vlapic_message){
		.destination = (uint32_t)field_get(ENTRY_DESTINATION, pin->entry) | extension << 8,
		.is_x2apic = extension != 0,
		.is_logical = (pin->entry & ENTRY_LOGICAL) != 0,
		.is_level = is_level(pin),
		.mode = (enum vlapic_mode)field_get(ENTRY_MODE, pin->entry),
		.shorthand = VLAPIC_DEST,
		.vector = (uint8_t)field_get(ENTRY_VECTOR, pin->entry),
	};
}

static void set_unended(struct vioapic_pin *pin, bool on)
{
	struct vioapic *vioapic = pin->vioapic;

	if (on != is_unended(pin)) {
		pin->entry ^= ENTRY_REMOTE_IRR;
		atomic_store(&vioapic->unended, vioapic->unended + (on ? 1U : UINT32_MAX));
	}
}

/* ---- the host's entry ---- */

static bool may_open(const struct vioapic_pin *pin)
{
	return is_live(pin) && !is_unended(pin) && !pin->refused;
}

/* The CPU where the destination runs now; should it move, its interrupts are posted there. */
static struct cpu *cpu_of(const struct vioapic_pin *pin)
{
	struct vlapic_message message = message_of(pin);
	struct vcpu *vcpu = vlapic_target(pin->vioapic->vm, &message);

	return cpu_get(vcpu == NULL ? 0 : vcpu->sched.cpu);
}

static bool is_same_route(const struct ioapic_route *a, const struct ioapic_route *b)
{
	return a->vector == b->vector && a->apic_id == b->apic_id && a->level == b->level &&
	       a->active_low == b->active_low;
}

/* Once: the guest may try as often as it likes. */
static void say_no_vector(struct vioapic_pin *pin)
{
	if (!pin->vioapic->said_no_vector) {
		pin->vioapic->said_no_vector = true;
		log(LOG_WARN, "vioapic: no host vector left for GSI %u: it stays masked", pin->gsi);
	}
}

static void open_host(struct vioapic_pin *pin)
{
	struct ioapic_route route = {
		.level = is_level(pin),
		.active_low = (pin->entry & ENTRY_ACTIVE_LOW) != 0,
	};

	if (irq_route(&pin->irq, cpu_of(pin)) != 0) {
		say_no_vector(pin);
		return;
	}
	route.vector = pin->irq.vector;
	route.apic_id = pin->irq.cpu->arch.apic_id;
	if (!is_same_route(&route, &pin->host)) {
		ioapic_route(pin->gsi, &route);
		pin->host = route;
		pin->is_open = false;
	}
	irq_settle(&pin->irq);
	if (!pin->is_open) {
		pin->is_open = true;
		ioapic_unmask(pin->gsi);
	}
}

/* Makes the host's entry agree with the guest's. */
static void update_host(struct vioapic_pin *pin)
{
	if (pin->is_virtual) {
		return;
	}
	if (may_open(pin)) {
		open_host(pin);
	} else if (pin->is_open) {
		ioapic_mask(pin->gsi);
		pin->is_open = false;
	}
}

/* ---- sending ---- */

/* True when *message is to be sent, after the lock is released. */
static bool raise_locked(struct vioapic_pin *pin, struct vlapic_message *message)
{
	if (!may_open(pin)) {
		return false;
	}
	*message = message_of(pin);
	if (message->is_level) {
		pin->sent = message->vector;
		pin->refused = true;
		set_unended(pin, true);
	}
	return true;
}

/* A virtual line that is still asserted interrupts again. */
static bool resample_locked(struct vioapic_pin *pin, struct vlapic_message *message)
{
	return pin->is_virtual && pin->line && is_level(pin) && raise_locked(pin, message);
}

/* Remote IRR of what nobody took would never be cleared. The entry may have been written since. */
static void release_and_send(struct vioapic_pin *pin, bool is_due,
			     const struct vlapic_message *message)
{
	struct vioapic *vioapic = pin->vioapic;

	lock_release(&vioapic->lock);
	if (!is_due || vlapic_deliver(vioapic->vm, message) != 0 || !message->is_level) {
		return;
	}
	lock_acquire(&vioapic->lock);
	if (is_unended(pin) && pin->sent == message->vector) {
		set_unended(pin, false);
		update_host(pin);
	}
	lock_release(&vioapic->lock);
}

/* An edge that was on its way when the guest masked the entry was accepted before that. */
static bool raise_host_locked(struct vioapic_pin *pin, struct vlapic_message *message)
{
	if (is_level(pin) || !has_mode(pin)) {
		return raise_locked(pin, message);
	}
	*message = message_of(pin);
	return true;
}

/* The caller ends the interrupt at the host's local APIC, for both kinds of trigger. */
static void handle_interrupt(struct irq *irq, unsigned number)
{
	struct vioapic_pin *pin = container_of(irq, struct vioapic_pin, irq);
	struct vioapic *vioapic = pin->vioapic;
	struct vlapic_message message;
	bool is_due;

	(void)number;
	lock_acquire(&vioapic->lock);
	is_due = raise_host_locked(pin, &message);
	update_host(pin);
	release_and_send(pin, is_due, &message);
}

static struct vioapic_pin *find_pin(struct vm *vm, uint32_t gsi)
{
	struct vioapics *vioapics = vm->arch.vioapics;

	for (uint32_t i = 0; vioapics != NULL && i < vioapics->count; i++) {
		struct vioapic *vioapic = &vioapics->list[i];

		if (gsi - vioapic->gsi_base < vioapic->pin_count) {
			return &vioapic->pins[gsi - vioapic->gsi_base];
		}
	}
	return NULL;
}

void vioapic_set_line(struct vm *vm, uint32_t gsi, bool asserted)
{
	struct vioapic_pin *pin = find_pin(vm, gsi);
	struct vlapic_message message;
	bool rises, is_due;

	if (pin == NULL || !pin->is_virtual) {
		return;
	}
	lock_acquire(&pin->vioapic->lock);
	rises = asserted && !pin->line;
	pin->line = asserted;
	is_due = rises && raise_locked(pin, &message);
	release_and_send(pin, is_due, &message);
}

void vioapic_claim(struct vm *vm, uint32_t gsi)
{
	struct vioapic_pin *pin = find_pin(vm, gsi);

	if (pin != NULL) {
		pin->is_virtual = true;
	}
}

/* ---- the guest's EOI ---- */

static void end_pin(struct vioapic_pin *pin, uint8_t vector)
{
	struct vlapic_message message;
	bool is_due = false;

	lock_acquire(&pin->vioapic->lock);
	/* By the vector that was sent: the guest may have changed the entry's since. */
	if (is_unended(pin) && pin->sent == vector) {
		set_unended(pin, false);
		pin->refused = false;
		is_due = resample_locked(pin, &message);
		update_host(pin);
	}
	release_and_send(pin, is_due, &message);
}

static void end_vector(struct vioapic *vioapic, uint8_t vector)
{
	for (uint32_t i = 0; i < vioapic->pin_count && atomic_load(&vioapic->unended) != 0; i++) {
		if (vioapic->pins[i].sent == vector) {
			end_pin(&vioapic->pins[i], vector);
		}
	}
}

void vioapic_eoi(struct vm *vm, uint8_t vector)
{
	struct vioapics *vioapics = vm->arch.vioapics;

	for (uint32_t i = 0; i < vioapics->count; i++) {
		end_vector(&vioapics->list[i], vector);
	}
}

/* ---- registers ---- */

/* Setting edge trigger clears Remote IRR: how software ends an entry that has no EOI register. */
static void write_entry(struct vioapic_pin *pin, unsigned shift, uint32_t value)
{
	uint64_t half = ENTRY_WRITABLE & (BITS(31, 0) << shift);
	struct vlapic_message message;
	bool is_due;

	lock_acquire(&pin->vioapic->lock);
	pin->entry = (pin->entry & ~half) | ((uint64_t)value << shift & half);
	pin->refused = false;
	if (!is_level(pin)) {
		set_unended(pin, false);
	}
	is_due = resample_locked(pin, &message);
	update_host(pin);
	release_and_send(pin, is_due, &message);
}

static uint32_t read_register(const struct vioapic *vioapic)
{
	uint32_t number = (vioapic->select - REGISTER_ENTRIES) / 2;

	switch (vioapic->select) {
	case REGISTER_ID:
	case REGISTER_ARBITRATION:
		return vioapic->id;
	case REGISTER_VERSION:
		return vioapic->version;
	default:
		break;
	}
	if (vioapic->select < REGISTER_ENTRIES || number >= vioapic->pin_count) {
		return 0;
	}
	return (uint32_t)(vioapic->pins[number].entry >> (vioapic->select % 2 * 32));
}

static void write_register(struct vioapic *vioapic, uint32_t value)
{
	uint32_t select = vioapic->select;
	uint32_t number = (select - REGISTER_ENTRIES) / 2;

	if (select == REGISTER_ID) {
		vioapic->id = value & ID_FIELD;
	} else if (select >= REGISTER_ENTRIES && number < vioapic->pin_count) {
		write_entry(&vioapic->pins[number], select % 2 * 32, value);
	}
}

static void mmio_write(struct vioapic *vioapic, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case MMIO_SELECT:
		atomic_store(&vioapic->select, value & BITS(7, 0));
		break;
	case MMIO_WINDOW:
		write_register(vioapic, value);
		break;
	case MMIO_EOI:
		if (field_get(VERSION_FIELD, vioapic->version) >= VERSION_EOI) {
			end_vector(vioapic, (uint8_t)value);
		}
		break;
	default:
		break;
	}
}

static uint32_t mmio_read(const struct vioapic *vioapic, uint64_t offset)
{
	switch (offset) {
	case MMIO_SELECT:
		return vioapic->select;
	case MMIO_WINDOW:
		return read_register(vioapic);
	default:
		return 0;
	}
}

static enum region_result vioapic_access(void *device, struct access *access)
{
	struct vioapic *vioapic = device;

	if (access->is_write) {
		mmio_write(vioapic, access->offset, (uint32_t)access->value);
	} else {
		access->value = mmio_read(vioapic, access->offset);
		if (access->size < 4) {
			access->value &= BIT(access->size * 8U) - 1;
		}
	}
	return REGION_DONE;
}

/* ---- creation ---- */

/* The firmware's entry for a host IOAPIC; those that do not answer have none of the host's. */
static const struct acpi_ioapic *firmware_entry(uint32_t gsi_base)
{
	for (uint32_t i = 0; i < acpi.ioapic_count; i++) {
		if (acpi.ioapics[i].gsi_base == gsi_base) {
			return &acpi.ioapics[i];
		}
	}
	return NULL;
}

static int pins_init(struct vioapic *vioapic)
{
	vioapic->pins =
		page_alloc_forever(PAGE_USE_VM, vioapic->pin_count * sizeof(struct vioapic_pin));
	if (vioapic->pins == NULL) {
		return -E_NOMEM;
	}
	for (uint32_t i = 0; i < vioapic->pin_count; i++) {
		vioapic->pins[i].vioapic = vioapic;
		vioapic->pins[i].gsi = vioapic->gsi_base + i;
		vioapic->pins[i].entry = ENTRY_MASKED;
		vioapic->pins[i].irq.fn = handle_interrupt;
	}
	return 0;
}

static int mirror(struct vm *vm, struct vioapic *vioapic, uint32_t index)
{
	const struct acpi_ioapic *entry = firmware_entry(ioapic_gsi_base(index));
	struct region region = {
		.size = MMIO_SIZE, .fn = vioapic_access, .device = vioapic, .name = "vioapic"
	};
	int err;

	if (entry == NULL) {
		return -E_NODEV;
	}
	region.start = entry->address;
	vioapic->vm = vm;
	vioapic->gsi_base = entry->gsi_base;
	vioapic->pin_count = ioapic_entries(index);
	vioapic->version = ioapic_version(index);
	vioapic->id = (uint32_t)field_set(ID_FIELD, entry->id);
	err = pins_init(vioapic);
	return err != 0 ? err : region_add(&vm->memory_regions, &region);
}

int vioapic_init(struct vm *vm)
{
	size_t size = sizeof(struct vioapics) + acpi.ioapic_count * sizeof(struct vioapic);
	struct vioapics *vioapics = page_alloc_forever(PAGE_USE_VM, size);

	if (vioapics == NULL) {
		return -E_NOMEM;
	}
	for (uint32_t i = 0; i < acpi.ioapic_count && ioapic_entries(i) != 0; i++) {
		int err = mirror(vm, &vioapics->list[i], i);

		if (err != 0) {
			return err;
		}
		vioapics->count++;
	}
	vm->arch.vioapics = vioapics;
	vm->arch.eoi_notify = vioapic_eoi;
	return 0;
}
