/* SPDX-License-Identifier: GPL-2.0-only */
/* Message interrupts: from the guest's message to a host vector, and back when it comes. */
#include "drivers/virtual/vmsg.h"

#include "arch/vlapic.h"
#include "core/cpu.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/vcpu.h"

/* SDM3 11.11.1 "Message Address Register Format" */
#define ADDRESS_FIXED       BITS(31, 20)
#define ADDRESS_BASE        0xfeeU
#define ADDRESS_DESTINATION BITS(19, 12)
#define ADDRESS_EXTENSION   BITS(11, 5) /* bits 14:8 of the ID, as KVM's guests know it */
#define ADDRESS_REDIRECTION BIT(3)
#define ADDRESS_LOGICAL     BIT(2)
/* SDM3 11.11.2 "Message Data Register Format": a level makes no difference without an EOI. */
#define DATA_VECTOR         BITS(7, 0)
#define DATA_MODE           BITS(10, 8)

static struct vm *owner;
static bool said_no_vector;

void vmsg_init(struct vm *vm)
{
	owner = vm;
}

/* False for what is no interrupt message, or of a mode that no device of a guest may send. */
static bool decode(uint64_t word, struct vlapic_message *message)
{
	uint32_t address = (uint32_t)(word >> 32), data = (uint32_t)word;
	uint32_t extension = (uint32_t)field_get(ADDRESS_EXTENSION, address);

	*message = (struct vlapic_message){
		.destination = (uint32_t)field_get(ADDRESS_DESTINATION, address) | extension << 8,
		.is_x2apic = extension != 0,
		.is_logical = (address & ADDRESS_LOGICAL) != 0,
		.mode = (enum vlapic_mode)field_get(DATA_MODE, data),
		.shorthand = VLAPIC_DEST,
		.vector = (uint8_t)field_get(DATA_VECTOR, data),
	};
	if ((address & ADDRESS_REDIRECTION) != 0 && message->mode == VLAPIC_FIXED) {
		message->mode = VLAPIC_LOWEST;
	}
	return field_get(ADDRESS_FIXED, address) == ADDRESS_BASE &&
	       (message->mode == VLAPIC_FIXED || message->mode == VLAPIC_LOWEST ||
		message->mode == VLAPIC_NMI || message->mode == VLAPIC_INIT);
}

/* One that was on its way when the guest changed the message is delivered as the new one. Any CPU,
 * without a lock. The device's own number stands in the low bits of the vector. */
static void arrive(struct irq *irq, unsigned number)
{
	const struct vmsg *msg = container_of(irq, struct vmsg, irq);
	struct vlapic_message message;

	if (decode(atomic_load(&msg->message), &message)) {
		message.vector = (uint8_t)(message.vector & ~(max_u64(msg->irq.count, 1) - 1)) |
				 (uint8_t)number;
		(void)vlapic_deliver(owner, &message);
	}
}

void vmsg_reset(struct vmsg *msg, unsigned count)
{
	*msg = (struct vmsg){
		.irq = { .fn = arrive, .count = (uint8_t)count },
	};
}

static struct cpu *cpu_of(const struct vmsg *msg)
{
	struct vlapic_message message;
	struct vcpu *vcpu = NULL;

	if (decode(msg->message, &message)) {
		vcpu = vlapic_target(owner, &message);
	}
	return cpu_get(vcpu == NULL ? 0 : vcpu->sched.cpu);
}

/* A message of two words that changes while the device may send would be torn: where its vector is
 * not free on the other CPU, it stays, and is posted from there. */
static int route(struct vmsg *msg, bool is_masked)
{
	if (is_masked || msg->irq.vector == 0) {
		return irq_route(&msg->irq, cpu_of(msg));
	}
	irq_move(&msg->irq, cpu_of(msg));
	return 0;
}

int vmsg_route(struct vmsg *msg, bool is_masked, struct vmsg_host *host)
{
	int err = route(msg, is_masked);

	if (err != 0) {
		if (!said_no_vector) {
			said_no_vector = true;
			log(LOG_WARN, "pci: no host vector left for a message interrupt: it stays "
				      "masked (said once)");
		}
		return err;
	}
	host->address = (uint32_t)(field_set(ADDRESS_FIXED, ADDRESS_BASE) |
				   field_set(ADDRESS_DESTINATION, msg->irq.cpu->arch.apic_id));
	host->data = msg->irq.vector;
	return 0;
}

void vmsg_settle(struct vmsg *msg)
{
	irq_settle(&msg->irq);
}

void vmsg_release(struct vmsg *msg)
{
	irq_release(&msg->irq);
}
