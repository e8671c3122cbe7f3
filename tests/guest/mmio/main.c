/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that touch an emulated device do what they do on memory: moves, read-modify-writes
 * with their flags, strings, in all ways of addressing. The APIC's TPR is the memory. APM3
 * chapter 3.
 */
#include "guests/lib/guest.h"

#define FLAG_CARRY BIT(0)
#define FLAG_ZERO  BIT(6)
#define FLAG_SIGN  BIT(7)
#define FLAGS_SEEN (FLAG_CARRY | FLAG_ZERO | FLAG_SIGN)

const char test_title[] = "instructions on device memory";

static volatile uint32_t *tpr;

/* What one instruction, with the address in RDI and an operand in RAX, makes of TPR, RAX and flags.
 */
struct outcome {
	uint64_t rax, flags;
	uint32_t memory;
};

#define RUN(name, text)                                                           \
	static struct outcome name(uint32_t memory, uint64_t rax)                 \
	{                                                                         \
		struct outcome out = { .rax = rax };                              \
                                                                                  \
		*tpr = memory;                                                    \
		asm volatile(text "; pushfq; popq %1"                             \
			     : "+a"(out.rax), "=b"(out.flags)                     \
			     : "D"(tpr)                                           \
			     : "rcx", "rdx", "rsi", "r9", "r10", "memory", "cc"); \
		out.memory = *tpr;                                                \
		*tpr = 0;                                                         \
		return out;                                                       \
	}

RUN(mov_store, "movl %%eax, (%%rdi)")
RUN(mov_store_imm, "movl $0x5a, (%%rdi)")
RUN(mov_store_r9, "movq %%rax, %%r9; movl %%r9d, (%%rdi)")
RUN(mov_load, "movl (%%rdi), %%eax")
RUN(mov_load_sib, "movl $4, %%ecx; leaq -0x20(%%rdi), %%r10; movl 0x10(%%r10,%%rcx,4), %%eax")
RUN(mov_load_addr32, "addr32 movl (%%edi), %%eax")
RUN(mov_load_moffs, ".byte 0xa1; .quad 0xfee00080")
RUN(mov_store_moffs, ".byte 0xa3; .quad 0xfee00080")
RUN(movslq_load, "movslq (%%rdi), %%rax")
RUN(and_store, "andl %%eax, (%%rdi)")
RUN(or_store, "orl %%eax, (%%rdi)")
RUN(or_imm8, "orl $0x0f, (%%rdi)")
RUN(xor_store, "xorl %%eax, (%%rdi)")
RUN(add_store, "addl %%eax, (%%rdi)")
RUN(sub_store, "subl %%eax, (%%rdi)")
RUN(add_load, "addl (%%rdi), %%eax")
RUN(cmp_store, "cmpl %%eax, (%%rdi)")
RUN(cmp_load, "cmpl (%%rdi), %%eax")
RUN(test_store, "testl %%eax, (%%rdi)")
RUN(xchg_store, "xchgl %%eax, (%%rdi)")
RUN(lock_or, "lock orl %%eax, (%%rdi)")
RUN(bts_imm, "btsl $6, (%%rdi)")
RUN(btr_imm, "btrl $6, (%%rdi)")
RUN(bt_imm, "btl $6, (%%rdi)")
RUN(stos, "cld; stosl")
RUN(lods, "movq %%rdi, %%rsi; cld; lodsl")
RUN(rep_stos, "movl $1, %%ecx; cld; rep stosl; leaq (%%rcx,%%rdi), %%rdx")

