/* SPDX-License-Identifier: GPL-2.0-only */
/* The control guest's memory, 1:1, and its creation. Loading its kernel is the architecture's. */
#include "core/control.h"

#include "boot/boot_info.h"
#include "boot/config.h"
#include "core/arch.h"
#include "core/cpu.h"
#include "core/err.h"
#include "core/log.h"
#include "core/vcpu.h"
#include "mm/frame.h"
#include "mm/page_alloc.h"
#include "mm/window.h"

#define PAGES_KEPT 256 /* of the hypervisor's, that faults on registers leave for other uses */

static struct control_hole holes[CONTROL_HOLES_MAX];
static uint32_t hole_count;

static int add_hole(struct control_hole hole)
{
	uint32_t at = hole_count;

	if (hole_count == CONTROL_HOLES_MAX) {
		return -E_NOMEM;
	}
	while (at > 0 && holes[at - 1].start > hole.start) {
		holes[at] = holes[at - 1];
		at--;
	}
	holes[at] = hole;
	hole_count++;
	return 0;
}

int control_withhold(uint64_t start, uint64_t size, const char *name)
{
	return add_hole((struct control_hole){ .start = start, .size = size, .name = name });
}

uint32_t control_holes(const struct control_hole **list)
{
	*list = holes;
	return hole_count;
}

/* Everything that the firmware calls memory is the guest's, in the state that its owner gave it. */
bool control_is_ram(const struct boot_memory *memory)
{
	switch ((enum boot_memory_kind)memory->kind) {
	case BOOT_MEMORY_USABLE:
	case BOOT_MEMORY_BOOT:
	case BOOT_MEMORY_ACPI_RECLAIM:
	case BOOT_MEMORY_ACPI_NVS:
	case BOOT_MEMORY_RUNTIME_CODE:
	case BOOT_MEMORY_RUNTIME_DATA:
	case BOOT_MEMORY_PERSISTENT:
		return true;
	case BOOT_MEMORY_RESERVED:
	case BOOT_MEMORY_MMIO:
	case BOOT_MEMORY_UNUSABLE:
	case BOOT_MEMORY_KINDS:
		break;
	}
	return false;
}

static struct pt_range identity_range(uint64_t start, uint64_t size, enum pt_memory memory)
{
	return (struct pt_range){
		.start = start,
		.size = size,
		.target = hpa(start),
		.attr = { .prot = PT_READ | PT_WRITE | PT_EXECUTE, .memory = memory },
	};
}

/* Bytes of a range that are in no hole. Holes do not overlap yet. */
static uint64_t usable_bytes(uint64_t start, uint64_t end)
{
	uint64_t bytes = end - start;

	for (uint32_t i = 0; i < hole_count; i++) {
		uint64_t from = max_u64(start, holes[i].start);
		uint64_t to = min_u64(end, holes[i].start + holes[i].size);

		bytes -= from < to ? to - from : 0;
	}
	return bytes;
}

/* Where `need` usable bytes from start on end; the range has as many. */
static uint64_t usable_end(uint64_t start, uint64_t need)
{
	uint64_t end = start + need;

	for (uint64_t have; (have = usable_bytes(start, end)) < need;) {
		end += need - have;
	}
	return align_down(end, PAGE_SIZE);
}

/* 'memory = SIZE': the lowest memory is the guest's, what lies above it stays nobody's. */
static int limit_memory(const struct boot_info *info, uint64_t limit)
{
	uint64_t need = limit;

	for (uint32_t i = 0; i < info->memory_count; i++) {
		const struct boot_memory *memory = &info->memory[i];
		uint64_t end = memory->start + memory->size;
		uint64_t have = usable_bytes(memory->start, end);

		if (!control_is_ram(memory)) {
			continue;
		}
		if (have > need) {
			const struct boot_memory *last = &info->memory[info->memory_count - 1];
			uint64_t cut = usable_end(memory->start, need);

			return add_hole((struct control_hole){
				.start = cut,
				.size = align_up(last->start + last->size, PAGE_SIZE) - cut,
				.name = "spare",
				.is_spare = true });
		}
		need -= have;
	}
	log(LOG_ERROR,
	    "control: memory = %lu MiB is more than the %lu MiB that this machine has left",
	    limit / MIB, (limit - need) / MIB);
	return -E_NOMEM;
}

