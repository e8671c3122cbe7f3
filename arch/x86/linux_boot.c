/* SPDX-License-Identifier: GPL-2.0-only */
/* A bzImage by Linux' 64-bit boot protocol: checks, place, entry. The zero page is
 * linux_params.c's. */
#include "arch/linux_boot.h"

#include "arch/linux_params.h"
#include "core/bits.h"
#include "core/bytes.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"

/* boot.rst "The Real-Mode Kernel Header": offsets in the file */
#define SETUP_SECTORS       0x1f1
#define SYSTEM_SIZE         0x1f4
#define BOOT_FLAG           0x1fe
#define JUMP_LENGTH         0x201
#define HEADER_MAGIC        0x202
#define VERSION             0x206
#define LOAD_FLAGS          0x211
#define INITRD_ADDRESS_MAX  0x22c
#define KERNEL_ALIGNMENT    0x230
#define IS_RELOCATABLE      0x234
#define EXTENDED_LOAD_FLAGS 0x236
#define CMDLINE_SIZE        0x238
#define PREFERRED_ADDRESS   0x258
#define INIT_SIZE           0x260

#define VERSION_LEAST   0x20cU /* 2.12: what says that there is a 64-bit entry */
#define LOADED_HIGH     BIT(0)
#define HAS_64BIT_ENTRY BIT(0)
#define CAN_BE_ABOVE_4G BIT(1)
#define ENTRY_64BIT     0x200U
#define SECTOR          512U

#define TABLE_PAGES   6U /* the root, one table of 1 GiB entries, four of 2 MiB leaves */
#define TABLE_ENTRIES 512U
#define ENTRY_TABLE   3U    /* APM2 5.3.3 "4-Kbyte Page Translation": present, writable */
#define ENTRY_LEAF    0x83U /* and a leaf of 2 MiB */
#define BATCH         64U

struct boot {
	struct linux_params params;
	uint64_t payload_offset;
	uint64_t payload_size;
	uint64_t memory_size;
};

static uint8_t header_u8(const struct boot *boot, unsigned offset)
{
	return boot->params.header[offset - LINUX_HEADER_START];
}

static uint16_t header_u16(const struct boot *boot, unsigned offset)
{
	return load_u16(boot->params.header + (offset - LINUX_HEADER_START));
}

static uint32_t header_u32(const struct boot *boot, unsigned offset)
{
	return load_u32(boot->params.header + (offset - LINUX_HEADER_START));
}

static uint64_t header_u64(const struct boot *boot, unsigned offset)
{
	return load_u64(boot->params.header + (offset - LINUX_HEADER_START));
}

bool linux_boot_is(const struct loader *loader, const struct loader_file *file)
{
	char magic[4];
	uint8_t flag[2];

	return loader_read(loader, file, HEADER_MAGIC, magic, sizeof(magic)) == 0 &&
	       memcmp(magic, "HdrS", 4) == 0 &&
	       loader_read(loader, file, BOOT_FLAG, flag, sizeof(flag)) == 0 &&
	       load_u16(flag) == 0xaa55;
}

/* Finds the part of the file that runs in 64-bit mode, behind the real-mode sectors. */
static int find_payload(struct boot *boot)
{
	const struct guest_kernel *kernel = boot->params.kernel;
	uint32_t sectors = header_u8(boot, SETUP_SECTORS);
	uint64_t size = header_u32(boot, SYSTEM_SIZE) * UINT64_C(16);

	boot->payload_offset = ((sectors == 0 ? 4 : sectors) + 1) * SECTOR;
	if (boot->payload_offset >= kernel->kernel.size ||
	    size > align_up(kernel->kernel.size - boot->payload_offset, 16) ||
	    size <= ENTRY_64BIT) {
		return guest_kernel_refuse(kernel, "Linux: the file is cut off", -E_FORMAT);
	}
	boot->payload_size = min_u64(size, kernel->kernel.size - boot->payload_offset);
	boot->memory_size = max_u64(size, header_u32(boot, INIT_SIZE));
	return 0;
}

