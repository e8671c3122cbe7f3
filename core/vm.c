/* SPDX-License-Identifier: GPL-2.0-only */
/* Guests as objects: creation, stopping, and what they touched without owning it. */
#include "core/vm.h"

#include <stdarg.h>

#include "core/arch.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/string.h"
#include "core/vcpu.h"
#include "mm/page_alloc.h"

struct vm *vm_control;

static struct vm *vm_alloc(uint32_t vcpu_count)
{
	struct vm *vm = page_alloc_forever(PAGE_USE_VM, sizeof(struct vm));

	if (vm == NULL) {
		return NULL;
	}
	vm->vcpus = page_alloc_forever(PAGE_USE_VM, vcpu_count * sizeof(struct vcpu *));
	return vm->vcpus == NULL ? NULL : vm;
}

struct vm *vm_create(uint16_t id, const char *name, uint32_t vcpu_count)
{
	struct vm *vm = vm_alloc(vcpu_count);

	if (vm == NULL) {
		return NULL;
	}
	vm->id = id;
	vm->vcpu_count = vcpu_count;
	string_copy(vm->name, name, sizeof(vm->name));
	if (stage2_init(&vm->stage2[0], vm) != 0 || arch_vm_init(vm) != 0) {
		return NULL;
	}
	return vm;
}

static bool claim_stop(struct vm *vm, enum vm_stop_reason reason)
{
	bool first;

	lock_acquire(&vm->lock);
	first = vm->stop_reason == VM_STOP_NONE;
	if (first) {
		vm->stop_reason = reason;
	}
	lock_release(&vm->lock);
	return first;
}

void vm_stop(struct vm *vm, enum vm_stop_reason reason, const char *format, ...)
{
	char text[160];
	va_list args;

	if (!claim_stop(vm, reason)) {
		return;
	}
	va_start(args, format);
	log_format_list(text, sizeof(text), format, args);
	va_end(args);
	log(reason == VM_STOP_ERROR ? LOG_ERROR : LOG_INFO, "guest %s stops: %s", vm->name, text);
	for (uint32_t i = 0; i < vm->vcpu_count; i++) {
		sched_stop(vm->vcpus[i]);
	}
	if (vm == vm_control) {
		machine_end(reason);
	}
}

void vm_count_ones(struct vm *vm, const char *what, uint64_t address)
{
	atomic_add(&vm->ones_count, 1);
	if (!__atomic_exchange_n(&vm->ones_logged, true, __ATOMIC_RELAXED)) {
		log(LOG_INFO,
		    "guest %s touched %s %#llx, which is not its own: reads are all ones, writes "
		    "are dropped "
		    "(said once)",
		    vm->name, what, (unsigned long long)address);
	}
}
