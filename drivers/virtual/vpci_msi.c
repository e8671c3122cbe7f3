/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSI. The guest's message is kept here, the machine's has host vectors. Only a message whose
 * address alone changes can follow its vCPU to another CPU while it is on. PCI 3.0 6.8.1.
 */
#include "core/err.h"
#include "core/lock.h"
#include "drivers/virtual/vpci_function.h"

/* Of the capability's first double word. */
#define CONTROL_ID       BITS(7, 0)
#define CONTROL_ON       BIT(16)
#define CONTROL_CAPABLE  BITS(19, 17) /* log2 of the messages */
#define CONTROL_ENABLED  BITS(22, 20)
#define CONTROL_64       BIT(23)
#define CONTROL_WIDE     BIT(26) /* data of 32 bits is used */
#define CONTROL_LOG2_MAX 5

#define ADDRESS_WRITABLE BITS(31, 2)
#define DATA_WRITABLE    BITS(15, 0)

static unsigned address_at(const struct vpci_msi *msi)
{
	return msi->at + 4;
}

static unsigned data_at(const struct vpci_msi *msi)
{
	return msi->at + (msi->is_64 ? 12 : 8);
}

static uint32_t control_of(const struct vpci_function *function)
{
	return pci_read(function->address, function->msi.at, 4);
}

void vpci_msi_discover(struct vpci_function *function)
{
	struct vpci_msi *msi = &function->msi;

	msi->at = pci_find_capability(function->address, PCI_CAP_MSI);
	if (msi->at == 0) {
		return;
	}
	msi->is_64 = (control_of(function) & CONTROL_64) != 0;
	vmsg_reset(&msi->msg, 1);
	vpci_msi_off(function); /* the firmware's, to nobody */
}

static void program(const struct vpci_function *function, const struct vmsg_host *host)
{
	const struct vpci_msi *msi = &function->msi;

	pci_write(function->address, address_at(msi), 4, host->address);
	if (msi->is_64) {
		pci_write(function->address, msi->at + 8, 4, 0);
	}
	pci_write(function->address, data_at(msi), 2, host->data);
}

static void set_message(struct vpci_msi *msi)
{
	uint64_t address = msi->address_high == 0 ? msi->address : 0;

	atomic_store(&msi->msg.message, address << 32 | msi->data);
}

/* Reading back makes sure that what the device sent before has arrived. */
static void release(struct vpci_function *function)
{
	(void)control_of(function);
	if (function->msi.is_on) {
		function->msi.is_on = false;
		vmsg_release(&function->msi.msg);
	}
}

/* Without vectors it stays off. */
static void turn_on(struct vpci_function *function, uint32_t control)
{
	struct vpci_msi *msi = &function->msi;
	uint64_t capable = field_get(CONTROL_CAPABLE, control_of(function));
	unsigned log2 = (unsigned)min_u64(field_get(CONTROL_ENABLED, control),
					  min_u64(capable, CONTROL_LOG2_MAX));
	struct vmsg_host host;

	vmsg_reset(&msi->msg, 1U << log2);
	set_message(msi);
	if (vmsg_route(&msi->msg, true, &host) != 0) {
		return;
	}
	program(function, &host);
	control &= (uint32_t) ~(CONTROL_ENABLED | CONTROL_WIDE);
	control |= (uint32_t)field_set(CONTROL_ENABLED, log2);
	pci_write(function->address, msi->at + 2, 2, control >> 16);
	vmsg_settle(&msi->msg);
	msi->is_on = true;
}

static void control_write(struct vpci_function *function, struct vpci_write *write)
{
	struct vpci_msi *msi = &function->msi;
	uint32_t before = control_of(function), after = vpci_merged(function, write);
	bool same_count = ((before ^ after) & CONTROL_ENABLED) == 0;

	if ((after & CONTROL_ON) == 0) {
		vpci_forward(function, write);
		release(function);
	} else if (msi->is_on && (before & CONTROL_ON) != 0 && same_count) {
		vpci_forward(function, write);
	} else {
		vpci_msi_off(function); /* a reset may have done so already, without us */
		turn_on(function, after);
	}
}

/* The registers that the guest sees: which, and where a write goes. */
static uint32_t *shadow_of(struct vpci_msi *msi, unsigned offset)
{
	if (offset == address_at(msi)) {
		return &msi->address;
	}
	if (msi->is_64 && offset == msi->at + 8) {
		return &msi->address_high;
	}
	return offset == data_at(msi) ? &msi->data : NULL;
}

static void message_write(struct vpci_function *function, uint32_t *shadow,
			  const struct vpci_write *write)
{
	struct vpci_msi *msi = &function->msi;
	struct vmsg_host host;

	*shadow = vpci_merge(*shadow, write);
	msi->address &= (uint32_t)ADDRESS_WRITABLE;
	msi->data &= (uint32_t)DATA_WRITABLE;
	set_message(msi);
	if (msi->is_on && vmsg_route(&msi->msg, false, &host) == 0) {
		pci_write(function->address, address_at(msi), 4, host.address);
		(void)control_of(function);
		vmsg_settle(&msi->msg);
	}
}

int vpci_msi_write(struct vpci_function *function, struct vpci_write *write)
{
	struct vpci_msi *msi = &function->msi;
	uint32_t *shadow;

	if (msi->at == 0) {
		return -E_NOENT;
	}
	if (vpci_writes(write, msi->at)) {
		control_write(function, write);
		return 0;
	}
	shadow = shadow_of(msi, write->offset & ~3U);
	if (shadow == NULL) {
		return -E_NOENT;
	}
	message_write(function, shadow, write);
	return 0;
}

uint32_t vpci_msi_read(const struct vpci_function *function, unsigned offset, uint32_t dword)
{
	const struct vpci_msi *msi = &function->msi;

	if (msi->at == 0 || offset < address_at(msi) || offset > data_at(msi)) {
		return dword;
	}
	if (offset == address_at(msi)) {
		return msi->address;
	}
	return offset == data_at(msi) ? (dword & ~(uint32_t)DATA_WRITABLE) | msi->data
				      : msi->address_high;
}

void vpci_msi_off(struct vpci_function *function)
{
	uint32_t control = function->msi.at == 0 ? 0 : control_of(function);

	/* Another function may be there by now, with something else at that place. */
	if (field_get(CONTROL_ID, control) == PCI_CAP_MSI) {
		pci_write(function->address, function->msi.at, 4, control & (uint32_t)~CONTROL_ON);
	}
	if (function->msi.at != 0) {
		release(function);
	}
}
