/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtualization is hidden: every instruction of it is undefined at any CPL, EFER.SVME can not be
 * set, MONITOR and MWAIT are undefined as CPUID says. APM2 15.4 "Enabling SVM", APM3 "MONITOR".
 */
#include "guests/lib/guest.h"

const char test_title[] = "instructions of virtualization";

#define INSTRUCTION(name, bytes)                                                          \
	static void name(uint64_t unused)                                                 \
	{                                                                                 \
		(void)unused;                                                             \
		asm volatile(".byte " bytes : : "a"(0), "c"(0), "d"(0) : "memory", "cc"); \
	}

INSTRUCTION(vmrun, "0x0f, 0x01, 0xd8")
INSTRUCTION(vmload_guest, "0x0f, 0x01, 0xda")
INSTRUCTION(vmsave_guest, "0x0f, 0x01, 0xdb")
INSTRUCTION(stgi_guest, "0x0f, 0x01, 0xdc")
INSTRUCTION(clgi_guest, "0x0f, 0x01, 0xdd")
INSTRUCTION(skinit, "0x0f, 0x01, 0xde")
INSTRUCTION(invlpga, "0x0f, 0x01, 0xdf")
INSTRUCTION(vmcall, "0x0f, 0x01, 0xc1")
INSTRUCTION(vmmcall, "0x0f, 0x01, 0xd9")
INSTRUCTION(vmlaunch, "0x0f, 0x01, 0xc2")
INSTRUCTION(vmxoff, "0x0f, 0x01, 0xc4")
INSTRUCTION(vmread, "0x0f, 0x78, 0xc1")
INSTRUCTION(monitor, "0x0f, 0x01, 0xc8")
INSTRUCTION(mwait, "0x0f, 0x01, 0xc9")

static const struct {
	const char *name;
	void (*call)(uint64_t);
} instructions[] = {
	{ "vmrun", vmrun },     { "vmload", vmload_guest }, { "vmsave", vmsave_guest },
	{ "stgi", stgi_guest }, { "clgi", clgi_guest },     { "skinit", skinit },
	{ "invlpga", invlpga }, { "vmcall", vmcall },       { "vmlaunch", vmlaunch },
	{ "vmxoff", vmxoff },   { "vmread", vmread },       { "monitor", monitor },
	{ "mwait", mwait },     { "vmmcall", vmmcall },
};

/* The one of this vendor is the hypercall. */
static bool is_hypercall(void (*call)(uint64_t))
{
	return call == (cpu_is_intel() ? vmcall : vmmcall);
}

static bool is_left_out(void (*call)(uint64_t), bool is_guest)
{
	return is_guest ? is_hypercall(call)
			: call == monitor || call == mwait; /* a bare machine may have them */
}

static void enable_svm(uint64_t unused)
{
	(void)unused;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
}

void test_main(void)
{
	bool is_guest = hypervisor_present();

	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		struct trap trap;

		if (is_left_out(instructions[i].call, is_guest)) {
			continue;
		}
		check_exception(instructions[i].name, instructions[i].call, 0, VECTOR_UD);
		trap = expect_exception_user(instructions[i].call, 0);
		/* The host has SVM on: a CPU checks CPL before the intercept (APM2 15.7). */
		check(trap.vector == VECTOR_UD || (is_guest && trap.vector == VECTOR_GP),
		      "%s at CPL 3: vector %lu", instructions[i].name, trap.vector);
	}
	if (is_guest) {
		check_exception("EFER.SVME", enable_svm, 0, VECTOR_GP);
		check((rdmsr(MSR_EFER) & EFER_SVME) == 0, "EFER shows SVME");
	}
}
