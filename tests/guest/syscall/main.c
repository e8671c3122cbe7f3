/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYSCALL and SYSRET go by the guest's own STAR, LSTAR and SFMASK, SWAPGS by its own bases, and
 * without EFER.SCE there is no SYSCALL. APM2 6.1 "Fast System Call and Return".
 */
#include "guests/lib/guest.h"

#define RFLAGS_DF BIT(10)
#define ROUNDS    1000

const char test_title[] = "SYSCALL, SYSRET, SWAPGS";

struct seen {
	uint64_t rip, saved_flags, flags, answer, back_flags;
	uint32_t cs, ss, back_cs, back_ss;
};

extern volatile struct seen syscall_seen;
extern char syscall_entry[], after_syscall[];
void syscall_user(uint64_t unused);

static void test_round_trip(void)
{
	struct trap trap = expect_exception_user(syscall_user, 0);
	volatile struct seen *s = &syscall_seen;

	check(trap.vector == TRAP_USER_RETURN, "vector %lu at %lx", trap.vector, trap.rip);
	check(s->rip == (uint64_t)after_syscall, "RCX is %lx", s->rip);
	check((s->saved_flags & RFLAGS_DF) != 0, "R11 is %lx", s->saved_flags);
	check((s->flags & RFLAGS_DF) == 0, "SFMASK does not mask: %lx", s->flags);
	check(s->cs == SELECTOR_CODE64 && s->ss == SELECTOR_DATA, "entered with CS %x SS %x", s->cs,
	      s->ss);
	check(s->answer == 0x5ca11, "RAX is %lx", s->answer);
	check((s->back_flags & RFLAGS_DF) != 0, "SYSRET's flags are %lx", s->back_flags);
	check(s->back_cs == SELECTOR_USER_CODE64 && s->back_ss == SELECTOR_USER_DATA,
	      "returned with CS %x SS %x", s->back_cs, s->back_ss);
}

static void test_swapgs(void)
{
	wrmsr(MSR_GS_BASE, 0x1111000);
	wrmsr(MSR_KERNEL_GS_BASE, 0x2222000);
	asm volatile("swapgs" : : : "memory");
	(void)cpuid(0, 0);
	check(rdmsr(MSR_GS_BASE) == 0x2222000 && rdmsr(MSR_KERNEL_GS_BASE) == 0x1111000,
	      "SWAPGS made %lx and %lx", rdmsr(MSR_GS_BASE), rdmsr(MSR_KERNEL_GS_BASE));
}

void test_main(void)
{
	wrmsr(MSR_STAR, (uint64_t)SELECTOR_USER_CODE32 << 48 | (uint64_t)SELECTOR_CODE64 << 32);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_DF);
	for (unsigned i = 0; i < ROUNDS; i++) {
		test_round_trip();
		(void)cpuid(0, 0);
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SCE);
	check(expect_exception_user(syscall_user, 0).vector == VECTOR_UD,
	      "SYSCALL works without SCE");
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	test_round_trip();
	test_swapgs();
}
