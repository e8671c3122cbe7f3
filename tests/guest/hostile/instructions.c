/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions of virtualisation and of the system in every ring, single steps over all that exits,
 * control registers that no processor takes, frames of the hypervisor. */
#include "tests/guest/hostile/hostile.h"

#define DR6_BS    BIT(14)
#define RFLAGS_TF BIT(8)

struct encoding {
	uint8_t count;
	uint8_t bytes[3];
	bool in_user_mode_too; /* by the processor itself */
};

static const struct encoding encodings[] = {
	{ 3, { 0x0f, 0x01, 0xd8 }, false }, /* VMRUN */
	{ 3, { 0x0f, 0x01, 0xda }, false }, /* VMLOAD */
	{ 3, { 0x0f, 0x01, 0xdb }, false }, /* VMSAVE */
	{ 3, { 0x0f, 0x01, 0xdc }, false }, /* STGI */
	{ 3, { 0x0f, 0x01, 0xdd }, false }, /* CLGI */
	{ 3, { 0x0f, 0x01, 0xde }, false }, /* SKINIT */
	{ 3, { 0x0f, 0x01, 0xdf }, false }, /* INVLPGA */
	{ 3, { 0x0f, 0x01, 0xc1 }, false }, /* VMCALL: on Intel's a hypercall */
	{ 3, { 0x0f, 0x01, 0xd9 }, false }, /* VMMCALL: on AMD's */
	{ 3, { 0x0f, 0x01, 0xc2 }, false }, /* VMLAUNCH */
	{ 3, { 0x0f, 0x01, 0xc4 }, false }, /* VMXOFF */
	{ 3, { 0x0f, 0x01, 0xc3 }, false }, /* VMRESUME */
	{ 3, { 0x0f, 0x01, 0xc8 }, false }, /* MONITOR */
	{ 3, { 0x0f, 0x01, 0xc9 }, false }, /* MWAIT */
	{ 3, { 0x0f, 0x78, 0xc1 }, false }, /* VMREAD */
	{ 2, { 0x0f, 0xaa }, false },       /* RSM */
	{ 2, { 0x0f, 0x37 }, false },       /* GETSEC */
	{ 2, { 0x0f, 0x08 }, true },        /* INVD */
	{ 2, { 0x0f, 0x09 }, true },        /* WBINVD */
	{ 3, { 0x0f, 0x01, 0xd1 }, true },  /* XSETBV */
	{ 2, { 0x0f, 0x33 }, true },        /* RDPMC */
	{ 2, { 0x0f, 0xa2 }, true },        /* CPUID */
	{ 3, { 0x0f, 0x01, 0xf9 }, true },  /* RDTSCP */
	{ 1, { 0xf1 }, true },              /* ICEBP */
	{ 1, { 0xcc }, true },              /* INT3 */
};

/* Its operand comes before the intercept too: Bochs' SVM looks at it. */
static bool is_monitor(const struct encoding *encoding)
{
	return memcmp(encoding->bytes, "\x0f\x01\xc8", 3) == 0;
}

static bool is_hypercall(const struct encoding *encoding)
{
	return memcmp(encoding->bytes, cpu_is_intel() ? "\x0f\x01\xc1" : "\x0f\x01\xd9", 3) == 0;
}

void hostile_instructions(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++) {
		const struct encoding *encoding = &encodings[hostile_below(ARRAY_SIZE(encodings))];
		struct hostile_code code = { .ring = hostile_below(4) };
		struct trap trap;

		for (unsigned reg = 0; reg < 16; reg++) {
			hostile_regs[reg] = hostile_value();
		}
		for (unsigned at = 0; at < encoding->count; at++) {
			hostile_add(&code, encoding->bytes[at]);
		}
		trap = hostile_run(&code);
		/* The host has SVM or VMX on: a processor checks CPL and operands before the
		 * intercept. */
		check(encoding->in_user_mode_too || trap.vector == VECTOR_UD ||
			      trap.vector == VECTOR_GP ||
			      (trap.vector == VECTOR_PF && is_monitor(encoding)) ||
			      (code.ring == 0 && is_hypercall(encoding)),
		      "%x %x %x in ring %u: vector %lu", encoding->bytes[0], encoding->bytes[1],
		      encoding->bytes[2], code.ring, trap.vector);
	}
}

/* ---- single steps ---- */

static uint64_t steps;

static void count_step(struct trap_frame *frame)
{
	steps++;
	frame->rflags &= ~RFLAGS_TF;
}

