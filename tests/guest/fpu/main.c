/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FPU, SSE and AVX registers are each vCPU's own, over exits and over a change of the vCPU; XSETBV
 * takes only what is valid; what CPUID offers to save them does so where XRSTOR looks. APM2 11.5
 * "XSAVE/XRSTOR Instructions", APM3 "XSETBV".
 */
#include "guests/lib/guest.h"

#define ROUNDS   20000
#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_AVX BIT(2)

const char test_title[] = "FPU, SSE and AVX state";

static bool has_avx;

/* Fills the registers with what only this CPU has, in a pattern of its seed. */
static void load_registers(const uint64_t *seed)
{
	asm volatile("fninit; fildll (%0); fildll (%0)" : : "r"(seed) : "memory");
	asm volatile("movq (%0), %%xmm0; pshufd $0x4e, %%xmm0, %%xmm15; movq (%0), %%xmm7"
		     :
		     : "r"(seed)
		     : "memory");
	if (has_avx) {
		asm volatile("vbroadcastsd (%0), %%ymm3" : : "r"(seed) : "memory");
	}
}

/* The first register that is not the seed's: 0 none, 1 x87, 2 SSE, 3 the upper half of AVX. */
static unsigned wrong_registers(const uint64_t *seed)
{
	uint64_t x87 = 0, xmm0 = 0, xmm15[2] = { 0 }, ymm[4] = { 0 };

	asm volatile("fld %%st(0); fistpll %0" : "=m"(x87));
	asm volatile("movq %%xmm0, %0; movdqu %%xmm15, %1" : "=m"(xmm0), "=m"(xmm15));
	if (x87 != *seed) {
		return 1;
	}
	if (xmm0 != *seed || xmm15[1] != *seed || xmm15[0] != 0) {
		return 2;
	}
	if (has_avx) {
		asm volatile("vmovdqu %%ymm3, %0" : "=m"(ymm));
		if (ymm[0] != *seed || ymm[3] != *seed) {
			return 3;
		}
	}
	return 0;
}

static void enable(void)
{
	if ((cpuid(1, 0).ecx & BIT(26)) != 0) {
		cr4_write(cr4_read() | CR4_OSXSAVE);
		has_avx = (cpuid(1, 0).ecx & BIT(28)) != 0;
		xsetbv(0, XCR0_X87 | XCR0_SSE | (has_avx ? XCR0_AVX : 0));
	}
}

static void run(uint64_t number)
{
	uint64_t seed = (number + 1) * 0x01010101010101;
	unsigned wrong;

	enable();
	load_registers(&seed);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		(void)cpuid(0, 0);
		(void)in8(0x3ff);
		wrong = wrong_registers(&seed);
		if (!check(wrong == 0, "CPU %lu, round %lu: registers of group %u changed", number,
			   i, wrong)) {
			return;
		}
	}
	check(!has_avx || xgetbv(0) == (XCR0_X87 | XCR0_SSE | XCR0_AVX), "XCR0 is %lx", xgetbv(0));
}

/* ---- saving to memory ---- */

enum save { SAVE_XSAVE, SAVE_XSAVEOPT, SAVE_XSAVEC, SAVE_COUNT };

#define COMPACTED_AVX 576 /* what comes first behind the header */
#define YMM           7   /* its upper half, put too low by 160 bytes, lies over the header */

struct area {
	uint8_t legacy[512];
	uint64_t header[8];
	uint8_t components[448];
} __attribute__((aligned(64)));

static void save(enum save how, struct area *area)
{
	uint32_t eax = XCR0_X87 | XCR0_SSE | XCR0_AVX;

	if (how == SAVE_XSAVE) {
		asm volatile("xsave64 %0" : "+m"(*area) : "a"(eax), "d"(0));
	} else if (how == SAVE_XSAVEOPT) {
		asm volatile("xsaveopt64 %0" : "+m"(*area) : "a"(eax), "d"(0));
	} else {
		asm volatile("xsavec64 %0" : "+m"(*area) : "a"(eax), "d"(0));
	}
}