static int check_header(const struct boot *boot)
{
	const struct guest_kernel *kernel = boot->params.kernel;
	uint32_t alignment = header_u32(boot, KERNEL_ALIGNMENT);

	if (header_u16(boot, VERSION) < VERSION_LEAST ||
	    (header_u16(boot, EXTENDED_LOAD_FLAGS) & HAS_64BIT_ENTRY) == 0) {
		return guest_kernel_refuse(kernel,
					   "Linux: expected boot protocol 2.12 with a 64-bit entry",
					   -E_NOTSUP);
	}
	if ((header_u8(boot, LOAD_FLAGS) & LOADED_HIGH) == 0) {
		return guest_kernel_refuse(kernel, "Linux: expected a bzImage, found a zImage",
					   -E_NOTSUP);
	}
	if (alignment < PAGE_SIZE || (alignment & (alignment - 1)) != 0) {
		return guest_kernel_refuse(kernel, "Linux: its alignment is no power of two",
					   -E_FORMAT);
	}
	if (strlen(kernel->cmdline) > header_u32(boot, CMDLINE_SIZE)) {
		return guest_kernel_refuse(
			kernel, "Linux: the command line is longer than it takes", -E_NOTSUP);
	}
	return 0;
}

static int read_header(struct boot *boot)
{
	struct linux_params *params = &boot->params;
	/* Old kernels are shorter than the header may be. */
	size_t size = (size_t)min_u64(sizeof(params->header),
				      params->kernel->kernel.size - LINUX_HEADER_START);
	int err = loader_read(params->loader, &params->kernel->kernel, LINUX_HEADER_START,
			      params->header, size);

	/* The jump at the start of the setup code goes over the header: its target is the end. */
	params->header_end =
		(uint32_t)min_u64(HEADER_MAGIC + header_u8(boot, JUMP_LENGTH), LINUX_HEADER_END);
	return err;
}

/*
 * At its preferred address, or above: a kernel that was loaded below moves itself up to it, over
 * whatever lies there.
 */
static int place_kernel(struct boot *boot)
{
	const struct guest_kernel *kernel = boot->params.kernel;
	uint64_t preferred = header_u64(boot, PREFERRED_ADDRESS);
	uint64_t size = align_up(boot->memory_size, PAGE_SIZE);
	struct guest_map_want want = {
		.size = size,
		.alignment = PAGE_SIZE,
		.low = preferred,
		.high = preferred + size,
	};
	int err = -E_NOMEM;

	if (preferred >= GUEST_KERNEL_LOW && preferred < GUEST_KERNEL_HIGH - size) {
		err = guest_map_place(boot->params.loader->map, &want, &boot->params.load_address);
	}
	if (err != 0 && header_u8(boot, IS_RELOCATABLE) != 0) {
		want.alignment = header_u32(boot, KERNEL_ALIGNMENT);
		want.low = max_u64(preferred, GUEST_KERNEL_LOW);
		want.high = GUEST_KERNEL_HIGH;
		err = guest_map_place(boot->params.loader->map, &want, &boot->params.load_address);
	}
	if (err != 0) {
		log(LOG_ERROR, "kernel %s: Linux: no free %llu KiB for it from %llx on",
		    kernel->kernel.name, (unsigned long long)(size / KIB),
		    (unsigned long long)preferred);
	}
	return err;
}

/* Low memory is for the kernel's own start-up code; old kernels can not reach above 4 GiB. */
static int place_initrd(const struct boot *boot, struct guest_kernel *kernel)
{
	struct loader_file *initrd = &kernel->modules[0];
	uint64_t limit = header_u32(boot, INITRD_ADDRESS_MAX) + UINT64_C(1);
	int err;

	if ((header_u16(boot, EXTENDED_LOAD_FLAGS) & CAN_BE_ABOVE_4G) != 0) {
		limit = UINT64_MAX;
	}
	if (kernel->module_count == 0 ||
	    (boot->params.loader->in_place && initrd->start >= GUEST_KERNEL_LOW &&
	     initrd->start + initrd->size <= limit)) {
		return 0;
	}
	err = loader_move(boot->params.loader, initrd, GUEST_KERNEL_LOW,
			  min_u64(limit, GUEST_KERNEL_HIGH));
	if (err != 0) {
		log(LOG_ERROR, "kernel %s: Linux: no free %llu KiB for its initrd",
		    kernel->kernel.name, (unsigned long long)(initrd->size / KIB));
	}
	return err;
}