/* POPF that sets TF, an instruction with a shadow or none, one that exits. */
static void step_code(struct hostile_code *code)
{
	static const uint8_t shadows[][2] = { { 0xfb, 0x90 }, { 0x8e, 0xd0 }, { 0x90, 0x90 } };
	static const uint8_t exiting[][2] = { { 0x0f, 0xa2 }, { 0x0f, 0x08 }, { 0xe4, 0x80 },
					      { 0xf3, 0x90 }, { 0x0f, 0x32 }, { 0x90, 0xf1 } };
	const uint8_t *shadow = shadows[hostile_below(3)], *exit = exiting[hostile_below(6)];

	hostile_add(code, 0x9d);
	hostile_add(code, shadow[0]);
	hostile_add(code, shadow[1]);
	hostile_add(code, exit[0]);
	hostile_add(code, exit[1]);
	hostile_add(code, 0xfa); /* CLI */
}

/* With an interrupt pending that becomes deliverable in STI's shadow. */
void hostile_steps(uint64_t operations)
{
	trap_set_handler(VECTOR_DB, count_step);
	for (uint64_t i = 0; i < operations; i++) {
		struct hostile_code code = { .bytes = { 0x68, 0x02, 0x01, 0, 0 }, .count = 5 };

		hostile_regs[0] = SELECTOR_DATA;
		hostile_regs[1] = MSR_APIC_BASE;
		step_code(&code);
		if (hostile_below(3) == 0) {
			apic_send(0, ICR_SELF | ICR_ASSERT | 0x40);
		}
		if (hostile_below(16) == 0) {
			apic_send(0, ICR_SELF | ICR_ASSERT | ICR_NMI);
		}
		dr6_write(0xffff0ff0);
		(void)hostile_run(&code);
	}
	trap_set_handler(VECTOR_DB, NULL);
	check(steps >= operations, "%lu steps of %lu were seen", steps, operations);
	hostile_take_interrupts();
}

/* ---- registers ---- */

/* MOV to CR0, CR4, CR8 (REX.R), DR6 and DR7 from RAX. */
static const uint8_t moves[][4] = { { 0x0f, 0x22, 0xc0, 0x90 },
				    { 0x0f, 0x22, 0xe0, 0x90 },
				    { 0x44, 0x0f, 0x22, 0xc0 },
				    { 0x0f, 0x23, 0xf0, 0x90 },
				    { 0x0f, 0x23, 0xf8, 0x90 } };

/* Values that every processor refuses, or that change nothing that the guest lives on. */
static uint64_t register_value(unsigned move)
{
	uint64_t bits = BIT(hostile_below(64)) | BIT(hostile_below(64));

	switch (move) {
	case 0:
		return (cr0_read() | (bits & ~UINT64_C(0xffffffff))) ^
		       (hostile_below(2) == 0 ? CR0_PE : CR0_NW);
	case 1:
		return (cr4_read() | (bits & ~BITS(22, 0))) ^ (hostile_below(2) * CR4_PAE);
	case 2:
		return hostile_value() & ~UINT64_C(0xf);
	default:
		return bits & ~BITS(31, 0);
	}
}

void hostile_registers(uint64_t operations)
{
	uint64_t cr0 = cr0_read(), cr4 = cr4_read();

	for (uint64_t i = 0; i < operations; i++) {
		unsigned move = hostile_below(ARRAY_SIZE(moves));
		struct hostile_code code = { .ring = hostile_below(5) % 4 };
		struct trap trap;

		for (unsigned at = 0; at < 4; at++) {
			hostile_add(&code, moves[move][at]);
		}
		hostile_regs[0] = register_value(move);
		trap = hostile_run(&code);
		check(trap.vector == VECTOR_GP || (code.ring == 0 && trap.vector == TRAP_NONE),
		      "register %u with %lx in ring %u: vector %lu", move, hostile_regs[0],
		      code.ring, trap.vector);
	}
	check(cr0_read() == cr0 && cr4_read() == cr4, "CR0 is %lx, CR4 %lx", cr0_read(),
	      cr4_read());
	dr7_write(0x400);
}

/* ---- frames of the hypervisor, which the command line names ---- */

void hostile_frames(uint64_t operations)
{
	uint64_t start = guest_number("frames", 0), size = guest_number("frames_size", PAGE_SIZE);

	for (uint64_t i = 0; start != 0 && i < operations; i++) {
		uint64_t at = start + (hostile_random() >> 16) % (size - 8);
		volatile uint64_t *word = (volatile uint64_t *)at;

		*word = hostile_value();
		check(*word == UINT64_MAX, "the hypervisor's memory at %lx reads %lx", at, *word);
	}
}
