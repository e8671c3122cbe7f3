/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control guest on a PC: joins its devices, its memory map, its ACPI tables and its kernel, and
 * points its first vCPU at that kernel. The formats are guest_kernel.c's and guest_tables.c's.
 */
#include "arch/guest_entry.h"
#include "arch/guest_kernel.h"
#include "arch/guest_tables.h"
#include "arch/pc.h"
#include "arch/virt.h"
#include "boot/boot_info.h"
#include "boot/config.h"
#include "core/arch.h"
#include "core/control.h"
#include "core/err.h"
#include "core/log.h"
#include "core/string.h"
#include "core/vm.h"
#include "core/vcpu.h"
#include "drivers/acpi.h"
#include "mm/guest_mem.h"
#include "mm/page_alloc.h"
#include "mm/pt.h"

/* BIOS area and option ROMs lie below; tables go below 4 GiB, where every kernel finds them. */
#define TABLES_LOW  MIB
#define TABLES_HIGH (4 * GIB)

/* HyperTransport's reserved addresses: AMD's processors give them a meaning of their own. */
#define HYPERTRANSPORT_START UINT64_C(0xfd00000000)
#define HYPERTRANSPORT_END   UINT64_C(0x10000000000)

static struct guest_map map;
static struct guest_kernel kernel;

bool arch_address_is_mappable(uint64_t start, uint64_t size)
{
	unsigned bits = arch_stage2_format()->physical_bits;
	uint64_t end = start + size;

	if (end < start || (bits < 64 && end > BIT(bits))) {
		return false;
	}
	return virt != &virt_svm || end <= HYPERTRANSPORT_START || start >= HYPERTRANSPORT_END;
}

/* ---- memory, for the loader ---- */

/* A file of the boot loader's: only from memory that is the guest's own by now. */
static int read_file(void *context, uint64_t address, void *to, size_t size)
{
	struct vm *vm = context;

	return guest_mem_read(&vm->stage2[0], gpa(address), to, size);
}

static int write_guest(void *context, uint64_t address, const void *from, size_t size)
{
	struct vm *vm = context;

	return guest_mem_write(&vm->stage2[0], gpa(address), from, size);
}

/* ---- the guest's memory map ---- */

static int map_set(uint64_t start, uint64_t size, enum boot_memory_kind kind)
{
	int err = guest_map_set(&map, start, size, kind);

	if (err != 0) {
		log(LOG_ERROR, "control: the memory map has more pieces than the %u we can keep",
		    GUEST_MAP_MAX);
	}
	return err;
}

static int build_map(void)
{
	const struct control_hole *holes;
	uint32_t count = control_holes(&holes);
	int err = 0;

	guest_map_init(&map, boot_info.memory, boot_info.memory_count);
	for (uint32_t i = 0; i < count && err == 0; i++) {
		err = map_set(holes[i].start, holes[i].size, BOOT_MEMORY_RESERVED);
	}
	return err;
}

/* ---- files ---- */

static int find_file(const char *name, struct loader_file *file)
{
	const struct boot_module *module = boot_info_module(&boot_info, name);

	if (module == NULL) {
		log(LOG_ERROR, "control: the boot loader brought no file called %s", name);
		return -E_NOENT;
	}
	*file = (struct loader_file){ module->start, module->size, module->name, module->args };
	return map_set(file->start, file->size, BOOT_MEMORY_BOOT);
}

static int add_module(const char *name)
{
	int err = find_file(name, &kernel.modules[kernel.module_count]);

	kernel.module_count += err == 0;
	return err;
}

static int find_files(const struct config_guest *config)
{
	int err;

	if (config->kernel[0] == '\0') {
		log(LOG_ERROR, "control: no kernel: name one by 'kernel = FILE' in [control] of %s",
		    CONFIG_FILE);
		return -E_NOENT;
	}
	err = find_file(config->kernel, &kernel.kernel);
	if (err == 0 && config->initrd[0] != '\0') {
		err = add_module(config->initrd);
	}
	for (uint32_t i = 0; i < config->module_count && err == 0; i++) {
		err = add_module(config->modules[i]);
	}
	return err;
}

/* ---- ACPI ---- */

static struct guest_tables tables_of(const struct vm *vm)
{
	uint32_t *ids = page_alloc_forever(PAGE_USE_BOOT, 2 * vm->vcpu_count * sizeof(*ids));

	for (uint32_t i = 0; i < vm->vcpu_count && ids != NULL; i++) {
		ids[i] = vm->vcpus[i]->arch.vlapic.apic_id;
	}
	if (ids != NULL) {
		guest_tables_choose_uids(&acpi, ids + vm->vcpu_count, vm->vcpu_count);
	}
	return (struct guest_tables){ .machine = &acpi,
				      .apic_ids = ids,
				      .uids = ids != NULL ? ids + vm->vcpu_count : NULL,
				      .count = vm->vcpu_count };
}

/* A place that the guest's kernel keeps, filled through a buffer of our own. */
static int build_tables(const struct guest_tables *tables, size_t size, const struct loader *loader)
{
	struct guest_map_want want = { .size = align_up(size, PAGE_SIZE),
				       .alignment = PAGE_SIZE,
				       .low = TABLES_LOW,
				       .high = TABLES_HIGH };
	void *buffer = page_alloc_forever(PAGE_USE_BOOT, size);
	int err = buffer == NULL ? -E_NOMEM : guest_map_place(&map, &want, &kernel.rsdp);

	err = err != 0 ? err : map_set(kernel.rsdp, want.size, BOOT_MEMORY_ACPI_RECLAIM);
	err = err != 0 ? err : guest_tables_build(tables, buffer, size, kernel.rsdp);
	if (err != 0) {
		log(LOG_ERROR, "control: no room for %zu bytes of ACPI tables (error %d)", size,
		    -err);
		return err;
	}
	memcpy(kernel.rsdp_bytes, buffer, sizeof(kernel.rsdp_bytes));
	return loader->write(loader->context, kernel.rsdp, buffer, size);
}

static int init_tables(const struct vm *vm, const struct loader *loader)
{
	struct guest_tables tables = tables_of(vm);
	size_t size = guest_tables_size(&tables);

	if (tables.apic_ids == NULL) {
		return -E_NOMEM;
	}
	if (size == 0) {
		log(LOG_INFO, "control: no ACPI on this machine, and none for the guest");
		return 0;
	}
	return build_tables(&tables, size, loader);
}

int arch_control_load(struct vm *vm, const struct config_guest *config)
{
	struct loader loader = { .context = vm,
				 .read = read_file,
				 .write = write_guest,
				 .map = &map,
				 .in_place = true };
	struct guest_entry entry = { .rip = 0 };
	int err = pc_init(vm);

	kernel.cmdline = config->cmdline;
	kernel.efi_system_table = boot_info.efi_system_table;
	kernel.efi_descriptor_size = boot_info.efi_descriptor_size;
	kernel.efi_descriptor_version = boot_info.efi_descriptor_version;
	kernel.framebuffer = boot_info.framebuffer;
	err = err != 0 ? err : build_map();
	err = err != 0 ? err : find_files(config);
	err = err != 0 ? err : init_tables(vm, &loader);
	err = err != 0 ? err : guest_kernel_load(&kernel, &loader, &entry);
	if (err == 0) {
		guest_entry_set(vm->vcpus[0], &entry);
	}
	return err;
}
