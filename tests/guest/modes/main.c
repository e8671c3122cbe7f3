/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every mode works, and every way between them: real, protected without paging, with 32-bit and
 * with PAE paging, compatibility, long. APM2 1.3 "Operating Modes", 14.6 "Initializing Long Mode".
 * A bad first table of PAE paging is refused as soon as it is loaded, or found by a walk.
 */
#include "guests/lib/guest.h"

#define ROUNDS       20
#define PORT_SCRATCH 0x3ff
#define SCRATCH      0x5e
#define GATE32       UINT64_C(0x8e0000000000)
#define CR4_PGE      BIT(7)
#define INTEL        0x756e6547 /* "Genu" */

const char test_title[] = "processor modes";

struct seen {
	uint32_t cr0, vendor, port, apic, efer, faults, user_cs, user_word, refusals, changes;
};

extern volatile struct seen legacy_seen;
extern uint32_t legacy_cr3, legacy_cr4, legacy_entry;
extern struct {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed)) legacy_idt_pointer;
extern const uint8_t real_code[], real_code_end[];
extern uint64_t page_directories[];

void legacy_run(void);
void legacy_trap(void);
void legacy_gp(void);
void user32_enter(uint64_t unused);

static uint64_t idt32[32] __attribute__((aligned(8)));
static uint32_t directory[1024] __attribute__((aligned(4096))); /* 4 MiB pages */
static uint64_t pae_table[4] __attribute__((aligned(32)));

static uint64_t gate(void (*handler)(void))
{
	uint64_t at = (uint64_t)handler;

	return (at & BITS(15, 0)) | SELECTOR_CODE32 << 16 | GATE32 | (at & BITS(31, 16)) << 32;
}

static void prepare(void)
{
	idt32[VECTOR_UD] = gate(legacy_trap);
	idt32[VECTOR_GP] = gate(legacy_gp);
	legacy_idt_pointer.limit = sizeof(idt32) - 1;
	legacy_idt_pointer.base = (uint32_t)(uint64_t)idt32;
	for (uint32_t i = 0; i < 1024; i++) {
		directory[i] = i << 22 | 0x87;
	}
	for (uint64_t i = 0; i < 4; i++) {
		pae_table[i] = (uint64_t)(page_directories + i * 512) | 1;
	}
	out8(PORT_SCRATCH, SCRATCH);
}

static void run_paged(const void *tables, uint32_t cr4)
{
	legacy_seen = (struct seen){ 0 };
	legacy_cr3 = (uint32_t)(uint64_t)tables;
	legacy_cr4 = cr4;
	legacy_run();
}

static void test_legacy(const char *name, const void *tables, uint32_t cr4)
{
	volatile struct seen *s = &legacy_seen;

	run_paged(tables, cr4);
	check(s->refusals == 0, "%s: %u refusals", name, s->refusals);
	check(((s->cr0 & CR0_PG) != 0) == (tables != NULL), "%s: CR0 is %x", name, s->cr0);
	check(s->vendor == cpuid(0, 0).ebx, "%s: CPUID says %x", name, s->vendor);
	check(s->port == SCRATCH, "%s: the port reads %x", name, s->port);
	check(s->apic == apic_read(APIC_VERSION), "%s: the APIC's version is %x", name, s->apic);
	check((s->efer & (EFER_LME | EFER_LMA)) == 0, "%s: EFER is %x", name, s->efer);
	check(s->faults == 1, "%s: %u exceptions", name, s->faults);
	check((rdmsr(MSR_EFER) & EFER_LMA) != 0, "%s: no long mode after it", name);
}

/*
 * Intel's loads the table with each of these writes and refuses a bad one: SDM3 4.4.1 "PDPTE
 * Registers". AMD's reads it when it walks there, which nobody does: APM2 15.25.10 "Legacy PAE
 * Mode". So does QEMU's without nested paging.
 */
static void test_bad_table(void)
{
	bool loads = cpuid(0, 0).ebx == INTEL;
	volatile struct seen *s = &legacy_seen;

	pae_table[2] |= BIT(1);
	run_paged(pae_table, CR4_PAE);
	check(s->refusals == (loads ? 1 : 0), "a bad table: %u refusals", s->refusals);
	check(((s->cr0 & CR0_PG) == 0) == loads, "a bad table: CR0 is %x", s->cr0);
	pae_table[2] &= ~BIT(1);
	legacy_entry = (uint32_t)(uint64_t)&pae_table[2];
	run_paged(pae_table, CR4_PAE);
	legacy_entry = 0;
	check(s->refusals == (loads ? 2 : 0), "a table gone bad: %u refusals", s->refusals);
	check(s->changes == (loads ? 0 : CR4_PGE), "a table gone bad: %x of CR4 changed",
	      s->changes);
	check((s->cr0 & CR0_PG) != 0, "a table gone bad: CR0 is %x", s->cr0);
}

static void clear_paging(uint64_t cr0)
{
	cr0_write(cr0);
}

/* Intel's is left by way of compatibility mode alone; QEMU's goes on without paging. */
static void test_way_out_of_64_bit_mode(void)
{
	struct trap trap;

	if (cpuid(0, 0).ebx == INTEL) {
		trap = expect_exception(clear_paging, cr0_read() & ~CR0_PG);
		check(trap.vector == VECTOR_GP, "paging off in 64-bit mode: vector %lu",
		      trap.vector);
		check((cr0_read() & CR0_PG) != 0, "paging off in 64-bit mode: CR0 is %lx",
		      cr0_read());
	}
}

static void test_real(void)
{
	struct real_regs regs = { .eflags = 2 };
	const uint8_t *filled = (const uint8_t *)real_memory() + REAL_CODE + 0x800;

	real_call(real_code, (size_t)(real_code_end - real_code), &regs);
	check(regs.ebx == 0x101, "real mode: interrupts and exceptions left %x", regs.ebx);
	check(regs.ebp == SCRATCH, "real mode: the port reads %x", regs.ebp);
	check(regs.edi == REAL_CODE + 0x900, "real mode: DI is %x", regs.edi);
	check((regs.esi & CR0_PE) == 0, "real mode: CR0 is %x", regs.esi);
	check(filled[0] == 0xcd && filled[255] == 0xcd && filled[256] != 0xcd,
	      "real mode: the string is wrong");
}

static void test_compatibility(void)
{
	struct trap trap;

	legacy_seen = (struct seen){ 0 };
	trap = expect_exception(user32_enter, 0);
	check(trap.vector == TRAP_USER_RETURN, "compatibility mode: vector %lu at %lx", trap.vector,
	      trap.rip);
	check(legacy_seen.user_cs == SELECTOR_USER_CODE32, "compatibility mode: CS is %x",
	      legacy_seen.user_cs);
	check(legacy_seen.user_word == 0x12345678, "compatibility mode: the stack's word is %x",
	      legacy_seen.user_word);
}

void test_main(void)
{
	prepare();
	for (unsigned i = 0; i < ROUNDS; i++) {
		test_legacy("unpaged", NULL, 0);
		test_legacy("32-bit paging", directory, CR4_PSE);
		test_legacy("PAE paging", pae_table, CR4_PAE);
		test_bad_table();
		test_way_out_of_64_bit_mode();
		test_real();
		test_compatibility();
	}
}