/* The upper half of the register as it comes back. */
static void restore(const struct area *area, uint64_t upper[2])
{
	uint32_t eax = XCR0_X87 | XCR0_SSE | XCR0_AVX;

	asm volatile("vzeroall; xrstor64 %1; vextractf128 $1, %%ymm7, %0"
		     : "=m"(*(uint64_t(*)[2])upper)
		     : "m"(*area), "a"(eax), "d"(0));
}

static void test_save(enum save how, const char *name)
{
	static struct area areas[SAVE_COUNT]; /* XSAVEOPT may leave out what it has saved there */
	struct area *area = &areas[how];
	size_t at = (how == SAVE_XSAVEC ? COMPACTED_AVX : cpuid(0xd, 2).ebx) + YMM * 16;
	uint64_t seed = 0x2f2f2f2f2f2f2f2f, upper[2] = { 0 };
	const uint64_t *saved = (const uint64_t *)(const void *)((const uint8_t *)area + at);

	asm volatile("vzeroall; vbroadcastsd (%0), %%ymm7" : : "r"(&seed) : "memory");
	save(how, area);
	check(saved[0] == seed && saved[1] == seed, "%s: %lx at %lu of the area", name, saved[0],
	      at);
	for (unsigned i = 2; i < ARRAY_SIZE(area->header); i++) {
		check(area->header[i] == 0, "%s: %lx in the header's word %u", name,
		      area->header[i], i);
		area->header[i] = 0; /* XRSTOR would fault */
	}
	restore(area, upper);
	check(upper[0] == seed && upper[1] == seed, "%s: XRSTOR brings %lx", name, upper[0]);
}

static void test_saves(void)
{
	uint32_t offered = cpuid(0xd, 1).eax;

	test_save(SAVE_XSAVE, "XSAVE");
	if ((offered & BIT(0)) != 0) {
		test_save(SAVE_XSAVEOPT, "XSAVEOPT");
	}
	if ((offered & BIT(1)) != 0) {
		test_save(SAVE_XSAVEC, "XSAVEC");
	}
}

/* ---- XSETBV ---- */

struct xcr {
	uint32_t index;
	uint64_t value;
};

static void set_xcr(uint64_t xcr)
{
	const struct xcr *x = (const struct xcr *)xcr;

	xsetbv(x->index, x->value);
}

static void test_xsetbv(void)
{
	static const struct xcr refused[] = {
		{ 0, 0 },
		{ 0, XCR0_SSE },
		{ 0, XCR0_X87 | XCR0_AVX },
		{ 0, XCR0_X87 | XCR0_SSE | BIT(62) },
		{ 1, XCR0_X87 },
		{ 0, XCR0_X87 | BIT(63) },
	};
	struct xcr good = { 0, XCR0_X87 | XCR0_SSE };

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		check(expect_exception(set_xcr, (uint64_t)&refused[i]).vector == VECTOR_GP,
		      "XSETBV %x takes %lx", refused[i].index, refused[i].value);
	}
	check_exception("a valid XSETBV", set_xcr, (uint64_t)&good, TRAP_NONE);
	check(expect_exception_user(set_xcr, (uint64_t)&good).vector == VECTOR_GP,
	      "XSETBV works at CPL 3");
	cr4_write(cr4_read() & ~CR4_OSXSAVE);
	check_exception("XSETBV without OSXSAVE", set_xcr, (uint64_t)&good, VECTOR_UD);
}

void test_main(void)
{
	cpu_start_all();
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_run(i, run, i);
	}
	run(0);
	for (unsigned i = 1; i < cpu_count(); i++) {
		cpu_wait(i);
	}
	if (has_avx) {
		test_saves();
	}
	if ((cpuid(1, 0).ecx & BIT(26)) != 0) {
		test_xsetbv();
	}
}
