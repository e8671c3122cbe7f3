/* SPDX-License-Identifier: GPL-2.0-only */
/* A virtio disk that is asked for its name, which takes no disk, with MSI-X. VIRTIO 1.2. */
#include "guests/lib/guest.h"
#include "tests/guest/bench_msi/bench_msi.h"

#define IDENTITY                0x10421af4U /* a disk without the legacy interface */
/* 4.1.4 "Virtio Structure PCI Capabilities" */
#define CAP_VENDOR              0x09
#define CAP_TYPE                BITS(31, 24)
#define CAP_NEXT                BITS(15, 8)
#define TYPE_COMMON             1
#define TYPE_NOTIFY             2
#define CAP_BAR                 4
#define CAP_OFFSET              8
#define CAP_MULTIPLIER          16
/* 2.1 "Device Status Field" */
#define STATUS_ACKNOWLEDGE      1
#define STATUS_DRIVER           2
#define STATUS_DRIVER_OK        4
#define STATUS_FEATURES_OK      8
/* 6 "Reserved Feature Bits", from 32 on */
#define FEATURE_VERSION_1       1U
#define FEATURE_ACCESS_PLATFORM 2U
/* 2.7.5 "The Virtqueue Descriptor Table" */
#define DESCRIPTOR_NEXT         1
#define DESCRIPTOR_WRITE        2
/* 5.2.6 "Device Operation" */
#define REQUEST_GET_ID          8
#define ID_SIZE                 20
#define ANSWER_OK               0
#define ANSWER_NONE             0xff
#define QUEUE_SIZE              4U

struct common { /* 4.1.4.3 "Common configuration structure layout" */
	uint32_t offered_select, offered, accepted_select, accepted;
	uint16_t config_vector, queue_count;
	uint8_t status, generation;
	uint16_t queue, queue_size, queue_vector, queue_enable, queue_notify_offset;
	uint32_t descriptors[2], available[2], used[2];
};
static_assert(sizeof(struct common) == 56, "the registers lie where the device has them");

struct descriptor {
	uint64_t address;
	uint32_t size;
	uint16_t flags, next;
};

static volatile struct {
	uint16_t flags, index, ring[QUEUE_SIZE];
} available;
static uint32_t used[1 + 2 * QUEUE_SIZE];
static uint64_t request[2] = { REQUEST_GET_ID };
static uint8_t name[ID_SIZE];
static volatile uint8_t answer;
/* A request: what is asked for, where the name goes, where the answer. */
static struct descriptor descriptors[QUEUE_SIZE] __attribute__((aligned(16))) = {
	{ (uint64_t)request, sizeof(request), DESCRIPTOR_NEXT, 1 },
	{ (uint64_t)name, sizeof(name), DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2 },
	{ (uint64_t)&answer, sizeof(answer), DESCRIPTOR_WRITE, 0 },
};
static volatile struct common *common;
static volatile uint16_t *notify;

/* Where the device has registers of a type, and their capability; NULL: nowhere within reach. */
static volatile void *find_registers(unsigned function, unsigned type, unsigned *capability)
{
	unsigned at = pci_capability(function, CAP_VENDOR);
	volatile uint32_t *bar;

	while (at != 0 && ((pci_read(function, at) & 0xff) != CAP_VENDOR ||
			   field_get(CAP_TYPE, pci_read(function, at)) != type)) {
		at = (unsigned)field_get(CAP_NEXT, pci_read(function, at));
	}
	*capability = at;
	bar = at == 0 ? NULL : pci_bar(function, pci_read(function, at + CAP_BAR) & 0xff);
	return bar == NULL ? NULL : bar + pci_read(function, at + CAP_OFFSET) / 4;
}

static bool find_all_registers(unsigned function)
{
	unsigned at;

	pci_enable(function);
	common = find_registers(function, TYPE_COMMON, &at);
	notify = find_registers(function, TYPE_NOTIFY, &at);
	if (common == NULL || notify == NULL) {
		return false;
	}
	common->queue = 0;
	notify += common->queue_notify_offset * pci_read(function, at + CAP_MULTIPLIER) / 2;
	return true;
}

static void write_64(volatile uint32_t *where, const volatile void *address)
{
	where[0] = (uint32_t)(uint64_t)address;
	where[1] = 0;
}

/* 3.1.1 "Driver Requirements: Device Initialization" */
static bool disk_start(void)
{
	uint8_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	common->status = 0;
	common->status = status;
	common->offered_select = common->accepted_select = 1;
	common->accepted = common->offered & (FEATURE_VERSION_1 | FEATURE_ACCESS_PLATFORM);
	common->status = status |= STATUS_FEATURES_OK;
	if ((common->status & STATUS_FEATURES_OK) == 0) {
		return false;
	}
	common->queue = 0;
	common->queue_size = QUEUE_SIZE;
	common->queue_vector = 0;
	write_64(common->descriptors, descriptors);
	write_64(common->available, &available);
	write_64(common->used, used);
	common->queue_enable = 1;
	common->status = status | STATUS_DRIVER_OK;
	return true;
}

static bool virtio_init(void)
{
	unsigned function = pci_find(IDENTITY);

	if (function == PCI_NONE) {
		report_error("no virtio disk");
		return false;
	}
	if (!find_all_registers(function) || !msix_enable(function) || !disk_start()) {
		report_error("virtio: registers %lx", (uint64_t)common);
		return false;
	}
	return true;
}

/* Each entry of the ring stays 0: the first descriptor. */
static void virtio_prepare(void)
{
	if (answer != ANSWER_OK) {
		report_failure("virtio: answer %x to request %u", answer, available.index);
	}
	answer = ANSWER_NONE;
	available.index = (uint16_t)(available.index + 1);
}

static void virtio_send(void)
{
	*notify = 0;
}

static void virtio_settle(void)
{
}

const struct source virtio = {
	.entry = "virtio_entry",
	.round = "virtio_round",
	.init = virtio_init,
	.prepare = virtio_prepare,
	.send = virtio_send,
	.settle = virtio_settle,
};