/* Two ranges of the map may share a page, which is given once. */
static uint64_t given_end;

static int give_range(struct vm *vm, uint64_t start, uint64_t end)
{
	int err;

	start = max_u64(align_down(start, PAGE_SIZE), given_end);
	end = align_up(end, PAGE_SIZE);
	if (start >= end) {
		return 0;
	}
	given_end = end;
	err = frame_set_owner_range(hpa(start), end - start, vm->id, FRAME_CONTROL);
	if (err != 0 && err != -E_NOENT) {
		return err;
	}
	return stage2_map_all(&vm->stage2[0], identity_range(start, end - start, PT_MEMORY_WB));
}

/* What lies between the holes of one range of the map. Holes are page-aligned. */
static int give_memory(struct vm *vm, const struct boot_memory *memory)
{
	uint64_t at = memory->start, end = memory->start + memory->size;

	for (uint32_t i = 0; i < hole_count && at < end; i++) {
		uint64_t hole_end = holes[i].start + holes[i].size;
		int err;

		if (hole_end <= at || holes[i].start >= end) {
			continue;
		}
		err = give_range(vm, at, max_u64(holes[i].start, at));
		if (err != 0) {
			return err;
		}
		at = hole_end;
	}
	return at < end ? give_range(vm, at, end) : 0;
}

static int give_all_memory(struct vm *vm, const struct boot_info *info)
{
	given_end = 0;
	for (uint32_t i = 0; i < info->memory_count; i++) {
		int err = control_is_ram(&info->memory[i]) ? give_memory(vm, &info->memory[i]) : 0;

		if (err != 0) {
			log(LOG_ERROR,
			    "control: memory at %#llx, %#llx bytes, can not be given (error %d)",
			    (unsigned long long)info->memory[i].start,
			    (unsigned long long)info->memory[i].size, err);
			return err;
		}
	}
	return 0;
}

static bool is_its_own(uint64_t start, uint64_t size)
{
	return arch_address_is_mappable(start, size) &&
	       frame_mmio_owner(hpa(start), size) == NULL && !frame_is_ram(hpa(start), size);
}

static bool may_map(struct vm *vm, uint64_t start, uint64_t size)
{
	return is_its_own(start, size) && !region_overlaps(&vm->memory_regions, start, size);
}

static int unmap_all(struct vm *vm, struct pt_range range)
{
	int err;

	do {
		err = stage2_unmap(&vm->stage2[0], &range);
	} while (err == -E_RESTART);
	stage2_flush(&vm->stage2[0]);
	return err;
}

int control_unmap(struct vm *vm, uint64_t start, uint64_t size)
{
	uint64_t first = align_down(start, PAGE_SIZE);

	return unmap_all(
		vm, identity_range(first, align_up(start + size, PAGE_SIZE) - first, PT_MEMORY_WB));
}

/* A region that was added meanwhile did not find what is mapped now, be it only a part. */
static int map(struct vm *vm, uint64_t start, uint64_t size)
{
	struct pt_range range = identity_range(start, size, PT_MEMORY_UC);
	int err = stage2_map_all(&vm->stage2[0], range);

	if (region_overlaps(&vm->memory_regions, start, size)) {
		err = unmap_all(vm, range);
		return err != 0 ? err : -E_BUSY;
	}
	return err;
}

/* What is mapped already was another vCPU's fault a moment ago: the access is run again. */
static int map_page(struct vm *vm, uint64_t address)
{
	int err = map(vm, address, PAGE_SIZE);

	return err == -E_EXIST || err == -E_BUSY ? 0 : err;
}

