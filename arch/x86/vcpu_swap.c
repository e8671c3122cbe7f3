/* SPDX-License-Identifier: GPL-2.0-only */
/* A debugging aid: proves that an image is all of a vCPU. Nothing else uses these functions. */
#include "arch/vcpu_image.h"

#include "arch/fpu.h"
#include "arch/vcpu_regs.h"
#include "core/arch.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/string.h"
#include "core/vm.h"
#include "mm/page_alloc.h"

#define PATTERN      0xa5
#define IMAGES_ORDER 2 /* two of two pages each */

typedef unsigned long long ull;

/* The bytes of a structure from one member to another. */
static void fill(void *from, void *to, int byte)
{
	memset(from, byte, (size_t)((uint8_t *)to - (uint8_t *)from));
}

/* What others write stays as it is: they go on meanwhile. They read the route, which an image only
 * can give again. */
static void vlapic_renew(struct vlapic *vlapic)
{
	timer_cancel(&vlapic->timer);
	memset(vlapic->page, PATTERN, PAGE_SIZE);
	fill(&vlapic->ppr, &vlapic->route, PATTERN);
}

/*
 * As arch_vcpu_init() makes one, but that all registers have the pattern: so have those of the VMCB
 * or VMCS, which takes them from here, while the rest of it is new. Caches are empty.
 */
static void renew(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = &vcpu->arch;

	fill(&arch->events, &arch->svm, 0);
	fpu_reset(vcpu);
	fpu_load(vcpu);
	vlapic_renew(&arch->vlapic);
	memset(&arch->mce, PATTERN, sizeof(arch->mce));
	memset(&arch->events, PATTERN, sizeof(arch->events));
	memset(arch->state, PATTERN, sizeof(*arch->state));
	arch->state->valid = STATE_ALL;
	arch->state->dirty = 0;
	assert(virt->vcpu_init(vcpu) == 0);
}

static void compare(const struct vcpu *vcpu, const struct vcpu_image *a, const struct vcpu_image *b)
{
	for (unsigned i = 0; i < VCPU_IMAGE_PARTS; i++) {
		const struct vcpu_image_part *part = &vcpu_image_parts[i];
		const uint8_t *was = (const uint8_t *)a + part->offset;
		const uint8_t *is = (const uint8_t *)b + part->offset;

		for (unsigned at = 0; at < part->size; at++) {
			if (unlikely(was[at] != is[at])) {
				panic("swap: vCPU %u: %s differs at byte %#x: was %02x, is %02x",
				      vcpu->index, part->name, at, was[at], is[at]);
			}
		}
	}
}

/* A line at each power of two: tests look for it. */
static void count(void)
{
	static uint64_t swaps;
	uint64_t now = atomic_add(&swaps, 1) + 1;

	if ((now & (now - 1)) == 0) {
		log(LOG_INFO, "swap: vCPUs were taken apart and put together %llu times", (ull)now);
	}
}

void vcpu_swap(struct vcpu *vcpu)
{
	struct vcpu_image *images = page_alloc(PAGE_USE_VM, IMAGES_ORDER);
	uint64_t faults;

	if (images == NULL) {
		return;
	}
	vcpu_image_get(vcpu, STATE_ALL, &images[0]);
	faults = vcpu_image_faults(vcpu, STATE_ALL, &images[0]);
	if (faults != 0) {
		panic("swap: vCPU %u: groups %#llx would be refused", vcpu->index, (ull)faults);
	}
	renew(vcpu);
	vcpu_image_put(vcpu, STATE_ALL, &images[0]);
	vcpu_image_get(vcpu, STATE_ALL, &images[1]);
	compare(vcpu, &images[0], &images[1]);
	memset(images, 0, 2 * sizeof(*images));
	page_free(images, PAGE_USE_VM, IMAGES_ORDER);
	count();
}
