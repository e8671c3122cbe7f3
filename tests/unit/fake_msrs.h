/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSRs of a machine for tests of code that reads and writes them itself: RDMSR and WRMSR fault in a
 * process, and the fault's handler carries them out. To be included first. Defines functions.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

/* The test's: where an MSR's value is; NULL where there is none, which ends the test. */
static uint64_t *fake_msr(uint32_t number);

static void fake_msrs_on_fault(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const uint8_t *code = (const uint8_t *)registers[REG_RIP];
	uint64_t *value = NULL;

	(void)number, (void)info;
	if (code[0] == 0x0f && (code[1] == 0x30 || code[1] == 0x32)) {
		value = fake_msr((uint32_t)registers[REG_RCX]);
	}
	if (value == NULL) {
		abort();
	}
	if (code[1] == 0x32) {
		registers[REG_RAX] = (greg_t)(*value & UINT32_MAX);
		registers[REG_RDX] = (greg_t)(*value >> 32);
	} else {
		*value = (uint64_t)registers[REG_RDX] << 32 |
			 ((uint64_t)registers[REG_RAX] & UINT32_MAX);
	}
	registers[REG_RIP] += 2;
}

/* In the test itself: cmocka puts its own handler in place around it and around its setup. */
static inline void fake_msrs_start(void)
{
	struct sigaction action = { .sa_sigaction = fake_msrs_on_fault, .sa_flags = SA_SIGINFO };

	(void)sigaction(SIGSEGV, &action, NULL);
}
