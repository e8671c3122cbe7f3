/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions on device memory and on memory of nobody: any form, prefix and alignment. */
#include "tests/guest/hostile/hostile.h"

#define LAPIC  UINT64_C(0xfee00000)
#define IOAPIC UINT64_C(0xfec00000)

struct form {
	uint8_t map; /* 0: one byte; 0x0f: two */
	uint8_t opcode;
	int8_t extension; /* of ModRM; -1: any register */
	uint8_t immediate;
};

/* What the hypervisor emulates: also in ring 0. */
static const struct form known[] = {
	{ 0, 0x88, -1, 0 },    { 0, 0x89, -1, 0 },    { 0, 0x8a, -1, 0 },    { 0, 0x8b, -1, 0 },
	{ 0, 0xc6, 0, 1 },     { 0, 0xc7, 0, 4 },     { 0, 0x21, -1, 0 },    { 0, 0x09, -1, 0 },
	{ 0, 0x31, -1, 0 },    { 0, 0x01, -1, 0 },    { 0, 0x29, -1, 0 },    { 0, 0x39, -1, 0 },
	{ 0, 0x3b, -1, 0 },    { 0, 0x85, -1, 0 },    { 0, 0x87, -1, 0 },    { 0, 0x83, 1, 1 },
	{ 0x0f, 0xb6, -1, 0 }, { 0x0f, 0xb7, -1, 0 }, { 0x0f, 0xbe, -1, 0 }, { 0x0f, 0xbf, -1, 0 },
};

/* What it may refuse, with #UD, to user mode. */
static const struct form others[] = {
	{ 0, 0x8f, 0, 0 },     { 0, 0xd1, -1, 0 },    { 0, 0xd3, -1, 0 },    { 0, 0xf7, -1, 4 },
	{ 0, 0xf6, -1, 1 },    { 0, 0xff, 0, 0 },     { 0, 0xfe, 1, 0 },     { 0, 0xff, 6, 0 },
	{ 0, 0x69, -1, 4 },    { 0, 0x63, -1, 0 },    { 0, 0x11, -1, 0 },    { 0, 0x8e, 3, 0 },
	{ 0, 0x8c, -1, 0 },    { 0, 0xd9, -1, 0 },    { 0, 0xdd, -1, 0 },    { 0, 0xdf, -1, 0 },
	{ 0x0f, 0x10, -1, 0 }, { 0x0f, 0x29, -1, 0 }, { 0x0f, 0x6f, -1, 0 }, { 0x0f, 0x7f, -1, 0 },
	{ 0x0f, 0xab, -1, 0 }, { 0x0f, 0xb1, -1, 0 }, { 0x0f, 0xc1, -1, 0 }, { 0x0f, 0xc7, 1, 0 },
	{ 0x0f, 0xba, 5, 1 },  { 0x0f, 0xae, -1, 0 }, { 0x0f, 0xaf, -1, 0 }, { 0x0f, 0x44, -1, 0 },
	{ 0x0f, 0x92, 0, 0 },  { 0x0f, 0xc3, -1, 0 }, { 0x0f, 0x01, 2, 0 },  { 0x0f, 0x00, 0, 0 },
	{ 0x0f, 0x18, -1, 0 }, { 0x0f, 0xa4, -1, 1 }, { 0x0f, 0xb2, -1, 0 }, { 0, 0xc4, -1, 0 },
};

static const uint8_t strings[] = { 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad };

/* With any displacement of a byte it stays off the ICR, and off the IOAPIC's window. */
static uint64_t target(void)
{
	switch (hostile_below(6)) {
	case 0:
		return IOAPIC + 0xa0 + hostile_below(0xd00);
	case 1:
		return HOSTILE_WINDOW + 128 + hostile_below(0x4000);
	case 2:
		return LAPIC + PAGE_SIZE - hostile_below(8); /* over its end */
	case 3:
		return LAPIC + 0x400 + hostile_below(0xb00);
	default:
		return LAPIC + 0x80 + hostile_below(0x180);
	}
}

/* MOV to and from a segment has no REX.R: QEMU takes it for registers behind its array of segments.
 */
static void add_prefixes(struct hostile_code *code, const struct form *form, bool may_refuse)
{
	bool is_segment = form->map == 0 && (form->opcode == 0x8e || form->opcode == 0x8c);
	static const uint8_t prefixes[] = { 0x66, 0x2e, 0x3e, 0x26, 0xf2, 0xf3, 0xf0 };

	while (hostile_below(3) == 0 && code->count < 4) {
		hostile_add(code, prefixes[hostile_below(may_refuse ? ARRAY_SIZE(prefixes) : 4)]);
	}
	if (hostile_below(2) == 0) {
		hostile_add(code, (uint8_t)((0x40 | hostile_below(16)) & (is_segment ? ~4U : ~0U)));
	}
}

/* [register], or with a displacement of a byte: all registers but RSP and RCX hold the target. */
static void add_operand(struct hostile_code *code, const struct form *form)
{
	static const uint8_t bases[] = { 0, 2, 3, 6, 7 };
	uint8_t reg = form->extension >= 0 ? (uint8_t)form->extension : (uint8_t)hostile_below(8);
	bool has_displacement = hostile_below(3) == 0;

	if (form->extension < 0 && reg == 4) {
		reg = 3; /* not into RSP */
	}
	hostile_add(code, (uint8_t)((has_displacement ? 0x40 : 0) | reg << 3 |
				    bases[hostile_below(ARRAY_SIZE(bases))]));
	if (has_displacement) {
		hostile_add(code, (uint8_t)hostile_random());
	}
	for (unsigned i = 0; i < form->immediate; i++) {
		hostile_add(code, 0x90); /* a NOP, should it not belong to it */
	}
}

static void make(struct hostile_code *code)
{
	bool may_refuse = hostile_below(2) == 0;
	const struct form *form = may_refuse && hostile_below(2) == 0
					  ? &others[hostile_below(ARRAY_SIZE(others))]
					  : &known[hostile_below(ARRAY_SIZE(known))];

	code->ring = may_refuse ? 3 : hostile_below(2);
	if (hostile_below(6) == 0) {
		hostile_add(code, 0xf3);
		hostile_add(code, strings[hostile_below(ARRAY_SIZE(strings))]);
		return;
	}
	add_prefixes(code, form, may_refuse);
	if (form->map != 0) {
		hostile_add(code, form->map);
	}
	hostile_add(code, form->opcode);
	add_operand(code, form);
}

static void repair(void)
{
	for (unsigned lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16) {
		apic_write(lvt, LVT_MASKED);
	}
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, 0x1ff);
}

/* The code lies at the same few places with other bytes each time: nothing of it may be kept. */
void hostile_mmio(uint64_t operations)
{
	for (uint64_t i = 0; i < operations; i++) {
		struct hostile_code code = { .count = 0 };

		if (i % 64 == 0) {
			hostile_map(hostile_below(2) == 0 ? UINT64_C(0xfd00000000)
							  : guest_number("frames", 0xd0000000));
		}
		for (unsigned reg = 0; reg < 16; reg++) {
			hostile_regs[reg] = target();
		}
		hostile_regs[1] = 1 + hostile_below(4);
		make(&code);
		(void)hostile_run(&code); /* any answer is one */
		apic_write(APIC_ESR, 0);
	}
	repair();
}
