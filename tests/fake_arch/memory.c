/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical memory is a file; an address is reachable where the file is mapped. Once a root is
 * loaded, an access that faults is looked up in the current CPU's tables and its page is mapped:
 * these mappings are the TLB. Only arch_tlb_flush_page() and arch_root_load() take them away.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/arch.h"
#include "mm/hyp_map.h"
#include "tests/fake_arch/fake.h"
#include "tests/fake_arch/mmu.h"

#define TLB_MAX (1U << 14)

struct translation {
	uint64_t page;
	hpa_t target;
	uint32_t prot;
};

struct mmu {
	pte_t *root; /* NULL: the CPU runs on the boot path's map */
	struct translation tlb[TLB_MAX];
	unsigned count;
};

/* Of mm/hyp_map.c, where that is not linked. */
FAKE uint64_t hyp_map_offset = LAYOUT_DIRECT_BASE;

static int memory_file = -1;
static char *memory; /* how devices see it */
static struct mmu mmus[FAKE_CPUS];
static uint32_t current;
static sigjmp_buf *probe;       /* where to go on after a fault that a test expects */
static struct sigaction others; /* who handles faults that are not the MMU's: cmocka */

static void map_file(uint64_t address, hpa_t target, uint64_t size, int prot)
{
	void *at = mmap((void *)address, size, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
			memory_file, (off_t)target.value);

	assert(at == (void *)address);
}

void *fake_memory(hpa_t address)
{
	assert(address.value < FAKE_MEMORY_SIZE);
	return memory + address.value;
}

/* ---- the walk and the TLB ---- */

static bool walk(const pte_t *root, uint64_t address, hpa_t *target, struct pt_attr *attr)
{
	const struct pt_format *format = arch_host_format();
	const pte_t *table = root;

	for (unsigned level = format->levels; level-- > 0;) {
		pte_t entry = table[address / pt_level_size(level) % PT_ENTRIES];

		switch (format->kind(entry, level)) {
		case PT_EMPTY:
			return false;
		case PT_LEAF:
			*target = hpa_add(format->address(entry, level),
					  address & (pt_level_size(level) - 1));
			*attr = format->attr(entry, level);
			return true;
		case PT_TABLE:
			table = fake_memory(format->address(entry, level));
		}
	}
	return false;
}

bool fake_walk(uint64_t address, hpa_t *target, struct pt_attr *attr)
{
	return mmus[current].root != NULL && walk(mmus[current].root, address, target, attr);
}

static void translation_use(const struct translation *translation)
{
	int prot = PROT_READ | ((translation->prot & PT_WRITE) != 0 ? PROT_WRITE : 0);

	map_file(translation->page, translation->target, PAGE_SIZE, prot);
}

static struct translation *translation_find(struct mmu *mmu, uint64_t page)
{
	for (unsigned i = 0; i < mmu->count; i++) {
		if (mmu->tlb[i].page == page) {
			return &mmu->tlb[i];
		}
	}
	return NULL;
}

/* Maps what the tables say; false where they do not allow the access. */
static bool fill(uint64_t address, bool is_write)
{
	struct mmu *mmu = &mmus[current];
	struct translation new = { .page = align_down(address, PAGE_SIZE) };
	struct pt_attr attr;
	struct translation *slot = translation_find(mmu, new.page);

	if (mmu->root == NULL || !walk(mmu->root, new.page, &new.target, &attr) ||
	    new.target.value >= FAKE_MEMORY_SIZE || (is_write && (attr.prot & PT_WRITE) == 0)) {
		return false;
	}
	new.prot = attr.prot;
	if (slot == NULL) {
		assert(mmu->count < TLB_MAX);
		slot = &mmu->tlb[mmu->count++];
	}
	*slot = new;
	translation_use(slot);
	return true;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	const ucontext_t *registers = context;
	uint64_t address = (uint64_t)info->si_addr;
	bool is_write = (registers->uc_mcontext.gregs[REG_ERR] & 2) != 0;

	if (fill(address, is_write)) {
		return;
	}
	if (probe != NULL) {
		siglongjmp(*probe, 1);
	}
	fprintf(stderr, "fake MMU: CPU %u has no mapping to %s %#lx\n", current,
		is_write ? "write" : "read", (unsigned long)address);
	if (others.sa_handler == SIG_DFL) {
		abort();
	}
	others.sa_handler(number);
}

