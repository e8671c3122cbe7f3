/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a 32-bit APIC ID to its vCPU: a hash table with open addressing that readers walk without a
 * lock. IDs without holes need one probe. It grows by replacement, while guests run.
 */
#include "arch/vlapic_regs.h"

#include "core/epoch.h"
#include "core/err.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

struct vlapic_map {
	struct epoch_call call;
	uint32_t count;
	uint32_t mask; /* slots - 1 */
	unsigned order;
	struct vcpu *slots[];
};

static uint32_t map_slots(unsigned order)
{
	size_t room = (PAGE_SIZE << order) - sizeof(struct vlapic_map);
	size_t slots = room / sizeof(struct vcpu *);

	return (uint32_t)BIT(bits_highest(slots));
}

struct vcpu *vlapic_map_find(const struct vm *vm, uint32_t apic_id)
{
	const struct vlapic_map *map = atomic_load(&vm->arch.apic_map);

	if (map == NULL) {
		return NULL;
	}
	for (uint32_t at = apic_id & map->mask;; at = (at + 1) & map->mask) {
		struct vcpu *vcpu = atomic_load(&map->slots[at]);

		if (vcpu == NULL || vcpu->arch.vlapic.apic_id == apic_id) {
			return vcpu;
		}
	}
}

/* At least half of the slots stay empty: searches end. */
static void map_insert(struct vlapic_map *map, struct vcpu *vcpu)
{
	uint32_t at = vcpu->arch.vlapic.apic_id & map->mask;

	while (map->slots[at] != NULL) {
		at = (at + 1) & map->mask;
	}
	atomic_store(&map->slots[at], vcpu);
	map->count++;
}

static void map_free(struct epoch_call *call)
{
	struct vlapic_map *map = container_of(call, struct vlapic_map, call);

	page_free(map, PAGE_USE_VM, map->order);
}

static struct vlapic_map *map_grow(struct vm *vm, struct vlapic_map *old)
{
	unsigned order = old == NULL ? 0 : old->order + 1;
	struct vlapic_map *map = order > PAGE_ORDER_MAX ? NULL : page_alloc(PAGE_USE_VM, order);

	if (map == NULL) {
		return NULL;
	}
	map->order = order;
	map->mask = map_slots(order) - 1;
	for (uint32_t i = 0; old != NULL && i <= old->mask; i++) {
		if (old->slots[i] != NULL) {
			map_insert(map, old->slots[i]);
		}
	}
	atomic_store(&vm->arch.apic_map, map);
	if (old != NULL) {
		epoch_defer(&old->call, map_free);
	}
	return map;
}

int vlapic_map_add(struct vm *vm, struct vcpu *vcpu)
{
	struct vlapic_map *map;
	int err = 0;

	lock_acquire(&vm->lock);
	map = vm->arch.apic_map;
	if (vlapic_map_find(vm, vcpu->arch.vlapic.apic_id) != NULL) {
		err = -E_EXIST;
	} else {
		if (map == NULL || map->count > map->mask / 2) {
			map = map_grow(vm, map);
		}
		if (map == NULL) {
			err = -E_NOMEM;
		} else {
			map_insert(map, vcpu);
		}
	}
	lock_release(&vm->lock);
	return err;
}