/* A table of entries that point to consecutive pieces of memory. */
static void put_table(struct loader_stream *stream, uint64_t first, uint64_t step, unsigned count)
{
	uint64_t batch[BATCH];

	for (unsigned done = 0; done < TABLE_ENTRIES; done += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			batch[i] = done + i < count ? first + step * (done + i) : 0;
		}
		loader_put(stream, batch, sizeof(batch));
	}
}

/* The first 4 GiB, where everything was placed, 1:1. */
static int write_page_tables(const struct loader *loader, uint64_t *root)
{
	int err = loader_place(loader, TABLE_PAGES * PAGE_SIZE, GUEST_KERNEL_LOW, GUEST_KERNEL_HIGH,
			       root);
	struct loader_stream stream = { loader, *root, *root + TABLE_PAGES * PAGE_SIZE, err };

	put_table(&stream, (*root + PAGE_SIZE) | ENTRY_TABLE, 0, 1);
	put_table(&stream, (*root + 2 * PAGE_SIZE) | ENTRY_TABLE, PAGE_SIZE, TABLE_PAGES - 2);
	for (unsigned i = 0; i < TABLE_PAGES - 2; i++) {
		put_table(&stream, i * GIB | ENTRY_LEAF, 2 * MIB, TABLE_ENTRIES);
	}
	return stream.err;
}

/* boot.rst: selectors 10h for code and 18h for data, flat. The page's rest is a stack. */
static int write_gdt(const struct loader *loader, struct guest_entry *entry)
{
	static const uint64_t gdt[] = { 0, 0, UINT64_C(0x00af9b000000ffff),
					UINT64_C(0x00cf93000000ffff) };
	int err = loader_place(loader, PAGE_SIZE, GUEST_KERNEL_LOW, GUEST_KERNEL_HIGH,
			       &entry->gdt_base);

	if (err != 0) {
		return err;
	}
	entry->gdt_limit = sizeof(gdt) - 1;
	entry->code_selector = 0x10;
	entry->data_selector = 0x18;
	entry->rsp = entry->gdt_base + PAGE_SIZE;
	return loader->write(loader->context, entry->gdt_base, gdt, sizeof(gdt));
}

static int write_entry(const struct boot *boot, struct guest_entry *entry)
{
	const struct loader *loader = boot->params.loader;
	int err;

	*entry = (struct guest_entry){
		.mode = GUEST_ENTRY_LONG64,
		.rip = boot->params.load_address + ENTRY_64BIT,
	};
	err = write_gdt(loader, entry);
	if (err == 0) {
		err = write_page_tables(loader, &entry->cr3);
	}
	return err != 0 ? err : linux_params_write(&boot->params, &entry->rsi);
}

int linux_boot_load(struct guest_kernel *kernel, const struct loader *loader,
		    struct guest_entry *entry)
{
	struct boot boot = { .params = { .kernel = kernel, .loader = loader } };
	int err = read_header(&boot);

	err = err != 0 ? err : check_header(&boot);
	err = err != 0 ? err : find_payload(&boot);
	err = err != 0 ? err : place_kernel(&boot);
	err = err != 0 ? err : place_initrd(&boot, kernel);
	if (err != 0) {
		return err;
	}
	err = loader_copy(loader, &kernel->kernel,
			  (struct loader_piece){ boot.payload_offset, boot.payload_size,
						 boot.params.load_address });
	err = err != 0 ? err : write_entry(&boot, entry);
	if (err != 0) {
		log(LOG_ERROR, "kernel %s: Linux: can not be loaded (error %d)",
		    kernel->kernel.name, err);
	}
	return err;
}
