/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page faults of the guest's own tables reach the guest with error code and CR2, at CPL 0 and 3,
 * and instructions after a repair work. APM2 8.2.15 "#PF: Page-Fault Exception (Vector 14)".
 */
#include "guests/lib/guest.h"

#define PAGE_RESERVED BIT(51) /* beyond the physical width of what we run on */

const char test_title[] = "page faults";

static void read_memory(uint64_t address)
{
	asm volatile("movq (%0), %%rax" : : "r"(address) : "rax");
}

static void write_memory(uint64_t address)
{
	asm volatile("movq $1, (%0)" : : "r"(address) : "memory");
}

static void jump_to(uint64_t address)
{
	((void (*)(void))address)();
}

static void expect_page_fault(const char *name, struct trap trap, uint64_t error, uint64_t address)
{
	check(trap.vector == VECTOR_PF && trap.error == error,
	      "%s: vector %lu error %lx, expected %lx", name, trap.vector, trap.error, error);
	check(trap.cr2 == address, "%s: cr2 %lx, expected %lx", name, trap.cr2, address);
}

/* The handler maps the page and the instruction goes on. */
static void repair(struct trap_frame *frame)
{
	(void)frame;
	*page_entry(GUEST_SCRATCH) |= PAGE_PRESENT;
}

static void test_restart(void)
{
	volatile uint64_t *word = (volatile uint64_t *)GUEST_SCRATCH;

	for (uint64_t i = 0; i < 1000; i++) {
		*page_entry(GUEST_SCRATCH) &= ~PAGE_PRESENT;
		invlpg((const void *)GUEST_SCRATCH);
		trap_set_handler(VECTOR_PF, repair);
		*word = i;
		trap_set_handler(VECTOR_PF, NULL);
		if (!check(*word == i, "a write was lost in the repair")) {
			break;
		}
	}
}

static void test_accessed_and_dirty(void)
{
	volatile uint64_t *entry = page_entry(GUEST_SCRATCH);

	*entry &= ~(PAGE_ACCESSED | PAGE_DIRTY);
	invlpg((const void *)GUEST_SCRATCH);
	(void)*(volatile uint64_t *)GUEST_SCRATCH;
	check((*entry & PAGE_ACCESSED) != 0, "accessed is not set");
	*(volatile uint64_t *)GUEST_SCRATCH = 1;
	check((*entry & PAGE_DIRTY) != 0, "dirty is not set");
}

static void test_faults(void)
{
	uint64_t *entry = page_entry(GUEST_SCRATCH);
	uint64_t was = *entry;
	uint64_t at = GUEST_SCRATCH + 0x1238;
	struct trap trap;

	expect_page_fault("read", expect_exception(read_memory, GUEST_UNMAPPED), 0, GUEST_UNMAPPED);
	expect_page_fault("write", expect_exception(write_memory, GUEST_UNMAPPED), 2,
			  GUEST_UNMAPPED);
	expect_page_fault("user read", expect_exception_user(read_memory, GUEST_UNMAPPED), 4,
			  GUEST_UNMAPPED);
	*entry = was & ~PAGE_WRITE;
	invlpg((void *)at);
	expect_page_fault("write protected", expect_exception(write_memory, at), 3, at);
	*entry = was & ~PAGE_USER;
	invlpg((void *)at);
	expect_page_fault("kernel page", expect_exception_user(write_memory, at), 7, at);
	*entry = was | PAGE_NX;
	invlpg((void *)at);
	expect_page_fault("no execute", expect_exception(jump_to, at), 0x11, at);
	*entry = was | PAGE_RESERVED;
	invlpg((void *)at);
	trap = expect_exception(read_memory, at); /* QEMU leaves out the P bit */
	check(trap.vector == VECTOR_PF && (trap.error | 1) == 9,
	      "reserved bit: vector %lu error %lx", trap.vector, trap.error);
	*entry = was;
	invlpg((void *)at);
	check(expect_exception(write_memory, at).vector == TRAP_NONE,
	      "the page does not work again");
}

void test_main(void)
{
	test_faults();
	test_restart();
	test_accessed_and_dirty();
}
