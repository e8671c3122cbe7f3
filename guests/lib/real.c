/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory below 1 MiB, and calls into real mode. The lowest 64 KiB segment that is RAM serves both.
 */
#include "guests/lib/real.h"

#include "guests/lib/guest.h"

#define LOW_SIZE        0x2000 /* the trampoline's page and REAL_CODE's */
#define DESCRIPTOR_BASE (BITS(39, 16) | BITS(63, 56))

extern const uint8_t real_low[], real_low_end[], real_low_regs[];
extern uint64_t gdt[];
void real_enter(void);

static uint64_t low =
	0x8000; /* of conventional memory on every PC, should the loader give no map */

void real_offer_memory(uint64_t start, uint64_t size)
{
	static bool is_taken;
	uint64_t page = align_up(start < PAGE_SIZE ? PAGE_SIZE : start, PAGE_SIZE);

	if (!is_taken && page + LOW_SIZE <= start + size && page + LOW_SIZE <= 0xa0000) {
		is_taken = true;
		low = page;
	}
}

void *real_memory(void)
{
	return (void *)low;
}

static void set_base(unsigned selector)
{
	gdt[selector / 8] = (gdt[selector / 8] & ~DESCRIPTOR_BASE) | low << 16;
}

void real_call(const void *code, size_t size, struct real_regs *regs)
{
	size_t at = (size_t)(real_low_regs - real_low);
	uint8_t *memory = real_memory();
	uint16_t segment = (uint16_t)(low >> 4);

	set_base(SELECTOR_CODE16);
	set_base(SELECTOR_DATA16);
	memcpy(memory, real_low, (size_t)(real_low_end - real_low));
	memcpy(memory + at, regs, sizeof(*regs));
	memcpy(memory + at + sizeof(*regs), &segment, sizeof(segment));
	memcpy(memory + REAL_CODE, code, size);
	real_enter();
	memcpy(regs, memory + at, sizeof(*regs));
}
