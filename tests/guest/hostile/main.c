/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does what no guest should, at random: each operation has the architecture's answer,
 * and the hypervisor outlives it. The command line chooses: kind=NAME (default: all), operations=N,
 * seed=N, frames=ADDRESS of the hypervisor's, wait=1 for a key before the verdict.
 */
#include "tests/guest/hostile/hostile.h"

#define CODE        (GUEST_SCRATCH + 0x4000)
#define STACK_TOP   (GUEST_SCRATCH + 0x8000)
#define RING1_CODE  (SELECTOR_TSS + 60 * 16) /* in the places of TSSs that nobody has */
#define RING1_DATA  (RING1_CODE + 8)
#define RING2_CODE  (RING1_CODE + 16)
#define RING2_DATA  (RING1_CODE + 24)
#define CODE64_RING UINT64_C(0x00af9b000000ffff)
#define DATA_RING   UINT64_C(0x00cf93000000ffff)
#define LSR         0x3fd
#define RFLAGS_IF   BIT(9)

const char test_title[] = "a hostile guest";

void hostile_call(uint64_t code);
void hostile_call_ring(uint64_t unused);
extern const uint8_t hostile_back[];
extern uint64_t hostile_frame[5];

static const struct {
	const char *name;
	hostile_fn *run;
	bool is_last; /* it does not come back: only by its name */
} kinds[] = {
	{ "hypercalls", hostile_hypercalls, false },
	{ "msrs", hostile_msrs, false },
	{ "lapic", hostile_lapic, false },
	{ "ioapic", hostile_ioapic, false },
	{ "ports", hostile_ports, false },
	{ "strings", hostile_strings, false },
	{ "mmio", hostile_mmio, false },
	{ "instructions", hostile_instructions, false },
	{ "steps", hostile_steps, false },
	{ "registers", hostile_registers, false },
	{ "frames", hostile_frames, false },
	{ "pci", hostile_pci, false },
	{ "page_tables", hostile_page_tables, true },
	{ "delivery", hostile_delivery, true },
	{ "task", hostile_task, true },
	{ "wide_cr3", hostile_wide_cr3, true },
};

/* ---- numbers ---- */

static uint64_t state;

/* xorshift64*. */
uint64_t hostile_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

unsigned hostile_below(unsigned count)
{
	return (unsigned)(hostile_random() >> 33) % count;
}

uint64_t hostile_value(void)
{
	switch (hostile_below(6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return BIT(hostile_below(64));
	case 3:
		return hostile_below(64);
	default:
		return hostile_random();
	}
}

uint8_t hostile_vector(void)
{
	uint8_t vector = (uint8_t)hostile_random();

	return vector <= TRAP_USER_RETURN ? vector % 16 : vector;
}

/* ---- interrupts ---- */

/* One at a time: a line that is level-triggered and never at rest would have no end. */
static void end_interrupt(struct trap_frame *frame)
{
	frame->rflags &= ~RFLAGS_IF;
	apic_eoi();
}

static void ignore(struct trap_frame *frame)
{
	(void)frame;
}

void hostile_take_interrupts(void)
{
	asm volatile("sti; nop; cli" : : : "memory");
}

static void accept_all_vectors(void)
{
	trap_set_handler(VECTOR_NMI, ignore);
	for (unsigned vector = 33; vector < 256; vector++) {
		trap_set_handler(vector, end_interrupt);
	}
}

/* ---- running bytes ---- */

static void make_rings(void)
{
	*gdt_entry(RING1_CODE) = CODE64_RING | UINT64_C(1) << 45;
	*gdt_entry(RING1_DATA) = DATA_RING | UINT64_C(1) << 45;
	*gdt_entry(RING2_CODE) = CODE64_RING | UINT64_C(2) << 45;
	*gdt_entry(RING2_DATA) = DATA_RING | UINT64_C(2) << 45;
}

static void set_frame(const struct hostile_code *code, uint64_t at)
{
	static const uint64_t selectors[4][2] = {
		{ SELECTOR_CODE64, SELECTOR_DATA },
		{ RING1_CODE | 1, RING1_DATA | 1 },
		{ RING2_CODE | 2, RING2_DATA | 2 },
		{ SELECTOR_USER_CODE64, SELECTOR_USER_DATA },
	};

	hostile_frame[0] = at;
	hostile_frame[1] = selectors[code->ring][0];
	hostile_frame[2] = code->flags | 2;
	hostile_frame[3] = STACK_TOP;
	hostile_frame[4] = selectors[code->ring][1];
}

static void write_end(uint8_t *at, unsigned ring)
{
	uint64_t back = (uint64_t)hostile_back;

	if (ring == 0) { /* jmp [rip] */
		const uint8_t jump[6] = { 0xff, 0x25 };

		memcpy(at, jump, sizeof(jump));
		memcpy(at + sizeof(jump), &back, sizeof(back));
	} else { /* int 20h */
		at[0] = 0xcd;
		at[1] = TRAP_USER_RETURN;
	}
}

struct trap hostile_run(const struct hostile_code *code)
{
	uint64_t at = CODE + PAGE_SIZE - hostile_below(24);
	struct trap trap;

	memcpy((void *)at, code->bytes, code->count);
	write_end((uint8_t *)at + code->count, code->ring);
	set_frame(code, at);
	trap = code->ring == 0 ? expect_exception(hostile_call, at)
			       : expect_exception(hostile_call_ring, 0);
	trap.vector = trap.vector == TRAP_USER_RETURN ? TRAP_NONE : trap.vector;
	return trap;
}

void hostile_map(uint64_t physical)
{
	*page_entry(HOSTILE_WINDOW) = (physical & ~BITS(20, 0)) | 0x87;
	invlpg((void *)HOSTILE_WINDOW);
}

/* ---- the order of things ---- */

static void wait_for_key(void)
{
	print("hostile: waits for a key\n");
	while ((in8(LSR) & 1) == 0) {
		cpu_relax();
	}
	(void)in8(LSR - 5);
}

void test_main(void)
{
	uint64_t operations = guest_number("operations", 300);
	const char *kind = guest_word("kind");

	if (!hypervisor_present()) {
		report_skip("it would spoil the machine");
		return;
	}
	make_rings();
	accept_all_vectors();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kind[0] == '\0' ? kinds[i].is_last
				    : memcmp(kind, kinds[i].name, strlen(kind) + 1) != 0) {
			continue;
		}
		state = guest_number("seed", 1) + 0x9e3779b97f4a7c15;
		kinds[i].run(operations);
		print("hostile: %s, %lu operations\n", kinds[i].name, operations);
		check(hypercall(0, 0) != UINT64_MAX, "%s: no answer from the hypervisor",
		      kinds[i].name);
	}
	if (guest_number("wait", 0) != 0) {
		wait_for_key();
	}
}