/* cmocka puts its handler in place around each test: after ours, it is asked only by ours. */
__sighandler_t signal(int number, __sighandler_t handler)
{
	struct sigaction new = { .sa_handler = handler }, old = others;

	if (number != SIGSEGV || memory_file < 0) {
		sigaction(number, &new, &old);
	}
	return old.sa_handler;
}

void fake_mmu_switch(uint32_t from, uint32_t to)
{
	assert(from == current);
	for (unsigned i = 0; i < mmus[from].count; i++) {
		munmap((void *)mmus[from].tlb[i].page, PAGE_SIZE);
	}
	current = to;
	for (unsigned i = 0; i < mmus[to].count; i++) {
		translation_use(&mmus[to].tlb[i]);
	}
}

/* ---- the seam ---- */

FAKE void arch_root_load(hpa_t root)
{
	struct mmu *mmu = &mmus[current];

	munmap((void *)LAYOUT_BOOT_BASE, FAKE_MEMORY_SIZE);
	munmap((void *)LAYOUT_DIRECT_BASE, FAKE_MEMORY_SIZE);
	for (unsigned i = 0; i < mmu->count; i++) {
		munmap((void *)mmu->tlb[i].page, PAGE_SIZE);
	}
	mmu->count = 0;
	mmu->root = fake_memory(root);
}

FAKE void arch_tlb_flush_page(const void *page)
{
	struct mmu *mmu = &mmus[current];
	struct translation *old = translation_find(mmu, align_down((uint64_t)page, PAGE_SIZE));

	if (old != NULL) {
		munmap((void *)old->page, PAGE_SIZE);
		*old = mmu->tlb[--mmu->count];
	}
}

/* ---- tests ---- */

void fake_memory_init(void)
{
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };

	for (uint32_t i = 0; i < FAKE_CPUS; i++) {
		for (unsigned n = 0; i == current && n < mmus[i].count; n++) {
			munmap((void *)mmus[i].tlb[n].page, PAGE_SIZE);
		}
		mmus[i].count = 0;
		mmus[i].root = NULL;
	}
	if (memory_file < 0) {
		memory_file = memfd_create("fake-memory", 0);
		assert(memory_file >= 0 && sigaction(SIGSEGV, &action, &others) == 0);
	}
	/* Cut off and grown again, a file is all holes. */
	if (ftruncate(memory_file, 0) != 0 || ftruncate(memory_file, FAKE_MEMORY_SIZE) != 0) {
		abort();
	}
	if (memory == NULL) {
		memory = mmap(NULL, FAKE_MEMORY_SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_NORESERVE, memory_file, 0);
		assert(memory != MAP_FAILED);
	}
	map_file(LAYOUT_BOOT_BASE, hpa(0), FAKE_MEMORY_SIZE, PROT_READ | PROT_WRITE);
	map_file(LAYOUT_DIRECT_BASE, hpa(0), FAKE_MEMORY_SIZE, PROT_READ | PROT_WRITE);
}

static bool faults(volatile char *address, bool is_write)
{
	sigjmp_buf here;
	volatile bool faulted = false;

	probe = &here;
	if (sigsetjmp(here, 1) != 0) {
		faulted = true;
	} else if (is_write) {
		*address = *address;
	} else {
		(void)*address;
	}
	probe = NULL;
	return faulted;
}

bool fake_read_faults(const volatile void *address)
{
	return faults((volatile char *)(uintptr_t)address, false);
}

bool fake_write_faults(volatile void *address)
{
	return faults(address, true);
}
