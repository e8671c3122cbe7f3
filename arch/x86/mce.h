/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine checks. What only one guest need know is given to the control guest, whose kernel knows
 * the machine; what takes the machine's own state is a panic. Errors that the hardware has
 * corrected stay in their banks, where the control guest's kernel looks for them from time to time.
 */
#pragma once

#include "core/bits.h"

struct cpu;
struct trap_frame;
struct vcpu;

/* One machine check, with the worst of its banks. APM2 9.3 "Machine Check Architecture MSRs". */
struct mce_record {
	uint64_t mcg_status;
#define MCG_STATUS_RIPV BIT(0) /* what was interrupted can go on */
#define MCG_STATUS_EIPV BIT(1) /* it is what met the error */
#define MCG_STATUS_MCIP BIT(2)
#define MCG_STATUS_ALL  BITS(2, 0) /* but for those of features that MCG_CAP may name */
	uint64_t status;           /* 0: no bank says anything */
#define MC_STATUS_VALID    BIT(63)
#define MC_STATUS_OVER     BIT(62) /* another error was lost */
#define MC_STATUS_UC       BIT(61) /* not corrected */
#define MC_STATUS_MISCV    BIT(59)
#define MC_STATUS_ADDRV    BIT(58)
#define MC_STATUS_PCC      BIT(57) /* the processor's own state may be wrong */
#define MC_STATUS_DEFERRED BIT(44) /* nobody has used what is wrong yet */
	uint64_t address, misc;
	uint32_t bank;
};

#define MCE_RAS_OVERFLOW                                                                          \
	BIT(0)                  /* CPUID 80000007 EBX: what MC_STATUS_OVER tells of was contained \
				 */
#define MCE_RAS_CONTAINS BIT(1) /* errors that are not corrected are contained */

/* The machine can not go on after it. ras: CPUID 80000007 EBX. Pure. */
must_check bool mce_is_fatal(const struct mce_record *record, bool in_guest, uint32_t ras);

/* Has every bank report what it finds. Each CPU. */
void mce_cpu_init(void);

/* From the exception's entry: panics, or records it for mce_forward() and kicks this CPU. */
void mce_handle(const struct trap_frame *frame);

/* Gives a vCPU at home here what was recorded. Owner CPU, on a kick. */
void mce_forward(struct cpu *cpu);

/* The exit for one that came while the guest ran. Panics, or gives it to the guest. */
void mce_exit(struct vcpu *vcpu);

/* MCG_STATUS and the banks of this CPU, each as far as its status says that it is valid; and
 * clearing what they say. */
uint64_t mce_status(void);
void mce_clear_status(void);
uint32_t mce_bank_count(void);
void mce_read_bank(uint32_t bank, struct mce_record *record);
void mce_clear_bank(uint32_t bank);

/* Logs what the banks of this CPU hold, for panic. */
void mce_print_banks(void);