static const struct {
	const char *name;
	struct outcome (*run)(uint32_t, uint64_t);
	uint32_t memory;
	uint64_t rax;
	struct outcome expected;
	bool checks_flags;
} cases[] = {
	{ "mov store", mov_store, 1, 0x77, { 0x77, 0, 0x77 }, false },
	{ "mov immediate", mov_store_imm, 1, 2, { 2, 0, 0x5a }, false },
	{ "mov r9", mov_store_r9, 1, 0x33, { 0x33, 0, 0x33 }, false },
	{ "mov load", mov_load, 0x9c, UINT64_MAX, { 0x9c, 0, 0x9c }, false },
	{ "mov load, sib", mov_load_sib, 0x9d, UINT64_MAX, { 0x9d, 0, 0x9d }, false },
	{ "mov load, addr32", mov_load_addr32, 0x9e, UINT64_MAX, { 0x9e, 0, 0x9e }, false },
	{ "mov load, moffs", mov_load_moffs, 0x9f, UINT64_MAX, { 0x9f, 0, 0x9f }, false },
	{ "mov store, moffs", mov_store_moffs, 1, 0x44, { 0x44, 0, 0x44 }, false },
	{ "movsxd", movslq_load, 0x80, UINT64_MAX, { 0x80, 0, 0x80 }, false },
	{ "and", and_store, 0xf0, 0x3c, { 0x3c, 0, 0x30 }, true },
	{ "and to zero", and_store, 0xf0, 0x0f, { 0x0f, FLAG_ZERO, 0 }, true },
	{ "or", or_store, 0xf0, 0x0f, { 0x0f, 0, 0xff }, true },
	{ "or imm8", or_imm8, 0x30, 7, { 7, 0, 0x3f }, true },
	{ "xor", xor_store, 0xff, 0x0f, { 0x0f, 0, 0xf0 }, true },
	{ "add", add_store, 0x10, 0x20, { 0x20, 0, 0x30 }, true },
	{ "add with carry out",
	  add_store,
	  1,
	  0xffffffff,
	  { 0xffffffff, FLAG_CARRY | FLAG_ZERO, 0 },
	  true },
	{ "sub", sub_store, 0x30, 0x10, { 0x10, 0, 0x20 }, true },
	{ "add to register", add_load, 0x30, 0xfffffffff, { 0x2f, FLAG_CARRY, 0x30 }, true },
	{ "cmp below", cmp_store, 0x10, 0x20, { 0x20, FLAG_CARRY | FLAG_SIGN, 0x10 }, true },
	{ "cmp equal", cmp_load, 0x20, 0x20, { 0x20, FLAG_ZERO, 0x20 }, true },
	{ "test", test_store, 0x20, 0xdf, { 0xdf, FLAG_ZERO, 0x20 }, true },
	{ "xchg", xchg_store, 0x12, 0xff00000034, { 0x12, 0, 0x34 }, false },
	{ "lock or", lock_or, 0x01, 0x10, { 0x10, 0, 0x11 }, true },
	{ "bts", bts_imm, 0x01, 5, { 5, 0, 0x41 }, false },
	{ "btr", btr_imm, 0x41, 5, { 5, 0, 0x01 }, false },
	{ "bt", bt_imm, 0x40, 5, { 5, 0, 0x40 }, false },
	{ "stos", stos, 1, 0x66, { 0x66, 0, 0x66 }, false },
	{ "lods", lods, 0x55, UINT64_MAX, { 0x55, 0, 0x55 }, false },
	{ "rep stos", rep_stos, 1, 0x67, { 0x67, 0, 0x67 }, false },
};

static void test_strings(void)
{
	static uint32_t words[2] = { 0x4c, 0 };
	void *to = (void *)(uintptr_t)tpr;
	const void *from = words;

	asm volatile("cld; movsl" : "+D"(to), "+S"(from) : : "memory");
	check(*tpr == 0x4c && to == (void *)(uintptr_t)(tpr + 1), "movs to the device: %x", *tpr);
	to = &words[1];
	from = (void *)(uintptr_t)tpr;
	asm volatile("std; movsl; cld" : "+D"(to), "+S"(from) : : "memory");
	check(words[1] == 0x4c && to == &words[0], "movs from the device: %x", words[1]);
	*tpr = 0;
}

/* SSE is not emulated. */
static void load_by_sse(uint64_t from)
{
	asm volatile("movdqu (%0), %%xmm0" : : "r"(from) : "memory");
}

/* It stopped the whole machine. */
static void test_user_gets_ud_for_what_is_not_emulated(void)
{
	struct trap trap = expect_exception_user(load_by_sse, (uintptr_t)tpr);

	/* A processor does it, so this rule is ours. */
	check(!hypervisor_present() || trap.vector == VECTOR_UD,
	      "SSE on a device at CPL 3: vector %lu", trap.vector);
}

void test_main(void)
{
	tpr = (volatile uint32_t *)((rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS) + APIC_TPR);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome out = cases[i].run(cases[i].memory, cases[i].rax);

		check(out.memory == cases[i].expected.memory && out.rax == cases[i].expected.rax,
		      "%s: memory %x, rax %lx, expected %x, %lx", cases[i].name, out.memory,
		      out.rax, cases[i].expected.memory, cases[i].expected.rax);
		check(!cases[i].checks_flags || (out.flags & FLAGS_SEEN) == cases[i].expected.flags,
		      "%s: flags %lx", cases[i].name, out.flags);
	}
	test_strings();
	test_user_gets_ud_for_what_is_not_emulated();
}