/* Tables for all of the address space would be more than there is. */
static bool has_pages_for_tables(void)
{
	struct page_stats stats;

	page_alloc_stats(&stats);
	return stats.free > PAGES_KEPT;
}

int control_map_fault(struct vm *vm, gpa_t address)
{
	uint64_t large = align_down(address.value, pt_level_size(1));
	uint64_t small = align_down(address.value, PAGE_SIZE);

	if (!is_its_own(small, PAGE_SIZE)) {
		return -E_PERM;
	}
	if (region_overlaps(&vm->memory_regions, small, PAGE_SIZE) || !has_pages_for_tables()) {
		return -E_EXIST;
	}
	if (may_map(vm, large, pt_level_size(1)) && map(vm, large, pt_level_size(1)) == 0) {
		return 0;
	}
	return map_page(vm, small);
}

int control_mmio_access(struct vm *vm, struct access *access)
{
	uint64_t address = access->address;

	if (!is_its_own(address, access->size) ||
	    region_overlaps(&vm->memory_regions, address, access->size) ||
	    PAGE_SIZE - (address & ~PAGE_MASK) < access->size) {
		return -E_PERM;
	}
	if (access->is_write) {
		window_mmio_write(hpa(address), access->size, access->value);
	} else {
		access->value = window_mmio_read(hpa(address), access->size);
	}
	return 0;
}

static int create_vcpus(struct vm *vm)
{
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		int err = vcpu_create(vm, i);

		if (err != 0) {
			log(LOG_ERROR, "control: no memory for vCPU %u of %u", i, vm->vcpu_count);
			return err;
		}
	}
	return 0;
}

static bool cpu_is_control(const struct config_guest *config, uint32_t index)
{
	return cpu_is_online(cpu_get(index)) &&
	       (config->cpus.rest || bitmap_test(config->cpus.map, index));
}

static void set_affinity(struct vcpu *vcpu, const struct config_guest *config)
{
	for (uint32_t i = 0; i < cpu_count(); i++) {
		if (cpu_is_control(config, i)) {
			bitmap_set(vcpu->sched.affinity, i);
		}
	}
}

/* vCPUs go round the control guest's CPUs in turn. */
static void place_vcpus(struct vm *vm, const struct config_guest *config)
{
	uint32_t cpu = cpu_count() - 1;

	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		do {
			cpu = (cpu + 1) % cpu_count();
		} while (!cpu_is_control(config, cpu));
		set_affinity(vm->vcpus[i], config);
		sched_add(vm->vcpus[i], cpu);
	}
}

static uint32_t control_vcpu_count(const struct config_guest *config)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < cpu_count(); i++) {
		count += cpu_is_control(config, i);
	}
	return config->vcpus != 0 && count != 0 ? config->vcpus : count;
}

int control_create(const struct boot_info *info, const struct config *config)
{
	uint32_t count = control_vcpu_count(&config->control);
	int err;

	if (count == 0) {
		log(LOG_ERROR, "control: none of its CPUs started");
		return -E_NODEV;
	}
	vm_control = vm_create(VM_ID_CONTROL, "control", count);
	if (vm_control == NULL) {
		log(LOG_ERROR, "control: no memory for a guest of %u vCPUs", count);
		return -E_NOMEM;
	}
	vm_control->is_control = true;
	err = config->control.memory_rest ? 0 : limit_memory(info, config->control.memory);
	err = err != 0 ? err : give_all_memory(vm_control, info);
	err = err != 0 ? err : create_vcpus(vm_control);
	if (err != 0) {
		return err;
	}
	place_vcpus(vm_control, &config->control);
	return arch_control_load(vm_control, &config->control);
}

void control_start(void)
{
	for (uint32_t i = 0; i < vm_control->vcpu_count; i++) {
		struct vcpu *vcpu = vm_control->vcpus[i];

		atomic_store(&vcpu->home, vcpu->sched.cpu);
	}
	sched_wake(vm_control->vcpus[0]);
}
